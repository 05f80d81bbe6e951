//! What has changed: a new table beside the one that is committed.
//!
//! A time has changed if the middle halves of its turns, from `low` to `high`,
//! have nothing in common and the middles are more than 5 % apart; one that was
//! taken once or has no range, if it is more than 15 % off; and a number that
//! is no time, if it is more than 5 % off.
//!
//! Nanoseconds are compared with nanoseconds. But if the tables are from two
//! machines, or if more than half of the times have changed the same way, it is
//! the machine that is another, or busier: then times are compared as multiples
//! of what glibc takes for the same work, or `nothing` where glibc is not
//! measured.

use std::collections::{HashMap, HashSet};

use crate::results::Table;

/// More than this is a change.
const NOISE: f64 = 0.05;

/// And this, for a time that was taken once.
const ONCE: f64 = 0.15;

/// What is compared besides times.
const NUMBERS: [&str; 5] = ["memory", "heap", "bytes", "instructions", "score"];

/// Times that have no range: what is compared is the middle of some turns.
const TIMES: [&str; 2] = ["one_in_10_000", "one_in_a_million"];

/// Whose time is the measure on another machine: the first that is there.
const MEASURES: [&str; 2] = ["glibc", "nothing"];

const NOTHING: &str = "nothing changed by more than the noise";

/// What is said when times are multiples.
const ELSEWHERE: &str = "that was another machine: times are multiples";
const PACE: &str = "most times changed the same way: times are multiples";

/// A number in a table.
struct Cell {
    key: Key,
    middle: f64,
    /// Where it may be by chance.
    low: f64,
    high: f64,
}

/// What a number is about.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    work: String,
    allocator: String,
    column: String,
}

impl Cell {
    fn divide(&mut self, by: f64) {
        for number in [&mut self.middle, &mut self.low, &mut self.high] {
            *number /= by;
        }
    }

    fn is_time(&self) -> bool {
        !NUMBERS.contains(&self.key.column.as_str())
    }

    /// By what part it has changed since, if it has.
    fn change(&self, old: &Self) -> Option<f64> {
        let change = self.middle / old.middle - 1.0;
        let is_apart = self.high < old.low || old.high < self.low;
        let is_once = [self, old].iter().any(|it| it.low == it.high);
        let noise = if self.is_time() && is_once { ONCE } else { NOISE };
        (is_apart && change.abs() > noise).then_some(change)
    }

    /// A change, in words.
    fn shown(&self, old: &Self, change: f64) -> String {
        let Key { allocator, column, .. } = &self.key;
        let [old, new] = [old, self].map(|it| shown(it.middle));
        let percent = change * 100.0;
        format!("{allocator} {column} {old} → {new} ({percent:+.0} %)")
    }
}

/// A line for each work with what has changed there, and what is new or gone.
pub fn report(old: &Table, new: &Table) -> String {
    let mut lines = Vec::new();
    let [mut old_cells, mut new_cells] = [old, new].map(cells);
    let is_elsewhere = old.about("machine") != new.about("machine");
    if is_elsewhere || has_changed_pace(&old_cells, &new_cells) {
        lines.push(if is_elsewhere { ELSEWHERE } else { PACE }.to_owned());
        to_multiples(&mut old_cells);
        to_multiples(&mut new_cells);
    }
    let changes = changes(&old_cells, &new_cells);
    if changes.is_empty() {
        lines.push(NOTHING.to_owned());
    }
    lines.extend(changes);
    for (what, cells, others) in
        [("new", &new_cells, &old_cells), ("gone", &old_cells, &new_cells)]
    {
        let missing = missing(cells, others);
        if !missing.is_empty() {
            lines.push(format!("{what}: {}", missing.join(", ")));
        }
    }
    lines.join("\n")
}

/// What is in both tables, new and old.
fn pairs<'a>(
    old: &'a [Cell],
    new: &'a [Cell],
) -> impl Iterator<Item = (&'a Cell, &'a Cell)> {
    let old: HashMap<_, _> = old.iter().map(|cell| (&cell.key, cell)).collect();
    new.iter().filter_map(move |cell| Some((cell, *old.get(&cell.key)?)))
}

/// Whether most times have changed the same way.
fn has_changed_pace(old: &[Cell], new: &[Cell]) -> bool {
    let times: Vec<_> =
        pairs(old, new).filter(|(new, _)| new.is_time()).collect();
    let changes: Vec<_> =
        times.iter().filter_map(|(new, old)| new.change(old)).collect();
    let up = changes.iter().filter(|&&change| change > 0.0).count();
    let most = up.max(changes.len() - up);
    2 * most > times.len()
}

