//! Plots of lines.
//!
//! The lines are drawn in a hundred units across, stretched to the width that
//! there is, and in pixels up and down. All texts stand outside of what is
//! stretched. What names the lines stands behind their ends, in their order.

use std::fmt::Write;

use super::draw::{self, Scale};
use crate::html::escape;

/// A line.
pub struct Line {
    /// Whose it is. How it looks depends on the name.
    pub name: String,
    /// Where it goes: across and up.
    pub points: Vec<(f64, f64)>,
    /// Whether it is what the plot is about.
    pub is_strong: bool,
}

/// The name of a line that is about what a process has, whatever its heap.
pub const MEMORY: &str = "memory";

/// An axis: what it counts, and how.
pub struct Axis<'a> {
    pub what: &'a str,
    pub scale: &'a Scale,
}

/// The height of a plot, of a name behind a line, and of one of several small
/// plots.
const HEIGHT: f64 = 320.0;
const NAME: f64 = 19.0;
const SMALL: f64 = 120.0;

/// What ends before this share of the width ends before the plot does.
const SHORT: f64 = 0.9;

/// The room between the ends of the lines and their names.
const BETWEEN: f64 = 18.0;

/// Lines over one pair of axes.
pub fn lines(across: &Axis, up: &Axis, lines: &[Line]) -> String {
    let place = |&(x, y): &(f64, f64)| {
        (across.scale.place(x), (1.0 - up.scale.place(y)) * HEIGHT)
    };
    let mut placed: Vec<Placed> = lines
        .iter()
        .map(|line| Placed {
            name: &line.name,
            points: line.points.iter().map(place).collect(),
            is_strong: line.is_strong,
        })
        .collect();
    placed.sort_by(|a, b| a.end().1.total_cmp(&b.end().1));
    let mut marks = grid(across.scale, up.scale);
    // What the plot is about lies on top.
    for strong in [false, true] {
        let lines = placed.iter().enumerate();
        for (index, line) in lines.filter(|(_, it)| it.is_strong == strong) {
            _ = write!(marks, "<g data-of=\"{index}\">{}</g>", line.html());
        }
    }
    // A line may end long before its name.
    let is_short = placed.iter().any(|line| line.end().0 < SHORT);
    let leads = match is_short {
        true => " Dots lead from where a line ends to its name.",
        false => "",
    };
    format!(
        "<p>Across: {}. Up: {}.{leads}</p>\n\
         <div class=\"plot-lines\">\n\
         {}\n\
         <svg width=\"100%\" height=\"{HEIGHT}\" aria-hidden=\"true\">\
         {marks}</svg>\n\
         {}\n\
         {}</div>",
        escape(across.what),
        escape(up.what),
        upward(up.scale),
        behind(&placed),
        along(across.scale),
    )
}

/// What stands behind the ends of the lines: their names, and the way there.
fn behind(lines: &[Placed]) -> String {
    let ends: Vec<f64> = lines.iter().map(|line| line.end().1).collect();
    let mut ways = String::new();
    let mut names = String::new();
    let mut bottom = 0.0;
    let lines = lines.iter().enumerate();
    for ((index, line), (end, at)) in lines.zip(ends.iter().zip(apart(&ends))) {
        _ = write!(
            ways,
            "<line class=\"{}\" data-of=\"{index}\" x2=\"{}\" \
             y1=\"{end:.1}\" y2=\"{at:.1}\"/>",
            class("plot-leader", line.name, false),
            BETWEEN - 2.0,
        );
        let strong = if line.is_strong { " class=\"plot-strong\"" } else { "" };
        let above = at - NAME / 2.0 - bottom;
        let place = format!("{strong} style=\"margin-top:{above:.1}px\"");
        let svg = sample(line.name, line.is_strong);
        names += &draw::key(index, &place, &svg, line.name);
        bottom = at + NAME / 2.0;
    }
    format!(
        "<svg width=\"{BETWEEN}\" height=\"{HEIGHT}\" \
         aria-hidden=\"true\">{ways}</svg>\n\
         <div class=\"plot-ends\">{names}</div>"
    )
}

/// A line whose points are shares of the width, and pixels from above.
struct Placed<'a> {
    name: &'a str,
    points: Vec<(f64, f64)>,
    is_strong: bool,
}

impl Placed<'_> {
    fn end(&self) -> (f64, f64) {
        self.points.last().copied().unwrap_or_default()
    }

    /// The line, its marks, and a way from its end to the right.
    fn html(&self) -> String {
        let (x, y) = self.end();
        let mut html = format!(
            "<line class=\"{}\" x1=\"{:.2}%\" x2=\"100%\" y1=\"{y:.1}\" \
             y2=\"{y:.1}\"/>",
            class("plot-leader", self.name, false),
            x * 100.0,
        );
        html += &stretched(HEIGHT, &polyline(self));
        for (x, y) in &self.points {
            let x = format!("{:.2}%", x * 100.0);
            html += &mark(self.name, self.is_strong, &x, *y);
        }
        html
    }
}

