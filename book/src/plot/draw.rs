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
    format!("{:.2} MB", bytes / 1e6)
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

/// Bars of the same length, each cut into parts.
pub fn stacked(parts: &[&str], label: &str, rows: &[Shares]) -> String {
    let mut html = String::from("<p class=\"plot-key\">");
    for (index, part) in parts.iter().enumerate() {
        html += &format!(
            "<span><svg width=\"12\" height=\"12\"><rect class=\"plot-part-\
             {index}\" width=\"12\" height=\"12\"/></svg> {}</span> ",
            escape(part)
        );
    }
    html += "</p>\n<div class=\"plot-rows\">\n";
    html += &head("", "", label);
    for row in rows {
        let mut bar = String::new();
        let mut start = 0.0;
        for (index, share) in row.shares.iter().enumerate() {
            bar += &format!(
                "<rect class=\"plot-part-{index}\" x=\"{:.2}%\" y=\"2\" \
                 width=\"{:.2}%\" height=\"16\"/>",
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
        // What stands at an end must not stick out.
        let anchor = match at {
            ..0.05 => "start",
            0.95.. => "end",
            _ => "middle",
        };
        texts += &tick(*at, 14.0, anchor, text);
    }
    format!(
        "<span></span><svg width=\"100%\" height=\"18\">{texts}</svg>\
         <span></span>\n"
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
    let mut html = format!(
        "<p class=\"plot-key\">{} · the line is at {}</p>\n\
         <div class=\"plot-panels\">\n",
        escape(axis),
        percent(top / 2.0),
    );
    for histogram in histograms {
        let mut marks = format!(
            "<line class=\"plot-grid\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/>",
            HEIGHT / 2.0
        );
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
        marks += &format!(
            "<line class=\"plot-axis\" x2=\"100%\" y1=\"{HEIGHT}\" \
             y2=\"{HEIGHT}\"/>"
        );
        for (bar, text) in ticks {
            let at = (*bar as f64 + 0.5) / bars;
            marks += &tick(at, HEIGHT + 12.0, "middle", text);
        }
        html += &format!(
            "<div><span class=\"plot-name\">{}</span>\
             <svg width=\"100%\" height=\"{}\">{marks}</svg></div>\n",
            escape(&histogram.name),
            HEIGHT + BELOW,
        );
    }
    html + "</div>"
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
    /// 10, 20 and 50, and so on, or fewer if these are too many.
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
        let are_many = last - first > 3;
        let ticks = (first..=last)
            .filter(|index| !are_many || index % 3 == 0)
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
    let mut html = String::from("<p class=\"plot-key\">");
    for (index, kind) in kinds.iter().enumerate() {
        html += &format!(
            "<span><svg width=\"14\" height=\"14\">{}</svg> {}</span> ",
            dot(index, "50%", 7),
            escape(kind)
        );
    }
    html += "</p>\n<div class=\"plot-rows\">\n";
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
        for (index, at) in at.iter().enumerate() {
            marks += &dot(index, &format!("{:.2}%", at * 100.0), 10);
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
        0 => "<circle r=\"4\"/>",
        1 => "<rect x=\"-3.5\" y=\"-3.5\" width=\"7\" height=\"7\"/>",
        _ => "<path d=\"M-5.5 0 0 -5.5 5.5 0 0 5.5z\"/>",
    };
    format!("<svg x=\"{x}\" y=\"{y}\" class=\"plot-dot-{kind}\">{shape}</svg>")
}
