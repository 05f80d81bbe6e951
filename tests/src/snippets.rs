//! The Rust snippets of the README and of the book, compiled and run by
//! `cargo test` as documentation tests: one module a page.

#[doc = include_str!("../../README.md")]
pub mod readme {}

#[doc = include_str!("../../book/chapters/before/what-malloc-is-for.md")]
pub mod before_what_malloc_is_for {}

#[doc = include_str!("../../book/chapters/stage1/what-is-missing.md")]
pub mod stage1_what_is_missing {}

#[doc = include_str!("../../book/chapters/stage1/a-break-to-test-with.md")]
pub mod stage1_a_break_to_test_with {}
