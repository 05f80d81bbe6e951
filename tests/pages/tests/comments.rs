//! What the comments of the stages say about constants.
//!
//! A comment that states how much something is says it of a constant: of the
//! one it stands above, or of one it links to, as in [`STEP`]. Then the number
//! is compared with the constant here, and rustdoc sees to it that the link
//! leads somewhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Lit};
use timing::workspace::workspace;

/// The values of a constant that a comment may name: its own, and those that it
/// is computed from.
type Values = Vec<u128>;

/// The constants of a file, by name.
#[derive(Default)]
struct Constants(BTreeMap<String, Values>);

impl Constants {
    fn add(&mut self, name: &syn::Ident, value: &Expr) {
        let mut parts = Parts(Vec::new());
        parts.visit_expr(value);
        self.0.entry(name.to_string()).or_default().extend(parts.0);
    }
}

impl<'a> Visit<'a> for Constants {
    fn visit_item_const(&mut self, item: &'a syn::ItemConst) {
        self.add(&item.ident, &item.expr);
    }

    fn visit_impl_item_const(&mut self, item: &'a syn::ImplItemConst) {
        self.add(&item.ident, &item.expr);
    }
}

struct Parts(Values);

impl<'a> Visit<'a> for Parts {
    fn visit_expr(&mut self, part: &'a Expr) {
        self.0.extend(evaluate(part));
        visit::visit_expr(self, part);
    }
}

/// The value of an expression of numbers alone.
fn evaluate(value: &Expr) -> Option<u128> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().ok(),
            _ => None,
        },
        Expr::Paren(inner) => evaluate(&inner.expr),
        Expr::Binary(both) => {
            let (a, b) = (evaluate(&both.left)?, evaluate(&both.right)?);
            match both.op {
                BinOp::Add(_) => a.checked_add(b),
                BinOp::Sub(_) => a.checked_sub(b),
                BinOp::Mul(_) => a.checked_mul(b),
                BinOp::Div(_) => a.checked_div(b),
                BinOp::Shl(_) => a.checked_shl(b.try_into().ok()?),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Comment lines one below the other.
struct Comment {
    /// The line it starts in.
    line: usize,
    text: String,
    /// The constant that it stands above.
    above: Option<String>,
}

fn comments(source: &str) -> Vec<Comment> {
    let mut comments = Vec::new();
    let mut lines = source.lines().zip(1..).peekable();
    while let Some((first, line)) = lines.next() {
        let Some(mut text) = comment_text(first) else { continue };
        while let Some((next, _)) = lines.peek()
            && let Some(more) = comment_text(next)
        {
            text += " ";
            text += &more;
            lines.next();
        }
        let above = lines.peek().and_then(|(below, _)| constant_in(below));
        comments.push(Comment { line, text, above });
    }
    comments
}

fn comment_text(line: &str) -> Option<String> {
    let text = line.trim_start().strip_prefix("//")?;
    Some(text.trim_start_matches(['/', '!']).trim().to_owned())
}

/// `STEP` for `pub const STEP: usize = …`.
fn constant_in(line: &str) -> Option<String> {
    let (_, name) = line.split_once("const ")?;
    let (name, _) = name.split_once(':')?;
    Some(name.to_owned())
}

/// The names that a comment links to: `STEP` for [`STEP`](heap::STEP).
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("[`").skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once("`]")?;
        name.rsplit("::").next()
    })
}

/// What a comment states: its words, and the values that they may mean.
fn amounts(text: &str) -> Vec<(String, Vec<u128>)> {
    let is_part = |c: char| c.is_alphanumeric() || c == ',';
    let words: Vec<&str> = text
        .split(|c: char| !is_part(c))
        .map(|word| word.trim_matches(','))
        .filter(|word| !word.is_empty())
        .collect();
    let amount = |pair: &[&str]| {
        let &[number, unit] = pair else { return None };
        let number = number.to_lowercase();
        let in_digits = number.replace(',', "").parse::<u128>().ok();
        let in_words = WORDS.iter().position(|word| *word == number);
        let in_words = in_words.map(|place| place as u128 + 1);
        let power = UNITS.iter().position(|&name| unit.starts_with(name));
        let values = match (power, unit) {
            (Some(power), _) => {
                let one = ["a", "an"].contains(&&*number).then_some(1);
                let number = in_digits.or(in_words).or(one)?;
                vec![number << (10 * (power % 4 + 1))]
            }
            // Where a block of one byte is meant, it is no constant.
            (None, "bytes" | "byte") => vec![in_digits?],
            (None, "steps" | "step" | "pages" | "page") => {
                vec![in_digits.or(in_words)?]
            }
            _ => return None,
        };
        // Nothing is no constant either.
        (values != [0]).then(|| (format!("{number} {unit}"), values))
    };
    words.windows(2).filter_map(amount).collect()
}

const WORDS: [&str; 10] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten",
];

const UNITS: [&str; 8] = [
    "KiB", "MiB", "GiB", "TiB", "kibibyte", "mebibyte", "gibibyte", "tebibyte",
];

