//! Plots are drawn from files of results, and mistakes stop the build.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use book::build;
use book::html;
use book::plot::lines::LOOKS;
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

/// Every heap of the book, and others.
const RANDOM: &str = "live,allocator,net\n\
1000,nothing,0\n1000,stage 1,300\n1000,stage 2,100\n1000,stage 3,20\n\
1000,stage 4,25\n1000,one stack,50\n1000,per thread,5\n1000,glibc,10\n\
1000,a<b,4\n10000,stage 2,20\n10000,stage 3,30\n10000,stage 4,35\n\
10000,glibc,20\n1000000,stage 3,200\n1000000,stage 4,250\n\
1000000,glibc,100\n1000000,a<b,1000\n";

const HEAPS: [&str; 7] = [
    "stage 1",
    "stage 2",
    "stage 3",
    "stage 4",
    "one stack",
    "per thread",
    "glibc",
];

/// A heap that grows up to 900,000 bytes, and live bytes that come and go.
fn over_time() -> String {
    let mut text = String::from("program,allocator,event,live,heap\n");
    for heap in HEAPS {
        for (event, live, bytes) in
            [(0, 0, 0), (1000, 400_000, 500_000), (2000, 0, 900_000)]
        {
            text += &format!("a<b,{heap},{event},{live},{bytes}\n");
        }
    }
    text
}

/// Stage 1 cannot do it.
fn score() -> String {
    let mut text =
        String::from("program,allocator,utilisation,throughput,score\n");
    for heap in HEAPS {
        text += &match heap {
            "stage 1" => format!("a<b,{heap},,,0\nall,{heap},0,0,0\n"),
            _ => format!("a<b,{heap},0.8,1.2,88\nall,{heap},0.8,1.2,88\n"),
        };
    }
    text
}

/// Seconds and bytes of a whole program.
fn programs() -> String {
    let mut text = String::from("program,allocator,seconds,memory\n");
    for (name, times) in PROGRAM {
        let (seconds, memory) = (2.0 * times, 1e6 * times);
        text += &format!("a<b,{name},{seconds},{memory}\n");
    }
    text
}

const RELAY: &str = "allocator,ns,low,high,bytes\n\
nothing,10000,9000,11000,0\nglibc,40000,30000,50000,2000000\n\
a<b,20000,19000,21000,1000000\n";

/// The second was asked for too few calls to have one in a million.
const SLOWEST: &str = "program,allocator,calls,one_in_10_000,one_in_a_million,slowest\n\
jq,a<b,20000,700,,900\njq,glibc,20000,300,,400\n\
all,a<b,2000000,800,5000,9000\nall,glibc,2000000,400,50000,90000\n";

/// The second creeps.
const DRIFT: &str = "allocator,period,calls,live,memory\n\
glibc,1,10,50,100\nglibc,2,20,90,200\nglibc,3,30,90,200\n\
a<b,1,10,50,300\na<b,2,20,90,400\na<b,3,30,90,600\n";

/// A repository with results.
fn repository(claim: &str, depths: &str) -> TempDir {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("tests/bench/results");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("claim.csv"), claim).unwrap();
    // They free ten times as much: less is no habit.
    let often = claim
        .replace("1000,250,500,750,50,100,", "10000,2500,5000,7500,500,1000,")
        .replace("2000,1,10,20,1500,0,", "20000,10,100,200,15000,0,");
    fs::write(folder.join("runtimes.csv"), often).unwrap();
    fs::write(folder.join("claim-depths.csv"), depths).unwrap();
    fs::write(folder.join("nested.csv"), NESTED).unwrap();
    fs::write(folder.join("threads.csv"), THREADS).unwrap();
    fs::write(folder.join("preloaded.csv"), PRELOADED).unwrap();
    let traces = format!("program,allocator,net\n{}", program(10.0));
    fs::write(folder.join("traces.csv"), traces).unwrap();
    let memory = format!("program,allocator,memory\n{}", program(1e6));
    fs::write(folder.join("trace-memory.csv"), memory).unwrap();
    fs::write(folder.join("random.csv"), RANDOM).unwrap();
    fs::write(folder.join("heap-over-time.csv"), over_time()).unwrap();
    fs::write(folder.join("score.csv"), score()).unwrap();
    fs::write(folder.join("programs.csv"), programs()).unwrap();
    fs::write(folder.join("relay.csv"), RELAY).unwrap();
    fs::write(folder.join("slowest.csv"), SLOWEST).unwrap();
    fs::write(folder.join("drift.csv"), DRIFT).unwrap();
    root
}

