//! A stage on one page: its picture, its structures, the promises that it keeps
//! and breaks, and what its calls cost. All of it is taken from somewhere: a
//! recording, the source, the table of the stages side by side, measurements.

use std::fs;
use std::path::Path;

use crate::amount;
use crate::constant::Constants;
use crate::figure::{self, draw};
use crate::html::{self, escape, escape_prose};
use crate::plot::table::Table;
use crate::problem::list;
use crate::side_by_side::{self, Cell, Property};
use crate::sources::Sources;
use crate::{highlight, item, ran};

/// The folder of the measurements, from the root of the repository.
const RESULTS: &str = "tests/bench/results";

/// What is on the poster of a stage.
struct Poster {
    /// What a page calls it.
    name: &'static str,
    /// What the tables of results call its heap.
    heap: &'static str,
    /// What the others know it as, if that is another name, and how it was
    /// measured.
    known: Option<[&'static str; 2]>,
    /// The folder of its crate.
    folder: &'static str,
    /// The recording that is pictured.
    scenario: &'static str,
    /// Files in the folder, and the structures that are shown of them.
    structures: &'static [(&'static str, &'static str)],
    /// What is counted, each with the run that counts it.
    counted: &'static [[&'static str; 2]],
}

/// What a hundred blocks take where a heap asks for what it needs, and how often
/// a hundred pairs move the break of the heap as it is.
macro_rules! over_a_break {
    ($needed:literal, $whole:literal) => {
        &[
            [
                "a hundred blocks of 100 bytes take",
                concat!($needed, ": 100[a = malloc(100)] -> used as bytes"),
            ],
            [
                "a hundred pairs move the break",
                concat!($whole, ": 100[a = malloc(100); free(a)] -> moves"),
            ],
        ]
    };
}

/// The same of a heap that always asks for pages, and has its notes elsewhere.
const ABOVE_EACH_OTHER: &[[&str; 2]] = &[
    [
        "a hundred blocks of 100 bytes take, beside their records",
        "stage5: \
         a = malloc(100); 100[b = malloc(100)] -> from a to b as bytes",
    ],
    [
        "how far the break rises for them",
        "stage5: 100[a = malloc(100)] -> used as bytes",
    ],
    [
        "a hundred pairs move the break",
        "stage5: 100[a = malloc(100); free(a)] -> moves",
    ],
];

/// The same of a heap in segments that are as large as in a process.
const IN_SEGMENTS: &[[&str; 2]] = &[
    [
        "a hundred blocks of 100 bytes take",
        "per-thread segments: \
         a = malloc(100); 100[b = malloc(100)] -> from a to b as bytes",
    ],
    [
        "what is mapped for them",
        "per-thread segments: 100[a = malloc(100)] -> mapped as bytes",
    ],
    [
        "a hundred pairs map a segment",
        "per-thread segments: 100[a = malloc(100); free(a)] -> moves",
    ],
];

static POSTERS: [Poster; 6] = [
    Poster {
        name: "1",
        heap: "stage 1",
        known: None,
        folder: "stage1-bump",
        scenario: "bump",
        structures: &[("src/heap.rs", "Heap")],
        counted: over_a_break!("stage1", "stage1"),
    },
    Poster {
        name: "2",
        heap: "stage 2",
        known: None,
        folder: "stage2-headers",
        scenario: "free-in-the-middle",
        structures: &[("src/block.rs", "Header"), ("src/heap.rs", "Heap")],
        counted: over_a_break!("stage2", "stage2"),
    },
    Poster {
        name: "3",
        heap: "stage 3",
        known: None,
        folder: "stage3-freelist",
        scenario: "size-classes",
        structures: &[
            ("src/block.rs", "Header"),
            ("src/block.rs", "Links"),
            ("src/free_lists.rs", "FreeLists"),
            ("src/heap.rs", "Heap"),
        ],
        counted: over_a_break!("stage3", "stage3 steps"),
    },
    Poster {
        name: "4",
        heap: "stage 4",
        known: None,
        folder: "stage4-threadsafe",
        scenario: "two-threads-and-a-lock",
        structures: &[("src/locked.rs", "LockedHeap"), ("src/heap.rs", "Heap")],
        // Its heap is stage 3's, to the byte.
        counted: over_a_break!("stage3", "stage3 steps"),
    },
    Poster {
        name: "5",
        heap: "one stack",
        known: Some([
            "stage 5",
            "Measured is one stack behind a lock, with room for more chunks.",
        ]),
        folder: "stage5-lifo-stack",
        scenario: "out-of-order",
        structures: &[("src/heap.rs", "Chunk"), ("src/heap.rs", "Heap")],
        counted: ABOVE_EACH_OTHER,
    },
    Poster {
        name: "per-thread",
        heap: "per thread",
        known: None,
        folder: "stage5-lifo-stack",
        scenario: "segments",
        structures: &[
            ("src/per_thread/record.rs", "Record"),
            ("src/per_thread/stack.rs", "Stack"),
            ("src/per_thread/holes.rs", "Holes"),
        ],
        counted: IN_SEGMENTS,
    },
];

