//! `{{#miri}}`: the tests that Miri leaves out, each below the reason that stands
//! at it in the source, or in the script that runs Miri.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Item, Meta};

use crate::html::{escape, escape_prose};
use crate::parsed::parsed;

/// A test that Miri leaves out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Why.
    pub reason: String,
    /// The file, from the root of the repository.
    pub file: String,
    /// The test.
    pub test: String,
}

/// The programs of tests of the stages and around them, from the root of the
/// repository, but for the exercises: their solutions are run by themselves.
///
/// # Errors
///
/// Which folder cannot be read.
pub fn programs(root: &Path) -> Result<Vec<String>, String> {
    let names = |folder: &str| -> Result<Vec<String>, String> {
        let entries = fs::read_dir(root.join(folder))
            .map_err(|error| format!("{folder}: {error}"))?;
        let names = entries.flatten().map(|it| it.file_name());
        Ok(names.filter_map(|name| name.into_string().ok()).collect())
    };
    let stages = names("")?.into_iter().filter(|it| it.starts_with("stage"));
    let mut files = Vec::new();
    for package in stages.chain(["tests".to_owned()]) {
        let tests = names(&format!("{package}/tests"))?;
        let tests = tests.iter().filter(|it| it.ends_with(".rs"));
        let tests = tests.filter(|it| *it != "exercises.rs");
        files.extend(tests.map(|name| format!("{package}/tests/{name}")));
    }
    files.sort();
    Ok(files)
}

/// The script that runs Miri.
pub const SCRIPT: &str = ".ci/miri";

/// All that Miri leaves out of these programs.
///
/// # Errors
///
/// Which file is not there, or no Rust.
pub fn left_out(root: &Path) -> Result<Vec<LeftOut>, String> {
    let read = |file: &str| {
        fs::read_to_string(root.join(file))
            .map_err(|error| format!("{file}: {error}"))
    };
    let script = read(SCRIPT)?;
    let mut all = Vec::new();
    for file in programs(root)? {
        let parsed = parsed(&read(&file)?)
            .map_err(|error| format!("{file}: {error}"))?;
        let skipped = skipped(&script, &file);
        left_out_of(&file, &parsed.items, skipped, &mut all);
    }
    all.sort();
    Ok(all)
}

/// Why the script skips some tests of a file, and how their names begin.
fn skipped<'a>(script: &'a str, file: &str) -> Option<(&'a str, &'a str)> {
    let (package, name) = file.strip_suffix(".rs")?.split_once("/tests/")?;
    let run = format!("miri -p {package} --test {name} -- --skip ");
    let (before, after) = script.split_once(&run)?;
    let why = before.trim_end().lines().next_back()?.trim();
    let why = why.strip_prefix("# (")?.strip_suffix(".)")?;
    Some((why, after.lines().next()?))
}

fn left_out_of(
    file: &str,
    items: &[Item],
    skipped: Option<(&str, &str)>,
    all: &mut Vec<LeftOut>,
) {
    for item in items {
        match item {
            Item::Fn(function) => {
                let test = function.sig.ident.to_string();
                let skipped = skipped
                    .filter(|(_, beginning)| test.starts_with(beginning))
                    .map(|(why, _)| why.to_owned());
                let mut reasons = function.attrs.iter().filter_map(reason);
                let Some(reason) = reasons.next().or(skipped) else { continue };
                all.push(LeftOut { reason, file: file.to_owned(), test });
            }
            Item::Mod(module) => {
                let items = module.content.as_ref().map(|(_, items)| items);
                let items = items.map_or(&[][..], |it| &it[..]);
                left_out_of(file, items, skipped, all);
            }
            _ => {}
        }
    }
}

/// Of `cfg_attr(miri, ignore = "reason")` the reason.
fn reason(attribute: &Attribute) -> Option<String> {
    let Meta::List(list) = &attribute.meta else { return None };
    let words: Vec<TokenTree> = list.tokens.clone().into_iter().collect();
    let (first, rest) = words.split_first()?;
    let is_it = list.path.is_ident("cfg_attr") && first.to_string() == "miri";
    let place = rest.iter().position(|it| it.to_string() == "ignore")?;
    let text: TokenStream = rest.get(place + 2)?.clone().into();
    let text: syn::LitStr = syn::parse2(text).ok()?;
    is_it.then(|| text.value())
}

/// The table, and what it says as a whole.
///
/// # Errors
///
/// As for [`left_out`].
pub fn table(root: &Path) -> Result<String, String> {
    let all = left_out(root)?;
    let count = all.len();
    let mut reasons: BTreeMap<String, BTreeMap<String, String>> =
        BTreeMap::new();
    for LeftOut { reason, file, test } in all {
        let tests = reasons.entry(reason).or_default().entry(file).or_default();
        // So that a line may end within a long name.
        let test = escape(&test).replace('_', "_<wbr>");
        *tests += &format!(" <code>{test}</code>");
    }
    let mut rows = String::new();
    for (reason, files) in reasons {
        let reason = escape_prose(&reason);
        rows += &format!(
            "<tr class=\"group\"><th scope=\"rowgroup\">{reason}</th></tr>\n"
        );
        for (file, tests) in files {
            let file = escape(&file).replace('/', "/<wbr>");
            rows += &format!(
                "<tr><th scope=\"row\">{file}<small>{tests}</small></th></tr>\n"
            );
        }
    }
    Ok(format!(
        "<details class=\"faults\">\n<summary>The {count} tests that Miri leaves \
         out, and why</summary>\n<table>\n<thead><tr><th scope=\"col\">The \
         reason, and the tests</th></tr></thead>\n<tbody>\n{rows}</tbody>\n\
         </table>\n</details>"
    ))
}
