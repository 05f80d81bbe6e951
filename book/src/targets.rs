//! `{{#targets}}`: what was asked for, and what has come of it, as a table that
//! is worked out from the results of measurements while the book is built.
//!
//! Behind each number stands, in brackets, what it would be if each time of the
//! heap were at the lower or at the upper end of the middle half of its turns.
//! A peer is whatever is neither ours nor a limit, such as a bare pointer.

use std::path::Path;

use crate::html::escape;
use crate::plot::cells::Cells;
use crate::plot::table::Table;
use crate::plot::{creep, results};

/// What is no peer.
const OURS: [&str; 14] = [
    "nothing",
    "bump",
    "bumpalo",
    "stage 1",
    "stage 2",
    "stage 3",
    "stage 4",
    "one stack",
    "per thread",
    "stack",
    "lists",
    "holes",
    "lists and holes",
    "beside",
];

const LAST: &str = "per thread";
const GLIBC: &str = "glibc";

/// A number, between what it may be by chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

impl Spread {
    fn of(part: impl Fn(usize) -> f64) -> Self {
        Self { low: part(0), middle: part(1), high: part(2) }
    }

    fn once(number: f64) -> Self {
        Self::of(|_| number)
    }

    fn part(self, part: usize) -> f64 {
        [self.low, self.middle, self.high][part]
    }

    fn over(self, number: f64) -> Self {
        Self::of(|part| self.part(part) / number)
    }

    fn text(self, places: usize) -> String {
        let [low, middle, high] = [self.low, self.middle, self.high]
            .map(|number| format!("{number:.places$}"));
        if low == high { middle } else { format!("{middle} ({low} to {high})") }
    }
}

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What it is with our heap.
    pub ours: String,
    /// The best of the peers, and what it is with it.
    pub peer: String,
    pub target: String,
    pub is_met: bool,
}

/// How good something is: more is better, or less.
#[derive(Clone, Copy)]
enum Best {
    Least,
    Most,
}

/// The rows that a table gives.
type Part = fn(&Table) -> Result<Vec<Row>, String>;

/// All rows, from the results below the folder `root`.
///
/// # Errors
///
/// What is wrong with the results.
pub fn rows(root: &Path) -> Result<Vec<Row>, String> {
    let parts: [(&str, Part); 10] = [
        ("traces", recordings),
        ("trace-memory", memory),
        ("random", random),
        ("preloaded", nested),
        ("programs", programs),
        ("relay", relay),
        ("slowest", slowest),
        ("drift", drift),
        ("traces", stage_3),
        ("preloaded", stage_4),
    ];
    let mut rows = Vec::new();
    for (name, part) in parts {
        let part = part(&results(root, name)?);
        rows.extend(part.map_err(|error| format!("{name}.csv {error}"))?);
    }
    Ok(rows)
}

/// The table, in Markdown, and where its numbers come from.
///
/// # Errors
///
/// As for [`rows`].
pub fn markdown(root: &Path) -> Result<String, String> {
    let mut text = String::from(
        "\n| what | ours | best peer | target | met |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for Row { what, ours, peer, target, is_met } in rows(root)? {
        let met = if is_met { "yes" } else { "**no**" };
        text += &format!("| {what} | {ours} | {peer} | {target} | {met} |\n");
    }
    let table = results(root, "traces")?;
    let about = ["machine", "system", "peers"];
    let about: Vec<_> =
        about.iter().filter_map(|key| table.about(key)).map(escape).collect();
    Ok(text + &format!("\nMeasured on: {}.\n", about.join(". ")))
}

/// A number for each thing and allocator, with its spread.
struct Times<'a> {
    parts: [Cells<'a>; 3],
    /// Whether what the work around costs is to be taken off.
    is_net: bool,
}

impl<'a> Times<'a> {
    fn of(
        table: &'a Table,
        key: &str,
        column: &str,
        is_net: bool,
    ) -> Result<Self, String> {
        let part = |column| Cells::of(table, key, column);
        let parts = [part("low")?, part(column)?, part("high")?];
        Ok(Self { parts, is_net })
    }

