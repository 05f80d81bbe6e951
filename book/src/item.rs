//! Items of a Rust file, found by name.

use std::ops::RangeInclusive;

use syn::spanned::Spanned;
use syn::{ImplItem, Item, TraitItem, Type};

use crate::parsed::parsed;
use crate::problem::{did_you_mean, list};

/// An item as it stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its lines in the file, from 1 on.
    pub lines: RangeInclusive<usize>,
    /// The lines, moved to the left as far as the first one stands to the
    /// right.
    pub text: String,
}

/// The item called `name` in the file at `path`, with its attributes and the comment above it.
///
/// | name | item |
/// | --- | --- |
/// | `increment` | a function, constant, type, trait, module |
/// | `Heap::free` | a method or constant in any `impl` of `Heap` |
/// | `Brk for SimBrk` | an `impl` of a trait |
/// | `impl Heap` | an `impl` of the type itself |
/// | `Brk for SimBrk::sbrk` | a method in an `impl` of a trait |
/// | `tests::leaks` | what a module of the file holds |
///
/// # Errors
///
/// A sentence that says what there is, if no item or more than one has the
/// name.
pub fn find(path: &str, source: &str, name: &str) -> Result<Source, String> {
    let file = parsed(source)
        .map_err(|error| format!("{path} is not Rust: {error}"))?;
    let mut items = Vec::new();
    for item in &file.items {
        collect(item, "", &mut items);
    }
    let found: Vec<_> =
        items.iter().filter(|item| item.is_called(name)).collect();
    match found[..] {
        [item] => Ok(item.source(source)),
        [] => Err(missing(path, name, &items)),
        _ => Err(ambiguous(path, name, &found, source)),
    }
}

/// For each line of a Rust file the name of the item that it belongs to: the
/// innermost one, with the comment above it. A line of imports belongs to
/// `use`. What is in no item, or no Rust, has none.
pub fn owners(source: &str) -> Vec<Option<String>> {
    let lines: Vec<_> = source.lines().collect();
    let mut owners = vec![None; lines.len()];
    let Ok(file) = parsed(source) else { return owners };
    let mut items = Vec::new();
    for item in &file.items {
        collect(item, "", &mut items);
        if let Item::Use(_) = item {
            items.push(Named::new("use".to_owned(), item));
        }
    }
    // The innermost of them last.
    items.sort_by_key(|item| std::cmp::Reverse(item.end - item.start));
    for item in &items {
        let start = with_comment_above(&lines, item.start);
        for owner in &mut owners[start - 1..item.end] {
            *owner = Some(item.name().to_owned());
        }
    }
    owners
}

/// An item with the names by which it can be asked for.
struct Named {
    // The first names one item; the second, which is shorter, may not.
    full: String,
    short: Option<String>,
    start: usize,
    end: usize,
}

impl Named {
    fn new(full: String, item: &impl Spanned) -> Self {
        let span = item.span();
        let (start, end) = (span.start().line, span.end().line);
        Self { full, short: None, start, end }
    }

    fn is_called(&self, name: &str) -> bool {
        self.full == name || self.short.as_deref() == Some(name)
    }

    fn name(&self) -> &str {
        self.short.as_deref().unwrap_or(&self.full)
    }

