//! A figure, a plot or a listing has a name, and a link to itself.

use std::collections::BTreeMap;

use crate::directive::Directive;

/// What a directive shows, in words for an anchor. None if it has no caption to
/// put a link in.
fn named(directive: &Directive) -> Option<String> {
    let words = match directive {
        Directive::Heap { scenario, .. } => format!("figure {scenario}"),
        Directive::Drawing { name } => format!("figure {name}"),
        Directive::Exercise { number } => format!("solution {number}"),
        Directive::Plot { name, stage: None } => format!("plot {name}"),
        Directive::Plot { name, stage: Some(stage) } => {
            format!("plot {name} {stage}")
        }
        Directive::Captured { name } => format!("output {name}"),
        Directive::Item { path, names } => {
            format!("code {} {}", file(path), names.join(" "))
        }
        Directive::File { path } => format!("code {}", file(path)),
        Directive::Script { path } => {
            format!("script {}", file(path).trim_end_matches(".sh"))
        }
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

/// How a figure begins.
const FIGURE: &str = "<figure ";

/// The anchors of a page. Each is there once.
#[derive(Default)]
pub(crate) struct Anchors(BTreeMap<String, usize>);

impl Anchors {
    /// The HTML of a directive, each of its figures with an anchor and a link.
    pub fn give(&mut self, directive: &Directive, html: String) -> String {
        let Some(name) = named(directive) else { return html };
        let mut parts = html.split(FIGURE);
        let mut given = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            given += FIGURE;
            given += &self.one(&name, part);
        }
        given
    }

    /// A figure without its first word, and what comes behind it.
    fn one(&mut self, name: &str, figure: &str) -> String {
        let Some(caption) = figure.find("</figcaption>") else {
            return figure.to_owned();
        };
        let times = self.0.entry(name.to_owned()).or_default();
        *times += 1;
        let name = match *times {
            1 => name.to_owned(),
            times => format!("{name}-{times}"),
        };
        // Behind the title, and not in a line of its own below what is told of it.
        let told = figure[..caption].find("<span class='hf-heap'>");
        let end = told.unwrap_or(caption);
        // Where the words end it is never alone on a line.
        let words = figure[..end].trim_end();
        let words = match told {
            None => words.strip_suffix("</span>").unwrap_or(words),
            Some(_) => words,
        };
        format!(
            "id=\"{name}\" {words}<a class=\"permalink\" href=\"#{name}\" \
             aria-label=\"Link to this\"></a>{}",
            &figure[words.len()..],
        )
    }
}