fn plot(name: &str) -> String {
    let root = repository(CLAIM, DEPTHS);
    render(root.path(), name, None).unwrap()
}

/// What the build says about a plot whose results are `claim`.
fn mistake(name: &str, claim: &str) -> String {
    let root = repository(claim, DEPTHS);
    render(root.path(), name, None).unwrap_err()
}

/// A plot for one stage.
fn plot_of(name: &str, stage: &str) -> Result<String, String> {
    let root = repository(CLAIM, DEPTHS);
    render(root.path(), name, Some(stage))
}

/// What the build says about a plot if `from` is `to` in a file of results.
fn mistake_in(
    name: &str,
    stage: Option<&str>,
    file: &str,
    from: &str,
    to: &str,
) -> String {
    let root = repository(CLAIM, DEPTHS);
    let file = root.path().join("tests/bench/results").join(file);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "no {from} in {text}");
    fs::write(&file, text.replace(from, to)).unwrap();
    render(root.path(), name, stage).unwrap_err()
}

/// The names behind the ends of the lines, from above, and which of them is
/// bold.
fn behind_the_lines(plot: &str) -> Vec<(String, bool)> {
    let (_, behind) = plot.split_once("<div class=\"plot-ends\">").unwrap();
    let (behind, _) = behind.split_once("</div>").unwrap();
    let names = behind.split("</label>").filter(|it| !it.trim().is_empty());
    let name = |label: &str| {
        let (_, name) = label.rsplit_once("</svg> ").unwrap();
        (name.to_owned(), label.contains("<label class=\"plot-strong\""))
    };
    names.map(name).collect()
}

const NAMES: [&str; 19] = [
    "claim-shares",
    "claim-depths",
    "claim-walks",
    "claim-memory",
    "runtimes",
    "nested",
    "threads",
    "preloaded",
    "traces",
    "trace-memory",
    "additions",
    "growth",
    "heap-over-time",
    "score",
    "programs",
    "programs-memory",
    "relay",
    "slowest",
    "drift",
];

#[test]
fn an_unknown_plot_stops_the_build() {
    assert_eq!(
        mistake("claim-share", CLAIM),
        "there is no plot `claim-share`. Did you mean `claim-shares`? There \
         is: `claim-shares`, `claim-depths`, `claim-walks`, `claim-memory`, \
         `runtimes`, `nested`, `threads`, `preloaded`, `traces`, \
         `trace-memory`, `additions`, `growth`, `heap-over-time`, `score`, \
         `programs`, `programs-memory`, `relay`, `slowest`, `drift`"
    );
}

#[test]
fn every_plot_is_drawn_from_the_results_that_are_kept() {
    let folder = build::folder();
    let root = folder.parent().unwrap();
    for name in NAMES {
        let plot = render(root, name, None);
        assert!(plot.is_ok(), "{name}: {plot:?}");
    }
    // With its lock, the heap of stage 4 takes the memory that it took before.
    for (name, stages) in [
        ("growth", "12345"),
        ("heap-over-time", "1235"),
        ("score", "12345"),
        ("traces", "45"),
    ] {
        for stage in stages.split("").filter(|stage| !stage.is_empty()) {
            let plot = render(root, name, Some(stage));
            assert!(plot.is_ok(), "{name} {stage}: {plot:?}");
        }
    }
}

#[test]
fn a_plot_without_results_stops_the_build() {
    assert_eq!(
        render(Path::new("/nowhere"), "claim-shares", None).unwrap_err(),
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
fn a_plot_says_which_way_is_better() {
    for name in NAMES {
        let plot = plot(name);
        let (_, said) =
            plot.split_once("<span class=\"plot-better\">").unwrap();
        let (said, _) = said.split_once("</span>").unwrap();
        assert!(said.contains("better"), "{name}: {said}");
    }
    for (name, said) in
        [("growth", "Less is better."), ("score", "More is better.")]
    {
        assert!(plot(name).contains(&format!(">{said}</span>")), "{name}");
    }
}

/// What `before` and behind it `\"` encloses, wherever it stands.
fn quoted<'a>(text: &'a str, before: &str) -> BTreeSet<&'a str> {
    let rest = text.split(before).skip(1);
    rest.map(|rest| rest.split('"').next().unwrap()).collect()
}

