//! The table of what was asked for is worked out from the results as it says.

use std::fs;

use book::targets::{Row, markdown, rows};
use book::{result, tabled};
use tempfile::TempDir;
use timing::workspace::workspace;

/// Of each file, its columns and its rows.
const FILES: [(&str, &str, &str); 8] = [
    (
        "traces",
        "program,allocator,ns,low,high",
        // Net: glibc 10, 20 and 40.
        "a,nothing,2,2,2\na,per thread,4,3,7\na,glibc,12,11,13\n\
         a,theirs,7,6,8\na,dlmalloc,22,21,23\na,stage 3,17,12,22\n\
         b,nothing,2,2,2\nb,per thread,14,12,18\nb,glibc,22,21,23\n\
         b,theirs,12,11,13\nb,dlmalloc,20,19,21\nb,stage 3,20,20,20\n\
         c,nothing,2,2,2\nc,per thread,62,60,66\nc,glibc,42,41,43\n\
         c,theirs,38,36,40\nc,dlmalloc,32,31,33\nc,stage 3,32,32,32\n",
    ),
    (
        "trace-memory",
        "program,allocator,memory",
        "a,glibc,100\na,per thread,110\na,theirs,150\na,bump,1\n\
         b,glibc,100\nb,per thread,120\nb,theirs,140\nb,bump,1\n\
         c,glibc,100\nc,per thread,130\nc,theirs,101\nc,bump,1\n",
    ),
    (
        "random",
        "live,allocator,ns,low,high",
        "1000,nothing,1,1,1\n1000,per thread,3.2,3,4\n1000,theirs,3,3,3\n\
         100000,nothing,1,1,1\n100000,per thread,3.5,3,4\n\
         100000,theirs,3,3,3\n1000000,nothing,1,1,1\n\
         1000000,per thread,2,2,2\n1000000,theirs,3,3,3\n",
    ),
    (
        "preloaded",
        "depth,allocator,ns,low,high,instructions",
        "10,per thread,5,5,5,79\n10,theirs,6,6,6,90\n10,glibc,9,9,9,195\n\
         100,per thread,5,5,5,79\n100,theirs,4,4,4,90\n100,glibc,9,9,9,195\n\
         100,stage 4,30,30,30,250.4\n\
         1000,per thread,5,5,5,79\n1000,theirs,6,6,6,90\n",
    ),
    (
        "programs",
        "program,allocator,seconds,low,high",
        "a,glibc,2,2,2\na,per thread,1.01,1,1.1\na,theirs,1,1,1\n\
         b,glibc,1,1,1\nb,per thread,1.2,1.1,1.3\nb,theirs,,,\n",
    ),
    (
        "relay",
        "allocator,ns,low,high",
        "nothing,100,100,100\nper thread,2000,1900,2100\n\
         tcmalloc,2500,2400,2600\ntheirs,1000,1000,1000\n",
    ),
    (
        "slowest",
        "program,allocator,one_in_10_000,one_in_a_million",
        "all,per thread,1500,20000\nall,glibc,2000,10000\n\
         all,theirs,1000,9000\na,theirs,1,\n",
    ),
    (
        "drift",
        "allocator,period,memory",
        "per thread,1,900\nper thread,2,100\nper thread,2,200\n\
         per thread,3,210\nper thread,3,100\ntheirs,1,100\ntheirs,2,100\n\
         theirs,3,100\n",
    ),
];

fn repository() -> TempDir {
    let root = tempfile::tempdir().expect("a folder of our own");
    let folder = root.path().join("tests/bench/results");
    fs::create_dir_all(&folder).expect("a folder");
    for (name, columns, rows) in FILES {
        let text = format!("# machine: M\n{columns}\n{rows}");
        fs::write(folder.join(name).with_extension("csv"), text).unwrap();
    }
    root
}

/// The row whose first cell is this, or else starts like this.
fn row(start: &str) -> Row {
    let rows = rows(repository().path()).expect("all results");
    let is_it = rows.iter().find(|row| row.what == start);
    let starts = rows.iter().find(|row| row.what.starts_with(start));
    let row = is_it.or(starts).unwrap_or_else(|| panic!("no row {start}"));
    row.clone()
}

fn assert_row(start: &str, ours: &str, peer: &str, is_met: bool) {
    let row = row(start);
    let found = (&*row.ours, &*row.peer, row.is_met);
    assert_eq!(found, (ours, peer, is_met), "{start}: {row:?}");
}

/// Ours: 2, 12 and 60 of 10, 20 and 40.
#[test]
fn of_the_recordings_the_net_times_count_as_multiples_of_glibcs() {
    let start = "recordings, time of glibc’s, the median";
    assert_row(
        start,
        "0.60 (0.50 to 0.80)",
        "theirs: 0.50 (0.45 to 0.60)",
        false,
    );
    let start = "… the worst of 3 (c)";
    assert_row(
        start,
        "1.50 (1.45 to 1.60)",
        "theirs: 0.90 (0.85 to 0.95)",
        false,
    );
    assert_row("… on how many", "2", "theirs: 3", false);
}

