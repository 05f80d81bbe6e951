//! Each heap has the properties that are declared for it, and no other.

use std::collections::BTreeSet;
use std::fs;

use tests::matrix::rows::Cell;
use tests::matrix::{
    OURS, PEERS, Property, Run, Seen, ask_all, disagreements, kept, properties,
    table,
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
        for page in property.row.on.iter().map(Cell::page) {
            let path = workspace().join("book/chapters").join(page);
            assert!(path.exists(), "{}: {page}", property.row.id);
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

/// Whether it holds, or fails, or cannot be asked. (How it fails may depend on
/// what happens to lie in memory.)
fn verdict(cell: &str) -> &str {
    cell.split(':').next().unwrap_or(cell)
}

#[test]
#[ignore = "needs other mallocs: .ci/run installs them and runs it"]
fn other_heaps_have_the_properties_that_the_book_shows() {
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
    assert!(others.is_empty(), "{others:#?}\nIf that is right: {AGAIN}");
}