/// The style sheet has rules for so many.
const KEYS: usize = 16;

#[test]
fn what_has_a_key_has_marks_and_what_has_marks_has_a_key() {
    for name in NAMES {
        let plot = plot(name);
        let keys = quoted(&plot, "data-key=\"");
        assert_eq!(keys, quoted(&plot, "data-of=\""), "{name}");
        // Histograms are all of the same.
        assert_eq!(keys.is_empty(), name == "claim-depths", "{name}");
        assert!(keys.len() <= KEYS, "{name}: {keys:?}");
    }
    let style = fs::read_to_string(build::folder().join("theme/plot.css"));
    let style = style.unwrap();
    assert_eq!(quoted(&style, "[data-key=\"").len(), KEYS);
    assert_eq!(quoted(&style, "[data-of=\"").len(), KEYS);
}

/// Those in a plot of lines.
#[test]
fn every_allocator_that_was_measured_has_a_look_of_its_own() {
    let looks: BTreeSet<_> = LOOKS.into_iter().map(|(name, _)| name).collect();
    let folder = build::folder();
    let root = folder.parent().unwrap();
    for name in ["growth", "heap-over-time"] {
        for allocator in book::plot::names(root, name, None).unwrap() {
            let allocator = allocator.trim_end_matches(", most");
            let is_one = !["at the end", "live at most"].contains(&allocator);
            if name == "growth" && is_one {
                assert!(looks.contains(allocator), "{name}: {allocator}");
            }
        }
    }
}

/// Or a picture without colours would have two lines that are the same.
#[test]
fn no_two_lines_have_the_same_marks_unless_their_dashes_differ() {
    let style = fs::read_to_string(build::folder().join("theme/plot.css"));
    let style = style.unwrap();
    let mut seen = BTreeMap::new();
    for (name, mark) in LOOKS {
        let rule = format!(".plot-{} {{", name.replace(' ', "-"));
        let rule = style.split(&rule).nth(1).unwrap_or_default();
        let rule = rule.split('}').next().unwrap();
        let dashes = rule.split("--plot-dash: ").nth(1);
        let dashes = dashes.map(|rest| rest.split(';').next().unwrap());
        let other = seen.insert((mark, dashes), name);
        assert_eq!(other, None, "{name}: {mark} {dashes:?}");
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
    let plot = render(root.path(), "claim-shares", None).unwrap();
    assert!(plot.contains("<td>&lt; 0.1 %</td>"), "{plot}");
    assert!(plot.contains("<td>0 %</td>"), "{plot}");
}

#[test]
fn who_frees_seldom_has_numbers_and_no_bar() {
    let named = |claim: &str| {
        let root = repository(claim, DEPTHS);
        let plot = render(root.path(), "runtimes", None).unwrap();
        plot.matches("jq").count()
    };
    let (often, seldom) = (named(CLAIM), named(&CLAIM.replace("q,20", "q,10")));
    assert!(0 < seldom && seldom < often, "{seldom} and {often} times");
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
        ("traces", "<td>10.0 ns</td><td>× 0.50</td><td>× 0.60</td>"),
        ("trace-memory", "<td>1.00 MB</td><td>× 0.50</td><td>× 0.60</td>"),
        ("additions", "<td>1.00 MB</td><td>× 50</td><td>× 20</td>"),
        ("growth", "<th scope=\"row\">10,000</th><td>–</td><td>20.0</td>"),
        ("heap-over-time", "<td>0.40 MB</td><td>0.90 MB</td><td>0.90 MB</td>"),
        ("score", "<td>80 %</td><td>120 %</td><td>88</td><td>88</td>"),
        ("programs", "<td>2.00 s</td><td>× 0.50</td><td>× 0.60</td>"),
        ("programs-memory", "<td>1.00 MB</td><td>× 0.50</td>"),
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
    let plot = render(root.path(), "claim-walks", None).unwrap();
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
        render(root.path(), "threads", None).unwrap_err(),
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
        render(root.path(), "traces", None).unwrap_err(),
        "tests/bench/results/traces.csv has no row for `a<b` with `stage 4`"
    );
}

