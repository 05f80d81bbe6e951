//! Programs that measure the stages are in the examples. What they share with
//! each other and with the tests is here: [`workspace`] builds what they look
//! at, [`run`] runs it, [`preload`] puts one of our heaps under a program and
//! proves that it was used, [`programs`] keeps real programs busy, [`trace`]
//! records what programs ask of malloc, [`score`] gives a heap marks for a
//! trace, [`progress`] shows that a program is at work, and [`results`] says
//! what there is to know about the machine that measured.

pub mod preload;
pub mod programs;
pub mod progress;
pub mod results;
pub mod run;
pub mod score;
pub mod trace;
pub mod workspace;
