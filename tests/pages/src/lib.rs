//! What looks at the book from outside.
//!
//! The tests are in `tests/pages/tests`. What they share is here: [`captures`]
//! makes the outputs that the book quotes, [`commands`] knows what its readers
//! are told to type, and [`in_a_page`] makes what runs in a browser.

pub mod captures;
pub mod commands;
pub mod in_a_page;
