//! The heaps to play with: in a page they do what they do on this machine.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use book::tryit::{PROGRAM, RECORDED};
use book::{build, figure};
use fastrand::Rng;
use pages::chromium;
use pages::in_a_page::{can_be_made, kept, kept_recorded, make, recorded};
use play::heap::{ROOM, Setup};
use play::lists::List;
use play::program::{self, Line};
use play::recording::Kind;
use play::{run, web};

/// The compiled program has no more bytes than this.
const MOST_BYTES: usize = 150 * 1024;

/// How many operations a random program has.
const OPERATIONS: usize = 10_000;

/// Random lines. A name is used again when its block is freed. Blocks have less
/// than `most` bytes.
fn random_program(seed: u64, most: usize, has_memalign: bool) -> String {
    let mut rng = Rng::with_seed(seed);
    let mut live: Vec<String> = Vec::new();
    let mut foreign = 0;
    let mut program = String::new();
    let size = |rng: &mut Rng| match rng.u8(..10) {
        0 => rng.usize(..most),
        1..4 => rng.usize(..most.min(1000)),
        _ => rng.usize(..most.min(100)),
    };
    for number in 0..OPERATIONS {
        let names = (0..).map(|number| format!("n{number}"));
        let mut names = names.filter(|name| !live.contains(name));
        let new = names.next().expect("there are more names than blocks");
        let some = (!live.is_empty()).then(|| rng.usize(..live.len()));
        let line = match (rng.u8(..100), some) {
            (0..40, Some(index)) if live.len() < 60 || index % 4 == 0 => {
                format!("free({})", live.swap_remove(index))
            }
            (40..50, Some(index)) => {
                let old = live.swap_remove(index);
                let size = size(&mut rng);
                live.push(old.clone());
                format!("{old} = realloc({old}, {size})")
            }
            (54, _) => format!("refuse({})", rng.u8(1..4)),
            // Not more than a simulated break can note.
            (55, _) if foreign < 8 && number % 3 == 0 => {
                foreign += 1;
                format!("sbrk({})", 16 * rng.usize(1..200))
            }
            (56..60, _) => {
                let (count, size) = (rng.u8(..9), rng.u8(..99));
                live.push(new.clone());
                format!("{new} = calloc({count}, {size})")
            }
            (60..66, _) if has_memalign => {
                let (align, size) = (1 << rng.u8(..10), size(&mut rng));
                live.push(new.clone());
                format!("{new} = memalign({align}, {size})")
            }
            _ if live.len() < 60 => {
                live.push(new.clone());
                format!("{new} = malloc({})", size(&mut rng))
            }
            (_, Some(index)) => format!("free({})", live.swap_remove(index)),
            _ => "refuse(0)".to_owned(),
        };
        writeln!(program, "{line}").expect("a string grows");
    }
    program
}

/// What a page saw: the log of each of these runs in Chromium.
fn logs_in_chromium(runs: &[(Setup, &str)]) -> Vec<String> {
    let asked: Vec<String> = runs
        .iter()
        .map(|(Setup { stage, room }, program)| {
            format!("{stage} {room} 0\n{program}")
        })
        .collect();
    let asked = serde_json::to_string(&asked).expect("text is JSON");
    let program = fs::read(kept()).expect("the book has it");
    let script = format!(
        "const asked = {asked}; const bytes = new Uint8Array({program:?});\
         {}",
        include_str!("play/log.js")
    );
    let page = format!(
        "<!DOCTYPE html><meta charset='utf-8'><pre id='seen'></pre>\
         <script>{script}</script>"
    );
    let folder = tempfile::tempdir().expect("a folder of our own");
    let file = folder.path().join("log.html");
    fs::write(&file, page).expect("the folder can be written to");
    let page = chromium::open(&chromium::address(&file), &[]);
    chromium::seen(&page).split('\u{1e}').map(str::to_owned).collect()
}

