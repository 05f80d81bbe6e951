//! Numbers in the prose that a stage's own source gives: `{{#const …}}`.
//!
//! ```text
//! The break rises in steps of {{#const stage3-freelist STEP as size}}.
//! A header has {{#const stage2-headers size_of::<Header>() as bytes}}.
//! At most {{#const stage3-freelist FITS as word}} blocks are looked at.
//! ```
//!
//! The first word is a stage, or a folder of sources in it, or one file where two
//! of a folder have a constant of one name. Then there is an
//! expression over its constants, and its types' sizes on a machine of 64 bits. Without `as`
//! it is the number alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use syn::{
    BinOp, Expr, Fields, GenericArgument, Item, Lit, PathArguments, Type,
};

use crate::amount;
use crate::parsed::parsed;

/// What `stage3-freelist STEP as size` stands for.
///
/// # Errors
///
/// What is wrong with it.
pub fn value(root: &Path, arguments: &str) -> Result<String, String> {
    let (stage, rest) = arguments.split_once(' ').ok_or_else(|| {
        format!(
            "`{{{{#const {arguments}}}}}` has other arguments: a stage's folder, \
             an expression, and perhaps `as size`, `as bytes` or `as word`"
        )
    })?;
    let (expression, how) = match rest.rsplit_once(" as ") {
        Some((expression, how)) => (expression, how.trim()),
        None => (rest, "number"),
    };
    let src = root.join(stage).join("src");
    let folder = if src.is_dir() { src } else { root.join(stage) };
    let number = Constants::read(&folder)?
        .evaluate(expression)
        .map_err(|error| format!("`{expression}` of {stage}: {error}"))?;
    written(number, how)
}

/// A number in one of the ways in which a page writes it.
pub(crate) fn written(number: u128, how: &str) -> Result<String, String> {
    let bytes = usize::try_from(number).unwrap_or(usize::MAX);
    match how {
        "number" => Ok(amount::number(number)),
        "bytes" => Ok(format!("{} bytes", amount::number(number))),
        "size" => Ok(amount::size(bytes)),
        "word" => amount::word(bytes)
            .map(str::to_owned)
            .ok_or_else(|| format!("{number} has no word here")),
        _ => Err(format!(
            "a number is written `as size`, `as bytes` or `as word`, not as \
             `{how}`"
        )),
    }
}

/// The constants and structures of a crate.
#[derive(Default)]
pub struct Constants {
    constants: BTreeMap<String, Expr>,
    structures: BTreeMap<String, syn::ItemStruct>,
}

/// How deep constants may name each other.
const DEPTH: usize = 16;