/// The names of all posters.
pub fn names() -> Vec<&'static str> {
    POSTERS.iter().map(|poster| poster.name).collect()
}

/// The column of the stages side by side that a poster is about.
pub fn heap(name: &str) -> Option<&'static str> {
    POSTERS.iter().find(|it| it.name == name).map(|it| it.heap)
}

/// A poster, for the page at `page` below the folder of the chapters.
///
/// # Errors
///
/// That there is no such poster, or what it lacks.
pub fn render(
    sources: &Sources,
    name: &str,
    page: &Path,
) -> Result<String, String> {
    let poster = POSTERS.iter().find(|it| it.name == name);
    let poster = poster.ok_or_else(|| {
        format!("there is no poster `{name}`. There is: {}", list(&names()))
    })?;
    let picture = picture(poster)?;
    let structures = structures(sources, poster)?;
    let [costs, about] = costs(&sources.root, poster)?;
    let promises = promises(&sources.root, poster, page)?;
    Ok(format!(
        "<div class=\"poster\">\n{picture}\n{structures}\n{costs}\n{promises}\n\
         {about}\n</div>"
    ))
}

/// What the heap looks like.
fn picture(poster: &Poster) -> Result<String, String> {
    let scenario = poster.scenario;
    let (recording, title) = figure::record(scenario)
        .zip(figure::title(scenario))
        .ok_or_else(|| format!("there is no scenario `{scenario}`"))?;
    let frame = &recording.frames[recording.still];
    let drawn = draw::picture(frame, None);
    let legend = draw::legend(std::slice::from_ref(frame));
    let title = draw::prose(title);
    Ok(format!(
        "<section class=\"po-picture\">\n<p class=\"po-title\">{title}</p>\n\
         <div class=\"heap-figure\"><div class=\"hf-picture is-still\">{drawn}\
         </div>{legend}</div>\n</section>"
    ))
}

/// What it is made of, without the comments.
fn structures(sources: &Sources, poster: &Poster) -> Result<String, String> {
    let mut all = String::new();
    for (file, name) in poster.structures {
        let path = format!("{}/{file}", poster.folder);
        let text = sources.read(&path)?;
        let item = item::find(&path, &text, name)?;
        let is_code = |line: &&str| {
            let line = line.trim_start();
            !line.starts_with("//") && !line.starts_with("#[")
        };
        let code: Vec<_> = item.text.lines().filter(is_code).collect();
        let code = code.join("\n");
        let lines = highlight::lines(&path, &code);
        let lines = lines.iter().map(|line| highlight::html(line, &[]));
        let lines = html::lines(lines.collect::<Vec<_>>());
        let size = size(&sources.root.join(&path), name);
        let size = size.map_or(String::new(), |size| format!(", {size}"));
        all += &format!(
            "<div><p><code>{}</code>{size}</p>\n\
             <pre><code class=\"nohighlight hljs\">{lines}</code></pre></div>\n",
            escape(file)
        );
    }
    Ok(format!(
        "<section class=\"po-structures\">\n\
         <p class=\"po-title\">What it is made of</p>\n\
         <div>\n{all}</div>\n</section>"
    ))
}

/// How large a structure is, if that does not depend on a parameter.
fn size(file: &Path, name: &str) -> Option<String> {
    let constants = Constants::read(file.parent()?).ok()?;
    let size = constants.evaluate(&format!("size_of::<{name}>()")).ok()?;
    Some(format!("{} bytes", amount::number(size)))
}