/// A line of a log.
#[derive(Debug, PartialEq, Eq)]
struct Step<'l> {
    line: &'l str,
    outcome: &'l str,
    used: usize,
    calls: usize,
    /// How many headers lie below what was returned, and in all.
    headers: [usize; 2],
    sum: &'l str,
    /// What is free and what is not, whatever the headers are.
    between: &'l str,
}

impl<'l> Step<'l> {
    fn all(log: &'l str) -> Vec<Self> {
        log.lines().map(Self::new).collect()
    }

    fn new(text: &'l str) -> Self {
        let fields: Vec<&str> = text.split('\t').collect();
        let [line, outcome, used, calls, below, all, sum, between] = fields[..]
        else {
            panic!("a line of a log has eight fields: {text}");
        };
        let number = |text: &str| text.parse().expect("a number");
        let (used, calls) = (number(used), number(calls));
        let headers = [number(below), number(all)];
        Self { line, outcome, used, calls, headers, sum, between }
    }

    /// The address that was returned, from the start of the heap.
    fn address(&self) -> Option<usize> {
        let digits = self.outcome.strip_prefix("0x…")?;
        Some(usize::from_str_radix(digits, 16).expect("an address"))
    }
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn ten_thousand_operations_do_in_a_browser_what_they_do_here() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let all = random_program(seed, 20_000, true);
    // Padding in front of an aligned block depends on the headers below it.
    let without_memalign = random_program(seed, 20_000, false);
    // Where there is little room, the end of the heap moves often. Somebody
    // else may get none.
    let narrow = random_program(seed, 80, true);
    let nobody = |line: &str| match line.starts_with("sbrk") {
        true => "refuse(0)\n".to_owned(),
        false => format!("{line}\n"),
    };
    let narrow: String = narrow.lines().map(nobody).collect();
    let mut runs = Vec::new();
    for stage in Setup::STAGES {
        for room in [ROOM, 64 * 1024] {
            let program = match (stage, room) {
                (2, ROOM) => &without_memalign,
                // With shorter headers it is full later.
                (2, _) => continue,
                (_, ROOM) => &all,
                _ => &narrow,
            };
            runs.push((Setup { stage, room }, &program[..]));
        }
    }
    let there = logs_in_chromium(&runs);
    assert_eq!(there.len(), runs.len());
    for ((setup, program), there) in runs.iter().zip(&there) {
        let lines = program::parse(program).expect("it is a program");
        let here = run::log(*setup, &lines).expect("it can be run");
        let (here, there) = (Step::all(&here), Step::all(there));
        assert_eq!(here.len(), OPERATIONS, "{setup:?}");
        assert_eq!(there.len(), OPERATIONS, "{setup:?}");
        for (number, (here, there)) in here.iter().zip(&there).enumerate() {
            let place = format!("seed {seed}, {setup:?}, line {}", number + 1);
            if setup.stage == 2 {
                is_the_same_but_for_headers(here, there, &place);
            } else {
                assert_eq!(here, there, "{place}: here, and in the browser");
            }
        }
        let blocks = here.iter().filter(|step| step.address().is_some());
        println!("{setup:?}: {} blocks", blocks.count());
    }
}

/// Stage 2's header has a number, a flag and an address: 32 bytes on a machine
/// whose addresses have 8 bytes, 16 in a browser.
fn is_the_same_but_for_headers(here: &Step, there: &Step, place: &str) {
    let shorter = match size_of::<usize>() {
        8 => 16,
        _ => 0,
    };
    let [below, all] = here.headers;
    assert_eq!(here.headers, there.headers, "{place}");
    assert_eq!(here.line, there.line, "{place}");
    assert_eq!(here.calls, there.calls, "{place}");
    assert_eq!(here.between, there.between, "{place}: what is free");
    assert_eq!(here.used, there.used + shorter * all, "{place}");
    let moved = there.address().map(|at| at + shorter * below);
    assert_eq!(here.address(), moved, "{place}: {here:?} {there:?}");
}