#[test]
fn the_plot_of_a_stage_has_the_stages_up_to_it() {
    let plot = plot_of("growth", "3").unwrap();
    let expected = [
        ("stage 1", false),
        ("stage 3", true),
        ("glibc", false),
        ("stage 2", false),
    ];
    let expected = expected.map(|(name, strong)| (name.to_owned(), strong));
    assert_eq!(behind_the_lines(&plot), expected, "{plot}");
}

#[test]
fn lines_are_named_in_the_order_in_which_they_end() {
    let names = behind_the_lines(&plot("growth"));
    let names: Vec<_> = names.iter().map(|(name, _)| &**name).collect();
    let expected = [
        "a&lt;b",
        "stage 1",
        "stage 4",
        "stage 3",
        "glibc",
        "one stack",
        "stage 2",
        "per thread",
    ];
    assert_eq!(names, expected);
}

/// Twelve lines, of which eleven end at the same place.
#[test]
fn names_behind_lines_do_not_overlap() {
    let mut results = String::from("live,allocator,net\n");
    for name in ["glibc", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        results += &format!("1000,{name},10\n10000,{name},10\n");
    }
    results += "1000,last,100\n10000,last,100\n";
    let root = repository(CLAIM, DEPTHS);
    let file = root.path().join("tests/bench/results/random.csv");
    fs::write(file, results).unwrap();
    let plot = render(root.path(), "growth", None).unwrap();
    let margins = plot.split("margin-top:").skip(1);
    let margins = margins.map(|rest| rest.split_once("px").unwrap().0);
    let margins: Vec<f64> = margins.map(|it| it.parse().unwrap()).collect();
    assert_eq!(margins.len(), 12, "{plot}");
    assert!(margins.iter().all(|margin| *margin >= 0.0), "{margins:?}");
    let bottom = margins.iter().sum::<f64>() + 12.0 * 19.0;
    assert!(bottom <= 320.5, "{bottom} of 320: {margins:?}");
}

/// Ten times as many blocks are always equally far to the right.
#[test]
fn a_line_stands_on_axes_that_grow_by_factors() {
    let plot = plot_of("growth", "3").unwrap();
    // From 10 to 500, in 96 of 100 of the height of 320.
    let y = |time: f64| {
        (1.0 - (0.02 + 0.96 * (time / 10.0).ln() / 50_f64.ln())) * 320.0
    };
    let [first, second, third] = [20.0, 30.0, 200.0].map(y);
    let line = format!(
        "class=\"plot-line plot-stage-3 plot-strong\" \
         points=\"2.0,{first:.1} 34.0,{second:.1} 98.0,{third:.1}\""
    );
    assert!(plot.contains(&line), "no {line} in {plot}");
}

#[test]
fn the_heap_of_a_stage_stands_over_the_live_bytes() {
    let plot = plot_of("heap-over-time", "5").unwrap();
    for part in [
        // The live bytes rise to 4 of 9, in 119 pixels, and fall to nothing.
        "class=\"plot-surface\" data-of=\"0\" points=\"0.0,120.0 0.0,120.0 50.0,67.1 \
         100.0,120.0 100.0,120.0\"",
        "class=\"plot-line plot-one-stack plot-strong\" \
         points=\"0.0,120.0 50.0,53.9 100.0,1.0\"",
        "class=\"plot-line plot-glibc\"",
    ] {
        assert!(plot.contains(part), "no {part} in {plot}");
    }
    assert!(!plot.contains("stage 3"), "{plot}");
}

/// More than glibc's speed does not count, and its dot is not off the axis.
#[test]
fn a_score_stands_on_an_axis_from_nothing_to_all() {
    let plot = plot_of("score", "2").unwrap();
    for part in [
        "<span class=\"plot-name plot-strong\">stage 2</span>",
        "x=\"2.00%\" y=\"10\" class=\"plot-dot-0\"",
        "x=\"98.00%\" y=\"10\" class=\"plot-dot-1\"",
        "x=\"86.48%\" y=\"10\" class=\"plot-dot-2\"",
    ] {
        assert!(plot.contains(part), "no {part} in {plot}");
    }
    assert!(!plot.contains("stage 3"), "{plot}");
}

