//! Sentences that say who is ahead, or by how much, hold in the results that are
//! kept: those of the chapters "A stack for each thread", "Holes" and "Measured",
//! and some of the stages'.
//!
//! Numbers in prose come from the results by `{{#result …}}`. What words say
//! is looked up here: each sentence, its page, and what has to be less than
//! what. When results are made again, a sentence that is no longer true fails.

use std::collections::BTreeMap;

use book::plot::cells::Cells;
use book::plot::results;
use book::plot::table::Table;
use timing::workspace::workspace;

/// What a sentence says: a name, and two numbers of which the first is less.
type Less = (String, f64, f64);

struct Sentence {
    /// The page, from `book/chapters/beyond`.
    page: &'static str,
    says: &'static str,
    holds: fn() -> Vec<Less>,
}

fn less(what: &str, left: f64, right: f64) -> Less {
    (what.to_owned(), left, right)
}

/// A number is between two others.
fn between(what: &str, low: f64, number: f64, high: f64) -> Vec<Less> {
    vec![less(what, low, number), less(what, number, high)]
}

fn table(name: &str) -> Table {
    results(workspace(), name).unwrap_or_else(|error| panic!("{error}"))
}

/// A cell of the row that starts with these cells.
fn cell(name: &str, start: &str, column: &str) -> f64 {
    let table = table(name);
    let start: Vec<&str> = start.split(',').collect();
    let row = table.rows.iter().position(|row| row[..start.len()] == start);
    let row = row.unwrap_or_else(|| panic!("{name} has no row {start:?}"));
    table.column(column).expect(column)[row].parse().expect("a number")
}

/// For each program, what it is with an allocator as a multiple of what it is
/// with glibc.
fn of_glibc(
    name: &str,
    column: &str,
    allocator: &str,
) -> BTreeMap<String, f64> {
    let table = table(name);
    let cells = Cells::of(&table, "program", column).expect(column);
    let ratio = |program: &&str| {
        let ratio = cells.times_glibc(program, allocator).expect("glibc's");
        Some(((*program).to_owned(), ratio?))
    };
    cells.distinct_keys().iter().filter_map(ratio).collect()
}

