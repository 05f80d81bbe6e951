//! Which heap a page is about: its figures have to be recorded on that one, or
//! say that they show another.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use crate::directive::Directive;
use crate::figure;
use crate::problem::{Mistake, list};

/// The figures of a page that show another heap than the page is about, and do
/// not say so. `path` is where the page lies below the folder of the chapters,
/// and `directives` are the page's, with their lines.
pub fn foreign_figures(
    path: &Path,
    directives: &[(usize, Directive)],
) -> Vec<Mistake> {
    let listed = listed(directives);
    let figures = directives.iter().filter_map(|(line, directive)| {
        let Directive::Heap { scenario, source: said } = directive else {
            return None;
        };
        let source = figure::source(scenario)?;
        let mistake = foreign(scenario, source, said.as_deref(), || {
            is_about(path, &listed, source)
        })?;
        Some((Some(*line), mistake))
    });
    figures.collect()
}

fn foreign(
    scenario: &str,
    source: &str,
    said: Option<&str>,
    is_about: impl Fn() -> Result<(), String>,
) -> Option<String> {
    match said {
        Some(said) if said == source => None,
        Some(said) => Some(format!(
            "the figure `{scenario}` is recorded on `{source}`, not on `{said}`"
        )),
        None => is_about().err().map(|about| {
            format!(
                "the figure `{scenario}` is recorded on `{source}`, and {about}. \
                 Record it there, or name its heap: \
                 `{{{{#heap {scenario} {source}}}}}`"
            )
        }),
    }
}

/// The code that the listings of a page are taken from: steps if there are any
/// among them, and stages if not.
fn listed(directives: &[(usize, Directive)]) -> BTreeSet<&str> {
    let paths = || {
        directives.iter().filter_map(|(_, directive)| match directive {
            Directive::Item { path, .. } | Directive::File { path } => {
                Some(path.as_str())
            }
            Directive::Diff { new, .. } => Some(new.as_str()),
            _ => None,
        })
    };
    let steps: BTreeSet<_> =
        paths().filter(|path| path.starts_with("book/steps/")).collect();
    if !steps.is_empty() {
        return steps;
    }
    let folders = paths().filter_map(|path| path.split('/').next());
    folders.filter(|folder| folder.starts_with("stage")).collect()
}

/// Whether a page with these listings is about the heap with its code at
/// `source`. If not, what it is about. Without a listing it is about the stage
/// of its chapter.
fn is_about(
    path: &Path,
    listed: &BTreeSet<&str>,
    source: &str,
) -> Result<(), String> {
    if !listed.is_empty() {
        let listed: Vec<_> = listed.iter().copied().collect();
        return if listed.contains(&source) {
            Ok(())
        } else {
            Err(format!("the listings of this page are of {}", list(&listed)))
        };
    }
    let chapter = match path.components().next() {
        Some(Component::Normal(name)) => name.to_string_lossy().into_owned(),
        _ => String::new(),
    };
    let number = chapter.strip_prefix("stage");
    let stage = |number| source.starts_with(&format!("stage{number}-"));
    if number.is_some_and(stage) {
        Ok(())
    } else {
        Err("this page has no listing of any heap".to_owned())
    }
}