    /// One that was measured once.
    fn once(table: &'a Table, key: &str, column: &str) -> Result<Self, String> {
        let part = || Cells::of(table, key, column);
        Ok(Self { parts: [part()?, part()?, part()?], is_net: false })
    }

    fn get(&self, key: &str, allocator: &str) -> Option<Spread> {
        let around = match self.is_net {
            true => self.parts[1].get(key, "nothing")?,
            false => 0.0,
        };
        let parts = self.parts.each_ref().map(|it| it.get(key, allocator));
        let [Some(low), Some(middle), Some(high)] = parts else { return None };
        let [low, middle, high] = [low, middle, high].map(|it| it - around);
        Some(Spread { low, middle, high })
    }

    fn number(&self, key: &str, allocator: &str) -> Result<Spread, String> {
        let lacks = || format!("has no row for `{key}` with `{allocator}`");
        self.get(key, allocator).ok_or_else(lacks)
    }

    fn keys(&self) -> Vec<&'a str> {
        self.parts[1].distinct_keys()
    }

    fn peers(&self) -> Vec<&'a str> {
        let mut names = crate::plot::cells::distinct(&self.parts[1].allocators);
        names.retain(|name| !OURS.contains(name));
        names
    }

    /// For each thing, as a multiple of what it is with glibc.
    fn of_glibc(&self, allocator: &str) -> Result<Vec<Spread>, String> {
        let ratio = |key: &&str| {
            let glibc = self.number(key, GLIBC)?.middle;
            Ok(self.number(key, allocator)?.over(glibc))
        };
        self.keys().iter().map(ratio).collect()
    }

    /// The best of the peers but glibc, by some number of each. Those that
    /// were not measured everywhere are left out.
    fn best(
        &self,
        best: Best,
        number: impl Fn(&str) -> Result<Spread, String>,
    ) -> Result<(&'a str, Spread), String> {
        let peers = self.peers().into_iter().filter(|it| *it != GLIBC);
        let numbers = peers.filter_map(|it| Some((it, number(it).ok()?)));
        let compare = |a: &(&str, Spread), b: &(&str, Spread)| {
            a.1.middle.total_cmp(&b.1.middle)
        };
        let found = match best {
            Best::Least => numbers.min_by(compare),
            Best::Most => numbers.max_by(compare),
        };
        found.ok_or_else(|| "has no peer".to_owned())
    }
}

fn median(numbers: &[Spread]) -> Spread {
    Spread::of(|part| {
        let mut numbers: Vec<f64> =
            numbers.iter().map(|it| it.part(part)).collect();
        numbers.sort_by(f64::total_cmp);
        let last = numbers.len() - 1;
        f64::midpoint(numbers[last / 2], numbers[last.div_ceil(2)])
    })
}

fn most(numbers: &[Spread]) -> Spread {
    let by = |a: &&Spread, b: &&Spread| a.middle.total_cmp(&b.middle);
    *numbers.iter().max_by(by).expect("no table is empty")
}

/// How many are less than glibc's.
fn won(numbers: &[Spread]) -> Spread {
    let less = numbers.iter().filter(|it| it.middle < 1.0).count();
    Spread::once(less as f64)
}

fn named((name, number): (&str, Spread), places: usize) -> String {
    format!("{name}: {}", number.text(places))
}

/// A row about numbers of which less is better, with a bound.
fn bounded(what: &str, ours: Spread, peer: (&str, Spread), bound: f64) -> Row {
    Row {
        what: what.to_owned(),
        ours: ours.text(2),
        peer: named(peer, 2),
        target: format!("at most {bound:.2}"),
        is_met: ours.middle <= bound,
    }
}

