//! Plots are drawn from files of results, and mistakes stop the build.

use std::fs;
use std::path::Path;

use book::html;
use book::plot::render;
use book::plot::table::Table;
use tempfile::TempDir;

/// Two programs. The second frees nothing in order.
const CLAIM: &str = "# command: cargo run --example claim\n\
# date: 2026-01-31\n\
program,frees,newest,newest_4,newest_16,past_1000,by_others,walks,\
walk_steps,walk_p99,chunks,live_bytes,glibc_heap,stage3_heap,\
one_stack_heap,thread_stacks_heap\n\
a<b,1000,250,500,750,50,100,1000,2000,9,12,1000000,1100000,1200000,9000000,\
8000000\n\
jq,2000,1,10,20,1500,0,10,12345678,9999,10000,2000000,3000000,4000000,\
200000000,200000000\n";

const DEPTHS: &str = "program,depth,frees\n\
a<b,0,60\na<b,1,30\na<b,2,10\njq,0,1\njq,1,0\njq,2,0\njq,4,99\n";

/// Two allocators. The second gets worse with depth.
const NESTED: &str = "work,size,allocator,ns\n\
nested,10,a<b,5\nnested,10,glibc,10\nnested,100,a<b,5\n\
nested,100,glibc,20\nnested,1000,a<b,5\nnested,1000,glibc,50\n\
shuffled,10,a<b,6\nshuffled,10,glibc,11\nshuffled,100,a<b,7\n\
shuffled,100,glibc,21\nshuffled,1000,a<b,8\nshuffled,1000,glibc,51\n\
loop,100,a<b,9\nloop,100,glibc,22\n";

const THREADS: &str = "threads,allocator,ns\n\
1,a<b,5\n1,glibc,10\n2,a<b,5\n2,glibc,20\n4,a<b,5\n4,glibc,50\n";

/// Of the second, nobody has counted the instructions.
const PRELOADED: &str = "depth,allocator,ns,instructions\n\
10,a<b,5,41.2\n10,glibc,10,\n100,a<b,5,41.2\n100,glibc,20,\n\
1000,a<b,5,41.2\n1000,glibc,50,\n";

/// For each allocator the time for an event of the program, which glibc serves
/// in 10 ns, and the memory that it takes, 1 MB with glibc.
const PROGRAM: [(&str, f64); 11] = [
    ("glibc", 1.0),
    ("mimalloc", 0.5),
    ("jemalloc", 0.6),
    ("snmalloc", 0.7),
    ("stage 3", 1.5),
    ("stage 4", 2.0),
    ("per thread", 0.25),
    ("stack", 50.0),
    ("lists", 20.0),
    ("holes", 8.0),
    ("lists and holes", 4.0),
];

fn program(unit: f64) -> String {
    let rows = PROGRAM.iter();
    rows.map(|(name, times)| format!("a<b,{name},{}\n", times * unit)).collect()
}

/// A repository with results.
fn repository(claim: &str, depths: &str) -> TempDir {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("tests/bench/results");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("claim.csv"), claim).unwrap();
    fs::write(folder.join("claim-depths.csv"), depths).unwrap();
    fs::write(folder.join("nested.csv"), NESTED).unwrap();
    fs::write(folder.join("threads.csv"), THREADS).unwrap();
    fs::write(folder.join("preloaded.csv"), PRELOADED).unwrap();
    let traces = format!("program,allocator,net\n{}", program(10.0));
    fs::write(folder.join("traces.csv"), traces).unwrap();
    let memory = format!("program,allocator,memory\n{}", program(1e6));
    fs::write(folder.join("trace-memory.csv"), memory).unwrap();
    root
}

fn plot(name: &str) -> String {
    let root = repository(CLAIM, DEPTHS);
    render(root.path(), name).unwrap()
}

/// What the build says about a plot whose results are `claim`.
fn mistake(name: &str, claim: &str) -> String {
    let root = repository(claim, DEPTHS);
    render(root.path(), name).unwrap_err()
}

const NAMES: [&str; 10] = [
    "claim-shares",
    "claim-depths",
    "claim-walks",
    "claim-memory",
    "nested",
    "threads",
    "preloaded",
    "traces",
    "trace-memory",
    "additions",
];

