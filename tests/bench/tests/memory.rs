//! What a stack for each thread needs on the recordings, beside glibc.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The names of the recordings.
fn recordings() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces");
    let files = fs::read_dir(folder).expect("a folder of recordings");
    let names = files.filter_map(|file| {
        let name = file.expect("a file").file_name();
        let name = name.into_string().expect("a plain name");
        name.strip_suffix(".trace").map(str::to_owned)
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The most bytes that a recording takes, in a process of its own.
fn most(allocator: &str, recording: &str) -> f64 {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["in-memory", allocator, recording])
        .output()
        .expect("the bench starts");
    assert!(output.status.success(), "{allocator}, {recording}: {output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    let bytes = said.split(' ').next().and_then(|it| it.parse().ok());
    bytes.unwrap_or_else(|| panic!("{allocator}, {recording}: {said}"))
}

#[test]
fn a_stack_for_each_thread_needs_little_more_than_glibc_on_the_recordings() {
    let mut ratios = Vec::new();
    for recording in recordings() {
        let nothing = most("nothing", &recording);
        let [glibc, ours] = ["glibc", "per thread"]
            .map(|allocator| most(allocator, &recording) - nothing);
        let ratio = ours / glibc;
        println!("{recording}: {ours} bytes, glibc {glibc}: {ratio:.2} times");
        assert!(ratio <= 1.5, "{recording}: {ours} bytes, glibc {glibc}");
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    assert!(ratios.len() >= 10, "{} recordings", ratios.len());
    let middle = ratios[ratios.len() / 2];
    assert!(middle <= 1.15, "in the middle {middle:.2} times: {ratios:.2?}");
}