fn polyline(line: &Placed) -> String {
    format!(
        "<polyline class=\"{}\" points=\"{}\"/>",
        class("plot-line", line.name, line.is_strong),
        points(&line.points)
    )
}

fn points(points: &[(f64, f64)]) -> String {
    let points = points.iter();
    let points = points.map(|(x, y)| format!("{:.1},{y:.1}", x * 100.0));
    points.collect::<Vec<_>>().join(" ")
}

/// What is stretched to the width of its surroundings.
fn stretched(height: f64, marks: &str) -> String {
    format!(
        "<svg width=\"100%\" height=\"{height}\" viewBox=\"0 0 100 {height}\" \
         preserveAspectRatio=\"none\">{marks}</svg>"
    )
}

/// Who has a line that looks the same in all plots, and the shape of its marks.
/// The style sheet has its colour and its dashes. They differ in shape too, since
/// not everybody sees colours: those of this book are open, the others full.
pub const LOOKS: [(&str, &str); 16] = [
    ("stage 1", "<circle r=\"3.5\"/>"),
    ("stage 2", "<path d=\"M-3.5-3.5h7v7h-7z\"/>"),
    ("stage 3", "<path d=\"M-5 0 0-5 5 0 0 5z\"/>"),
    ("stage 4", "<path d=\"M-4.5 3.5 0-5 4.5 3.5z\"/>"),
    ("one stack", "<path d=\"M-4.5-3.5 0 5 4.5-3.5z\"/>"),
    ("per thread", "<path d=\"M-5-2h3v-3h4v3h3v4h-3v3h-4v-3h-3z\"/>"),
    // No marks: their lines are told by their dashes.
    ("glibc", ""),
    (MEMORY, ""),
    ("mimalloc", "<circle r=\"2.5\"/>"),
    ("jemalloc", "<path d=\"M-2.5-2.5h5v5h-5z\"/>"),
    ("snmalloc", "<path d=\"M-3.5 0 0-3.5 3.5 0 0 3.5z\"/>"),
    ("google tcmalloc", "<path d=\"M-3.5 2.5 0-3.5 3.5 2.5z\"/>"),
    ("rpmalloc", "<path d=\"M-3.5-2.5 0 3.5 3.5-2.5z\"/>"),
    ("tcmalloc", "<path d=\"M-3.5-3.5 3.5 3.5M-3.5 3.5 3.5-3.5\"/>"),
    ("dlmalloc", "<path d=\"M0-4V4M-4 0H4\"/>"),
    ("talc", "<path d=\"M0-4.5V4.5\"/>"),
];

/// The class of what belongs to an allocator. Those without a look share one.
fn class(what: &str, name: &str, is_strong: bool) -> String {
    let has_look = LOOKS.iter().any(|(it, _)| *it == name);
    let look = if has_look { &*name.replace(' ', "-") } else { "peer" };
    let strong = if is_strong { " plot-strong" } else { "" };
    format!("{what} plot-{look}{strong}")
}

/// A mark on a line.
fn mark(name: &str, is_strong: bool, x: &str, y: f64) -> String {
    let look = LOOKS.iter().find(|(it, _)| *it == name);
    let shape = look.map_or("<circle r=\"1.5\"/>", |(_, shape)| shape);
    if shape.is_empty() {
        return String::new();
    }
    let class = class("plot-mark", name, is_strong);
    format!("<svg x=\"{x}\" y=\"{y:.1}\" class=\"{class}\">{shape}</svg>")
}

/// A piece of a line, to know it by.
fn sample(name: &str, is_strong: bool) -> String {
    format!(
        "<svg width=\"30\" height=\"12\" aria-hidden=\"true\">\
         <line class=\"{}\" x2=\"30\" y1=\"6\" y2=\"6\"/>{}</svg>",
        class("plot-line", name, is_strong),
        mark(name, is_strong, "15", 6.0),
    )
}

fn grid(across: &Scale, up: &Scale) -> String {
    let mut grid = String::new();
    for (value, _) in &up.ticks {
        let y = (1.0 - up.place(*value)) * HEIGHT;
        _ = write!(
            grid,
            "<line class=\"plot-grid\" x2=\"100%\" y1=\"{y:.1}\" \
             y2=\"{y:.1}\"/>"
        );
    }
    for (value, _) in &across.ticks {
        let x = across.place(*value) * 100.0;
        _ = write!(
            grid,
            "<line class=\"plot-grid\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" \
             y2=\"{HEIGHT}\"/>"
        );
    }
    grid
}