#[test]
fn the_program_in_the_page_is_small() {
    let len = fs::metadata(kept()).expect("the book has it").len();
    assert!(len <= MOST_BYTES as u64, "{len} bytes, {MOST_BYTES} at most");
}

#[test]
#[ignore = "needs the target wasm32-unknown-unknown: .ci/run installs it"]
fn the_program_in_the_page_is_what_the_source_gives() {
    assert!(can_be_made(), "it needs wasm32-unknown-unknown");
    let kept = fs::read(kept()).expect("the book has it");
    assert!(
        make() == kept,
        "book/play/page.wasm is older than its source. This makes it again:\n\
         cargo run -p pages --example in_a_page"
    );
}

#[test]
fn every_recording_can_be_tried_from_its_beginning() {
    let kept = fs::read_to_string(kept_recorded()).expect("the book has it");
    assert!(
        kept == recorded(),
        "the recordings begin in another way. This writes it down again:\n\
         cargo run -p pages --example in_a_page"
    );
    for line in kept.lines() {
        let (name, fragment) = line.split_once('\t').expect("a title");
        let lines = fragment.splitn(3, '/').nth(2).expect("a program");
        let lines = program::parse(lines).expect(name);
        let came = run::run(Setup::new(3, ROOM).expect(name), &lines, 0);
        let came = came.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(came.outcomes.len(), lines.len(), "the calls of {name}");
    }
}

/// Figures that the page cannot have, and why.
const NOT_TRIED: &[(&str, &[&str])] = &[
    (
        "they show a process, its pages, its files or its frees, and no heap",
        &[
            "memory-map",
            "break-and-pages",
            "git-breathes",
            "halving",
            "ls-pins",
        ],
    ),
    (
        "threads take turns in the middle of a call",
        &["two-threads", "two-threads-in-the-heap", "two-threads-and-a-lock"],
    ),
    ("a process forks", &["two-forks", "fork-in-a-push"]),
    (
        "a heap that has no break but mappings: its code is more than the page \
         has room for",
        &[
            "a-hole",
            "a-large-block-grows",
            "a-queue",
            "adoption",
            "mark-and-pop",
            "on-a-list",
            "record-bits",
            "reserved",
            "segments",
            "the-last-one",
            "three-stacks",
            "what-goes-back",
        ],
    ),
    (
        "the program breaks the rules by what it writes, or by what it calls its own",
        &[
            "a-new-owner",
            "bent-list",
            "broken-promises",
            "eaten-header",
            "eaten-record",
            "nothing-to-eat",
            "two-owners",
        ],
    ),
    (
        "one of its steps is several lines",
        &["free-block-bits", "perl-under-a-copy"],
    ),
];

#[test]
fn each_figure_can_be_tried_or_is_listed_with_its_reason() {
    let mut can = 0;
    let mut cannot = Vec::new();
    for name in figure::names() {
        let recording = figure::record(name).expect("its name is in the list");
        let Some(fragment) = web::fragment(&recording) else {
            cannot.push(name);
            continue;
        };
        can += 1;
        let fields: Vec<&str> = fragment.splitn(3, '/').collect();
        let [stage, room, lines] = fields[..] else {
            panic!("{name}: {fragment}");
        };
        let room = room.parse().expect("a number");
        let setup = Setup::named(stage, room).expect("a heap");
        let lines = program::parse(lines).expect("a program");
        let steps = recording.frames.len();
        assert_eq!(lines.len() + 1, steps, "{name}: {fragment}");
        for step in 0..steps {
            let came = run::run(setup, &lines, step).expect("it runs");
            let [ours, theirs] =
                [came.frames.last().unwrap(), &recording.frames[step]];
            let place = format!("{name}, step {step}");
            let spans = |frame: &figure::recording::Frame| {
                let mut spans = frame.spans.clone();
                // What is said of a free block differs, and who has broken the
                // rules looks into his block.
                spans.iter_mut().for_each(|span| span.label.clear());
                spans
            };
            assert_eq!(spans(ours), spans(theirs), "{place}");
            assert_eq!(ours.used, theirs.used, "{place}");
            assert_eq!(ours.calls, theirs.calls, "{place}");
            assert_eq!(ours.chunks, theirs.chunks, "{place}");
        }
    }
    println!("{can} of {} figures", figure::names().len());
    let mut listed: Vec<&str> =
        NOT_TRIED.iter().flat_map(|(_, names)| *names).copied().collect();
    cannot.sort_unstable();
    listed.sort_unstable();
    assert_eq!(cannot, listed, "left: cannot be tried; right: are listed");
    // So many there are. Whoever adds some raises it.
    assert!(can >= 30, "{can} of {}", figure::names().len());
}