/// What calls cost, beside glibc, and what is to be said of the measurements.
fn costs(root: &Path, poster: &Poster) -> Result<[String; 2], String> {
    let [random, nested, traces, memory] =
        ["random", "nested", "traces", "trace-memory"]
            .map(|name| results(root, name));
    let [random, nested] = [random?, nested?];
    let [traces, memory] = [traces?, memory?];
    let mut rows = Vec::new();
    for live in ["1000", "10000"] {
        let what = format!(
            "malloc and free among {} live blocks, in any order:\u{a0}ns",
            amount::number(live.parse().unwrap_or(0))
        );
        rows.push(beside_glibc(&what, poster, |heap| {
            let wanted = [("live", live), ("allocator", heap)];
            cell(&random, &wanted, "net").map(nanoseconds)
        }));
    }
    let what = "the newest first, calls 100 deep:\u{a0}ns";
    rows.push(beside_glibc(what, poster, |heap| {
        let wanted = [("work", "nested"), ("size", "100"), ("allocator", heap)];
        cell(&nested, &wanted, "net").map(nanoseconds)
    }));
    for (table, column, what) in [
        (&traces, "net", "time of real programs’ calls, against glibc"),
        (&memory, "memory", "their memory, against glibc"),
    ] {
        rows.push(beside_glibc(what, poster, |heap| {
            median(ratios(table, column, heap)).map(|it| format!("× {it:.2}"))
        }));
    }
    for [what, run] in poster.counted {
        let none = "–".to_owned();
        rows.push([(*what).to_owned(), count(root, run)?, none]);
    }
    let [heap, how] = poster.known.unwrap_or([poster.heap, ""]).map(escape);
    let rows: String = rows
        .iter()
        .map(|[what, ours, glibc]| {
            let [what, ours, glibc] = [what, ours, glibc].map(|it| escape(it));
            format!(
                "<tr><th scope=\"row\">{what}</th><td>{ours}</td><td>{glibc}\
                 </td></tr>\n"
            )
        })
        .collect();
    let about = about(&[&random, &nested, &traces, &memory]);
    let about = format!("<p class=\"po-about\">{} {how}</p>", escape(&about));
    let costs = format!(
        "<section class=\"po-costs\">\n\
         <p class=\"po-title\">What it costs</p>\n\
         <table>\n<thead><tr><th scope=\"col\">what</th><th scope=\"col\">{heap}</th>\
         <th scope=\"col\">glibc</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</section>",
    );
    Ok([costs, about])
}

/// What a run has counted. How often something has moved is said as one says it.
fn count(root: &Path, run: &str) -> Result<String, String> {
    let counted = ran::value(root, run)?;
    Ok(match &*counted {
        "1" if run.ends_with("moves") => "once".to_owned(),
        times if run.ends_with("moves") => format!("{times} times"),
        _ => counted,
    })
}

/// A row: a number of this heap, and of glibc's.
fn beside_glibc(
    what: &str,
    poster: &Poster,
    of: impl Fn(&str) -> Option<String>,
) -> [String; 3] {
    let told = |heap| of(heap).unwrap_or_else(|| "not measured".to_owned());
    [what.to_owned(), told(poster.heap), told("glibc")]
}

/// On which machines, and when.
fn about(tables: &[&Table]) -> String {
    let mut told: Vec<String> = Vec::new();
    for table in tables {
        let [machine, date] =
            ["machine", "date"].map(|it| table.about(it).unwrap_or("?"));
        let its = format!("{machine}, {date}");
        if !told.contains(&its) {
            told.push(its);
        }
    }
    format!(
        "Measured on: {}. Medians of real programs. What the loop itself takes \
         is taken off. A malloc is measured with its free: either alone would \
         change the heap with each call. What has a dash for glibc was counted \
         in this heap alone.",
        told.join("; ")
    )
}

fn results(root: &Path, name: &str) -> Result<Table, String> {
    let path = format!("{RESULTS}/{name}.csv");
    let text = fs::read_to_string(root.join(&path))
        .map_err(|_| format!("{path} is not there"))?;
    Table::parse(&text).map_err(|error| format!("{path} {error}"))
}

/// The cell of a column in the row in which others are what is wanted.
fn cell<'t>(
    table: &'t Table,
    wanted: &[(&str, &str)],
    column: &str,
) -> Option<&'t str> {
    let at = |name: &str| table.columns.iter().position(|it| it == name);
    let column = at(column)?;
    let is_wanted = |row: &&Vec<String>| {
        wanted
            .iter()
            .all(|(name, value)| at(name).is_some_and(|at| row[at] == *value))
    };
    table.rows.iter().find(is_wanted).map(|row| row[column].as_str())
}

