//! A Rust program with threads, all of whose memory comes from a heap of ours.

use timing::run::{command, run};
use timing::workspace::{build_example, workspace};

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_rust_program_counts_words_with_four_threads_on_our_heap() {
    let outcome = run(command(build_example("global4"), workspace()));
    assert!(outcome.status.success(), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
    let (counts, report) = outcome
        .stdout
        .split_once("a heap of ")
        .unwrap_or_else(|| panic!("a report of the heap: {outcome:?}"));
    let expected = " 66667 block
 66833 break
 66500 free
 66667 header
 66833 heap
 66500 lock
";
    assert_eq!(counts, expected);

    let numbers: Vec<usize> =
        report.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [bytes, blocks, used] = numbers[..] else {
        panic!("three numbers: {report:?}");
    };
    assert!(bytes > used && blocks > 1, "a heap that was used: {report:?}");
    assert!(used > 0, "what the program has is in our heap: {report:?}");
}