fn changes(old: &[Cell], new: &[Cell]) -> Vec<String> {
    let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
    for (cell, old) in pairs(old, new) {
        let Some(change) = cell.change(old) else {
            continue;
        };
        let change = cell.shown(old, change);
        match lines.last_mut() {
            Some((work, changes)) if *work == cell.key.work => {
                changes.push(change);
            }
            _ => lines.push((&cell.key.work, vec![change])),
        }
    }
    let lines = lines.iter();
    lines.map(|(work, changes)| line(work, changes)).collect()
}

fn line(work: &str, changes: &[String]) -> String {
    let changes = changes.join(", ");
    if work.is_empty() { changes } else { format!("{work}: {changes}") }
}

/// What is in the one table and not in the other: allocators, and works that
/// the other has with no allocator at all.
fn missing(cells: &[Cell], others: &[Cell]) -> Vec<String> {
    let has = |name: fn(&Key) -> &str| -> HashSet<&str> {
        others.iter().map(|cell| name(&cell.key)).collect()
    };
    let names: [fn(&Key) -> &str; 2] = [|it| &it.work, |it| &it.allocator];
    let mut missing = Vec::new();
    for name in names {
        let others = has(name);
        for cell in cells {
            let name = name(&cell.key).to_owned();
            if !others.contains(&*name) && !missing.contains(&name) {
                missing.push(name);
            }
        }
    }
    missing
}

/// All numbers of a table that are compared, each key once.
fn cells(table: &Table) -> Vec<Cell> {
    let allocator = table.column("allocator");
    let allocator = allocator.expect("each row is about an allocator");
    let spread = table.column("low").zip(table.column("high"));
    let mut cells: Vec<Cell> = Vec::new();
    for (column, name) in table.columns.iter().enumerate().skip(allocator + 1) {
        let is_time = spread.is_some_and(|(low, _)| column + 1 == low);
        let is_compared = |of: &[&str]| of.contains(&name.as_str());
        if !is_time && !is_compared(&NUMBERS) && !is_compared(&TIMES) {
            continue;
        }
        let (low, high) =
            spread.filter(|_| is_time).unwrap_or((column, column));
        for row in &table.rows {
            let number = |column: usize| row[column].parse().ok();
            let numbers = [column, low, high].map(number);
            let [Some(middle), Some(low), Some(high)] = numbers else {
                continue;
            };
            // Nothing can be so many times as much as nothing.
            if middle == 0.0 {
                continue;
            }
            let key = Key {
                work: row[..allocator].join(" "),
                allocator: row[allocator].clone(),
                column: name.clone(),
            };
            add(&mut cells, Cell { key, middle, low, high });
        }
    }
    cells.sort_by_key(|cell| {
        let is_same =
            |row: &Vec<String>| row[..allocator].join(" ") == cell.key.work;
        table.rows.iter().position(is_same)
    });
    cells
}

/// Of what was looked at again and again, the largest counts.
fn add(cells: &mut Vec<Cell>, cell: Cell) {
    match cells.last_mut() {
        Some(last) if last.key == cell.key => {
            if cell.middle > last.middle {
                *last = cell;
            }
        }
        _ => cells.push(cell),
    }
}

/// Makes multiples of times, which are what has a range.
fn to_multiples(cells: &mut [Cell]) {
    let works: HashMap<(String, String), f64> = MEASURES
        .iter()
        .rev()
        .flat_map(|name| {
            cells.iter().filter(move |it| it.key.allocator == *name)
        })
        .map(|it| ((it.key.work.clone(), it.key.column.clone()), it.middle))
        .collect();
    for cell in cells {
        if cell.is_time() {
            let key = (cell.key.work.clone(), cell.key.column.clone());
            cell.divide(works.get(&key).copied().unwrap_or(1.0));
        }
    }
}

