//! A figure, a plot or a listing has a name, and a link to itself.

use std::collections::BTreeMap;

use crate::directive::Directive;

/// What a directive shows, in words for an anchor. None if it has no caption to
/// put a link in.
fn named(directive: &Directive) -> Option<String> {
    let words = match directive {
        Directive::Heap { scenario, .. } => format!("figure {scenario}"),
        Directive::Plot { name, stage: None } => format!("plot {name}"),
        Directive::Plot { name, stage: Some(stage) } => {
            format!("plot {name} {stage}")
        }
        Directive::Captured { name } => format!("output {name}"),
        Directive::Item { path, names } => {
            format!("code {} {}", file(path), names.join(" "))
        }
        Directive::File { path } => format!("code {}", file(path)),
        Directive::Diff { new, name, .. } => {
            format!("diff {} {}", file(new), name.as_deref().unwrap_or(""))
        }
        _ => return None,
    };
    let letters = words.to_lowercase();
    let words = letters.split(|letter: char| !letter.is_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    Some(words.join("-"))
}

/// The name of a file or a folder, without its ending. A stage's `src` is the
/// stage.
fn file(path: &str) -> &str {
    let path = path.trim_end_matches('/').trim_end_matches("/src");
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".rs").unwrap_or(name)
}

/// The anchors of a page. Each is there once.
#[derive(Default)]
pub(crate) struct Anchors(BTreeMap<String, usize>);

impl Anchors {
    /// The HTML of a directive, its first figure with an anchor and a link.
    pub fn give(&mut self, directive: &Directive, html: String) -> String {
        let (Some(name), Some(figure), Some(caption)) = (
            named(directive),
            html.find("<figure "),
            html.find("</figcaption>"),
        ) else {
            return html;
        };
        let times = self.0.entry(name.clone()).or_default();
        *times += 1;
        let name = match *times {
            1 => name,
            times => format!("{name}-{times}"),
        };
        let start = figure + "<figure ".len();
        // Behind the title, and not in a line of its own below what is told of it.
        let told = html[start..caption].find("<span class='hf-heap'>");
        let end = told.map_or(caption, |told| start + told);
        // Where the words end it is never alone on a line.
        let words = html[start..end].trim_end();
        let words = match told {
            None => words.strip_suffix("</span>").unwrap_or(words),
            Some(_) => words,
        };
        let end = start + words.len();
        format!(
            "{}id=\"{name}\" {}<a class=\"permalink\" href=\"#{name}\" \
             aria-label=\"Link to this\"></a>{}",
            &html[..start],
            &html[start..end],
            &html[end..],
        )
    }
}
