//! A file whose functions are still to be written.

use std::ops::Range;

use syn::{Block, ImplItem, Item, ReturnType, Signature, TraitItem, Type};

use crate::item::{impl_name, type_name};
use crate::parsed::parsed;

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

/// The file with `todo!()` for each body but those that `stays` wants to keep.
/// Comments, signatures and their order stay as they are.
///
/// # Errors
///
/// Why the file at `path` is not Rust.
pub fn empty(
    path: &str,
    source: &str,
    stays: impl Fn(&str) -> bool,
) -> Result<String, String> {
    let mut emptied = source.to_owned();
    // From the last one up: what is replaced moves what stands behind it.
    for body in bodies(path, source)?.iter().rev() {
        if !stays(&body.name) {
            let indent = indent(source, body.signature);
            let todo = format!("{{\n{indent}    {}\n{indent}}}", body.todo);
            emptied.replace_range(body.braces.clone(), &todo);
        }
    }
    Ok(emptied)
}

/// What is written between the braces of a function.
struct Body {
    name: String,
    // All in bytes from the start of the file.
    signature: usize,
    braces: Range<usize>,
    todo: &'static str,
}

fn bodies(path: &str, source: &str) -> Result<Vec<Body>, String> {
    let file = parsed(source)
        .map_err(|error| format!("{path} is not Rust: {error}"))?;
    Ok(file.items.iter().flat_map(item).collect())
}

fn item(item: &Item) -> Vec<Body> {
    match item {
        Item::Fn(function) => {
            body("", &function.sig, &function.block).into_iter().collect()
        }
        Item::Impl(block) => {
            let of = match block.trait_ {
                Some(_) => impl_name(block),
                None => type_name(&block.self_ty),
            };
            let methods = block.items.iter().filter_map(|item| match item {
                ImplItem::Fn(method) => Some((&method.sig, &method.block)),
                _ => None,
            });
            let of = format!("{of}::");
            methods.filter_map(|(sig, block)| body(&of, sig, block)).collect()
        }
        Item::Trait(definition) => {
            let of = format!("{}::", definition.ident);
            let methods =
                definition.items.iter().filter_map(|item| match item {
                    TraitItem::Fn(method) => {
                        Some((&method.sig, method.default.as_ref()?))
                    }
                    _ => None,
                });
            methods.filter_map(|(sig, block)| body(&of, sig, block)).collect()
        }
        _ => Vec::new(),
    }
}

fn body(of: &str, signature: &Signature, block: &Block) -> Option<Body> {
    if signature.constness.is_some() {
        return None;
    }
    let braces = &block.brace_token.span;
    Some(Body {
        name: format!("{of}{}", signature.ident),
        signature: signature.fn_token.span.byte_range().start,
        braces: braces.open().byte_range().start
            ..braces.close().byte_range().end,
        todo: todo(&signature.output)?,
    })
}

/// What compiles in place of a body.
fn todo(output: &ReturnType) -> Option<&'static str> {
    let ReturnType::Type(_, of) = output else { return Some("todo!()") };
    let Type::ImplTrait(of) = &**of else { return Some("todo!()") };
    // The result's type comes from the body, and `todo!()` has none.
    let is_iterator = of.bounds.iter().any(|bound| match bound {
        syn::TypeParamBound::Trait(bound) => bound
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == "Iterator"),
        _ => false,
    });
    is_iterator.then_some("core::iter::from_fn(|| todo!())")
}

/// The blanks in front of the line of which `at` is a part.
fn indent(source: &str, at: usize) -> &str {
    let start = source[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = &source[start..];
    &line[..line.len() - line.trim_start().len()]
}
