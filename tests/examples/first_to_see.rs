//! Plants each fault of `tests/faults` in a copy of its stage, and prints which
//! test sees it first. With `keep` it also writes the file that the book's table
//! is drawn from. What comes behind it is how the names of the faults begin that
//! are planted: what the file has of the others stays.
//!
//! ```text
//! cargo run -p tests --example first_to_see
//! cargo run -p tests --example first_to_see -- keep
//! cargo run -p tests --example first_to_see -- keep 3-
//! ```

use std::sync::Mutex;
use std::{env, fs};

use tests::fault::Fault;
use tests::sight::{Sight, first, in_workshops, kept, recorded, table};
use timing::workspace::profile_folder;

fn main() {
    let mut args: Vec<String> = env::args().skip(1).collect();
    let keep = args.first().is_some_and(|it| it == "keep");
    if keep {
        args.remove(0);
    }
    let all = Fault::all();
    let names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
    let wanted: Vec<&Fault> = all
        .iter()
        .filter(|fault| {
            args.is_empty() || args.iter().any(|it| fault.name.starts_with(it))
        })
        .collect();
    let mut sights = recorded();
    sights.retain(|it| names.contains(&it.fault.as_str()));
    let sights = Mutex::new(sights);
    let folder = profile_folder().with_file_name("tmp").join("planted");
    in_workshops(&folder, &wanted, |shop, fault| {
        let sight = first(shop, fault);
        match &sight {
            Some(sight) => println!("{}: {sight}", fault.name),
            None => println!("{}: NO TEST SEES IT", fault.name),
        }
        if keep {
            let mut sights = sights.lock().expect("nobody panics with it");
            sights.retain(|it| it.fault != fault.name);
            sights.extend(sight);
            write(&mut sights);
        }
    });
}

/// It takes long: whoever stops it has what was seen until then.
fn write(sights: &mut [Sight]) {
    sights.sort_by(|a, b| a.fault.cmp(&b.fault));
    fs::write(kept(), table(sights)).expect("a file to write to");
}