fn median(ratios: &BTreeMap<String, f64>) -> f64 {
    let mut ratios: Vec<f64> = ratios.values().copied().collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn worst(ratios: &BTreeMap<String, f64>) -> f64 {
    ratios.values().copied().fold(0.0, f64::max)
}

/// The median over the recordings, of glibc's time.
fn recordings(allocator: &str) -> f64 {
    median(&of_glibc("traces", "net", allocator))
}

fn random(live: &str, allocator: &str) -> f64 {
    cell("random", &format!("{live},{allocator}"), "net")
}

/// How much more a pair costs with a million blocks than with a thousand.
fn rise(allocator: &str) -> f64 {
    random("1000000", allocator) / random("1000", allocator)
}

/// Those that have something for each thread.
const FOR_EACH: [&str; 5] =
    ["mimalloc", "jemalloc", "snmalloc", "tcmalloc", "per thread"];

/// Other heaps that are put in front of every program.
const OTHERS: [&str; 9] = [
    "glibc",
    "stage 4",
    "one stack",
    "mimalloc",
    "jemalloc",
    "tcmalloc",
    "mimalloc 3",
    "jemalloc 5.3.1",
    "snmalloc",
];

/// The time of a whole program on the stacks of threads, as a part of that on the
/// quickest of the others.
fn behind_the_best(program: &str) -> f64 {
    let seconds = |it| cell("programs", &format!("{program},{it}"), "seconds");
    let best = OTHERS.into_iter().map(seconds).fold(f64::INFINITY, f64::min);
    seconds("per thread") / best
}

fn queue(allocator: &str, column: &str) -> f64 {
    cell("queue", allocator, column)
}

/// The share of a program's frees that hit its newest block.
fn newest(program: &str) -> f64 {
    let [newest, frees] =
        ["newest", "frees"].map(|it| cell("claim", program, it));
    newest / frees
}

/// What a lock costs that is free, on the machine that has printed the costs of
/// atomics.
fn free_lock() -> f64 {
    let path = workspace().join("book/captured/atomics-cost.txt");
    let text = std::fs::read_to_string(&path).expect("what was printed");
    let [lock, loops] = ["a lock, taken and released", "nothing but the loop"]
        .map(|name| {
            let mut rows = text.lines().filter_map(|it| it.strip_prefix(name));
            let number = rows.next().expect(name).trim();
            number.parse::<f64>().expect("a number")
        });
    lock - loops
}

/// What a lock costs one thread that nobody disturbs, what the heap takes without
/// one, and what glibc takes, but for the loop: for one block, and for ten.
fn lock_heap_and_glibc() -> Vec<[f64; 3]> {
    let path = workspace().join("book/captured/lock-cost.txt");
    let text = std::fs::read_to_string(&path).expect("what was printed");
    let tables = text.split("\n\n").filter(|it| it.contains("no allocator"));
    let of = |table: &str| {
        let [loops, alone, locked, glibc] =
            ["no allocator", "the heap, no lock", "stage 4", "glibc"].map(
                |name| -> f64 {
                    let mut rows =
                        table.lines().filter_map(|it| it.strip_prefix(name));
                    let row = rows.next().expect(name);
                    let number = row.split_whitespace().next().expect(name);
                    number.parse().expect("a number")
                },
            );
        [locked - alone, alone - loops, glibc - loops]
    };
    let of: Vec<_> = tables.map(of).collect();
    assert_eq!(of.len(), 2, "one block, and ten: {text}");
    of
}

const SENTENCES: &[Sentence] = &[
    Sentence {
        page: "claim/index.md",
        says: "Of those that free most by the newest block cc1 is the nearest",
        holds: || {
            let table = table("claim");
            let names = table.column("program").expect("names");
            let names = names.iter().filter(|it| **it != "cc1");
            names.map(|it| less(it, newest(it), newest("cc1"))).collect()
        },
    },
    Sentence {
        page: "claim/index.md",
        says: "The furthest is workers-queue",
        holds: || {
            let table = table("claim");
            let names = table.column("program").expect("names");
            let names = names.iter().filter(|it| **it != "workers-queue");
            let last = newest("workers-queue");
            names.map(|it| less(it, last, newest(it))).collect()
        },
    },
    Sentence {
        page: "measured/index.md",
        says: "Where calls nest a thousand deep, a `malloc` and its `free` \
               take less than half of what glibc's take.",
        holds: || {
            let of = |it| cell("nested", &format!("nested,1000,{it}"), "net");
            let ratio = of("one stack") / of("glibc");
            vec![less("one stack, of glibc's", ratio, 0.5)]
        },
    },
    Sentence {
        page: "measured/index.md",
        says: "now ours takes several times as long",
        holds: || {
            let redis = cell("traces", "redis,one stack", "to_glibc");
            vec![less("twice glibc's, one stack", 2.0, redis)]
        },
    },
    Sentence {
        page: "measured/growth.md",
        says: "**Stage 1** has the flattest line of all.",
        holds: || {
            let others = ["stage 3", "stage 4", "per thread", "glibc"];
            let less = |it: &str| less(it, rise("stage 1"), rise(it));
            others.iter().map(|it| less(it)).collect()
        },
    },
    Sentence {
        page: "measured/growth.md",
        says: "**Stage 2** falls",
        holds: || {
            let [first, second] =
                ["1000", "10000"].map(|it| random(it, "stage 2"));
            vec![less("10,000 blocks, 1,000", second, first)]
        },
    },
    Sentence {
        page: "measured/growth.md",
        says: "but its line is not the steeper one",
        holds: || vec![less("rises", rise("stage 3"), rise("glibc"))],
    },
    Sentence {
        page: "measured/growth.md",
        says: "**Per thread** lies below glibc's line all the way, and less \
               far below where its blocks do not fit into the cache.",
        holds: || {
            let ratio =
                |live| random(live, "per thread") / random(live, "glibc");
            let mut all = vec![less("a thousand", ratio("1000"), 0.5)];
            for live in ["100000", "1000000"] {
                all.extend(between(live, 0.4, ratio(live), 0.95));
            }
            all
        },
    },
    Sentence {
        page: "measured/growth.md",
        says: "stage 4 needs a third more instructions than glibc, and at a \
               depth of a thousand less time.",
        holds: || {
            let of = |it: &str, column| cell("preloaded", it, column);
            // The table has them for a depth of 100.
            let [ours, glibc] = ["100,stage 4", "100,glibc"];
            let ratio = of(ours, "instructions") / of(glibc, "instructions");
            let mut all = between("instructions", 1.25, ratio, 1.42);
            let [ours, glibc] = ["1000,stage 4", "1000,glibc"];
            all.push(less("ns", of(ours, "ns"), of(glibc, "ns")));
            all
        },
    },
    Sentence {
        page: "measured/threads.md",
        says: "Those that have something for each thread do not change",
        holds: || {
            let of = |threads: &str, it: &str| {
                cell("threads", &format!("{threads},{it}"), "ns")
            };
            let change = |it: &&str| less(it, of("4", it), 1.3 * of("1", it));
            FOR_EACH.iter().map(change).collect()
        },
    },
    Sentence {
        page: "measured/threads.md",
        says: "`stage 4` and `one stack` have one heap and one lock for all, \
               and rise at once",
        holds: || {
            let of = |threads: &str, it: &str| {
                cell("threads", &format!("{threads},{it}"), "ns")
            };
            let rise = |it: &str| less(it, 1.5 * of("1", it), of("2", it));
            ["stage 4", "one stack"].map(rise).to_vec()
        },
    },
    Sentence {
        page: "measured/threads.md",
        says: "They rise with the second thread already, though each has a \
               core for itself, and rise again with four.",
        holds: || {
            let of = |threads: &str, it: &str| {
                cell("threads", &format!("{threads},{it}"), "ns")
            };
            let rise = |it: &str| {
                let [one, two, four] = ["1", "2", "4"].map(|at| of(at, it));
                vec![less(it, 1.5 * one, two), less(it, 1.3 * two, four)]
            };
            ["stage 4", "one stack"].map(rise).concat()
        },
    },
    Sentence {
        page: "measured/threads.md",
        says: "None of those in the file does.",
        holds: || {
            let table = table("queue");
            let names = table.column("allocator").expect("names");
            let names = names.iter().filter(|it| **it != "nothing");
            let grows = |it: &&str| {
                let tenth = queue(it, "bytes_after_a_tenth");
                less(it, queue(it, "bytes"), 3.0 * tenth)
            };
            names.map(grows).collect()
        },
    },
    Sentence {
        page: "measured/threads.md",
        says: "tcmalloc, as Debian has it and as Google has it, mimalloc, \
               jemalloc, snmalloc and rpmalloc, which was made for games. Our \
               stacks come behind them",
        holds: || {
            let ours = queue("per thread", "ns");
            let quick = [
                "nothing",
                "tcmalloc",
                "google tcmalloc",
                "mimalloc",
                "jemalloc",
                "snmalloc",
                "rpmalloc",
            ];
            let table = table("queue");
            let names = table.column("allocator").expect("names");
            // And nobody else.
            let others = names.iter().filter(|it| **it != "per thread");
            let rank = |it: &&str| match quick.contains(it) {
                true => less(it, queue(it, "ns"), ours),
                false => less(it, ours, queue(it, "ns")),
            };
            others.map(rank).collect()
        },
    },
    Sentence {
        page: "measured/threads.md",
        says: "With four threads `bump` comes out beside it",
        holds: || {
            let of = |it: &str| cell("threads", &format!("4,{it}"), "ns");
            let nothing = of("nothing");
            between("bump", nothing - 1.0, of("bump"), nothing + 1.0)
        },
    },
    Sentence {
        page: "../stage3/what-is-true-now.md",
        says: "What is still missing against glibc's marks is mostly for time.",
        holds: || {
            let missing = |column| {
                let of = |it| cell("score", &format!("all,{it}"), column);
                of("glibc") - of("stage 3")
            };
            // What the two are worth.
            let time = 40.0 * missing("throughput");
            let memory = 60.0 * missing("utilisation");
            vec![less("half of time's", memory, time / 2.0)]
        },
    },
    Sentence {
        page: "../stage3/what-is-true-now.md",
        says: "The program in the middle takes no longer than with glibc",
        holds: || vec![less("of glibc's", recordings("stage 3"), 1.02)],
    },
    Sentence {
        page: "../stage4/what-is-true-now.md",
        says: "takes about as long as our heap does *without* a lock",
        holds: || {
            let level = |[_, heap, glibc]: &[f64; 3]| {
                between("glibc, of the heap's", 0.85, glibc / heap, 1.15)
            };
            lock_heap_and_glibc().iter().flat_map(level).collect()
        },
    },
    Sentence {
        page: "../stage4/what-is-true-now.md",
        says: "takes more than twice as long for a lock that is free.",
        holds: || {
            // A pair takes it twice.
            let twice =
                |[lock, ..]: &[f64; 3]| less("a lock", *lock, free_lock());
            lock_heap_and_glibc().iter().map(twice).collect()
        },
    },
    Sentence {
        page: "../stage4/what-is-true-now.md",
        says: "a fifth of what the heap does, or a little more.",
        holds: || {
            let share = |[lock, heap, _]: &[f64; 3]| {
                between("of the heap's", 0.18, lock / heap, 0.27)
            };
            lock_heap_and_glibc().iter().flat_map(share).collect()
        },
    },
    Sentence {
        page: "measured/threads.md",
        says: "glibc 2.36 and stage 4, here.",
        holds: || {
            let ours = queue("per thread", "ns");
            let slow = ["glibc", "stage 4"];
            slow.map(|it| less(it, ours, queue(it, "ns"))).to_vec()
        },
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "gawk is quicker with it than with any other heap here.",
        holds: || vec![less("gawk", behind_the_best("gawk"), 1.0)],
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "Furthest behind are perl and xz.",
        holds: || {
            let last = ["perl", "xz 4 threads"].map(behind_the_best);
            let last = last[0].min(last[1]);
            let rest = [
                "python3",
                "python3 4 threads",
                "sqlite3",
                "git log",
                "git pack-objects",
                "gcc",
                "gawk",
                "jq",
                "sort",
                "sort 4 threads",
            ];
            rest.map(|it| less(it, behind_the_best(it), last)).to_vec()
        },
    },
    Sentence {
        page: "measured/real-programs.md",
        says: "Played as a recording, the calls of perl take stage 4 longer \
               than glibc. The program *with* its calls is quicker on stage 4",
        holds: || {
            let calls = cell("traces", "perl,stage 4", "to_glibc");
            let program = cell("programs", "perl,stage 4", "to_glibc");
            vec![less("calls", 1.0, calls), less("program", program, 1.0)]
        },
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "In the median it is about level",
        holds: || between("stage 3", 0.85, recordings("stage 3"), 1.1),
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "One run meets the goal and the next one misses it.",
        holds: || between("stage 3", 0.92, recordings("stage 3"), 0.98),
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "On the recordings it is quicker than stage 3 on most \
               programs.",
        holds: || {
            let ours = of_glibc("traces", "net", "stage 3");
            let its = of_glibc("traces", "net", "dlmalloc");
            let quicker = its.iter().filter(|it| *it.1 < ours[it.0]).count();
            vec![less("programs", 0.6 * its.len() as f64, quicker as f64)]
        },
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "Called from C it is, at each depth.",
        holds: || {
            let of = |depth: &str, it: &str| {
                cell("preloaded", &format!("{depth},{it}"), "ns")
            };
            let others = OTHERS.iter().filter(|it| **it != "one stack");
            let rank = |it: &&str| {
                let less_at =
                    |depth| less(it, of(depth, "per thread"), of(depth, it));
                ["10", "100", "1000"].map(less_at)
            };
            others.flat_map(rank).collect()
        },
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "At a depth of ten it is well ahead of glibc, and ahead of \
               mimalloc.",
        holds: || {
            let of = |it| cell("nested", &format!("nested,10,{it}"), "net");
            let ours = of("per thread");
            vec![
                less("mimalloc", ours, of("mimalloc")),
                less("half", ours, of("glibc") / 2.0),
            ]
        },
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "And snmalloc and tcmalloc are about level.",
        holds: || {
            let of = |it| cell("nested", &format!("nested,10,{it}"), "ns");
            let level = |it| between(it, 0.8, of(it) / of("per thread"), 1.25);
            ["snmalloc", "tcmalloc"].map(level).concat()
        },
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "is quicker than glibc on every one of them.",
        holds: || {
            let all = of_glibc("traces", "net", "per thread");
            vec![less("the worst", worst(&all), 1.0)]
        },
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "Of those that people use snmalloc alone is ahead. rpmalloc, \
               mimalloc, jemalloc and tcmalloc, as the distribution has it, \
               come behind.",
        holds: || {
            let ours = recordings("per thread");
            let mut all = vec![less("snmalloc", recordings("snmalloc"), ours)];
            for it in ["rpmalloc", "mimalloc", "jemalloc", "tcmalloc"] {
                all.push(less(it, ours, recordings(it)));
            }
            all
        },
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "With random order and a million blocks our stack takes two \
               to three times as long as the best.",
        holds: || {
            let ratio = cell("random", "1000000,per thread", "to_best_peer");
            between("of the best", 1.7, ratio, 3.3)
        },
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "But jemalloc is not far behind it there, and about level if a \
               function frees its blocks in any order.",
        holds: || {
            let ratio = |order: &str| {
                let of = |it: &str| {
                    cell("nested", &format!("{order},10,{it}"), "ns")
                };
                of("jemalloc") / of("per thread")
            };
            let mut all = between("nested", 1.0, ratio("nested"), 1.4);
            all.extend(between("shuffled", 0.85, ratio("shuffled"), 1.15));
            all
        },
    },
    Sentence {
        page: "measured/what-is-not-shown.md",
        says: "where threads come and go and free each other's blocks it is \
               behind most of the others, above all rpmalloc",
        holds: || {
            let others =
                ["glibc", "mimalloc", "jemalloc", "snmalloc", "tcmalloc"];
            let of = |it: &str| cell("relay", it, "ns");
            let [first, ours] = ["rpmalloc", "per thread"].map(of);
            let ahead = others.iter().filter(|it| of(it) < ours).count() + 1;
            let mut all = vec![less("half of the six", 3.0, ahead as f64)];
            all.extend(others.map(|it| less(it, first, of(it))));
            all
        },
    },
    Sentence {
        page: "holes/measured.md",
        says: "half of the programs still need one and a half times glibc's \
               memory.",
        holds: || {
            let of = of_glibc("trace-memory", "memory", "holes");
            let half = of.len() as f64 / 2.0;
            let many = of.values().filter(|it| **it > 1.4).count();
            between("programs", half - 2.5, many as f64, half + 2.5)
        },
    },
    Sentence {
        page: "holes/measured.md",
        says: "there the lists alone take up to three times as much",
        holds: || {
            let lists = of_glibc("trace-memory", "memory", "lists");
            between("the worst", 2.5, worst(&lists), 3.5)
        },
    },
    Sentence {
        page: "holes/measured.md",
        says: "With holes alone git takes less than half of what it takes with \
               lists alone.",
        holds: || {
            let of = |it| cell("trace-memory", &format!("git,{it}"), "memory");
            vec![less("git", of("holes"), of("lists") / 2.0)]
        },
    },
    Sentence {
        page: "holes/measured.md",
        says: "**The lists** do most.",
        holds: || {
            let of = |it| of_glibc("trace-memory", "memory", it);
            let [lists, holes] = ["lists", "holes"].map(of);
            vec![
                less("the median", median(&lists), median(&holes)),
                less("the worst", worst(&lists), worst(&holes)),
            ]
        },
    },
    Sentence {
        page: "measured/the-slowest-call.md",
        says: "Nearly all lines stay where they are",
        holds: || {
            let table = table("drift");
            let [names, memory] = ["allocator", "memory"]
                .map(|it| table.column(it).expect("a column"));
            let mut of: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
            for (name, memory) in names.into_iter().zip(memory) {
                let memory = memory.parse().expect("a number");
                of.entry(name).or_default().push(memory);
            }
            // Behind the first of the five hills.
            let stays = of.values().filter(|all| {
                let most = all.iter().copied().fold(0.0, f64::max);
                let least = all[20..].iter().copied().fold(most, f64::min);
                least > most / 2.0
            });
            vec![less("lines", of.len() as f64 - 1.5, stays.count() as f64)]
        },
    },
    Sentence {
        page: "holes/measured.md",
        says: "so it would keep the lists too",
        holds: || {
            let of =
                |it| cell("trace-memory", &format!("sqlite3,{it}"), "memory");
            let [lists, holes, both] =
                ["lists", "holes", "lists and holes"].map(of);
            vec![less("lists", lists, holes), less("both", both, lists)]
        },
    },
    Sentence {
        page: "holes/measured.md",
        says: "**Both together** leave less than each of them",
        holds: || {
            let of = |it| of_glibc("trace-memory", "memory", it);
            let both = of("lists and holes");
            ["lists", "holes"]
                .iter()
                .flat_map(|one| {
                    [
                        less(one, median(&both), median(&of(one))),
                        less(one, worst(&both), worst(&of(one))),
                    ]
                })
                .collect()
        },
    },
    Sentence {
        page: "holes/measured.md",
        says: "Three of them need a fifth to a half more: sqlite3, cc1 and \
               python3.",
        holds: || {
            let of = of_glibc("trace-memory", "memory", "per thread");
            let three = ["sqlite3", "cc1", "python3"];
            of.iter()
                .flat_map(|(program, ratio)| {
                    match three.contains(&program.as_str()) {
                        true => between(program, 1.15, *ratio, 1.5),
                        false => vec![less(program, *ratio, 1.14)],
                    }
                })
                .collect()
        },
    },
    Sentence {
        page: "holes/measured.md",
        says: "Stage 3, which looks for the place that fits, needs little \
               more on any of them.",
        holds: || {
            let of = of_glibc("trace-memory", "memory", "stage 3");
            vec![less("the worst", worst(&of), 1.15)]
        },
    },
    Sentence {
        page: "holes/measured.md",
        says: "**perl** gains least in time.",
        holds: || {
            let of = of_glibc("traces", "net", "per thread");
            let others = of.iter().filter(|it| it.0 != "perl");
            let most = others.map(|it| *it.1).fold(0.0, f64::max);
            vec![less("perl", most, of["perl"])]
        },
    },
    Sentence {
        page: "per-thread/measured.md",
        says: "Here as in Rust, tcmalloc is about as quick as we are.",
        holds: || {
            let of = |depth: &str, it: &str| {
                cell("preloaded", &format!("{depth},{it}"), "ns")
            };
            let near = |depth: &str| {
                let ratio = of(depth, "tcmalloc") / of(depth, "per thread");
                between(depth, 0.8, ratio, 1.25)
            };
            ["10", "100", "1000"].iter().flat_map(|it| near(it)).collect()
        },
    },
];

/// What is read of a text: of a link, what it stands on.
fn read(text: &str) -> String {
    let mut read = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("](") {
        let (start, words) = before.rsplit_once('[').unwrap_or((before, ""));
        read += start;
        read += words;
        rest = link.split_once(')').map_or("", |(_, after)| after);
    }
    read + rest
}

#[test]
fn of_a_link_its_words_are_read() {
    let text = "In [one](a.md) and [an other](b.md#c)'s [0, 1) case";
    assert_eq!(read(text), "In one and an other's [0, 1) case");
}

/// A page, in one line, quotes and all.
fn page(name: &str) -> String {
    let path = workspace().join("book/chapters/beyond").join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().map(|line| line.trim_start_matches("> "));
    let words: Vec<_> = lines.flat_map(str::split_whitespace).collect();
    read(&words.join(" "))
}

/// What does not hold, and what no page says any more.
fn wrong(sentences: &[Sentence]) -> String {
    let mut wrong = String::new();
    for Sentence { page: name, says, holds } in sentences {
        if !page(name).contains(&read(says)) {
            wrong += &format!("{name} says no longer: {says}\n");
        }
        for (what, left, right) in holds() {
            if left.is_nan() || left >= right {
                wrong += &format!(
                    "{name}: {says}\n  {what}: {left:.3} is not less than \
                     {right:.3}\n"
                );
            }
        }
    }
    wrong
}

#[test]
fn a_sentence_that_says_who_is_ahead_holds_in_the_results() {
    let wrong = wrong(SENTENCES);
    assert!(
        wrong.is_empty(),
        "{wrong}Write what is true now, there and in this test"
    );
}

#[test]
fn a_sentence_that_is_false_or_gone_is_told() {
    let [page, says] = ["measured/growth.md", "**Stage 2** falls"];
    let rises = || {
        let [first, second] = ["1000", "10000"].map(|it| random(it, "stage 2"));
        vec![less("1,000 blocks, 10,000", first, second)]
    };
    let told = wrong(&[Sentence { page, says, holds: rises }]);
    assert!(
        told.starts_with("measured/growth.md: **Stage 2** falls"),
        "{told}"
    );
    assert!(told.contains("is not less than"), "{told}");
    let gone = Sentence { page, says: "Stage 2 flies", holds: Vec::new };
    let told = wrong(&[gone]);
    assert_eq!(told, "measured/growth.md says no longer: Stage 2 flies\n");
}
