//! The posters of the stages: they leave out nothing that was seen of a heap.

use std::fs;
use std::path::Path;

use book::constant::Constants;
use book::directive::Directive;
use book::page::Page;
use book::plot::cells::Cells;
use book::plot::table::Table;
use book::{build, poster};
use timing::workspace::workspace;

/// A poster, as it is on a page of a chapter.
fn render(name: &str) -> String {
    let sources = build::sources(&build::folder()).expect("the book is there");
    let page = Path::new("stage1/poster.md");
    let html = poster::render(&sources, name, page);
    html.unwrap_or_else(|error| panic!("poster {name}: {error}"))
}

fn table(path: &str) -> Table {
    let text = fs::read_to_string(workspace().join(path)).expect(path);
    Table::parse(&text).expect(path)
}

#[test]
fn every_poster_is_on_one_page() {
    let pages = build::pages(&build::folder()).expect("the book has pages");
    let mut found = Vec::new();
    for page in pages {
        let file = workspace().join("book/chapters").join(page);
        let text = fs::read_to_string(file).expect("the page is there");
        for (_, line) in Page::new(&text).directives() {
            if let Ok(Directive::Poster { name }) = Directive::parse(line) {
                found.push(name);
            }
        }
    }
    assert_eq!(found, poster::names());
}

#[test]
fn there_is_no_poster_of_an_unknown_stage() {
    let sources = build::sources(&build::folder()).expect("the book is there");
    let html = poster::render(&sources, "9", Path::new("one.md"));
    let error = html.expect_err("there is no stage 9");
    assert!(error.contains("`per-thread`"), "{error}");
}

#[test]
fn a_poster_has_a_sign_for_each_promise_and_says_which_are_broken() {
    let seen = table("tests/results/side-by-side.csv");
    let facts = seen.column("fact").expect("a column");
    for name in poster::names() {
        let html = render(name);
        let heap = poster::heap(name).expect("its name is in the list");
        let cells = seen.column(heap).expect("a column for each heap");
        let (before, groups) = html.split_once("po-groups").expect("groups");
        let signs = ["holds", "fails", "no-question"]
            .map(|it| format!("<i class=\"{it}\">"));
        // What there is has its meaning above.
        for sign in &signs {
            let is_told = before.contains(sign);
            assert_eq!(is_told, groups.contains(sign), "{name}: {sign}");
        }
        let signs = signs.map(|it| groups.matches(&it).count());
        let [holds, fails, _] = ["holds", "fails: ", ""]
            .map(|it| cells.iter().filter(|cell| cell.starts_with(it)).count());
        let others = cells.len() - holds - fails;
        assert_eq!(signs, [holds, fails, others], "poster {name}");
        for (fact, cell) in facts.iter().zip(&cells) {
            let fact = book::html::escape_prose(fact);
            let is_told = html.contains(&format!(">{fact}</a>: "));
            assert_eq!(is_told, cell.starts_with("fails: "), "{name}: {fact}");
        }
    }
}

#[test]
fn the_costs_on_a_poster_are_those_that_were_measured() {
    let random = table("tests/bench/results/random.csv");
    let column = |name| random.column(name).expect("a column");
    let (live, heaps, net) =
        (column("live"), column("allocator"), column("net"));
    for name in poster::names() {
        let html = render(name);
        let heap = poster::heap(name).expect("its name is in the list");
        for heap in [heap, "glibc"] {
            let mut rows = live.iter().zip(&heaps);
            let row = rows.position(|row| row == (&"1000", &heap));
            let net: f64 = net[row.expect(heap)].parse().expect("a number");
            // What is larger is written without a fraction.
            if net < 100.0 {
                let cell = format!("<td>{net:.1}</td>");
                assert!(html.contains(&cell), "{name}, {heap}: {net}\n{html}");
            }
        }
    }
}

