//! Rust files, taken apart once: pages ask for the same ones again and again.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A file with this text. A thread keeps what it has taken apart.
///
/// # Errors
///
/// Why it is not Rust.
pub fn parsed(source: &str) -> syn::Result<Rc<syn::File>> {
    thread_local! {
        static SEEN: RefCell<HashMap<String, Rc<syn::File>>> = RefCell::default();
    }
    if let Some(file) = SEEN.with_borrow(|seen| seen.get(source).cloned()) {
        return Ok(file);
    }
    let file = Rc::new(syn::parse_file(source)?);
    SEEN.with_borrow_mut(|seen| seen.insert(source.to_owned(), file.clone()));
    Ok(file)
}