/// A column's numbers for a heap, each as a multiple of glibc's.
fn ratios(table: &Table, column: &str, heap: &str) -> Vec<f64> {
    let number = |program: &str, heap: &str| -> Option<f64> {
        let wanted = [("program", program), ("allocator", heap)];
        cell(table, &wanted, column)?.parse().ok()
    };
    let programs = table.column("program").unwrap_or_default();
    let mut programs: Vec<&str> = programs;
    programs.sort_unstable();
    programs.dedup();
    let ratio = |program: &&str| {
        Some(number(program, heap)? / number(program, "glibc")?)
    };
    programs.iter().filter_map(ratio).collect()
}

fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() {
        0 => None,
        len if len.is_multiple_of(2) => {
            Some(f64::midpoint(numbers[middle - 1], numbers[middle]))
        }
        _ => Some(numbers[middle]),
    }
}

/// Nanoseconds as precise as they can be meant.
fn nanoseconds(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if number >= 100.0 => amount::number(number.round() as u128),
        Ok(number) => format!("{number:.1}"),
        Err(_) => text.to_owned(),
    }
}

/// Which promises it keeps and which it breaks.
fn promises(
    root: &Path,
    poster: &Poster,
    page: &Path,
) -> Result<String, String> {
    let table = side_by_side::read(root)?;
    let properties = side_by_side::properties(&table)?;
    let heap = side_by_side::column(&table, poster.heap)
        .ok_or_else(|| format!("no column `{}`", poster.heap))?;
    let up = "../".repeat(page.components().count().saturating_sub(1));
    let programs = format!("{up}back/side-by-side/{}", side_by_side::PROGRAMS);
    let mut html = String::new();
    let groups = properties.chunk_by(|one, next| one.group == next.group);
    for group in groups {
        html += &promises_of(group, heap, &programs);
    }
    Ok(format!(
        "<section class=\"po-promises\">\n\
         <p class=\"po-title\">What it keeps, and what it does not</p>\n\
         <p class=\"po-key\">{}</p>\n\
         <div class=\"po-groups\">\n{html}</div>\n</section>",
        key(&properties, heap)
    ))
}

/// What the signs mean, of those that there are.
fn key(properties: &[Property<'_>], heap: usize) -> String {
    let meanings = [
        ("holds", "so"),
        ("fails", "not so"),
        ("no-question", "no question for this heap"),
    ];
    let is_there = |class: &str| {
        properties.iter().any(|it| it.cells[heap].sign()[0] == class)
    };
    let meanings = meanings.iter().filter(|it| is_there(it.0));
    let signs = meanings.map(|(class, meaning)| {
        format!(
            "<span><span class=\"po-signs\" aria-hidden=\"true\">\
             <i class=\"{class}\"></i></span> {meaning}</span>"
        )
    });
    signs.collect::<Vec<_>>().join(" ")
}

/// A group: a sign for each property, and those that do not hold.
fn promises_of(group: &[Property<'_>], heap: usize, programs: &str) -> String {
    let cells = || group.iter().map(|property| property.cells[heap]);
    let holds = cells().filter(|cell| *cell == Cell::Holds).count();
    let asked = cells().filter(|cell| cell.is_asked()).count();
    let signs: String = cells()
        .map(|cell| format!("<i class=\"{}\"></i>", cell.sign()[0]))
        .collect();
    let broken: String = group
        .iter()
        .filter_map(|property| {
            let Cell::Fails { how, .. } = property.cells[heap] else {
                return None;
            };
            let fact = property.fact;
            let (id, fact, how) =
                (escape(property.id), escape_prose(fact), escape_prose(how));
            Some(format!(
                "<li><a href=\"{programs}#property-{id}\">{fact}</a>: {how}\
                 </li>\n"
            ))
        })
        .collect();
    let title = group.first().map_or("", |property| property.group);
    let title = escape_prose(title);
    format!(
        "<div><p class=\"po-group\"><b>{title}</b> {holds}&nbsp;of&nbsp;{asked} \
         <span class=\"po-signs\" aria-hidden=\"true\">{signs}</span></p>\n\
         <ul>\n{broken}</ul></div>\n"
    )
}
