//! The book: what stands behind its chapters, and how it is built.
//!
//! A chapter is Markdown with directives, such as
//! `{{#item stage1-bump/src/heap.rs Heap::free}}`. [`page`] puts what they
//! stand for in their place, [`preprocess`] does so for all pages and is what
//! mdBook calls, and [`build`] runs mdBook.

pub mod about;
pub mod answers;
pub mod asserted;
pub mod build;
pub mod captured;
pub mod check;
pub mod cli;
pub mod coach;
pub mod console;
pub mod constant;
pub mod count;
pub mod diff;
pub mod directive;
pub mod drawing;
pub mod edition;
pub mod empty;
pub mod exercise;
pub mod failure;
pub mod faults;
pub mod figure;
pub mod highlight;
pub mod homes;
pub mod html;
pub mod inline;
pub mod item;
pub mod map;
pub mod milestone;
pub mod miri;
pub mod mutants;
pub mod noted;
pub mod numbering;
pub mod page;
pub mod parsed;
pub mod patch;
mod permalink;
pub mod plot;
pub mod poster;
pub mod practice;
pub mod preprocess;
pub mod problem;
pub mod progress;
pub mod prose;
pub mod quiz;
pub mod ran;
pub mod repository;
pub mod result;
pub mod runtimes;
pub mod said;
pub mod score;
pub mod search;
pub mod side_by_side;
pub mod sources;
pub mod stage;
pub mod tabled;
pub mod targets;
pub mod terminal;
pub mod time;
pub mod tryit;
pub mod units;
pub mod vary;
pub mod whole_systems;
pub mod words;

pub use play::amount;

// A figure compiles the files of a stage's stack, which name these two.
use stage5_lifo_stack::{brk, fault};
