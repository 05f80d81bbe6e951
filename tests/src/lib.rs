//! What looks at all the stages from outside.
//!
//! The tests are in `tests/tests`. What they share is here: [`workspace`]
//! builds what they look at, [`run`] runs it, [`preload`] puts one of our
//! heaps under a program and proves that it was used, [`programs`] keeps real
//! programs busy, [`shadow`] watches a heap do random work and [`invariants`]
//! what goes on inside it, [`captures`] makes the outputs that the book quotes,
//! and [`trace`] records what programs ask of malloc.

pub mod captures;
pub mod contract;
pub mod invariants;
pub mod preload;
pub mod programs;
pub mod run;
pub mod shadow;
pub mod trace;
pub mod workspace;

#[cfg(doctest)]
pub mod snippets;
