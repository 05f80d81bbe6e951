//! A program of one's own, with one of our heaps linked in.

use std::fs;

use timing::preload::run_counted;
use timing::run::{Outcome, command};
use timing::workspace::{build_example, build_hello};

#[test]
#[ignore = "needs a C compiler: .ci/run runs it"]
fn a_program_in_c_is_linked_with_stage_3() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = build_example("malloc3");
    let hello = build_hello(folder.path(), &library);

    let lines: String = (0..100_000).map(|i| format!("line {i}\n")).collect();
    fs::write(folder.path().join("lines"), lines).expect("a file");
    let mut shell = command("sh", folder.path());
    shell.args(["-c", "exec \"$0\" < lines"]).arg(hello);
    let (outcome, _used, moves) = run_counted(shell, &[]);

    let Outcome { status, stdout, stderr } = &outcome;
    assert!(status.success(), "{outcome:?}");
    assert_eq!(stdout, "hello, 100000 lines\n", "{outcome:?}");
    assert_eq!(stderr, "", "{outcome:?}");
    // 32 bytes and a header for each line: the end went back but for the slack.
    let [moves] = moves[..] else { panic!("one process: {moves:?}") };
    assert!(moves.calls > 10, "our heap was not used: {moves:?}");
    assert!(moves.bytes < 2_500_000, "nothing went back: {moves:?}");
}