#[test]
fn a_free_block_says_the_list_that_it_is_on() {
    let program = "a = malloc(100); b = malloc(24); c = malloc(3000); \
                   d = malloc(9); free(a); free(c); e = malloc(50)";
    let lines = program::parse(program).expect("a program");
    for (stage, step) in [3, 4]
        .into_iter()
        .flat_map(|stage| (0..=lines.len()).map(move |step| (stage, step)))
    {
        let setup = Setup::new(stage, ROOM).expect("a heap");
        let came = run::run(setup, &lines, step).expect("it runs");
        let frame = came.frames.last().expect("a picture");
        let lists = came.lists.expect("it has lists").lists;
        let place = format!("stage {stage}, step {step}: {lists:?}, {frame:?}");
        let free = frame.spans.iter().filter(|it| it.kind == Kind::Free);
        let mut on_none = 0;
        for span in free {
            let on = |list: &&List| {
                list.blocks.iter().any(|&(at, _)| at == span.start)
            };
            let said = match lists.iter().find(on) {
                Some(list) => format!("list {}", list.class),
                None => {
                    on_none += 1;
                    "the last, on no list".to_owned()
                }
            };
            assert_eq!(span.label, said, "{place}");
        }
        assert_eq!(on_none, usize::from(step > 0), "{place}");
        let page = web::answer(setup, step, &lines);
        let says = page.matches("free: the last, on no list").count();
        assert_eq!(says, on_none, "{place}");
    }
}

#[test]
fn a_line_is_read_as_it_is_written() {
    let program = "a = malloc(24)\nb = calloc(3, 8)\nc = realloc(a, 100)\n\
                   d = memalign(64, 10)\nfree(b)\nfree(c + 16)\n\
                   fill(d, 'd')\nsomebody else: sbrk(4096)\nrefuse(2)";
    let lines = program::parse(program).expect("a program");
    let written: Vec<String> = lines.iter().map(Line::to_string).collect();
    assert_eq!(written.join("\n"), program);
    let short: Vec<String> = lines.iter().map(Line::short).collect();
    assert_eq!(program::parse(&short.join(";")), Ok(lines));
}

/// What stands in the page's pictures and in the one made here: a program for
/// which all stages are the same in a browser, but for the second.
const SHOWN: &str = "a=malloc(100);b=calloc(3,7);c=memalign(256,40);\
                     free(a);b=realloc(b,3000);fill(c);sbrk(4096);d=malloc(9)";

/// The text of a piece of HTML.
fn text(html: &str) -> String {
    let parts = html.split('<').map(|part| match part.split_once('>') {
        Some((_, text)) => text,
        None => part,
    });
    let text: String = parts.collect();
    text.split_whitespace().collect()
}