#[test]
fn the_traces_of_a_stage_are_compared_with_the_stage_before() {
    let plot = plot_of("traces", "4").unwrap();
    let (_, table) = plot.split_once("<table>").unwrap();
    let row = "<td>10.0 ns</td><td>× 1.50</td><td>× 2.00</td>";
    assert!(table.contains(row), "no {row} in {table}");
    assert!(!table.contains("mimalloc"), "{table}");
}

/// Stage 2 walks over all blocks that ever were.
#[test]
fn a_line_that_ends_early_says_why() {
    let why = "it would have taken too long";
    let stage = plot_of("growth", "2").unwrap();
    assert!(stage.contains(why), "{stage}");
    let row = "<th scope=\"row\">1,000,000</th><td>–</td><td>–</td>";
    assert!(stage.contains(row), "no {row} in {stage}");
    let root = repository(CLAIM, DEPTHS);
    let file = root.path().join("tests/bench/results/random.csv");
    let whole = "live,allocator,net\n1000,glibc,10\n10000,glibc,20\n";
    let whole = whole.to_owned() + "1000,stage 1,10\n10000,stage 1,20\n";
    fs::write(file, whole).unwrap();
    let plot = render(root.path(), "growth", Some("1")).unwrap();
    assert!(!plot.contains(why), "{plot}");
}

/// In the axis, behind the dots and in the table.
#[test]
fn thousands_have_a_comma_whether_or_not_there_are_decimals() {
    let root = repository(CLAIM, DEPTHS);
    let file = root.path().join("tests/bench/results/threads.csv");
    fs::write(file, THREADS.replace("4,glibc,50", "4,glibc,4340")).unwrap();
    let plot = render(root.path(), "threads", None).unwrap();
    for part in
        [">1,000</text>", ">4,340.0</span>", "<td>4,340.0</td>", ">10</text>"]
    {
        assert!(plot.contains(part), "no {part} in {plot}");
    }
    assert!(!plot.contains("1000"), "{plot}");
}

/// Where two are at one place, both must be seen.
#[test]
fn the_ring_lies_on_top_of_the_other_dots() {
    let plot = plot("claim-memory");
    let (_, rows) = plot.split_once("plot-rows").unwrap();
    for row in rows.split("plot-span").skip(1) {
        let places = [0, 1, 2]
            .map(|kind| row.find(&format!("plot-dot-{kind}")).expect("a dot"));
        let [ring, square, diamond] = places;
        assert!(diamond < square && square < ring, "{places:?} in {row}");
    }
}

/// Nobody would see it otherwise.
#[test]
fn small_plots_with_axes_of_their_own_say_so() {
    for plot in [plot("drift"), plot_of("heap-over-time", "3").unwrap()] {
        let (marks, _) = plot.split_once("plot-panels").unwrap();
        assert!(marks.contains("with its own axis"), "{marks}");
    }
}

/// Programs with threads, for one, do not run on the first stages.
#[test]
fn what_was_not_measured_is_an_empty_cell() {
    let root = repository(CLAIM, DEPTHS);
    let file = root.path().join("tests/bench/results/programs.csv");
    let text = programs()
        + "c,glibc,1,1\nc,mimalloc,1,1\nc,stage 4,1,1\n\
                             c,per thread,1,1\n";
    fs::write(file, text).unwrap();
    let plot = render(root.path(), "programs", None).unwrap();
    let row = "<th scope=\"row\">c</th><td>1.00 s</td><td>× 1.00</td>\
               <td></td><td></td><td></td><td>× 1.00</td>";
    assert!(plot.contains(row), "no {row} in {plot}");
}

#[test]
fn what_is_there_in_two_versions_has_two_columns_if_both_were_measured() {
    let older = "<th scope=\"col\">mimalloc</th>";
    let both = format!("{older}<th scope=\"col\">mimalloc 3</th>");
    let root = repository(CLAIM, DEPTHS);
    let file = root.path().join("tests/bench/results/programs.csv");
    let render = || render(root.path(), "programs", None).unwrap();
    let one = render();
    assert!(one.contains(older) && !one.contains(&both), "{one}");
    fs::write(&file, programs() + "a<b,mimalloc 3,1,1\n").unwrap();
    let two = render();
    assert!(two.contains(&both), "{two}");
}

