//! Runs whole systems on our heaps: a Debian in a folder, in which every program
//! that is linked dynamically starts with `libmalloc4.so`, and then with
//! `libmalloc5.so`. A shell works, a package is installed and removed, programs
//! work, and the stages themselves are compiled and tested. The same under glibc's
//! own malloc is what both are compared with.
//!
//! It is asked of the loader, for each program of the system, whose `malloc` it
//! gets, and of the kernel, while the steps run, which libraries each process has.
//!
//! ```text
//! cargo run --release -p tests --example whole_systems
//! cargo run --release -p tests --example whole_systems -- trixie
//! cargo run --release -p tests --example whole_systems -- trixie gcc cargo
//! cargo run --release -p tests --example whole_systems -- project trixie
//! ```
//!
//! Other words are looked for in the names of the steps: those alone are done.
//!
//! With `project`, a clone of this repository is put into each system, and it does
//! there what a reader does, on the C library's own heap: it builds the book, runs
//! all tests, and puts the heaps under programs. It fails if one of that does. A
//! system that cannot be had here is left out, which is said and is no failure.
//!
//! The results are kept in `tests/results/whole-systems.csv`, and those of the
//! project in `whole-projects.csv`: those of the suites that are named, in place of
//! older ones. What the steps print is kept beside the systems, in
//! `target/roots/said`. It needs root's rights, mmdebstrap, and a
//! connection to Debian's archive.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "whole_systems/bindings.rs"]
mod bindings;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "whole_systems/kept.rs"]
mod kept;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "whole_systems/project.rs"]
mod project;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "whole_systems/steps.rs"]
mod steps;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "whole_systems/system.rs"]
mod system;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "whole_systems/watch.rs"]
mod watch;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() -> std::process::ExitCode {
    program::main()
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::env;
    use std::path::PathBuf;
    use std::process::ExitCode;

    use timing::progress::Progress;
    use timing::workspace::build_release_example;

    use crate::bindings::{NAME as WHOSE, bindings};
    use crate::kept::{Row, keep};
    use crate::project::{PACKAGES, project};
    use crate::steps::{STEPS, Said, run};
    use crate::system::System;

    /// The suites, the oldest first.
    const SUITES: [&str; 3] = ["bookworm", "trixie", "sid"];

    /// The heaps. The first one is what the others are compared with.
    const HEAPS: [&str; 3] = ["glibc", "malloc4", "malloc5"];

    pub fn main() -> ExitCode {
        let mut words: Vec<String> = env::args().skip(1).collect();
        let is_project = words.first().is_some_and(|it| it == "project");
        if is_project {
            words.remove(0);
        }
        let (mut suites, wanted): (Vec<String>, Vec<String>) = words
            .into_iter()
            .partition(|it| tests::root::SUITES.contains(&&**it));
        if suites.is_empty() {
            suites = SUITES.map(str::to_owned).to_vec();
        }
        let is_wanted = |name: &str| {
            wanted.is_empty() || wanted.iter().any(|it| name.contains(&**it))
        };
        if is_project {
            return projects(&suites, is_wanted);
        }
        systems(&suites, is_wanted);
        ExitCode::SUCCESS
    }

    /// What the project does in each system.
    fn projects(
        suites: &[String],
        is_wanted: impl Fn(&str) -> bool,
    ) -> ExitCode {
        let mut code = ExitCode::SUCCESS;
        for suite in suites {
            let system = System::make(suite, &PACKAGES);
            match system.and_then(|it| project(&it, &is_wanted)) {
                Ok(true) => {}
                Ok(false) => code = ExitCode::FAILURE,
                Err(why) => println!("{suite} is left out: {why}"),
            }
        }
        code
    }

    /// What the systems do on our heaps.
    fn systems(suites: &[String], is_wanted: impl Fn(&str) -> bool) {
        let libraries = HEAPS.map(library);
        let progress =
            Progress::new(suites.len() * HEAPS.len() * (1 + STEPS.len()));
        for suite in suites {
            progress.step(format!("{suite}: its packages"));
            match System::make(suite, &[]) {
                Ok(system) => all(&system, &libraries, &is_wanted, &progress),
                Err(why) => {
                    progress.print(format!("{suite} is left out: {why}"))
                }
            }
        }
    }

    /// The library that is preloaded: none for the C library's own heap.
    fn library(heap: &str) -> Option<PathBuf> {
        (heap != "glibc").then(|| build_release_example(heap))
    }

    /// The steps that are wanted, under all heaps in one system.
    fn all(
        system: &System,
        libraries: &[Option<PathBuf>; 3],
        is_wanted: impl Fn(&str) -> bool,
        progress: &Progress,
    ) {
        let mut rows = Vec::new();
        let mut under_glibc: Vec<Said> = Vec::new();
        for (heap, library) in HEAPS.iter().zip(libraries) {
            let library = library.as_deref();
            system.root.preload(library).unwrap_or_else(|why| panic!("{why}"));
            progress.step(format!("{}, {heap}: whose malloc", system.suite()));
            let mut add = |row: Row| {
                progress.print(row.line(system.suite()));
                rows.push(row);
            };
            if let Some(library) = library.filter(|_| is_wanted(WHOSE)) {
                add(bindings(system, heap, library));
            }
            let steps = STEPS.iter().filter(|it| is_wanted(it.name));
            for (at, step) in steps.enumerate() {
                progress.step(format!(
                    "{}, {heap}: {}",
                    system.suite(),
                    step.name
                ));
                let said = run(system, step, heap, library);
                add(said.row(under_glibc.get(at)));
                if library.is_none() {
                    under_glibc.push(said);
                }
            }
        }
        system.root.preload(None).unwrap_or_else(|why| panic!("{why}"));
        keep(system, &rows);
    }
}