#[test]
fn an_unknown_plot_stops_the_build() {
    assert_eq!(
        mistake("claim-share", CLAIM),
        "there is no plot `claim-share`. Did you mean `claim-shares`? There \
         is: `claim-shares`, `claim-depths`, `claim-walks`, `claim-memory`, \
         `nested`, `threads`, `preloaded`, `traces`, `trace-memory`, \
         `additions`"
    );
}

#[test]
fn a_plot_without_results_stops_the_build() {
    assert_eq!(
        render(Path::new("/nowhere"), "claim-shares").unwrap_err(),
        "the plot `claim-shares` is drawn from \
         tests/bench/results/claim.csv, which is not there"
    );
}

#[test]
fn results_without_a_column_stop_the_build() {
    let claim = CLAIM.replace("newest_16", "newest_17");
    let mistake = mistake("claim-shares", &claim);
    let expected = "tests/bench/results/claim.csv has no column `newest_16`. \
                    Did you mean `newest_17`?";
    assert!(mistake.starts_with(expected), "{mistake}");
}

#[test]
fn results_that_are_no_numbers_stop_the_build() {
    assert_eq!(
        mistake("claim-walks", &CLAIM.replace("12345678", "many")),
        "tests/bench/results/claim.csv has `many` in the column `walk_steps`, \
         and no number"
    );
}

#[test]
fn results_with_a_cell_too_few_stop_the_build() {
    let mistake = mistake("claim-walks", &CLAIM.replace("jq,", "jq;"));
    let expected = "tests/bench/results/claim.csv wants 16 cells, not `jq;";
    assert!(mistake.starts_with(expected), "{mistake}");
}

#[test]
fn results_without_rows_stop_the_build() {
    let expected = "tests/bench/results/claim.csv is empty";
    assert_eq!(mistake("claim-walks", "program,walks\n"), expected);
}

#[test]
fn a_table_is_read_as_it_is_written() {
    let table = Table::parse(CLAIM).unwrap();
    assert_eq!(table.about("date"), Some("2026-01-31"));
    assert_eq!(table.column("program"), Ok(vec!["a<b", "jq"]));
    assert_eq!(table.numbers("newest"), Ok(vec![250.0, 1.0]));
    assert_eq!(table.to_string(), CLAIM);
}

/// Or mdBook would read the rest of it as Markdown.
#[test]
fn a_plot_is_one_block_of_html() {
    for name in NAMES {
        let block = html::block(&plot(name));
        assert!(block.starts_with("\n<figure class=\"plot\">\n"), "{name}");
        assert!(block.ends_with("</figure>\n\n"), "{name}");
        assert!(!block.trim().contains("\n\n"), "{name}: {block}");
    }
}

#[test]
fn names_are_text() {
    for name in NAMES {
        let plot = plot(name);
        assert!(plot.contains("a&lt;b"), "{name}: {plot}");
        assert!(!plot.contains("a<b"), "{name}: {plot}");
    }
}

#[test]
fn shares_start_where_the_one_before_ends() {
    let plot = plot("claim-shares");
    for bar in [
        "class=\"plot-part-0\" x=\"0.00%\" y=\"2\" width=\"25.00%\"",
        "class=\"plot-part-1\" x=\"25.00%\" y=\"2\" width=\"25.00%\"",
        "class=\"plot-part-2\" x=\"50.00%\" y=\"2\" width=\"25.00%\"",
        "class=\"plot-part-3\" x=\"75.00%\" y=\"2\" width=\"10.00%\"",
        "class=\"plot-part-4\" x=\"85.00%\" y=\"2\" width=\"5.00%\"",
        "class=\"plot-part-5\" x=\"90.00%\" y=\"2\" width=\"10.00%\"",
    ] {
        assert!(plot.contains(bar), "no {bar} in {plot}");
    }
}

#[test]
fn a_share_that_is_not_zero_does_not_look_like_zero() {
    let root = repository(&CLAIM.replace("jq,2000,", "jq,20000,"), DEPTHS);
    let plot = render(root.path(), "claim-shares").unwrap();
    assert!(plot.contains("<td>&lt; 0.1 %</td>"), "{plot}");
    assert!(plot.contains("<td>0 %</td>"), "{plot}");
}

