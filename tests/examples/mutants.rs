//! Makes changes in copies of the stages that nobody thought of, and prints
//! which test sees each of them first. With `keep` it also writes that to a file.
//!
//! It asks cargo-mutants what could be changed: `cargo install cargo-mutants
//! --version 27.1.0 --locked`.
//!
//! ```text
//! cargo run -p tests --example mutants
//! cargo run -p tests --example mutants -- 17
//! cargo run -p tests --example mutants -- keep
//! ```
//!
//! A number is another seed: it picks others.

use std::process::ExitCode;
use std::sync::Mutex;
use std::{env, fs};

use tests::mutant::{Fate, Mutant, kept, table};
use tests::sight::in_workshops;
use timing::workspace::profile_folder;

/// The seed whose changes are kept.
const SEED: u64 = 2026;

/// How many it picks. Some do not compile: fifty should be left.
const COUNT: usize = 66;

fn main() -> ExitCode {
    let arg = env::args().nth(1);
    let keep = arg.as_deref() == Some("keep");
    let seed = arg.and_then(|it| it.parse().ok()).unwrap_or(SEED);
    let folder = profile_folder().with_file_name("tmp").join("mutants");
    let all = match Mutant::all(&folder.join("list")) {
        Ok(all) => all,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let count = all.len();
    let picked = Mutant::pick(all, seed, COUNT);
    let done: Mutex<Vec<(&Mutant, Fate)>> = Mutex::default();
    let picked: Vec<&Mutant> = picked.iter().collect();
    in_workshops(&folder, &picked, |shop, mutant| {
        let fate = mutant.fate(shop);
        println!("{mutant}\n    {fate}");
        let mut done = done.lock().expect("nobody panics with it");
        done.push((mutant, fate));
        if keep {
            // It takes long: whoever stops it has what was seen until then.
            fs::write(kept(), table(seed, count, &mut done)).expect("a file");
        }
    });
    ExitCode::SUCCESS
}