/// A book of the page alone, and of a figure on it. Returns the folder that it
/// lies in.
fn book_of_the_page(root: &Path) -> std::path::PathBuf {
    let write = |path: &str, bytes: &[u8]| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, bytes).expect("it can be written");
    };
    let theme = build::folder().join("theme");
    for entry in fs::read_dir(theme).expect("the theme") {
        let entry = entry.expect("a file");
        let name = entry.file_name().into_string().expect("UTF-8");
        let bytes = fs::read(entry.path()).expect("a file of the theme");
        write(&format!("book/theme/{name}"), &bytes);
    }
    for (name, kept) in [(PROGRAM, kept()), (RECORDED, kept_recorded())] {
        write(&format!("book/{name}"), &fs::read(kept).expect(name));
    }
    let config = fs::read(build::folder().join("book.toml"));
    write("book/book.toml", &config.expect("book.toml can be read"));
    write("book/chapters/SUMMARY.md", b"- [Try](try.md)\n");
    write(
        "book/chapters/try.md",
        b"# Try\n\n{{#try}}\n\n{{#heap bump stage1-bump}}\n",
    );
    let out = root.join("out");
    build::build(&root.join("book"), &out).expect("it is built");
    out
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn the_page_does_what_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let out = book_of_the_page(folder.path());
    let page = fs::read_to_string(out.join("try.html")).expect("the page");
    // A recording as the book keeps it, and how it begins.
    let name = "redis";
    let trace = fs::read(timing::trace::path(name)).expect("a recording");
    let count = timing::trace::Trace::load(name).events.len() as u128;
    let told = format!(
        "kept.trace: the first 500 of its {} calls.",
        play::amount::number(count)
    );
    let kept = fs::read_to_string(kept_recorded()).expect("the book has it");
    let begins = kept.lines().find(|line| line.starts_with(name));
    let begins = begins.and_then(|line| line.splitn(3, '/').nth(2));
    let begins = program::parse(begins.expect(name)).expect("a program");
    let begins: Vec<_> = begins.iter().map(Line::to_string).collect();
    let header = Setup::named("2", ROOM).expect("a heap").header();
    let drive = format!(
        "<pre id=seen></pre><script>const SHOWN = {SHOWN:?};\n\
         const [HEADER, TRACE] = [{header}, {trace:?}];\n\
         const [TRACE_TOLD, TRACE_BEGINS] = [{told:?}, {begins:?}];\n\
         {}</script></body>",
        include_str!("play/drive.js")
    );
    let driven = out.join("driven.html");
    fs::write(&driven, page.replace("</body>", &drive)).expect("written");
    let address = chromium::address(&driven);
    let page = chromium::open(&address, &["--window-size=800,900"]);
    let seen = chromium::seen(&page);
    let mut pictures = Vec::new();
    let mut failed = Vec::new();
    for line in seen.lines() {
        match line.strip_prefix("picture ") {
            Some(picture) => pictures.push(picture),
            None if line.starts_with("ok ") => {}
            None => failed.push(line),
        }
    }
    assert!(failed.is_empty(), "{}\nof\n{seen}", failed.join("\n"));
    assert!(seen.contains("ok everything was looked at"), "{seen}");
    let lines = program::parse(SHOWN).expect("a program");
    let stages = [1, 3, 4, 5];
    assert_eq!(pictures.len(), stages.len(), "{seen}");
    for (stage, picture) in stages.into_iter().zip(pictures) {
        let setup = Setup::new(stage, ROOM).expect("a stage");
        let answer = web::answer(setup, lines.len(), &lines);
        let here = answer.split('\0').nth(1).expect("the picture");
        assert_eq!(text(picture), text(here), "stage {stage}");
    }
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn the_page_has_a_picture_without_javascript() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let out = book_of_the_page(folder.path());
    let page = fs::read_to_string(out.join("try.html")).expect("the page");
    // The frame may run no script. Who looks into it may.
    let inner = page.replace('&', "&amp;").replace('"', "&quot;");
    let outer = format!(
        "<!DOCTYPE html><meta charset='utf-8'><iframe id='page' width='800' \
         sandbox='allow-same-origin' srcdoc=\"{inner}\"></iframe>\
         <pre id='seen'></pre><script>{}</script>",
        include_str!("play/no_script.js")
    );
    let file = out.join("outer.html");
    fs::write(&file, outer).expect("written");
    let page = chromium::open(&chromium::address(&file), &[]);
    assert_eq!(chromium::seen(&page), "4 lines, 1 picture, no control");
}
