//! `cargo run -- play N`: a heap to play with, in a terminal.

use std::process::Output;

mod readers;

/// What comes of typing `typed` into `play` with these words behind it.
fn play(words: &[&str], typed: &str) -> Output {
    readers::typed(&[&["play"], words].concat(), typed)
}

/// What it prints, in parts: the greeting, and an answer for each line.
fn answers(stage: &str, typed: &str) -> Vec<String> {
    let output = play(&[stage], typed);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split("> ").map(str::to_owned).collect()
}

/// The addresses of the boxes in a picture that say `what`.
fn boxes<'p>(picture: &'p str, what: &str) -> Vec<&'p str> {
    let lines: Vec<&str> = picture.lines().collect();
    let is_it = |pair: &&[&str]| pair[0].contains(what);
    let found = lines.windows(2).filter(is_it);
    found.filter_map(|pair| pair[1].split_whitespace().next()).collect()
}

#[test]
fn a_block_is_drawn_where_malloc_says_that_it_is() {
    for stage in ["1", "2", "3", "4", "5"] {
        let answers = answers(stage, "a = malloc(100)\nb = malloc(24)\n");
        let [_, first, second, _] = &answers[..] else {
            panic!("two answers: {answers:#?}");
        };
        for (picture, name) in [(first, "a"), (second, "b")] {
            let drawn = boxes(picture, &format!("| {name} <- new "));
            let [at] = drawn[..] else {
                panic!("one box for {name}: {picture}");
            };
            let said = format!(" gives {at}.");
            assert!(picture.contains(&said), "{said} in {picture}");
        }
    }
}

#[test]
fn a_free_block_says_its_list_or_that_it_is_the_last() {
    for stage in ["3", "4"] {
        let typed = "a = malloc(100)\nb = malloc(24)\nfree(a)\n";
        let answers = answers(stage, typed);
        for picture in &answers[1..3] {
            // Nobody has freed it: the break has brought more than was asked.
            let rest = "| free: the last, on no list <- the rest ";
            assert_eq!(boxes(picture, rest).len(), 1, "{stage}: {picture}");
        }
        let freed = boxes(&answers[3], "| free: list 6 <- freed ");
        assert_eq!(freed, ["0x…010"], "{stage}: {}", answers[3]);
        let last = boxes(&answers[3], "| free: the last, on no list ");
        assert_eq!(last.len(), 1, "{stage}: {}", answers[3]);
        for line in answers.iter().flat_map(|picture| picture.lines()) {
            assert!(line.chars().count() < 80, "{stage}: {line}");
        }
    }
}

#[test]
fn undo_draws_the_heap_as_it_was() {
    let typed = "a = malloc(100)\nb = malloc(50)\nundo\nundo\nundo\n";
    let answers = answers("3", typed);
    assert_eq!(answers[3], answers[1]);
    assert!(answers[4].contains("The empty heap."), "{}", answers[4]);
    assert_eq!(answers[5], "There is no line to take back.\n");
}

#[test]
fn a_fault_ends_the_program_and_the_line_is_taken_back() {
    for stage in ["2", "3", "4", "5"] {
        let typed = "a = malloc(64)\nb = malloc(64)\nfree(a)\nfree(a)\nlist\n";
        let answers = answers(stage, typed);
        let drawn = boxes(&answers[1], "| a <- new ");
        let [at] = drawn[..] else {
            panic!("one box for a: {}", answers[1]);
        };
        let fault = format!(
            "malloc: this block is free already: {at}\n\
             The program has ended.\n"
        );
        assert!(answers[4].starts_with(&fault), "{stage}: {}", answers[4]);
        let list = "a = malloc(64)\nb = malloc(64)\nfree(a)\n";
        assert_eq!(answers[5], list, "stage {stage}");
    }
}

#[test]
fn stage_1_sees_no_block_that_is_freed_twice() {
    let answers = answers("1", "a = malloc(64)\nfree(a)\nfree(a)\n");
    assert!(answers[3].contains("free(a). The break stays."), "{answers:#?}");
}

#[test]
fn a_pointer_that_is_no_blocks_is_a_fault() {
    for stage in ["2", "3", "4", "5"] {
        let answers = answers(stage, "a = malloc(64)\nfree(a + 16)\n");
        let fault = "malloc: this is no block of the heap: 0x…";
        assert!(answers[2].starts_with(fault), "{stage}: {}", answers[2]);
    }
}

#[test]
fn a_whole_program_that_a_fault_ends_fails_with_its_line() {
    let program = "a = malloc(8); b = malloc(8); free(a); free(a)";
    for output in [play(&["4", "--once"], program), play(&["4", program], "")] {
        let errors = String::from_utf8_lossy(&output.stderr);
        let fault = "error: malloc: this block is free already: 0x…010\n";
        assert!(errors.starts_with(fault), "{errors}");
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn the_same_lines_run_on_another_stage() {
    let answers = answers("2", "a = malloc(100)\nfree(a)\nstage 1\n");
    assert!(answers[3].starts_with("The heap of stage 1."), "{}", answers[3]);
    assert!(answers[3].contains("(a: lost)"), "{}", answers[3]);
}

#[test]
fn somebody_else_and_a_refusal_are_lines_too() {
    let typed = "a = malloc(100)\nsbrk(4096)\nrefuse(1)\nb = malloc(100)\n";
    let answers = answers("1", typed);
    let foreign = boxes(&answers[2], "| somebody else's <- new");
    assert_eq!(foreign.len(), 1, "{}", answers[2]);
    assert!(answers[4].contains("b = malloc(100) gives null."), "{answers:#?}");
}

#[test]
fn a_line_that_is_none_changes_nothing() {
    for line in [
        "malloc",
        "malloc(8)",
        "a = malloc()",
        "a = malloc(x)",
        "a = free(b)",
        "1a = malloc(8)",
        "free(b)",
        "fill(b)",
        "sbrk(1000000000)",
    ] {
        let answers = answers("3", &format!("{line}\nlist\n"));
        assert_eq!(answers[2], "", "{line}: {}", answers[1]);
        let quoted = answers[1].contains('`');
        assert!(quoted && !answers[1].contains("panicked"), "{}", answers[1]);
    }
}

#[test]
fn a_whole_program_is_drawn_once() {
    let program = "a = malloc(8); b = malloc(8); free(a)";
    for output in [play(&["4", "--once"], program), play(&["4", program], "")] {
        assert!(output.status.success(), "{output:?}");
        let picture = String::from_utf8_lossy(&output.stdout);
        assert!(picture.contains("list 0: 0x…010"), "{picture}");
        assert!(picture.ends_with("free(a). The break stays.\n"), "{picture}");
    }
}

#[test]
fn what_there_is_not_to_play_with_is_said() {
    for (words, said) in [
        (vec![], "which stage?"),
        (vec!["6"], "there is no stage 6 to play with"),
        (vec!["x"], "`x` is no number"),
        (vec!["3", "--room", "x"], "`x` is no number"),
        (vec!["3", "--room"], "--room needs a number"),
        (vec!["3", "4"], "`4` is too much"),
    ] {
        let output = play(&words, "");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr.lines().next(), Some(said), "{words:?}");
        let taken = stderr.lines().nth(1).unwrap_or_default();
        assert!(taken.starts_with("play takes "), "{stderr}");
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
}