fn recordings(table: &Table) -> Result<Vec<Row>, String> {
    let times = Times::of(table, "program", "ns", true)?;
    let ours = times.of_glibc(LAST)?;
    let count = ours.len();
    let middle =
        times.best(Best::Least, |it| Ok(median(&times.of_glibc(it)?)))?;
    let worst = times.best(Best::Least, |it| Ok(most(&times.of_glibc(it)?)))?;
    let wins = times.best(Best::Most, |it| Ok(won(&times.of_glibc(it)?)))?;
    let keys = times.keys();
    let slowest = ours.iter().zip(&keys);
    let slowest = slowest.max_by(|a, b| a.0.middle.total_cmp(&b.0.middle));
    let slowest = slowest.map_or("", |(_, key)| key);
    Ok(vec![
        bounded(
            "recordings, time of glibc’s, the median",
            median(&ours),
            middle,
            0.5,
        ),
        bounded(
            &format!("… the worst of {count} ({slowest})"),
            most(&ours),
            worst,
            1.0,
        ),
        Row {
            what: "… on how many it takes less than glibc".to_owned(),
            ours: won(&ours).text(0),
            peer: named(wins, 0),
            target: format!("all {count}"),
            is_met: won(&ours).middle as usize == count,
        },
    ])
}

fn memory(table: &Table) -> Result<Vec<Row>, String> {
    let bytes = Times::once(table, "program", "memory")?;
    let ours = bytes.of_glibc(LAST)?;
    let middle =
        bytes.best(Best::Least, |it| Ok(median(&bytes.of_glibc(it)?)))?;
    let worst = bytes.best(Best::Least, |it| Ok(most(&bytes.of_glibc(it)?)))?;
    Ok(vec![
        bounded("… memory of glibc’s, the median", median(&ours), middle, 1.1),
        bounded("… the worst", most(&ours), worst, 1.5),
    ])
}

/// How far behind the best peer a heap may be where order is random.
const NEAR: f64 = 1.2;

fn random(table: &Table) -> Result<Vec<Row>, String> {
    let times = Times::of(table, "live", "ns", true)?;
    let row = |(live, text): (&str, &str)| {
        let ours = times.number(live, LAST)?;
        let peer = times.best(Best::Least, |it| times.number(live, it))?;
        Ok(Row {
            what: format!("random order, {text} blocks, ns"),
            ours: ours.text(1),
            peer: named(peer, 1),
            target: format!("within {NEAR} of the best"),
            is_met: ours.middle <= NEAR * peer.1.middle,
        })
    };
    let lives =
        [("1000", "1,000"), ("100000", "100,000"), ("1000000", "1,000,000")];
    lives.into_iter().map(row).collect()
}

fn nested(table: &Table) -> Result<Vec<Row>, String> {
    let times = Times::of(table, "depth", "ns", false)?;
    let row = |(depth, text): (&str, &str)| {
        let ours = times.number(depth, LAST)?;
        let peer = times.best(Best::Least, |it| times.number(depth, it))?;
        Ok(Row {
            what: format!("calls that nest in C, {text} deep, ns"),
            ours: ours.text(1),
            peer: named(peer, 1),
            target: "ahead of all".to_owned(),
            is_met: ours.middle <= peer.1.middle,
        })
    };
    let depths = [("10", "10"), ("100", "100"), ("1000", "1,000")];
    depths.into_iter().map(row).collect()
}

/// How near the best peer a whole program may be on most, on how many, and on
/// all.
const ON_MOST: f64 = 1.02;
const MOST: usize = 9;
const ON_ALL: f64 = 1.08;

fn programs(table: &Table) -> Result<Vec<Row>, String> {
    let times = Times::of(table, "program", "seconds", false)?;
    let mut all = Vec::new();
    for program in times.keys() {
        let peers = times.peers().into_iter();
        let times_of = |it| Some((it, times.get(program, it)?));
        let by = |a: &(&str, Spread), b: &(&str, Spread)| {
            a.1.middle.total_cmp(&b.1.middle)
        };
        let best = peers.filter_map(times_of).min_by(by);
        let (peer, best) = best.ok_or("has no peer")?;
        let ours = times.number(program, LAST)?;
        all.push((ours.over(best.middle), program, peer, best.middle));
    }
    let near = |name: &str| {
        let is_near = |(_, program, _, best): &&(_, &str, _, f64)| {
            let time = times.get(program, name);
            time.is_some_and(|it| it.over(*best).middle <= ON_MOST)
        };
        all.iter().filter(is_near).count()
    };
    let by_near = |a: &&str, b: &&str| near(b).cmp(&near(a));
    let most = times.peers().into_iter().min_by(by_near);
    let most = most.ok_or("has no peer")?;
    let by = |a: &&(Spread, &str, &str, f64),
              b: &&(Spread, &str, &str, f64)| {
        a.0.middle.total_cmp(&b.0.middle)
    };
    let (worst, program, peer, _) = all.iter().max_by(by).ok_or("is empty")?;
    let count = all.len();
    Ok(vec![
        Row {
            what: format!(
                "whole programs: on how many of {count} within {ON_MOST} of \
                 the best peer"
            ),
            ours: near(LAST).to_string(),
            peer: format!("{most}: {}", near(most)),
            target: format!("{MOST} at least"),
            is_met: near(LAST) >= MOST,
        },
        Row {
            what: format!("… the worst ({program}), time of the best peer’s"),
            ours: worst.text(2),
            peer: named((peer, Spread::once(1.0)), 2),
            target: format!("at most {ON_ALL}"),
            is_met: worst.middle <= ON_ALL,
        },
    ])
}