    fn source(&self, file: &str) -> Source {
        let lines: Vec<_> = file.lines().collect();
        let start = with_comment_above(&lines, self.start);
        let first = lines[start - 1];
        let indent = &first[..first.len() - first.trim_start().len()];
        let text = lines[start - 1..self.end]
            .iter()
            .map(|line| line.strip_prefix(indent).unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        Source { lines: start..=self.end, text }
    }
}

/// The first line of the comment that ends right above line `start`; `start`
/// itself if there is none. (`syn` knows comments only if they are
/// documentation; a `// SAFETY:` is not.)
fn with_comment_above(lines: &[&str], start: usize) -> usize {
    let comment = lines[..start - 1]
        .iter()
        .rev()
        .map(|line| line.trim_start())
        .take_while(|line| line.starts_with("//") && !line.starts_with("//!"))
        .count();
    start - comment
}

fn collect(item: &Item, path: &str, items: &mut Vec<Named>) {
    match item {
        Item::Impl(block) => return collect_impl(block, path, items),
        Item::Trait(definition) => {
            let name = format!("{path}{}", definition.ident);
            for item in &definition.items {
                if let Some(method) = trait_item_name(item) {
                    items.push(Named::new(format!("{name}::{method}"), item));
                }
            }
        }
        Item::Mod(module) => {
            let inner = format!("{path}{}::", module.ident);
            for item in module.content.iter().flat_map(|(_, items)| items) {
                collect(item, &inner, items);
            }
        }
        _ => {}
    }
    if let Some(name) = item_name(item) {
        items.push(Named::new(format!("{path}{name}"), item));
    }
}

fn collect_impl(block: &syn::ItemImpl, path: &str, items: &mut Vec<Named>) {
    let of = type_name(&block.self_ty);
    let name = format!("{path}{}", impl_name(block));
    items.push(Named::new(name.clone(), block));
    for item in &block.items {
        let Some(inner) = impl_item_name(item) else { continue };
        let short = format!("{path}{of}::{inner}");
        let mut named = Named::new(short.clone(), item);
        if block.trait_.is_some() {
            named.full = format!("{name}::{inner}");
            named.short = Some(short);
        }
        items.push(named);
    }
}

fn item_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn impl_item_name(item: &ImplItem) -> Option<String> {
    match item {
        ImplItem::Const(item) => Some(item.ident.to_string()),
        ImplItem::Fn(item) => Some(item.sig.ident.to_string()),
        ImplItem::Type(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

fn trait_item_name(item: &TraitItem) -> Option<String> {
    match item {
        TraitItem::Const(item) => Some(item.ident.to_string()),
        TraitItem::Fn(item) => Some(item.sig.ident.to_string()),
        TraitItem::Type(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

/// `impl Heap`, or `Brk for SimBrk`.
pub(crate) fn impl_name(block: &syn::ItemImpl) -> String {
    let of = type_name(&block.self_ty);
    match &block.trait_ {
        Some((_, name, _)) => {
            let last = name.segments.last();
            let name =
                last.map_or_else(String::new, |last| last.ident.to_string());
            format!("{name} for {of}")
        }
        None => format!("impl {of}"),
    }
}

/// `Heap` for `Heap<B>`. What has no name of its own has none here.
pub(crate) fn type_name(of: &Type) -> String {
    match of {
        Type::Path(path) => {
            let last = path.path.segments.last();
            last.map_or_else(String::new, |last| last.ident.to_string())
        }
        Type::Reference(reference) => type_name(&reference.elem),
        _ => String::new(),
    }
}

fn missing(path: &str, name: &str, items: &[Named]) -> String {
    let mut in_order: Vec<_> = items.iter().collect();
    in_order.sort_by_key(|item| item.start);
    let names: Vec<_> = in_order.iter().map(|item| item.name()).collect();
    let guess = did_you_mean(name, &names);
    format!(
        "there is no item `{name}` in {path}.{guess} It has: {}",
        list(&names)
    )
}

fn ambiguous(path: &str, name: &str, found: &[&Named], file: &str) -> String {
    let lines: Vec<_> = file.lines().collect();
    let candidates: Vec<_> = found
        .iter()
        .map(|item| {
            let first = code_line(&lines[item.start - 1..item.end]);
            format!("`{}` in line {} (`{first}`)", item.full, item.start)
        })
        .collect();
    format!(
        "the name `{name}` is not enough in {path}. It may be {}",
        candidates.join(", or ")
    )
}

/// The first line that is neither comment nor attribute.
fn code_line<'a>(lines: &[&'a str]) -> &'a str {
    let mut trimmed = lines.iter().map(|line| line.trim());
    trimmed
        .find(|line| !line.starts_with("//") && !line.starts_with('#'))
        .unwrap_or_default()
}