/// The cells below a plot, row by row.
fn cells(plot: &str) -> Vec<Vec<String>> {
    let (_, body) = plot.split_once("<tbody>").unwrap();
    let (body, _) = body.split_once("</tbody>").unwrap();
    let cell = |cell: &str| {
        let (cell, _) = cell.split_once("</t").unwrap();
        cell.rsplit_once('>').map_or(cell, |(_, text)| text).to_owned()
    };
    let row = |row: &str| row.split("<t").skip(1).map(cell).collect();
    body.split("<tr>").skip(1).map(row).collect()
}

#[test]
fn threads_that_come_and_go_are_told_in_microseconds() {
    let plot = plot("relay");
    let expected = [
        ["nothing", "10.0", "9.0", "11.0", "0.00 MB"],
        ["a&lt;b", "20.0", "19.0", "21.0", "1.00 MB"],
        ["glibc", "40.0", "30.0", "50.0", "2.00 MB"],
    ];
    assert_eq!(cells(&plot), expected);
}

#[test]
fn the_slowest_calls_are_those_of_all_recordings() {
    let plot = plot("slowest");
    let expected = [
        ["glibc", "0.40", "50", "90", "0.30"],
        ["a&lt;b", "0.80", "5.00", "9.00", "0.70"],
    ];
    assert_eq!(cells(&plot), expected);
}

/// The first time of all does not count.
#[test]
fn a_heap_that_creeps_is_compared_with_its_second_time() {
    let expected = [
        ["glibc", "0.00 MB", "0.00 MB", "× 1.00"],
        ["a&lt;b", "0.00 MB", "0.00 MB", "× 1.50"],
    ];
    assert_eq!(cells(&plot("drift")), expected);
    let error = mistake_in("drift", None, "drift.csv", "a<b,2,", "a<b,3,");
    assert!(error.contains("no second period of `a<b`"), "{error}");
}

#[test]
fn an_unknown_stage_stops_the_build() {
    for stage in ["0", "6", "three"] {
        assert_eq!(
            plot_of("growth", stage).unwrap_err(),
            format!("there is no stage `{stage}`. There is: 1 to 5")
        );
    }
}

#[test]
fn a_stage_for_a_plot_without_stages_stops_the_build() {
    assert_eq!(
        plot_of("nested", "3").unwrap_err(),
        "the plot `nested` is the same for all stages: `{{#plot nested}}`"
    );
}

#[test]
fn a_heap_that_was_not_measured_stops_the_build() {
    let folder = "tests/bench/results";
    let three = Some("3");
    for (name, stage, file, from, mistake) in [
        ("growth", three, "random", "stage 3", "`stage 3`"),
        ("growth", None, "random", "glibc", "`glibc`"),
        (
            "heap-over-time",
            three,
            "heap-over-time",
            "stage 3",
            "`a<b` with `stage 3`",
        ),
        (
            "heap-over-time",
            None,
            "heap-over-time",
            "per thread",
            "`a<b` with `per thread`",
        ),
        ("score", three, "score", "all,stage 2", "`all` with `stage 2`"),
        ("programs", None, "programs", "mimalloc", "`a<b` with `mimalloc`"),
        ("programs-memory", three, "programs", "glibc", "`a<b` with `glibc`"),
        ("traces", Some("4"), "traces", "stage 3", "`a<b` with `stage 3`"),
    ] {
        let file = format!("{file}.csv");
        // It must be another allocator's row, and still a row.
        let to = if from.contains(',') { "all,x" } else { "x" };
        let said = mistake_in(name, stage, &file, from, to);
        assert_eq!(said, format!("{folder}/{file} has no row for {mistake}"));
    }
}

#[test]
fn a_column_that_was_not_measured_stops_the_build() {
    for (name, file, column) in [
        ("growth", "random", "net"),
        ("growth", "random", "live"),
        ("heap-over-time", "heap-over-time", "heap"),
        ("score", "score", "utilisation"),
        ("programs", "programs", "seconds"),
        ("programs-memory", "programs", "memory"),
    ] {
        let file = format!("{file}.csv");
        let said = mistake_in(name, None, &file, column, "other");
        let expected = format!(
            "tests/bench/results/{file} has no column `{column}`. There is: "
        );
        assert!(said.starts_with(&expected), "{name}: {said}");
    }
}
