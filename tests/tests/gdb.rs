//! A debugger can walk over the heap of a program that has stopped: the script
//! that comes with stage 3.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use timing::run::{command, run};
use timing::workspace::{build_example, workspace};

/// What gdb says when a program that writes past the end of a block runs on
/// stage 3, and gdb is told `what` to do.
fn gdb(what: &[&str]) -> String {
    let (library, program) =
        (build_example("malloc3"), build_example("overrun"));
    let mut gdb = command("gdb", workspace());
    gdb.args(["-nx", "-batch", "-x", "stage3-freelist/gdb/walk.gdb"]);
    let preload = format!("set environment LD_PRELOAD {}", library.display());
    for command in [preload.as_str()].iter().chain(what) {
        gdb.args(["-ex", command]);
    }
    gdb.arg(program);
    let outcome = run(gdb);
    format!("{}{}", outcome.stdout, outcome.stderr)
}

/// A line of the walk: where a payload starts, its bytes, and what else is said.
fn block(line: &str) -> Option<(usize, usize, &str)> {
    let (address, rest) = line.strip_prefix("0x")?.split_once(' ')?;
    let (size, rest) = rest.trim_start().split_once(' ')?;
    let address = usize::from_str_radix(address, 16).ok()?;
    Some((address, size.parse().ok()?, rest))
}

#[test]
#[ignore = "needs gdb: .ci/run runs it"]
fn a_walk_shows_all_blocks_of_a_heap_that_is_whole() {
    let said = gdb(&["break copy_text", "run", "walk"]);
    let blocks: Vec<_> = said.lines().filter_map(block).collect();
    assert!(blocks.len() >= 3, "{said}");
    for pair in blocks.windows(2) {
        let ((below, size, _), (above, ..)) = (pair[0], pair[1]);
        assert_eq!(above, below + size + 16, "one behind the other: {said}");
    }
    for (_, size, what) in &blocks {
        let is_state = ["used", "free"].contains(what);
        assert!(is_state, "a block of {size} is {what:?}: {said}");
    }
    let is_ours = |it: &&(usize, usize, &str)| it.1 == 4000 && it.2 == "used";
    let ours = blocks.iter().filter(is_ours).count();
    assert_eq!(ours, 3, "the text and two copies: {said}");
    assert_eq!(blocks.last().map(|it| it.2), Some("free"), "{said}");
    assert!(!said.contains("wrong tag"), "{said}");
}

#[test]
#[ignore = "needs gdb: .ci/run runs it"]
fn a_walk_stops_at_the_first_header_that_was_written_over() {
    let said = gdb(&["break abort", "run", "backtrace", "walk"]);
    assert!(
        said.contains("malloc: this is no block of the heap: 0x"),
        "{said}"
    );
    assert!(said.contains("tests/examples/overrun.rs"), "who called: {said}");
    let blocks: Vec<_> = said.lines().filter_map(block).collect();
    let (last, others) = blocks.split_last().expect("blocks");
    let what = "used  <- its tag says 3840 below, where 4000 are";
    assert_eq!((last.1, last.2), (4000, what), "{said}");
    let others = others.iter().filter(|it| it.2.contains("<-")).count();
    assert_eq!(others, 0, "blocks below that are wrong: {said}");
}

#[test]
#[ignore = "needs gdb: .ci/run runs it"]
fn the_header_that_is_wrong_can_be_watched() {
    let watch = "watch *(unsigned long *) $wrong";
    let said = gdb(&["break abort", "run", "walk", watch, "run", "continue"]);
    let last = said.rsplit("Old value = ").next().unwrap_or_default();
    let starts = last.starts_with("4000\nNew value = 3840\n");
    assert!(starts && last.contains("copy_text"), "{said}");
}
