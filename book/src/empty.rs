//! A file whose functions are still to be written.

use std::collections::BTreeMap;
use std::ops::Range;

use syn::{
    Attribute, Block, Expr, ImplItem, Item, Lit, Meta, ReturnType, Signature,
    TraitItem, Type,
};

use crate::item::{impl_name, type_name};
use crate::parsed::parsed;

/// How long a line may be.
const WIDTH: usize = 80;

/// The functions of a file whose bodies [`empty`] can take away, in the order
/// in which they stand. They are called as in [`crate::item::find`].
///
/// A `const fn` is none of them: it runs while the crate is compiled, so that
/// a `todo!()` in it would stop the compiler and not a test. Nor is a function
/// whose result has no name but `impl Trait`, unless it is an iterator.
///
/// # Errors
///
/// Why the file at `path` is not Rust.
pub fn functions(path: &str, source: &str) -> Result<Vec<String>, String> {
    let bodies = bodies(path, source)?;
    Ok(bodies.into_iter().map(|body| body.name).collect())
}

/// What becomes of the body of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// It stays as it is.
    Stays,
    /// It is to be written, and says what it must do.
    Blank,
    /// This stands there, with its braces.
    Text(String),
}

/// The file with `todo!` for each body but those that `stays` wants to keep. The
/// comment above a function, as far as it says what the function does, is what
/// its `todo!` says. Comments, signatures and their order stay as they are.
///
/// # Errors
///
/// Why the file at `path` is not Rust.
pub fn empty(
    path: &str,
    source: &str,
    stays: impl Fn(&str) -> bool,
) -> Result<String, String> {
    filled(path, source, |name| match stays(name) {
        true => Fill::Stays,
        false => Fill::Blank,
    })
}

/// The file with what `fill` says for the body of each function.
///
/// # Errors
///
/// Why the file at `path` is not Rust.
pub fn filled(
    path: &str,
    source: &str,
    fill: impl Fn(&str) -> Fill,
) -> Result<String, String> {
    let mut filled = source.to_owned();
    // From the last one up: what is replaced moves what stands behind it.
    for body in bodies(path, source)?.iter().rev() {
        let text = match fill(&body.name) {
            Fill::Stays => continue,
            Fill::Blank => body.blank(source),
            Fill::Text(text) => text,
        };
        filled.replace_range(body.braces.clone(), &text);
    }
    Ok(filled)
}

/// The bodies of a file with their braces, by the names of their functions.
///
/// # Errors
///
/// Why the file at `path` is not Rust.
pub fn texts(
    path: &str,
    source: &str,
) -> Result<BTreeMap<String, String>, String> {
    let bodies = bodies(path, source)?.into_iter();
    let texts = bodies.map(|body| (body.name, source[body.braces].to_owned()));
    Ok(texts.collect())
}

/// What the comments above the functions of a file say that they do, by the
/// names of the functions. Of those without a comment there is nothing.
///
/// # Errors
///
/// Why the file at `path` is not Rust.
pub fn comments(
    path: &str,
    source: &str,
) -> Result<BTreeMap<String, String>, String> {
    let bodies = bodies(path, source)?.into_iter();
    let told = bodies.map(|body| (body.name, body.told));
    Ok(told.filter(|(_, told)| !told.is_empty()).collect())
}

/// What is written between the braces of a function.
struct Body {
    name: String,
    /// What the comment above says that the function does; nothing if there is
    /// none.
    told: String,
    // All in bytes from the start of the file.
    signature: usize,
    braces: Range<usize>,
    is_iterator: bool,
}

impl Body {
    /// What stands there while it is to be written.
    fn blank(&self, source: &str) -> String {
        let indent = indent(source, self.signature);
        let told = match self.told.is_empty() {
            true => format!("What its name says: {}", self.written(source)),
            false => self.told.clone(),
        };
        let todo = match self.is_iterator {
            true => of_iterator(&told, indent),
            false => todo(&told, &format!("{indent}    ")),
        };
        format!("{{\n{todo}\n{indent}}}")
    }

    /// Its name, what it takes and what it returns, as the file has it.
    fn written(&self, source: &str) -> String {
        let of = self.name.rsplit_once("::").map_or("", |(of, _)| of);
        let join = if of.is_empty() { "" } else { "::" };
        let signature = &source[self.signature..self.braces.start];
        let signature = signature.strip_prefix("fn ").unwrap_or(signature);
        let words: Vec<_> = signature.split_whitespace().collect();
        let signature = words.join(" ");
        let signature = signature.replace("( ", "(").replace(", )", ")");
        format!("`{of}{join}{signature}`.")
    }
}