/// The goal is Debian's tcmalloc if it was measured, else the best of the peers.
fn relay(table: &Table) -> Result<Vec<Row>, String> {
    let times = Times::of(table, "allocator", "ns", false)?;
    let ours = times.number(LAST, LAST)?;
    let peer = times.best(Best::Least, |it| times.number(it, it))?;
    let goal = match times.get("tcmalloc", "tcmalloc") {
        Some(time) => ("tcmalloc", time),
        None => peer,
    };
    let microseconds = |it: Spread| it.over(1000.0);
    Ok(vec![Row {
        what: "threads that come and go, µs for a round".to_owned(),
        ours: microseconds(ours).text(1),
        peer: named((peer.0, microseconds(peer.1)), 1),
        target: format!(
            "at most {}’s {:.1}",
            goal.0,
            microseconds(goal.1).middle
        ),
        is_met: ours.middle <= goal.1.middle,
    }])
}

fn slowest(table: &Table) -> Result<Vec<Row>, String> {
    let row = |(column, text): (&str, &str)| {
        let times = Times::once(table, "program", column)?;
        let ours = times.number("all", LAST)?;
        let glibc = times.number("all", GLIBC)?;
        let peer = times.best(Best::Least, |it| times.number("all", it))?;
        let text = format!("the slowest call in {text}, µs");
        let microseconds = |it: Spread| it.over(1000.0);
        Ok(Row {
            what: text,
            ours: microseconds(ours).text(2),
            peer: named((peer.0, microseconds(peer.1)), 2),
            target: format!("at most glibc’s {}", microseconds(glibc).text(2)),
            is_met: ours.middle <= glibc.middle,
        })
    };
    let columns =
        [("one_in_10_000", "10,000"), ("one_in_a_million", "a million")];
    columns.into_iter().map(row).collect()
}

/// What counts as no creep: a heap may be larger by this in the end.
const NO_CREEP: f64 = 1.05;

fn drift(table: &Table) -> Result<Vec<Row>, String> {
    let times = Times::once(table, "allocator", "memory")?;
    let creep_of = |it: &str| creep(table, it).map(Spread::once);
    let peer = times.best(Best::Least, creep_of)?;
    Ok(vec![bounded(
        "a long run: memory at its end, of that in its second part",
        creep_of(LAST)?,
        peer,
        NO_CREEP,
    )])
}

fn stage_3(table: &Table) -> Result<Vec<Row>, String> {
    let times = Times::of(table, "program", "ns", true)?;
    let ours = median(&times.of_glibc("stage 3")?);
    let same = "dlmalloc";
    let peer = median(&times.of_glibc(same)?);
    let what = "stage 3: recordings, time of glibc’s, the median";
    Ok(vec![bounded(what, ours, (same, peer), 0.95)])
}

fn stage_4(table: &Table) -> Result<Vec<Row>, String> {
    let counts = Times::once(table, "depth", "instructions")?;
    let ours = counts.number("100", "stage 4")?;
    let glibc = counts.number("100", GLIBC)?;
    let bound = 260.0;
    Ok(vec![Row {
        what: "stage 4: instructions for a malloc and its free".to_owned(),
        ours: ours.text(0),
        peer: named((GLIBC, glibc), 0),
        target: format!("at most {bound}"),
        is_met: ours.middle <= bound,
    }])
}
