//! What looks at all the stages from outside.
//!
//! The tests are in `tests/tests`. What they share is here: [`workspace`]
//! builds what they look at, [`run`] runs it, [`preload`] puts one of our
//! heaps under a program and proves that it was used, [`shadow`] watches a
//! heap do random work, and [`captures`] makes the outputs that the book
//! quotes.

pub mod captures;
pub mod preload;
pub mod run;
pub mod shadow;
pub mod workspace;

#[cfg(doctest)]
pub mod snippets;
