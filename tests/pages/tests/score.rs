//! `cargo run -- score`: marks for a heap, beside stage 3 of this book.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use book::{practice, stage};
use serde_json::Value;
use tests::fault::Fault;
use timing::workspace::workspace;

fn score(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reader"))
        .arg("score")
        .args(words)
        .output()
        .expect("the book's program runs")
}

/// A copy of stage 3, in a folder of its own.
fn copy(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("score");
    let folder = folder.join(name);
    let stage = stage::find(workspace(), "3").expect("stage 3");
    practice::copy(workspace(), &stage, &folder, false).expect("a copy");
    folder
}

/// A trace of the malloc lab, beside a copy.
fn trace(folder: &Path, text: &str) -> String {
    let file = folder.join("small.rep");
    fs::write(&file, text).expect("a folder of ours");
    shown(&file)
}

fn shown(path: &Path) -> String {
    path.to_str().expect("a plain name").to_owned()
}

/// What a program reads.
fn json(words: &[&str]) -> Value {
    let output = score(&[words, &["--json"]].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Blocks of many sizes come and go.
fn coming_and_going() -> String {
    let mut text = String::from("0\r\n100\r\n4000\r\n1\r\n");
    for round in 0..20 {
        for block in 0..100 {
            let size = 16 + (block * 37 + round * 11) % 900;
            text += &format!("a {block} {size}\r\n");
        }
        for block in (0..100).step_by(3) {
            text += &format!("r {block} {}\r\n", 40 + block * 20);
        }
        for block in (0..100).rev() {
            text += &format!("f {}\r\n", (block * 7 + round) % 100);
        }
    }
    text
}

/// A copy and its faults share what is built.
#[test]
fn a_copy_has_the_marks_of_the_stage_and_a_fault_has_none() {
    let folder = copy("stage3");
    let (heap, trace) = (shown(&folder), trace(&folder, &coming_and_going()));
    let marks = json(&[&heap, &trace]);
    assert_eq!(marks["correct"], true, "{marks}");
    assert_eq!(marks["memory"], 60.0, "{marks}");
    let of = &marks["traces"][0];
    assert_eq!(of["heap"], of["heap_of_stage_3"], "{marks}");
    assert_eq!(of["name"], "small", "{marks}");
    let sum = marks["memory"].as_f64().expect("a number")
        + marks["speed"].as_f64().expect("a number");
    let all = marks["score"].as_f64().expect("a number");
    assert!((all - sum).abs() < 1e-9 && all > 75.0, "{marks}");

    let table = score(&[&heap, &trace]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("\nmemory   60.0 of 60\n"), "{table}");

    let fault = Fault::named("3-set-forgets-the-tag-above");
    let (_, file) = fault.file.split_once('/').expect("a file of a stage");
    fs::write(folder.join(file), fault.plant()).expect("a file of ours");
    let marks = json(&[&heap, &trace]);
    assert_eq!(marks["correct"], false, "{marks}");
    assert_eq!(marks["score"], 0.0, "{marks}");
    let wrong = marks["wrong"].as_str().expect("a reason");
    assert!(wrong.starts_with("small: "), "{wrong}");
    let table = score(&[&heap, &trace]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.ends_with("\nscore 0 of 100\n"), "{table}");
    // (The address that the heap names is another one in each run.)
    let (wrong, _) = wrong.split_once("0x").unwrap_or((wrong, ""));
    assert!(table.contains(wrong), "{wrong} is not in {table}");

    fs::write(folder.join(file), "this is no Rust").expect("a file of ours");
    let output = score(&[&heap, &trace]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("does not build: see above"), "{said}");
}

#[test]
fn what_is_wrong_with_a_trace_is_said_with_its_line() {
    let folder = copy("stage3-for-traces");
    let heap = shown(&folder);
    let many: String =
        (0..200).map(|block| format!("a {block} {}\n", 1_u64 << 40)).collect();
    for (text, expected) in [
        ("0\n1\n2\n1\na 0 5\nf 1\n", "line 6: block 1 is not in use\n"),
        ("hello\n", "line 1: `hello` is no operation\n"),
        ("1\n1\n", "there is no operation in it\n"),
        // No heap is to blame for these.
        (
            "a 0 999999999999999\n",
            "line 1: no block has 999999999999999 bytes\n",
        ),
        (&many, "bytes, and there are not so many\n"),
    ] {
        let output = score(&[&heap, &trace(&folder, text)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("small.rep: "), "{said}");
        assert!(said.ends_with(expected), "{said}");
        assert_eq!(output.status.code(), Some(1), "{said}");
    }
}

#[test]
fn what_cannot_get_marks_is_said() {
    for (words, said, code) in [
        (&[][..], "whose heap?\nscore takes the folder of a stage", 2),
        (&["x", "--lists"], "--lists needs a number", 2),
        (&["x", "--lists", "y"], "`y` is no number", 2),
        (&["x", "--jsn"], "unknown: --jsn", 2),
        (&["no/such/folder"], "error: there is no no/such/folder\n", 1),
        (
            &["no/such/stage3"],
            "error: there is no no/such/stage3. To make it: cargo run -- \
             practice 3\n",
            1,
        ),
        (&["tests"], "tests is not the folder of a stage", 1),
    ] {
        let output = score(words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(said), "{words:?}: {stderr}");
        assert_eq!(output.status.code(), Some(code), "{words:?}");
    }
}
