//! What looks at all the stages from outside.
//!
//! The tests are in `tests/tests`. What they share is here: [`shadow`] watches
//! a heap do random work and [`invariants`] what goes on inside it,
//! [`contract`] runs the contract on a heap that is no stage's, [`fault`] has
//! faults to plant in a stage, [`misuse`] runs programs that break the rules,
//! and [`matrix`] asks all heaps for their properties. What they share with the
//! programs that measure is in the crate `timing`, and what looks at the book is
//! in the crate `pages`.

pub mod contract;
pub mod fault;
pub mod invariants;
pub mod matrix;
pub mod misuse;
pub mod misuse_told;
pub mod shadow;
pub mod soak;

#[cfg(doctest)]
pub mod snippets;
