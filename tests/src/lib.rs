//! What looks at all the stages from outside.
//!
//! The tests are in `tests/tests`. What they share is here: [`shadow`] watches
//! a heap do random work and [`invariants`] what goes on inside it, [`contract`]
//! runs the contract on a heap that is no stage's, [`captures`] makes the outputs
//! that the book quotes, and [`commands`] knows what its readers are told to
//! type. What they share with the programs that measure is in the crate `timing`.

pub mod captures;
pub mod commands;
pub mod contract;
pub mod in_a_page;
pub mod invariants;
pub mod shadow;

#[cfg(doctest)]
pub mod snippets;
