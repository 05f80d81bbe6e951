//! What looks at all the stages from outside.
//!
//! The tests are in `tests/tests`. What they share is here: [`shadow`] watches
//! a heap do random work and [`invariants`] what goes on inside it, [`soak`] has
//! it do so for hours, [`fuzzed`] asks it for what some bytes say,
//! [`contract`] runs the contract on a heap that is no stage's, [`fault`] has
//! faults to plant in a stage, [`workshop`] is where that is done, and [`sight`]
//! says which test sees them, [`mutant`] has changes that a machine thought of,
//! [`misuse`] runs programs that break the rules,
//! [`matrix`] asks all heaps for their properties, `root` is a whole system in a
//! folder, and `runtimes` runs programs in many languages in one. What they share
//! with the
//! programs that measure is in the crate `timing`, and what looks at the book is
//! in the crate `pages`.

/// The nightly compiler for what needs one, such as Miri. It has a date: the words
/// of another may be others.
pub const NIGHTLY: &str = include_str!("../nightly.txt").trim_ascii();

pub mod contract;
pub mod fault;
pub mod fuzzed;
pub mod invariants;
pub mod matrix;
pub mod misuse;
pub mod misuse_refused;
pub mod misuse_told;
pub mod mutant;
pub mod operations;
#[cfg(target_os = "linux")]
pub mod root;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod runtimes;
pub mod shadow;
pub mod sight;
pub mod soak;
pub mod workshop;

#[cfg(doctest)]
pub mod snippets;