#[test]
fn memory_is_compared_with_glibcs_and_a_limit_is_no_peer() {
    assert_row(
        "… memory of glibc’s, the median",
        "1.20",
        "theirs: 1.40",
        false,
    );
    assert_row("… the worst", "1.30", "theirs: 1.50", true);
}

#[test]
fn near_the_best_is_within_a_fifth() {
    let peer = "theirs: 2.0";
    assert_row("random order, 1,000 ", "2.2 (2.0 to 3.0)", peer, true);
    assert_row("random order, 100,000 ", "2.5 (2.0 to 3.0)", peer, false);
    assert_row("random order, 1,000,000 ", "1.0", peer, true);
}

#[test]
fn where_calls_nest_whoever_is_first_is_named() {
    assert_row("calls that nest in C, 10 ", "5.0", "theirs: 6.0", true);
    assert_row("calls that nest in C, 100 ", "5.0", "theirs: 4.0", false);
}

/// As whatever is neither ours nor a limit.
#[test]
fn another_version_of_a_peer_is_a_peer() {
    let root = repository();
    let file = root.path().join("tests/bench/results/preloaded.csv");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text + "10,theirs 3,5.5,5.5,5.5,80\n").unwrap();
    let rows = rows(root.path()).expect("all results");
    let is_it = |row: &&Row| row.what.starts_with("calls that nest in C, 10 ");
    let row = rows.iter().find(is_it).expect("a row");
    assert_eq!(row.peer, "theirs 3: 5.5");
}

/// In the second, nobody but glibc was measured. Each peer is near the best in one.
#[test]
fn a_whole_program_is_compared_with_its_own_best_peer() {
    assert_row("whole programs", "1", "glibc: 1", false);
    assert_row("… the worst (b)", "1.20 (1.10 to 1.30)", "glibc: 1.00", false);
}

#[test]
fn rounds_slow_calls_and_creep_are_compared() {
    let ours = "2.0 (1.9 to 2.1)";
    assert_row("threads that come", ours, "theirs: 1.0", true);
    assert_eq!(row("threads that come").target, "at most tcmalloc’s 2.5");
    assert_row("the slowest call in 10,000", "1.50", "theirs: 1.00", true);
    assert_row("the slowest call in a million", "20.00", "theirs: 9.00", false);
    assert_row("a long run", "1.05", "theirs: 1.00", true);
}

#[test]
fn the_stages_have_rows_of_their_own() {
    let what = "stage 3: recordings";
    assert_row(what, "0.90", "dlmalloc: 0.90 (0.85 to 0.95)", true);
    assert_row("stage 4", "250", "glibc: 195", true);
}

#[test]
fn a_table_that_is_not_there_stops_the_build() {
    let root = repository();
    let file = root.path().join("tests/bench/results/relay.csv");
    fs::remove_file(file).expect("it was there");
    let error = rows(root.path()).expect_err("a table is missing");
    assert!(error.contains("relay.csv is not there"), "{error}");
}

#[test]
fn a_heap_that_was_not_measured_stops_the_build() {
    let root = repository();
    let file = root.path().join("tests/bench/results/drift.csv");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("per thread", "another")).unwrap();
    let error = rows(root.path()).expect_err("a heap is missing");
    assert!(error.contains("`per thread`"), "{error}");
    assert!(error.contains("drift.csv"), "{error}");
}

/// The page has a row for each that is kept, and says what was measured.
#[test]
fn the_table_is_made_from_the_results_that_are_kept() {
    let all = rows(workspace()).expect("all results");
    let text = markdown(workspace()).expect("a table");
    for Row { what, ours, .. } in &all {
        assert!(text.contains(&format!("| {what} | {ours} |")), "{what}");
    }
    assert!(text.contains("jemalloc"), "the peers have versions: {text}");
    println!("{text}");
}

#[test]
fn columns_of_the_results_become_a_table() {
    let columns = ["allocator", "ns"].map(str::to_owned);
    let root = repository();
    let text = tabled::markdown(root.path(), "relay", &columns);
    let text = text.expect("a table");
    let starts = "\n| allocator | ns |\n| --- | ---: |\n| nothing | 100 |\n\
                  | per thread | 2,000 |\n";
    assert!(text.starts_with(starts), "{text}");
    assert!(text.ends_with("\nMeasured on: M.\n"), "{text}");
    let columns = ["allocator", "us"].map(str::to_owned);
    let error = tabled::markdown(root.path(), "relay", &columns);
    let error = error.expect_err("there is no such column");
    assert!(error.contains("relay.csv has no column `us`"), "{error}");
}

#[test]
fn a_sentence_has_a_number_as_the_table_has_it() {
    let root = repository();
    let what = "targets: recordings time of glibc’s the median: ours as 1 %";
    assert_eq!(result::value(root.path(), what).as_deref(), Ok("60 %"));
}
