//! Items are found by name, and the messages help when they are not.

use book::item::{Source, find};

const HEAP: &str = "\
//! A heap.

/// A heap
/// on a break.
#[derive(Debug)]
pub struct Heap<B> {
    brk: B,
}

impl<B> Heap<B> {
    /// Takes memory.
    pub fn malloc(&mut self) {
        // Here.

    }

    // SAFETY: none is needed.
    // It does nothing.
    #[inline]
    pub fn free(&mut self) {}
}

impl Clone for Heap<u8> {
    fn clone(&self) -> Self {
        todo!()
    }
}

trait Brk {
    fn sbrk(&mut self);
}

impl Brk for Heap<u8> {
    fn sbrk(&mut self) {}
}

impl Drop for Heap<u16> {
    fn drop(&mut self) {}
}

impl Drop for Heap<u32> {
    fn drop(&mut self) {}
}

mod tests {
    fn leaks() {}
}

fn free() {} // a comment behind it
";

fn item(name: &str) -> Source {
    find("heap.rs", HEAP, name).unwrap()
}

fn error(name: &str) -> String {
    find("heap.rs", HEAP, name).unwrap_err()
}

#[test]
fn a_type_comes_with_its_documentation_and_attributes() {
    let text = "/// A heap\n/// on a break.\n#[derive(Debug)]\n\
                pub struct Heap<B> {\n    brk: B,\n}\n";
    assert_eq!(item("Heap"), Source { lines: 3..=8, text: text.into() });
}

#[test]
fn a_method_moves_to_the_left_and_keeps_its_empty_lines() {
    let text = "/// Takes memory.\npub fn malloc(&mut self) {\n    \
                // Here.\n\n}\n";
    let expected = Source { lines: 11..=15, text: text.into() };
    assert_eq!(item("Heap::malloc"), expected);
}

#[test]
fn a_comment_right_above_belongs_to_the_item() {
    let text = "// SAFETY: none is needed.\n// It does nothing.\n\
                #[inline]\npub fn free(&mut self) {}\n";
    assert_eq!(item("Heap::free").text, text);
}

#[test]
fn a_function_is_not_confused_with_a_method() {
    assert_eq!(item("free").text, "fn free() {} // a comment behind it\n");
}

#[test]
fn an_impl_is_named_by_its_trait_and_type() {
    assert_eq!(item("Brk for Heap").lines, 33..=35);
    assert_eq!(item("impl Heap").lines, 10..=21);
}

#[test]
fn a_method_of_a_trait_is_told_from_that_of_its_impl() {
    assert_eq!(item("Brk::sbrk").text, "fn sbrk(&mut self);\n");
    assert_eq!(item("Heap::sbrk").text, "fn sbrk(&mut self) {}\n");
    assert_eq!(item("Brk for Heap::sbrk"), item("Heap::sbrk"));
}

#[test]
fn a_module_holds_items() {
    assert_eq!(item("tests::leaks").text, "fn leaks() {}\n");
}

#[test]
fn a_missing_name_gets_a_guess_and_the_list() {
    assert_eq!(
        error("Heap::fre"),
        "there is no item `Heap::fre` in heap.rs. Did you mean `Heap::free`? \
         It has: `Heap`, `impl Heap`, `Heap::malloc`, `Heap::free`, \
         `Clone for Heap`, `Heap::clone`, `Brk`, `Brk::sbrk`, `Brk for Heap`, \
         `Heap::sbrk`, `Drop for Heap`, `Heap::drop`, `Drop for Heap`, \
         `Heap::drop`, `tests`, `tests::leaks`, `free`"
    );
}

#[test]
fn an_ambiguous_name_gets_its_candidates_with_their_lines() {
    assert_eq!(
        error("Drop for Heap"),
        "the name `Drop for Heap` is not enough in heap.rs. It may be \
         `Drop for Heap` in line 37 (`impl Drop for Heap<u16> {`), or \
         `Drop for Heap` in line 41 (`impl Drop for Heap<u32> {`)"
    );
}

#[test]
fn a_file_that_is_not_rust_is_named() {
    let error = find("notes.rs", "fn fn", "x").unwrap_err();
    assert!(error.starts_with("notes.rs is not Rust: "), "{error}");
}
