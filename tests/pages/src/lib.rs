//! What looks at the book from outside.
//!
//! The tests are in `tests/pages/tests`. What they share is here: [`captures`]
//! makes the outputs that the book quotes, [`chromium`] is a browser,
//! [`commands`] knows what its readers are told to type, [`in_a_page`] makes what
//! runs in a browser, and [`on_a_copy`] puts faults into copies of a stage.

pub mod captures;
pub mod chromium;
pub mod commands;
pub mod in_a_page;
pub mod on_a_copy;
