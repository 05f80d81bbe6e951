//! Runs programs in many languages on our heaps, counts what they ask of malloc,
//! and writes `tests/results/runtimes.csv`.
//!
//! ```text
//! cargo run --release -p tests --example runtimes
//! cargo run --release -p tests --example runtimes -- zsh R
//! ```
//!
//! With names it runs those programs, and leaves the other rows as they are. It
//! needs Linux with glibc, root's rights, and `mmdebstrap`: the programs are those
//! of Debian 12, unpacked under `target/roots`, which takes five gigabytes and is
//! kept for the next time.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    if let Err(why) = linux::run() {
        eprintln!("{why}");
        std::process::exit(1);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    eprintln!("it needs Linux with glibc");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod linux {
    use std::collections::BTreeMap;
    use std::{env, fs};

    use tests::runtimes::jobs::{JOBS, Job};
    use tests::runtimes::room::Room;
    use tests::runtimes::{Libraries, columns, kept, row};
    use timing::results::{date, machine, system, table};

    const COMMAND: &str = "cargo run --release -p tests --example runtimes";

    /// What is said of each job: a row, or why there is none.
    type Rows = BTreeMap<String, Result<Vec<String>, String>>;

    pub fn run() -> Result<(), String> {
        let wanted: Vec<String> = env::args().skip(1).collect();
        let mut rows = if wanted.is_empty() { Rows::new() } else { before() };
        let is_wanted = |job: &&Job| {
            wanted.is_empty() || wanted.iter().any(|it| it == job.name)
        };
        stay_small();
        let room = Room::make()?;
        let libraries = Libraries::build(&room);
        for job in JOBS.iter().filter(is_wanted) {
            let row = row(&room, &libraries, job);
            match &row {
                Ok(row) => println!("{}", row.join(",")),
                Err(why) => println!("{}: left out: {why}", job.name),
            }
            rows.insert(job.name.to_owned(), row);
            keep(&rows);
        }
        Ok(())
    }

    /// Gives back at once what was freed. A program begins as a copy of this one,
    /// and what this one has counts as the most memory that the program had.
    fn stay_small() {
        // SAFETY: mallopt(3) sets a number.
        let is_set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, 65536) };
        assert_eq!(is_set, 1, "malloc takes the setting");
    }

    /// The rows that are kept already.
    fn before() -> Rows {
        let text = fs::read_to_string(kept()).unwrap_or_default();
        let mut rows = Rows::new();
        for line in text.lines() {
            if let Some(left_out) = line.strip_prefix("# left out ") {
                let (name, why) = left_out.split_once(": ").unwrap_or_default();
                rows.insert(name.to_owned(), Err(why.to_owned()));
            } else if !line.starts_with('#') {
                let cells: Vec<_> =
                    line.split(',').map(str::to_owned).collect();
                rows.insert(cells[0].clone(), Ok(cells));
            }
        }
        rows
    }

    fn keep(rows: &Rows) {
        let mut about = vec![
            ("command".to_owned(), COMMAND.to_owned()),
            ("system".to_owned(), system()),
            ("machine".to_owned(), machine()),
            ("date".to_owned(), date()),
        ];
        let mut kept_rows = Vec::new();
        // In the order of the jobs.
        for job in &JOBS {
            match rows.get(job.name) {
                None => {}
                Some(Ok(row)) => kept_rows.push(row.clone()),
                Some(Err(why)) => {
                    let why = why.lines().next().unwrap_or_default().to_owned();
                    about.push((format!("left out {}", job.name), why));
                }
            }
        }
        let about: Vec<(&str, String)> =
            about.iter().map(|(key, value)| (&**key, value.clone())).collect();
        let columns = columns();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        fs::write(kept(), table(&about, &columns, &kept_rows))
            .expect("the folder is there");
    }
}