/// Three digits.
fn shown(number: f64) -> String {
    match number.abs() {
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of times, on some machine.
    fn times(machine: &str, rows: &str) -> Table {
        let header = "live,allocator,ns,low,high,net,to_glibc";
        Table::parse(&format!("# machine: {machine}\n{header}\n{rows}"))
    }

    const OLD: &str = "10,nothing,2.00,1.90,2.10,0.00,0.0\n\
                       10,glibc,20.00,19.00,21.00,18.00,1.0\n\
                       10,ours,10.00,9.00,11.00,8.00,0.4\n\
                       10,theirs,10.00,9.00,11.00,8.00,0.4\n\
                       20,ours,10.00,9.00,11.00,8.00,0.4";

    /// What is said of new rows beside the old ones.
    fn said(machine: &str, rows: &str) -> String {
        report(&times("here", OLD), &times(machine, rows))
    }

    #[test]
    fn nothing_changes_where_nothing_is_changed() {
        assert_eq!(said("here", OLD), NOTHING);
    }

    #[test]
    fn ranges_with_something_in_common_are_noise() {
        let new = OLD.replace("10.00,9.00,11.00", "13.00,11.00,14.00");
        assert_eq!(said("here", &new), NOTHING);
    }

    #[test]
    fn middles_that_are_close_are_noise() {
        let [old, new] = ["10.00,9.90,10.10", "10.40,10.30,10.50"]
            .map(|ours| OLD.replace("10.00,9.00,11.00", ours))
            .map(|rows| times("here", &rows));
        assert_eq!(report(&old, &new), NOTHING);
    }

    #[test]
    fn each_work_has_a_line_for_all_that_changed_in_it() {
        let new = OLD.replace("ours,10.00,9.00,11.00", "ours,5.0,4.0,6.0");
        let expected = "10: ours ns 10.0 → 5.00 (-50 %)\n\
                        20: ours ns 10.0 → 5.00 (-50 %)";
        assert_eq!(said("here", &new), expected);
        let new = OLD.replace("glibc,20.00,19.00,21.00", "glibc,40,39,41");
        let new = new.replace("10,ours,10.00,9.00,11.00", "10,ours,12,11.5,13");
        let expected =
            "10: glibc ns 20.0 → 40.0 (+100 %), ours ns 10.0 → 12.0 (+20 %)";
        assert_eq!(said("here", &new), expected);
    }

    /// All is twice as slow, and ours as before beside glibc; but for one work
    /// glibc is not measured.
    const SLOW: &str = "10,nothing,4.00,3.80,4.20,0.00,0.0\n\
                        10,glibc,40.00,38.00,42.00,36.00,1.0\n\
                        10,ours,20.00,18.00,22.00,16.00,0.4\n\
                        10,theirs,20.00,18.00,22.00,16.00,0.4\n\
                        20,ours,10.00,9.00,11.00,8.00,0.4";

    #[test]
    fn on_another_machine_a_time_is_a_multiple_of_glibcs() {
        assert_eq!(said("there", SLOW), format!("{ELSEWHERE}\n{NOTHING}"));
        let slower =
            SLOW.replace("10,ours,20.00,18.00,22.00", "10,ours,40,38,42");
        let change = "10: ours ns 0.50 → 1.00 (+100 %)";
        assert_eq!(said("there", &slower), format!("{ELSEWHERE}\n{change}"));
    }

    #[test]
    fn so_it_is_if_most_times_have_changed_the_same_way() {
        assert_eq!(said("here", SLOW), format!("{PACE}\n{NOTHING}"));
    }

    #[test]
    fn a_time_taken_once_may_be_further_off() {
        let once = |time: &str| {
            let ours = format!("10,ours,{time},{time},{time}");
            OLD.replace("10,ours,10.00,9.00,11.00", &ours)
        };
        let report = |new: &str| {
            report(&times("here", &once("10.0")), &times("here", &once(new)))
        };
        assert_eq!(report("11.0"), NOTHING);
        assert_eq!(report("12.0"), "10: ours ns 10.0 → 12.0 (+20 %)");
    }

    #[test]
    fn what_is_new_and_what_is_missing_is_named() {
        let new = OLD.replace("20,ours", "30,ours");
        let new = new.replace("theirs", "another");
        let expected = format!("{NOTHING}\nnew: 30, another\ngone: 20, theirs");
        assert_eq!(said("here", &new), expected);
    }

    #[test]
    fn numbers_without_a_range_are_compared_too() {
        let table = |memory, heap| {
            let header = "program,allocator,live,memory,heap";
            Table::parse(&format!("{header}\nls,ours,100,{memory},{heap}"))
        };
        let said = report(&table(1000, "500"), &table(1040, "600"));
        assert_eq!(said, "ls: ours heap 500 → 600 (+20 %)");
        for none in ["", "0"] {
            let said = report(&table(1000, none), &table(1040, "600"));
            assert_eq!(said, NOTHING, "with `{none}`");
        }
    }

    #[test]
    fn of_a_heap_over_time_the_largest_is_compared() {
        let table = |last| {
            let header = "program,allocator,event,live,heap";
            let rows = format!("ls,ours,1,10,100\nls,ours,2,20,{last}");
            Table::parse(&format!("{header}\n{rows}"))
        };
        assert_eq!(report(&table(50), &table(90)), NOTHING);
        let said = report(&table(50), &table(200));
        assert_eq!(said, "ls: ours heap 100 → 200 (+100 %)");
    }
}