#[test]
fn the_numbers_of_a_plot_stand_below_it() {
    for (name, row) in [
        ("claim-shares", "<td>1,000</td><td>25 %</td><td>50 %</td>"),
        ("claim-depths", "<th scope=\"row\">jq</th><td>4–7</td><td>99</td>"),
        ("claim-walks", "<td>10</td><td>1,234,568</td><td>9,999</td>"),
        ("claim-memory", "<td>1.00 MB</td><td>1.10 MB</td><td>1.20 MB</td>"),
        ("nested", "<td>50.0</td><td>11.0</td><td>21.0</td><td>51.0</td>"),
        ("threads", "<th scope=\"row\">glibc</th><td>10.0</td><td>20.0</td>"),
        ("preloaded", "<td>5.0</td><td>5.0</td><td>5.0</td><td>41.2</td>"),
        ("preloaded", "<td>10.0</td><td>20.0</td><td>50.0</td><td></td>"),
        ("traces", "<td>10.0</td><td>× 0.50</td><td>× 0.60</td>"),
        ("trace-memory", "<td>1.00 MB</td><td>× 0.50</td><td>× 0.60</td>"),
        ("additions", "<td>1.00 MB</td><td>× 50</td><td>× 20</td>"),
    ] {
        let plot = plot(name);
        let (_, table) = plot.split_once("<table>").unwrap();
        assert!(table.contains(row), "{name}: no {row} in {table}");
    }
}

#[test]
fn a_plot_says_what_made_its_numbers() {
    let plot = plot("claim-memory");
    let about = "<p>cargo run --example claim · 2026-01-31</p>";
    assert!(plot.contains(about), "{plot}");
}

/// Ten times as much is always equally far to the right.
#[test]
fn dots_stand_on_an_axis_that_grows_by_factors() {
    let root = repository(&CLAIM.replace("12345678", "100"), DEPTHS);
    let plot = render(root.path(), "claim-walks").unwrap();
    // A mean of 10 is one of 5.6 powers of ten, in 96 of 100.
    let at = 2.0 + 96.0 / 5.6;
    let dot = format!("x=\"{at:.2}%\" y=\"10\" class=\"plot-dot-0\"");
    assert!(plot.contains(&dot), "no {dot} in {plot}");
}

/// From the power of ten, or two or five of it, below all numbers to the one
/// above them.
#[test]
fn an_axis_ends_where_the_numbers_do() {
    let plot = plot("nested");
    // From 5 to 50, with both ends at the ends.
    for dot in [
        "x=\"2.00%\" y=\"10\" class=\"plot-dot-0\"",
        "x=\"98.00%\" y=\"10\" class=\"plot-dot-2\"",
    ] {
        assert!(plot.contains(dot), "no {dot} in {plot}");
    }
    for tick in [">5</text>", ">10</text>", ">20</text>", ">50</text>"] {
        assert!(plot.contains(tick), "no {tick} in {plot}");
    }
    assert!(!plot.contains(">100</text>"), "{plot}");
}

#[test]
fn the_fastest_allocator_comes_first() {
    let plot = plot("threads");
    let place = |name: &str| {
        plot.find(&format!("<span class=\"plot-name\">{name}</span>"))
    };
    let [fast, slow] = [place("a&lt;b"), place("glibc")];
    assert!(fast.is_some() && fast < slow, "{fast:?} {slow:?} in {plot}");
}

#[test]
fn an_allocator_that_was_not_measured_everywhere_stops_the_build() {
    let root = repository(CLAIM, DEPTHS);
    let file = root.path().join("tests/bench/results/threads.csv");
    fs::write(file, THREADS.replace("4,glibc,50\n", "")).unwrap();
    assert_eq!(
        render(root.path(), "threads").unwrap_err(),
        "tests/bench/results/threads.csv has no row for `glibc` in each column"
    );
}

#[test]
fn a_program_that_was_not_measured_with_all_stops_the_build() {
    let root = repository(CLAIM, DEPTHS);
    let file = root.path().join("tests/bench/results/traces.csv");
    let traces = fs::read_to_string(&file).unwrap();
    fs::write(&file, traces.replace("a<b,stage 4,20\n", "")).unwrap();
    assert_eq!(
        render(root.path(), "traces").unwrap_err(),
        "tests/bench/results/traces.csv has no row for `a<b` with `stage 4`"
    );
}