/// The sources of a stage, and what is in them.
fn sources(folder: &Path) -> Vec<(PathBuf, String, Constants)> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            sources.extend(self::sources(&path));
            continue;
        }
        let source = fs::read_to_string(&path).expect("a text");
        let file = syn::parse_file(&source).expect("Rust");
        let mut constants = Constants::default();
        constants.visit_file(&file);
        sources.push((path, source, constants));
    }
    sources
}

/// What is wrong with the comments of these files, a line each; and how many
/// amounts were looked at.
fn judge(sources: &[(PathBuf, String, Constants)]) -> (Vec<String>, usize) {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, source, constants) in sources {
        // A name is first looked for in the file itself.
        let values = |name: &str| -> Values {
            constants.0.get(name).cloned().unwrap_or_else(|| {
                let all = sources.iter().filter_map(|it| it.2.0.get(name));
                all.flatten().copied().collect()
            })
        };
        for comment in comments(source) {
            let named = links(&comment.text).chain(comment.above.as_deref());
            let named: Vec<(&str, Values)> =
                named.map(|name| (name, values(name))).collect();
            for (amount, meant) in amounts(&comment.text) {
                seen += 1;
                let is_right = named
                    .iter()
                    .any(|(_, is)| meant.iter().any(|n| is.contains(n)));
                if !is_right {
                    wrong.push(format!(
                        "{}:{}: {amount:?} is the value of no constant that \
                         the comment names: {named:?}",
                        path.display(),
                        comment.line
                    ));
                }
            }
        }
    }
    (wrong, seen)
}

#[test]
fn an_amount_in_a_comment_is_that_of_the_constant_it_names() {
    let mut all = 0;
    for entry in fs::read_dir(workspace()).expect("a folder") {
        let folder = entry.expect("a file").path();
        let name = folder.file_name().and_then(|name| name.to_str());
        if !name.is_some_and(|name| name.starts_with("stage")) {
            continue;
        }
        let (wrong, seen) = judge(&sources(&folder.join("src")));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        all += seen;
    }
    println!("{all} amounts");
    assert!(all > 0, "no comment states an amount");
}

#[test]
fn a_wrong_amount_in_a_comment_is_found() {
    let constant = "const STEP: usize = 128 * 1024;";
    let cases = [
        ("/// At least 128 KiB.", true),
        ("/// 131,072 bytes.", true),
        ("/// At least 64 KiB.", false),
        ("/// A mebibyte.\nfn a() {}", false),
        ("/// All but one step.\nfn a() {}", false),
        ("/// All but one [`STEP`].\nfn a() {}", true),
        ("/// 128 KiB at a time.\nfn a() {}", false),
        ("/// 128 KiB, a [`STEP`], at a time.\nfn a() {}", true),
        ("/// 64 KiB, a [`STEP`], at a time.\nfn a() {}", false),
        ("/// A block of 0 bytes.\nfn a() {}", true),
    ];
    for (text, is_right) in cases {
        let source = format!("{text}\n{constant}\n");
        let file = syn::parse_file(&source).expect("Rust");
        let mut constants = Constants::default();
        constants.visit_file(&file);
        let (wrong, _) = judge(&[("a.rs".into(), source, constants)]);
        assert_eq!(wrong.is_empty(), is_right, "{text}: {wrong:?}");
    }
}

/// The modules of a source file that its own documentation does not name: as a
/// link if they are public, or else as code.
fn modules_not_named(source: &str) -> Vec<String> {
    let said: Vec<&str> =
        source.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    let said = said.join("\n");
    let file = syn::parse_file(source).expect("Rust");
    file.items
        .iter()
        .filter_map(|item| match item {
            syn::Item::Mod(module) if module.content.is_none() => Some(module),
            _ => None,
        })
        .filter_map(|module| {
            let is_public = matches!(module.vis, syn::Visibility::Public(_));
            let code = format!("`{}`", module.ident);
            let name = if is_public { format!("[{code}]") } else { code };
            (!said.contains(&name)).then_some(name)
        })
        .collect()
}

#[test]
fn a_file_with_modules_names_them_all() {
    let mut files = 0;
    for entry in fs::read_dir(workspace()).expect("a folder") {
        let folder = entry.expect("a file").path();
        let name = folder.file_name().and_then(|name| name.to_str());
        if !name.is_some_and(|name| name.starts_with("stage")) {
            continue;
        }
        for file in ["src/lib.rs", "src/per_thread/mod.rs"] {
            let path = folder.join(file);
            let Ok(source) = fs::read_to_string(&path) else { continue };
            let missing = modules_not_named(&source);
            assert!(missing.is_empty(), "{}: {missing:?}", path.display());
            files += 1;
        }
    }
    assert!(files > 5, "{files} files");
    let source = "//! [`a`] and `b`.\npub mod a;\nmod b;\npub mod c;\nmod d;\n";
    assert_eq!(modules_not_named(source), ["[`c`]", "`d`"]);
}
