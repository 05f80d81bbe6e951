//! What a heap does, recorded and drawn.
//!
//! A [recorder] runs a program on one of the stages' heaps over a simulated
//! break, and after each operation it notes what the memory looks like. The
//! [drawing](draw) of the whole [recording] is HTML that the reader can play.
//! So no address, size or count in a figure is written by hand.
//!
//! It is a crate of its own so that all of it can also be compiled for a page.

pub mod amount;
pub mod draw;
mod fields;
pub mod heap;
pub mod lists;
pub mod program;
pub mod question;
pub mod recorder;
pub mod recording;
pub mod region;
pub mod run;
pub mod stage1;
pub mod stage2;
pub mod stage3;
pub mod stage4;
pub mod stage5;
pub mod steps;
pub mod ten_lines;
pub mod text;
pub mod web;