/// The texts of the axis that goes up.
fn upward(scale: &Scale) -> String {
    let mut texts = String::new();
    for (value, text) in &scale.ticks {
        // The middle of a digit stands 4 above its foot.
        let y = (1.0 - scale.place(*value)) * HEIGHT + 4.0;
        texts += &draw::tick(1.0, y, "end", text);
    }
    format!(
        "<svg width=\"100%\" height=\"{HEIGHT}\" aria-hidden=\"true\">\
         {texts}</svg>"
    )
}

/// The texts of the axis that goes across.
fn along(scale: &Scale) -> String {
    let mut texts = String::new();
    for (value, text) in &scale.ticks {
        texts += &draw::tick(scale.place(*value), 14.0, "middle", text);
    }
    format!(
        "<span></span><svg width=\"100%\" height=\"18\" \
         aria-hidden=\"true\">{texts}</svg><span></span><span></span>\n"
    )
}

/// Where names stand whose lines end at `ends`, from above: beside the ends,
/// but not one on another.
fn apart(ends: &[f64]) -> Vec<f64> {
    let mut names = Vec::new();
    let mut next = NAME / 2.0;
    for &end in ends {
        let at = end.max(next);
        names.push(at);
        next = at + NAME;
    }
    // Back up, as far as the last ones have slipped out below.
    let mut last = HEIGHT - NAME / 2.0;
    for name in names.iter_mut().rev() {
        *name = name.min(last);
        last = *name - NAME;
    }
    names
}

/// A small plot: how something goes while something else goes on.
pub struct Panel {
    /// What it is about.
    pub name: String,
    /// How much of something there is: a surface.
    pub surface: Line,
    /// What is compared with it: no line is empty.
    pub lines: Vec<Line>,
    /// What stands at the far ends of its axes.
    pub across: String,
    pub up: String,
}

/// Small plots side by side, each with axes of its own that start at 0.
pub fn panels(what: &str, panels: &[Panel]) -> String {
    let mut html = String::new();
    if let Some(panel) = panels.first() {
        let surface = "<svg width=\"30\" height=\"12\" aria-hidden=\"true\">\
             <rect class=\"plot-surface\" width=\"30\" height=\"12\"/></svg>";
        let mut keys = vec![(surface.to_owned(), &*panel.surface.name)];
        let lines = panel.lines.iter();
        keys.extend(
            lines.map(|it| (sample(&it.name, it.is_strong), &*it.name)),
        );
        html += &draw::legend(&keys);
    }
    _ = writeln!(html, "<p>{}.</p>", escape(what));
    html += "<div class=\"plot-panels plot-wide\" aria-hidden=\"true\">\n";
    for panel in panels {
        html += &panel.html();
    }
    html + "</div>"
}

impl Panel {
    fn html(&self) -> String {
        let texts = [
            draw::tick(0.0, SMALL + 13.0, "start", "0"),
            draw::tick(1.0, SMALL + 13.0, "end", &self.across),
        ];
        let marks = format!(
            "<line class=\"plot-grid\" x2=\"100%\" y1=\"1\" y2=\"1\"/>\
             {}{}{}",
            self.marks(),
            draw::axes(SMALL),
            texts.concat(),
        );
        let up = [(1.0, self.up.clone()), (SMALL, "0".into())];
        draw::panel(&self.name, &up, &marks, SMALL + 17.0)
    }

    fn marks(&self) -> String {
        let surface = self.placed(&self.surface).points;
        let last = surface.last().map_or(0.0, |(x, _)| *x);
        let under = [vec![(0.0, SMALL)], surface, vec![(last, SMALL)]].concat();
        let mut marks = format!(
            "<polygon class=\"plot-surface\" data-of=\"0\" points=\"{}\"/>",
            points(&under)
        );
        let mut on_top = String::new();
        for (index, line) in (1..).zip(&self.lines) {
            let line = self.placed(line);
            let drawn = polyline(&line);
            _ = write!(marks, "<g data-of=\"{index}\">{drawn}</g>");
            // A few are enough to know the line by.
            let few = [1, 3, 5].map(|at| at * line.points.len() / 6);
            let few = few.map(|at| {
                let (x, y) = line.points[at];
                let x = format!("{:.2}%", x * 100.0);
                mark(line.name, line.is_strong, &x, y)
            });
            let few = few.concat();
            _ = write!(on_top, "<g data-of=\"{index}\">{few}</g>");
        }
        stretched(SMALL, &marks) + &on_top
    }

    fn placed<'a>(&self, line: &'a Line) -> Placed<'a> {
        let all = self.lines.iter().chain([&self.surface]);
        let all = all.flat_map(|line| &line.points);
        let right = all.clone().map(|(x, _)| *x).fold(1.0, f64::max);
        let top = all.map(|(_, y)| *y).fold(1.0, f64::max);
        let place =
            |(x, y): &(f64, f64)| (x / right, SMALL - y / top * (SMALL - 1.0));
        Placed {
            name: &line.name,
            points: line.points.iter().map(place).collect(),
            is_strong: line.is_strong,
        }
    }
}