impl Constants {
    /// Those of a file, or of the files in a folder. Those of its folders are not
    /// among them.
    ///
    /// # Errors
    ///
    /// That there is no such folder, or no Rust in it.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let mut this = Self::default();
        if folder.is_file() {
            this.add_file(folder)?;
        } else {
            this.add(folder)?;
        }
        Ok(this)
    }

    /// Those of a file, from its text.
    ///
    /// # Errors
    ///
    /// That it is no Rust.
    pub fn of(source: &str) -> Result<Self, String> {
        let mut this = Self::default();
        this.add_source(source)?;
        Ok(this)
    }

    fn add(&mut self, folder: &Path) -> Result<(), String> {
        let entries = fs::read_dir(folder)
            .map_err(|_| format!("there is no folder {}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|end| end == "rs") {
                self.add_file(&path)?;
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), String> {
        let source = fs::read_to_string(path).unwrap_or_default();
        self.add_source(&source)
            .map_err(|error| format!("{} is not Rust: {error}", path.display()))
    }

    fn add_source(&mut self, source: &str) -> Result<(), String> {
        let file = parsed(source).map_err(|error| error.to_string())?;
        file.items.iter().for_each(|item| self.take(item));
        Ok(())
    }

    fn take(&mut self, item: &Item) {
        match item {
            Item::Const(item) => {
                let value = (*item.expr).clone();
                self.constants.insert(item.ident.to_string(), value);
            }
            Item::Struct(item) => {
                self.structures.insert(item.ident.to_string(), item.clone());
            }
            _ => {}
        }
    }

    /// What an expression over them is.
    ///
    /// # Errors
    ///
    /// What of it is not known here.
    pub fn evaluate(&self, expression: &str) -> Result<u128, String> {
        let expression = syn::parse_str::<Expr>(expression)
            .map_err(|error| error.to_string())?;
        self.number(&expression, DEPTH)
    }

    fn number(&self, expression: &Expr, depth: usize) -> Result<u128, String> {
        let depth = depth.checked_sub(1).ok_or("it names itself")?;
        match expression {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Int(number) => {
                    number.base10_parse().map_err(|error| error.to_string())
                }
                _ => Err("it is no whole number".into()),
            },
            Expr::Paren(inner) => self.number(&inner.expr, depth),
            Expr::Group(inner) => self.number(&inner.expr, depth),
            Expr::Cast(cast) => self.number(&cast.expr, depth),
            Expr::Path(path) => {
                let last = path.path.segments.last();
                let name = last.map(|last| last.ident.to_string());
                let name = name.unwrap_or_default();
                let known = self.constants.get(&name);
                let known = known.ok_or(format!("there is no `{name}`"))?;
                self.number(known, depth)
            }
            Expr::Binary(binary) => {
                let left = self.number(&binary.left, depth)?;
                let right = self.number(&binary.right, depth)?;
                calculate(left, &binary.op, right)
            }
            Expr::Call(call) => match &*call.func {
                Expr::Path(function) => self.size_of_call(&function.path),
                _ => Err("it calls a function".into()),
            },
            _ => Err("it is more than a sum of constants".into()),
        }
    }

    /// `size_of::<Header>()`
    fn size_of_call(&self, path: &syn::Path) -> Result<u128, String> {
        let last = path.segments.last().ok_or("it has no name")?;
        let of = match &last.arguments {
            PathArguments::AngleBracketed(of) if last.ident == "size_of" => {
                of.args.first()
            }
            _ => None,
        };
        match of {
            Some(GenericArgument::Type(of)) => {
                Ok(self.layout(of, DEPTH)?.0 as u128)
            }
            _ => Err(format!("it calls `{}`", last.ident)),
        }
    }

    /// Size and alignment of a type on a machine of 64 bits.
    fn layout(
        &self,
        of: &Type,
        depth: usize,
    ) -> Result<(usize, usize), String> {
        let depth = depth.checked_sub(1).ok_or("a type holds itself")?;
        match of {
            Type::Ptr(_) | Type::Reference(_) => Ok((8, 8)),
            Type::Array(array) => {
                let (size, align) = self.layout(&array.elem, depth)?;
                let len = self.number(&array.len, depth)?;
                let len = usize::try_from(len).map_err(|it| it.to_string())?;
                Ok((size * len, align))
            }
            Type::Path(path) => {
                let last = path.path.segments.last();
                let name = last.map(|last| last.ident.to_string());
                let name = name.unwrap_or_default();
                match name.as_str() {
                    "u8" | "i8" | "bool" => Ok((1, 1)),
                    "u16" | "i16" => Ok((2, 2)),
                    "u32" | "i32" | "AtomicU32" => Ok((4, 4)),
                    "u64" | "usize" | "isize" | "NonNull" => Ok((8, 8)),
                    _ => self.layout_of_structure(&name, depth),
                }
            }
            _ => Err("the size of a type is not known here".into()),
        }
    }

    fn layout_of_structure(
        &self,
        name: &str,
        depth: usize,
    ) -> Result<(usize, usize), String> {
        let known = self.structures.get(name);
        let known = known.ok_or(format!("there is no `struct {name}`"))?;
        let mut layouts = Vec::new();
        if let Fields::Named(_) | Fields::Unnamed(_) = known.fields {
            for field in &known.fields {
                layouts.push(self.layout(&field.ty, depth)?);
            }
        }
        let mut align = layouts.iter().map(|layout| layout.1).max();
        let mut in_order = false;
        for attribute in &known.attrs {
            if attribute.path().is_ident("repr") {
                let _ = attribute.parse_nested_meta(|meta| {
                    in_order |= meta.path.is_ident("C");
                    if meta.path.is_ident("align") {
                        let inner;
                        syn::parenthesized!(inner in meta.input);
                        let least: syn::LitInt = inner.parse()?;
                        align = align.max(Some(least.base10_parse()?));
                    }
                    Ok(())
                });
            }
        }
        if !in_order {
            // The compiler puts the largest first, and leaves no gap.
            layouts.sort_by_key(|layout| std::cmp::Reverse(layout.1));
        }
        let end = layouts.iter().fold(0_usize, |end, (size, align)| {
            end.next_multiple_of(*align) + size
        });
        let align = align.unwrap_or(1);
        Ok((end.next_multiple_of(align), align))
    }
}

fn calculate(left: u128, by: &BinOp, right: u128) -> Result<u128, String> {
    let shift = u32::try_from(right).ok();
    let result = match by {
        BinOp::Add(_) => left.checked_add(right),
        BinOp::Sub(_) => left.checked_sub(right),
        BinOp::Mul(_) => left.checked_mul(right),
        BinOp::Div(_) => left.checked_div(right),
        BinOp::Rem(_) => left.checked_rem(right),
        BinOp::Shl(_) => shift.and_then(|by| left.checked_shl(by)),
        BinOp::Shr(_) => shift.and_then(|by| left.checked_shr(by)),
        _ => return Err("it is more than a sum of constants".into()),
    };
    result.ok_or("it is no number that fits".to_owned())
}