fn bodies(path: &str, source: &str) -> Result<Vec<Body>, String> {
    let file = parsed(source)
        .map_err(|error| format!("{path} is not Rust: {error}"))?;
    Ok(file.items.iter().flat_map(item).collect())
}

fn item(item: &Item) -> Vec<Body> {
    match item {
        Item::Fn(it) => {
            body("", &it.attrs, &it.sig, &it.block).into_iter().collect()
        }
        Item::Impl(block) => {
            let of = match block.trait_ {
                Some(_) => impl_name(block),
                None => type_name(&block.self_ty),
            };
            let of = format!("{of}::");
            let methods = block.items.iter().filter_map(|item| match item {
                ImplItem::Fn(it) => body(&of, &it.attrs, &it.sig, &it.block),
                _ => None,
            });
            methods.collect()
        }
        Item::Trait(definition) => {
            let of = format!("{}::", definition.ident);
            let methods =
                definition.items.iter().filter_map(|item| match item {
                    TraitItem::Fn(it) => {
                        body(&of, &it.attrs, &it.sig, it.default.as_ref()?)
                    }
                    _ => None,
                });
            methods.collect()
        }
        _ => Vec::new(),
    }
}

fn body(
    of: &str,
    attributes: &[Attribute],
    signature: &Signature,
    block: &Block,
) -> Option<Body> {
    if signature.constness.is_some() {
        return None;
    }
    let braces = &block.brace_token.span;
    Some(Body {
        name: format!("{of}{}", signature.ident),
        told: told(attributes),
        signature: signature.fn_token.span.byte_range().start,
        braces: braces.open().byte_range().start
            ..braces.close().byte_range().end,
        is_iterator: is_iterator(&signature.output)?,
    })
}

/// Whether the result is one of those that have no name but `impl Iterator`:
/// their type comes from the body, and `todo!` has none. `None` if it is
/// another such type, in whose place nothing compiles.
fn is_iterator(output: &ReturnType) -> Option<bool> {
    let ReturnType::Type(_, of) = output else { return Some(false) };
    let Type::ImplTrait(of) = &**of else { return Some(false) };
    let is_iterator = of.bounds.iter().any(|bound| match bound {
        syn::TypeParamBound::Trait(bound) => bound
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == "Iterator"),
        _ => false,
    });
    is_iterator.then_some(true)
}

/// What a comment says that a function does: all in front of the first heading,
/// such as `# Safety`, as one line.
pub fn told(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(line_of_comment);
    let lines = lines.take_while(|line| {
        let line = line.trim();
        !line.starts_with('#') && !line.starts_with("```")
    });
    let text = lines.collect::<Vec<_>>().join(" ");
    let words: Vec<_> = text.split_whitespace().collect();
    // A link leads nowhere from here.
    words.join(" ").replace("[`", "`").replace("`]", "`")
}

fn line_of_comment(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(comment) = &attribute.meta else { return None };
    let Expr::Lit(text) = &comment.value else { return None };
    let Lit::Str(text) = &text.lit else { return None };
    comment.path.is_ident("doc").then(|| text.value())
}

/// The body of an iterator that says `text` when it is asked, as far to the
/// right as `indent` has it.
fn of_iterator(text: &str, indent: &str) -> String {
    let on_one_line =
        format!("{indent}    core::iter::from_fn(|| {})", todo(text, ""));
    if on_one_line.lines().count() == 1 && on_one_line.chars().count() <= WIDTH
    {
        return on_one_line;
    }
    let todo = todo(text, &format!("{indent}        "));
    format!("{indent}    core::iter::from_fn(|| {{\n{todo}\n{indent}    }})")
}

/// A `todo!` that says `text`, each of its lines behind `indent`.
fn todo(text: &str, indent: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    let escaped = escaped.replace('{', "{{").replace('}', "}}");
    let line = format!("{indent}todo!(\"{escaped}\")");
    if line.chars().count() <= WIDTH {
        return line;
    }
    // A line of text has a blank and a backslash at its end.
    let room = WIDTH - indent.len() - "    \"".len() - " \\".len();
    let mut lines = vec![String::new()];
    for word in escaped.split(' ') {
        let last = lines.last_mut().expect("there is a first line");
        if last.is_empty() {
            *last += word;
        } else if last.chars().count() + 1 + word.chars().count() <= room {
            *last += &format!(" {word}");
        } else {
            lines.push(word.to_owned());
        }
    }
    let lines = lines.join(&format!(" \\\n{indent}     "));
    format!("{indent}todo!(\n{indent}    \"{lines}\"\n{indent})")
}

/// The blanks in front of the line of which `at` is a part.
fn indent(source: &str, at: usize) -> &str {
    let start = source[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = &source[start..];
    &line[..line.len() - line.trim_start().len()]
}
