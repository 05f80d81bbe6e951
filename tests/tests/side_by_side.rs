//! Each heap has the properties that are declared for it, and no other.

use std::collections::BTreeSet;
use std::{fs, thread};

use tests::matrix::declared::{DAMAGE, PEERS_FAIL};
use tests::matrix::rows::{Cell, Kind};
use tests::matrix::{
    OURS, PEERS, Property, Run, Seen, ask_all, disagreements, kept, properties,
    remembered, table, turned_around,
};
use timing::workspace::workspace;

/// What would be seen if all is as it is declared.
fn as_declared() -> Vec<Vec<Seen>> {
    let seen = |it: Property| it.row.on.iter().map(Seen::from).collect();
    properties().map(seen).collect()
}

/// Something else than was seen.
fn turned(seen: &Seen) -> Seen {
    match seen {
        Seen::Holds => Seen::Fails("in a copy".to_owned()),
        _ => Seen::Holds,
    }
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn every_heap_has_the_properties_that_are_declared_and_no_other() {
    let Run { seen, .. } = ask_all(&OURS, |_| ());
    assert_eq!(seen.len(), properties().count());
    for (property, seen) in properties().zip(&seen) {
        for (column, seen) in OURS.iter().zip(seen) {
            if matches!(seen, Seen::PassedOver(_)) {
                println!("{}, {}: {seen}", column.name, property.row.id);
            }
        }
    }
    let found = disagreements(&seen);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// Whichever cell it is.
#[test]
fn a_result_that_is_turned_around_makes_its_cell_fail_and_no_other() {
    let seen = as_declared();
    assert_eq!(disagreements(&seen), Vec::<String>::new());
    for (at, Property { row, .. }) in properties().enumerate() {
        for (on, column) in OURS.iter().enumerate() {
            let mut copy = seen.clone();
            copy[at][on] = turned(&seen[at][on]);
            let expected = format!(
                "{}, {}: declared {}, seen {}",
                column.name, row.id, seen[at][on], copy[at][on]
            );
            assert_eq!(disagreements(&copy), [expected]);
        }
    }
}

/// From the program to the cell. (A wrong free that a heap notices has no verdict
/// that could be turned around: the program is ended.)
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_program_that_says_the_opposite_makes_its_cell_fail() {
    let cases: Vec<(usize, usize)> = properties()
        .enumerate()
        .filter_map(|(at, property)| {
            Some((at, heap_that_ends_by_itself(property)?))
        })
        .collect();
    let ask = |cases: &[(usize, usize)]| {
        cases.iter().filter(|(at, on)| is_turned_around(*at, *on)).count()
    };
    let (some, others) = cases.split_at(cases.len() / 2);
    let turned = thread::scope(|scope| {
        let some = scope.spawn(|| ask(some));
        ask(others) + some.join().expect("it has said what is wrong")
    });
    assert!(turned > 40, "{turned} verdicts were turned around");
}

/// The last of our heaps on which the program of a property says itself what it
/// has found.
fn heap_that_ends_by_itself(property: Property) -> Option<usize> {
    let ends = |cell: &Cell| match cell {
        Cell::Holds => property.group.kind != Kind::Crime,
        Cell::Fails { how, .. } => *how != DAMAGE,
        Cell::DoesNotApply(_) => false,
    };
    let is_ours = property.row.example.is_none();
    property.row.on.iter().rposition(ends).filter(|_| is_ours)
}

/// Lets the program say the opposite, and looks whether its cell alone is wrong.
/// False if nobody may ask.
fn is_turned_around(at: usize, on: usize) -> bool {
    let property = properties().nth(at).expect("a property");
    let mut seen = as_declared();
    seen[at][on] = turned_around(property, &OURS[on]);
    if let Seen::PassedOver(why) = &seen[at][on] {
        println!("{}: {why}", property.row.id);
        return false;
    }
    let cell = format!("{}, {}: ", OURS[on].name, property.row.id);
    let found = disagreements(&seen);
    assert_eq!(found.len(), 1, "{cell}{found:?}");
    assert!(found[0].starts_with(&cell), "{cell}{found:?}");
    true
}

#[test]
fn a_failure_that_shows_in_another_way_is_noticed() {
    let mut seen = as_declared();
    let fails = |it: &&mut Seen| matches!(it, Seen::Fails(_));
    let cell = seen.iter_mut().flatten().find(fails).expect("one that fails");
    *cell = Seen::Fails("in another way".to_owned());
    assert_eq!(disagreements(&seen).len(), 1);
}

#[test]
fn what_this_machine_cannot_ask_is_no_mistake() {
    let mut seen = as_declared();
    for cell in seen.iter_mut().flatten() {
        *cell = Seen::PassedOver("not here".to_owned());
    }
    assert_eq!(disagreements(&seen), Vec::<String>::new());
}

#[test]
fn there_are_many_properties_each_with_a_name_and_a_fact_of_its_own() {
    let names: BTreeSet<&str> = properties().map(|it| it.row.id).collect();
    let facts: BTreeSet<&str> = properties().map(|it| it.row.fact).collect();
    let count = properties().count();
    assert!(count >= 40, "{count} properties");
    assert_eq!((names.len(), facts.len()), (count, count), "names and facts");
}

#[test]
fn the_program_of_a_property_and_the_page_that_tells_why_are_there() {
    for property in properties() {
        let source = workspace().join(property.source());
        let text = fs::read_to_string(&source).expect("the source");
        let function = format!("\nfn {}(", property.row.id);
        let is_there =
            property.row.example.is_some() || text.contains(&function);
        assert!(is_there, "{} is not in {}", property.row.id, source.display());
        let pages = property.row.on.iter().map(Cell::page);
        for page in pages.chain(property.pages_of_peers()) {
            // The book looks for the heading, too.
            let page = page.split('#').next().unwrap_or(page);
            let path = workspace().join("book/chapters").join(page);
            assert!(path.exists(), "{}: {page}", property.row.id);
        }
    }
}

#[test]
fn whatever_fails_is_said_to_show_in_some_way() {
    for Property { row, .. } in properties() {
        for cell in &row.on {
            if let Cell::Fails { how, .. } = cell {
                assert_ne!(*how, "", "{}: how it shows", row.id);
            }
        }
    }
}

#[test]
fn the_rows_on_which_other_heaps_fail_are_rows_of_the_table() {
    for (id, _) in PEERS_FAIL {
        let rows = properties().filter(|it| it.row.id == *id).count();
        assert_eq!(rows, 1, "rows called {id}");
    }
}

/// It may have no page only if it does not fail, and no page if it does not.
#[test]
fn another_heap_has_a_page_that_tells_why_exactly_where_it_fails() {
    for (cells, property) in kept_lines().iter().zip(properties()) {
        let first = cells.len() - PEERS.len();
        let cells = PEERS.iter().zip(&cells[first..]);
        for ((peer, cell), page) in cells.zip(property.pages_of_peers()) {
            let id = property.row.id;
            let kept = match cell.split_once(" -> ") {
                Some((_, kept)) => kept,
                None => {
                    assert_ne!(verdict(cell), "fails", "{id}, {}", peer.name);
                    ""
                }
            };
            assert_eq!(kept, page, "{id}, {}: kept and declared", peer.name);
        }
    }
}

// What is kept for the book.

/// The lines of the file that is kept, cell by cell.
fn kept_lines() -> Vec<Vec<String>> {
    let text = fs::read_to_string(kept()).expect("the file that is kept");
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines.map(|it| it.split(',').map(str::to_owned).collect()).collect()
}

const AGAIN: &str = "cargo run -p tests --example side_by_side -- keep";

/// What would be kept of these runs, cell by cell.
fn lines_of(ours: &Run, peers: &Run) -> Vec<Vec<String>> {
    let text = table(ours, peers);
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines.map(|it| it.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn the_book_shows_what_is_declared() {
    let ours = Run { columns: &OURS, seen: as_declared() };
    let none = vec![vec![Seen::Holds; PEERS.len()]; ours.seen.len()];
    let declared = lines_of(&ours, &Run { columns: &PEERS, seen: none });
    let kept = kept_lines();
    assert_eq!(kept.len(), declared.len(), "properties. {AGAIN}");
    let first = declared[0].len() - PEERS.len();
    for (kept, declared) in kept.iter().zip(&declared) {
        assert_eq!(kept.len(), declared.len(), "a comma in {kept:?}");
        assert_eq!(kept[..first], declared[..first], "{AGAIN}");
        let is_passed_over = |it: &&String| it.starts_with("passed over");
        assert_eq!(kept[..first].iter().find(is_passed_over), None, "{AGAIN}");
    }
}

#[test]
fn a_run_in_which_threads_did_not_meet_forgets_nothing() {
    let peers = |seen: Seen| {
        let seen = vec![vec![seen; PEERS.len()]; properties().count()];
        Run { columns: &PEERS, seen }
    };
    let ours = Run { columns: &OURS, seen: as_declared() };
    let failed = Seen::Fails("it hangs".to_owned());
    let before = table(&ours, &peers(failed.clone()));
    let now = remembered(peers(Seen::Holds), &before);
    for (property, seen) in properties().zip(&now.seen) {
        let expected = match property.is_race() {
            true => &failed,
            false => &Seen::Holds,
        };
        let id = property.row.id;
        assert!(seen.iter().all(|it| it == expected), "{id}: {seen:?}");
    }
}

/// Whether it holds, or fails, or cannot be asked. (How it fails may depend on
/// what happens to lie in memory.)
fn verdict(cell: &str) -> &str {
    cell.split(':').next().unwrap_or(cell)
}

/// What other heaps have otherwise than the book shows it.
fn others() -> Vec<String> {
    let ours = Run { columns: &OURS, seen: as_declared() };
    let now = lines_of(&ours, &ask_all(&PEERS, |_| ()));
    let mut others = Vec::new();
    for ((kept, now), property) in
        kept_lines().iter().zip(&now).zip(properties())
    {
        let first = now.len() - PEERS.len();
        let cells = kept[first..].iter().zip(&now[first..]);
        for (column, (kept, now)) in PEERS.iter().zip(cells) {
            let cell = format!("{}, {}", column.name, property.row.id);
            let cell = format!("{cell}: kept {kept}, seen {now}");
            match (verdict(kept), verdict(now)) {
                (kept, now) if kept == now => {}
                (_, "passed over") => println!("{cell}"),
                // Threads that did not meet.
                ("fails", "holds") if property.is_race() => println!("{cell}"),
                _ => others.push(cell),
            }
        }
    }
    others
}

/// Some of them do things after a time, and a busy machine is late: what is not so
/// twice is nothing of theirs.
#[test]
#[ignore = "needs other mallocs: .ci/run installs them and runs it"]
fn other_heaps_have_the_properties_that_the_book_shows() {
    let mut others = others();
    if !others.is_empty() {
        println!("asked again: {others:#?}");
        let again = self::others();
        others.retain(|it| again.contains(it));
    }
    assert!(others.is_empty(), "{others:#?}\nIf that is right: {AGAIN}");
}
