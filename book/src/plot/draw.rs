//! The kinds of plots.

use crate::html::escape;

/// A share of a whole, as a text: `0.3 %`, `12 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.05 {
        "< 0.1 %".into()
    } else if percent > 0.0 && percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// A whole number with a comma between the thousands.
pub fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with so many decimals, and a comma between the thousands.
pub fn decimals(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    let (digits, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    match digits.parse() {
        // A sign would count as a digit.
        Ok(digits) if digits >= 1000.0 => whole(digits) + rest,
        _ => text,
    }
}

/// A number at a tick, which has no more decimals than it needs.
pub fn plain(number: f64) -> String {
    if number < 1.0 { format!("{number}") } else { whole(number) }
}

/// A number of which two digits say enough.
pub fn short(number: f64) -> String {
    if number < 9.95 { format!("{number:.1}") } else { whole(number) }
}

/// A factor, to two places: `× 0.85`.
pub fn factor(factor: f64) -> String {
    if factor < 9.995 {
        format!("× {factor:.2}")
    } else {
        format!("× {}", short(factor))
    }
}

/// A factor at a tick: `× 0.5`.
pub fn times(factor: f64) -> String {
    format!("× {factor}")
}

/// A number of bytes in megabytes.
pub fn megabytes(bytes: f64) -> String {
    format!("{} MB", decimals(bytes / 1e6, 2))
}

/// A row of shares, which make up a whole.
pub struct Shares {
    /// What the row is about.
    pub name: String,
    /// The shares, in the order of the parts.
    pub shares: Vec<f64>,
    /// What stands behind the bar.
    pub label: String,
}

/// What the marks of a plot mean. Whoever points at one, or ticks it, sees the
/// others fade: the style sheet does that, without a script.
pub fn legend(keys: &[(String, &str)]) -> String {
    let keys = keys.iter().enumerate();
    let keys = keys.map(|(index, (svg, name))| key(index, "", svg, name));
    let keys = keys.collect::<String>();
    format!("<div class=\"plot-key\">{keys}</div>\n")
}

/// The names of kinds of marks, each with its mark.
fn keyed<'a>(
    names: &[&'a str],
    mark: impl Fn(usize) -> String,
) -> Vec<(String, &'a str)> {
    let names = names.iter().enumerate();
    names.map(|(index, name)| (mark(index), *name)).collect()
}

/// One key of a legend, with more `attributes` if there are any. It covers its
/// marks: those in an element with its index as `data-of`.
pub fn key(index: usize, attributes: &str, svg: &str, name: &str) -> String {
    format!(
        "<label{attributes}><input type=\"checkbox\" data-key=\"{index}\">\
         {svg} {}</label> ",
        escape(name)
    )
}

/// Bars of the same length, each cut into parts.
pub fn stacked(parts: &[&str], label: &str, rows: &[Shares]) -> String {
    let key = |index| {
        format!(
            "<svg width=\"12\" height=\"12\" aria-hidden=\"true\"><rect \
             class=\"plot-part-{index}\" width=\"12\" height=\"12\"/></svg>"
        )
    };
    let mut html = legend(&keyed(parts, key));
    html += "<div class=\"plot-rows\" aria-hidden=\"true\">\n";
    html += &head("", "", label);
    for row in rows {
        let mut bar = String::new();
        let mut start = 0.0;
        for (index, share) in row.shares.iter().enumerate() {
            bar += &format!(
                "<rect class=\"plot-part-{index}\" x=\"{:.2}%\" y=\"2\" \
                 width=\"{:.2}%\" height=\"16\" data-of=\"{index}\"/>",
                start * 100.0,
                share * 100.0,
            );
            start += share;
        }
        html += &self::row(&row.name, "", "", &bar, &row.label);
    }
    html += &axis(&[(0.0, "0"), (0.5, "50 %"), (1.0, "100 %")]);
    html + "</div>"
}

/// A row of a plot: a name, with something smaller below it; marks; a label.
/// The name and the label may have a `class` more.
fn row(
    name: &str,
    note: &str,
    class: &str,
    marks: &str,
    label: &str,
) -> String {
    let note = match note {
        "" => String::new(),
        note => format!(" <small>{}</small>", escape(note)),
    };
    format!(
        "<span class=\"plot-name{class}\">{}{note}</span>\
         <svg width=\"100%\" height=\"20\">{marks}</svg>\
         <span class=\"plot-label{class}\">{}</span>\n",
        escape(name),
        escape(label),
    )
}

/// The line above the rows.
fn head(name: &str, marks: &str, label: &str) -> String {
    format!(
        "<span class=\"plot-head\">{}</span>\
         <span class=\"plot-head\">{}</span>\
         <span class=\"plot-head plot-label\">{}</span>\n",
        escape(name),
        escape(marks),
        escape(label),
    )
}

/// The line below the rows: where along the axis something stands, and what.
fn axis(ticks: &[(f64, &str)]) -> String {
    let mut texts = String::new();
    for (at, text) in ticks {
        texts += &tick(*at, 14.0, "middle", text);
    }
    format!(
        "<span></span><svg class=\"plot-along\" width=\"100%\" height=\"18\">\
         {texts}</svg><span></span>\n"
    )
}

/// A text: how far across, as a share of the width; how far down; which part of
/// it stands there.
pub fn tick(at: f64, below: f64, anchor: &str, text: &str) -> String {
    format!(
        "<text x=\"{:.2}%\" y=\"{below}\" text-anchor=\"{anchor}\">{}</text>",
        at * 100.0,
        escape(text),
    )
}

/// A histogram: how large a share each bar has.
pub struct Histogram {
    /// What it is of.
    pub name: String,
    /// The shares, one for each bar.
    pub shares: Vec<f64>,
}

/// The height of a histogram, and of the line of text below it.
const HEIGHT: f64 = 84.0;
const BELOW: f64 = 16.0;

/// Histograms side by side, over the same axes. `ticks` are bars with a text
/// below them.
pub fn histograms(
    axis: &str,
    ticks: &[(usize, &str)],
    histograms: &[Histogram],
) -> String {
    let bars = histograms.iter().map(|it| it.shares.len()).max();
    let bars = bars.unwrap_or(0).max(1) as f64;
    let all = histograms.iter().flat_map(|it| &it.shares);
    let most = all.fold(0.1, |most: f64, share| most.max(*share));
    // Up to the next tenth.
    let top = (most * 10.0).ceil() / 10.0;
    let up =
        [(0.0, percent(top)), (0.5, percent(top / 2.0)), (1.0, "0".into())];
    let up = up.map(|(at, text)| (at * HEIGHT, text));
    let mut html = format!(
        "<p>{}.</p>\n<div class=\"plot-panels\" aria-hidden=\"true\">\n",
        escape(axis),
    );
    for histogram in histograms {
        let mut marks = String::new();
        for (at, _) in &up[..2] {
            marks += &format!(
                "<line class=\"plot-grid\" x2=\"100%\" y1=\"{at}\" \
                 y2=\"{at}\"/>"
            );
        }
        for (index, share) in histogram.shares.iter().enumerate() {
            let height = share / top * HEIGHT;
            marks += &format!(
                "<rect class=\"plot-bar\" x=\"{:.2}%\" y=\"{:.1}\" \
                 width=\"{:.2}%\" height=\"{height:.1}\"/>",
                (index as f64 + 0.1) / bars * 100.0,
                HEIGHT - height,
                80.0 / bars,
            );
        }
        marks += &axes(HEIGHT);
        for (bar, text) in ticks {
            let at = (*bar as f64 + 0.5) / bars;
            marks += &tick(at, HEIGHT + 12.0, "middle", text);
        }
        html += &panel(&histogram.name, &up, &marks, HEIGHT + BELOW);
    }
    html + "</div>"
}

/// The lines of two axes that start at 0, `height` below the top.
pub fn axes(height: f64) -> String {
    format!(
        "<path class=\"plot-axis\" d=\"M0 0V{height}\"/>\
         <line class=\"plot-axis\" x2=\"100%\" y1=\"{height}\" \
         y2=\"{height}\"/>"
    )
}

/// A small plot: its name; at the left the texts of the axis that goes up, each
/// so far below the top; marks.
pub fn panel(
    name: &str,
    up: &[(f64, String)],
    marks: &str,
    height: f64,
) -> String {
    let texts = up.iter();
    // The middle of a digit stands 4 above its foot.
    let texts = texts.map(|(at, text)| tick(1.0, at + 4.0, "end", text));
    let texts = texts.collect::<String>();
    format!(
        "<div><span class=\"plot-name\">{}</span>\
         <svg width=\"100%\" height=\"{height}\">{texts}</svg>\
         <svg width=\"100%\" height=\"{height}\">{marks}</svg></div>\n",
        escape(name),
    )
}

/// A row of dots.
pub struct Dots {
    /// What the row is about.
    pub name: String,
    /// Something to know about it.
    pub note: String,
    /// A number for each kind of dot.
    pub values: Vec<f64>,
    /// What stands behind the dots.
    pub label: String,
    /// Whether it is what the plot is about.
    pub is_strong: bool,
}

/// An axis.
pub struct Scale {
    /// The numbers at its ends.
    pub ends: (f64, f64),
    /// Numbers, and what stands there.
    pub ticks: Vec<(f64, String)>,
    /// Whether it grows by factors.
    pub is_by_factors: bool,
}

impl Scale {
    /// From 1 to ten to the power of `end`. `ticks` say what stands at each
    /// power of ten.
    pub fn from_one(end: f64, ticks: &[&str]) -> Self {
        let tick = |(index, text): (usize, &&str)| {
            (10_f64.powi(index as i32), (*text).to_owned())
        };
        let ticks = ticks.iter().enumerate().map(tick).collect();
        Self { ends: (1.0, 10_f64.powf(end)), ticks, is_by_factors: true }
    }

    /// From nothing to the whole.
    pub fn shares() -> Self {
        let ticks = [(0.0, "0"), (0.5, "50 %"), (1.0, "100 %")];
        let ticks = ticks.map(|(share, text)| (share, text.to_owned()));
        let ticks = ticks.to_vec();
        Self { ends: (0.0, 1.0), ticks, is_by_factors: false }
    }

    /// Around all `values`, which are above 0. There are ticks at 1, 2 and 5,
    /// 10, 20 and 50, and so on; at the powers of ten if these are too many, or
    /// at every second one.
    pub fn around(
        values: impl Iterator<Item = f64>,
        text: impl Fn(f64) -> String,
    ) -> Self {
        let (low, high) = values
            .fold((f64::MAX, f64::MIN_POSITIVE), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let powers = (-3..7).map(|power| 10_f64.powi(power));
        let steps: Vec<f64> =
            powers.flat_map(|ten| [ten, 2.0 * ten, 5.0 * ten]).collect();
        let first = steps.iter().rposition(|&step| step <= low * 1.001);
        let last = steps.iter().position(|&step| step >= high / 1.001);
        let first = first.unwrap_or(0);
        let last = last.unwrap_or(steps.len() - 1).max(first + 1);
        // On a narrow screen there is room for four.
        let every = match last - first {
            0..=3 => 1,
            4..=9 => 3,
            _ => 6,
        };
        let ticks = (first..=last)
            .filter(|index| index % every == 0)
            .map(|index| (steps[index], text(steps[index])));
        Self {
            ends: (steps[first], steps[last]),
            ticks: ticks.collect(),
            is_by_factors: true,
        }
    }

    /// Where along the axis a number stands. There is a little room at both
    /// ends, for whole dots.
    pub fn place(&self, value: f64) -> f64 {
        let (from, to) = self.ends;
        let share = if self.is_by_factors {
            (value / from).log10() / (to / from).log10()
        } else {
            (value - from) / (to - from)
        };
        0.02 + 0.96 * share
    }
}

/// Dots on an axis.
pub fn dots(
    kinds: &[&str],
    label: &str,
    scale: &Scale,
    rows: &[Dots],
) -> String {
    let ticks: Vec<_> = scale
        .ticks
        .iter()
        .map(|(value, text)| (scale.place(*value), &**text))
        .collect();
    let grid: String = ticks.iter().map(|(at, _)| grid_line(*at)).collect();
    let key = |kind| {
        format!(
            "<svg width=\"14\" height=\"14\" aria-hidden=\"true\">{}</svg>",
            dot(kind, "50%", 7)
        )
    };
    let mut html = legend(&keyed(kinds, key));
    html += "<div class=\"plot-rows\" aria-hidden=\"true\">\n";
    html += &head("", "", label);
    for row in rows {
        let at: Vec<f64> =
            row.values.iter().map(|value| scale.place(*value)).collect();
        let low = at.iter().copied().fold(1.0, f64::min) * 100.0;
        let high = at.iter().copied().fold(0.0, f64::max) * 100.0;
        let mut marks = grid.clone();
        marks += &format!(
            "<line class=\"plot-span\" x1=\"{low:.2}%\" x2=\"{high:.2}%\" \
             y1=\"10\" y2=\"10\"/>"
        );
        // The first kind is a ring, which lies around another at its place.
        for (index, at) in at.iter().enumerate().rev() {
            let dot = dot(index, &format!("{:.2}%", at * 100.0), 10);
            marks += &format!("<g data-of=\"{index}\">{dot}</g>");
        }
        let strong = if row.is_strong { " plot-strong" } else { "" };
        html += &self::row(&row.name, &row.note, strong, &marks, &row.label);
    }
    html += &axis(&ticks);
    html + "</div>"
}

fn grid_line(at: f64) -> String {
    let at = at * 100.0;
    format!(
        "<line class=\"plot-grid\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y2=\"20\"/>"
    )
}

/// A dot. The kinds differ in shape too: not everybody sees colours. The shapes
/// stand in an `svg` of their own, for a place that is a percentage.
fn dot(kind: usize, x: &str, y: i32) -> String {
    let shape = match kind {
        0 => "<circle r=\"5\"/>",
        1 => "<rect x=\"-3.5\" y=\"-3.5\" width=\"7\" height=\"7\"/>",
        _ => "<path d=\"M-5.5 0 0 -5.5 5.5 0 0 5.5z\"/>",
    };
    format!("<svg x=\"{x}\" y=\"{y}\" class=\"plot-dot-{kind}\">{shape}</svg>")
}
