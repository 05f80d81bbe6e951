//! Who would have told: the compiler, where a misuse can be written without
//! `unsafe`. `tests/refused` asks it, and keeps its words beside each program.

use std::fs;

use timing::workspace::workspace;

use crate::misuse::MISUSES;
use crate::misuse_told::folded;

/// The program without `unsafe` that tries the same as a misuse, if there is one.
/// (A misuse is not refused if it may be written.)
pub const CASES: [(&str, &str); 16] = [
    ("one_past", "past_the_end"),
    ("past_its_room", "past_the_end"),
    ("one_before", "before_the_start"),
    ("twice_at_once", "freed_twice"),
    ("twice_later", "freed_twice_later"),
    ("twice_with_a_new_owner", "freed_twice_later"),
    ("twice_from_another_thread", "freed_by_another_thread"),
    ("the_middle", "freed_outside_unsafe"),
    ("the_stack", "freed_outside_unsafe"),
    ("of_another_heap", "freed_outside_unsafe"),
    ("read_after_free", "used_after_free"),
    ("write_after_free", "written_after_free"),
    ("write_further_in", "written_after_free"),
    ("realloc_after_free", "grown_after_free"),
    ("wrong_layout", "wrong_layout"),
    ("read_before_writing", "read_before_writing"),
];

/// What the compiler says first of a program.
///
/// # Panics
///
/// If its words were not kept.
pub fn words_of(case: &str) -> String {
    let path = format!("tests/refused/tests/misuse/{case}.stderr");
    let text = fs::read_to_string(workspace().join(&path));
    let text = text.unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines().next().unwrap_or_default().to_owned()
}

/// What it says of each misuse.
pub fn words() -> String {
    let line = |(misuse, what): &(&str, &str)| {
        let case = CASES.iter().find(|(it, _)| it == misuse);
        let said = case.map_or("-".to_owned(), |(_, case)| words_of(case));
        let said = folded(&said).join("\n    ");
        format!("{what}\n  {said}\n")
    };
    MISUSES.iter().map(line).collect()
}