/// The middle of what it is for each program, of glibc's.
fn median_of_glibc(name: &str, column: &str, heap: &str) -> f64 {
    let table = table(&format!("tests/bench/results/{name}.csv"));
    let cells = Cells::of(&table, "program", column).expect(column);
    let ratio = |program: &&str| {
        let ratio = cells.times_glibc(program, heap);
        ratio.expect("glibc's")
    };
    let programs = cells.distinct_keys();
    let mut ratios: Vec<f64> = programs.iter().filter_map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let last = ratios.len() - 1;
    f64::midpoint(ratios[last / 2], ratios[last.div_ceil(2)])
}

#[test]
fn the_medians_on_a_poster_are_of_what_the_plots_show() {
    for name in poster::names() {
        let html = render(name);
        let heap = poster::heap(name).expect("its name is in the list");
        for (what, results, column) in [
            ("time of real programs’ calls", "traces", "net"),
            ("their memory", "trace-memory", "memory"),
        ] {
            let median = median_of_glibc(results, column, heap);
            let row = format!("{what}, against glibc</th><td>× {median:.2}<");
            assert!(html.contains(&row), "{name}: {row}\n{html}");
        }
    }
}

#[test]
fn every_poster_has_rows_that_are_counted() {
    for (name, rows) in [
        ("1", &[("take", "11,500 bytes"), ("break", "100 times")][..]),
        ("per-thread", &[("map a segment", "once")][..]),
    ] {
        let html = render(name);
        for (what, count) in rows {
            let row = format!("{what}</th><td>{count}</td><td>–</td></tr>");
            assert!(html.contains(&row), "{name}: {row}\n{html}");
        }
    }
    for name in poster::names() {
        let html = render(name);
        let counted = html.matches("</td><td>–</td></tr>").count();
        assert!(counted >= 2, "{name} has {counted}");
    }
}

/// A hundred blocks take what lies between their starts, as in the other stages:
/// not all of the pages that the break has risen by.
#[test]
fn what_a_hundred_blocks_take_is_less_than_what_was_asked_for_them() {
    let html = render("5");
    for (what, count) in [
        ("take, beside their records", "11,200 bytes"),
        ("how far the break rises for them", "20,480 bytes"),
    ] {
        let row = format!("{what}</th><td>{count}</td><td>–</td></tr>");
        assert!(html.contains(&row), "{row}\n{html}");
    }
}

/// The results have another name for it.
#[test]
fn a_poster_calls_a_stage_by_its_number_and_says_how_it_was_measured() {
    for name in poster::names() {
        let html = render(name);
        let (_, costs) = html.split_once("po-costs").expect("costs");
        let stage = match name {
            "per-thread" => "per thread".to_owned(),
            number => format!("stage {number}"),
        };
        let head = format!("<th scope=\"col\">{stage}</th>");
        assert!(costs.contains(&head), "{name}: {head}\n{costs}");
        let says = "Measured is one stack behind a lock";
        assert_eq!(costs.contains(says), name == "5", "{name}: {costs}");
        let says = "A malloc is measured with its free";
        assert!(costs.contains(says), "{name}: {costs}");
    }
}

#[test]
fn a_unit_does_not_stand_alone_on_a_line() {
    for name in poster::names() {
        let html = render(name);
        assert!(html.contains(":\u{a0}ns</th>"), "{name}: {html}");
        assert!(!html.contains(" ns</th>"), "{name}: {html}");
    }
}

#[test]
fn what_is_mapped_on_a_poster_is_a_segment_of_a_process() {
    let root = workspace();
    let source = root.join("stage5-lifo-stack/src/per_thread");
    let constants = Constants::read(&source).expect("constants");
    let segment = constants.evaluate("SEGMENT").expect("a number");
    let row = format!(
        "what is mapped for them</th><td>{} bytes</td>",
        book::amount::number(segment)
    );
    let html = render("per-thread");
    assert!(html.contains(&row), "{row}\n{html}");
}
