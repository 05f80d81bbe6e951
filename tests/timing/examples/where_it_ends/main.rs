//! Small programs that ask for much, or in an unusual way: what they are given,
//! and what they take, on glibc's heap and on a stack for each thread.
//!
//! ```text
//! cargo run --release -p timing --example where_it_ends
//! cargo run --release -p timing --example where_it_ends -- 'ten blocks'
//! ```
//!
//! Each program is a function in `works.rs`. This program starts itself once
//! more for it, with the library in front. Words in capitals say that a stack
//! for each thread gives less, or takes much more.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod works;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::env;
    use std::io::{self, Write};
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::Command;

    use timing::preload::preload;
    use timing::progress::Progress;
    use timing::results::NO_FIGURE;
    use timing::run::{Used, command, try_measured};
    use timing::workspace::build_example;

    use super::works::{self, GIB, MIB};

    /// A program, and what of it is looked at.
    struct Work {
        name: &'static str,
        /// What the whole process may have of the address space, in bytes.
        limit: Option<u64>,
        asks: Asks,
        /// It returns how much it was given, or how many bytes it holds.
        run: fn() -> usize,
    }

    /// What is looked at.
    #[derive(Clone, Copy)]
    enum Asks {
        /// How much it is given, in units of so many, with a name.
        Given(usize, &'static str),
        /// The most memory that it has at a time, and its time.
        Most,
        /// What it holds in the end, and its time.
        Left,
    }

    use Asks::{Given, Left, Most};

    const WORKS: [Work; 27] = [
        Work {
            name: "blocks of 64 bytes, limit 1 GiB",
            limit: Some(GIB as u64),
            asks: Given(MIB, "MiB"),
            run: || works::until_null(64),
        },
        Work {
            name: "the largest block, limit 4 GiB",
            limit: Some(4 * GIB as u64),
            asks: Given(MIB, "MiB"),
            run: works::largest,
        },
        Work {
            name: "64 threads, limit 4 GiB",
            limit: Some(4 * GIB as u64),
            asks: Given(1, "threads"),
            run: || works::threads_alive(64, 8 * MIB),
        },
        Work {
            name: "8 threads, a limit set late",
            limit: None,
            asks: Given(1, "threads"),
            run: || works::after_a_limit(|| works::threads_alive(8, 8 * MIB)),
        },
        Work {
            name: "blocks of 1 MiB, a limit set late",
            limit: None,
            asks: Given(MIB, "MiB"),
            run: || works::after_a_limit(|| works::until_null(MIB)),
        },
        Work {
            name: "a block of 5 GiB",
            limit: None,
            asks: Given(GIB, "GiB"),
            run: || works::some(1, 5 * GIB),
        },
        Work {
            name: "ten blocks of 1 GiB",
            limit: None,
            asks: Given(GIB, "GiB"),
            run: || works::some(10, GIB),
        },
        Work {
            name: "100,000 bytes, to 5 GiB in a thread",
            limit: None,
            asks: Given(MIB, "MiB"),
            run: || works::some(5 * GIB / 100_000, 100_000),
        },
        Work {
            name: "5,000 threads alive",
            limit: None,
            asks: Given(1, "threads"),
            run: || works::threads_alive(5000, 64 * 1024),
        },
        Work {
            name: "2,048 blocks, aligned to 2 MiB",
            limit: None,
            asks: Given(1, "blocks"),
            run: || works::aligned(2048, 2 * MIB),
        },
        Work {
            name: "forks of forks, 400 threads each",
            limit: None,
            asks: Given(1, "processes"),
            run: || works::generations(12, 400, 0),
        },
        Work {
            name: "5,000 threads, a last word of each",
            limit: None,
            asks: Given(1, "threads"),
            run: || works::last_words(5000),
        },
        Work {
            name: "32,768 blocks, all memory locked",
            limit: None,
            asks: Given(1, "blocks"),
            run: works::locked,
        },
        Work {
            name: "a core of a process that sleeps",
            limit: None,
            asks: Left,
            run: works::core,
        },
        Work {
            name: "two that grow in turns, to 128 MiB",
            limit: None,
            asks: Most,
            run: || works::grow_in_turns(128 * MIB, MIB),
        },
        Work {
            name: "an array, one element more each time",
            limit: None,
            asks: Most,
            run: || works::append(20_000, 4000),
        },
        Work {
            name: "900 bytes for a moment, 16 to keep",
            limit: None,
            asks: Most,
            run: || works::moment_and_keep(200_000, 900, 16),
        },
        Work {
            name: "64,000 bytes that shrink to 1,500",
            limit: None,
            asks: Most,
            run: || works::shrink(2000, 64_000, 1500),
        },
        Work {
            name: "20,000,000 that shrink to 70,000",
            limit: None,
            asks: Most,
            run: || works::shrink(20, 20_000_000, 70_000),
        },
        Work {
            name: "1,000 bytes that shrink to 20",
            limit: None,
            asks: Most,
            run: || works::shrink(200_000, 1000, 20),
        },
        Work {
            name: "one block in twelve stays",
            limit: None,
            asks: Most,
            run: || works::survivors(12),
        },
        Work {
            name: "freed by one that never allocates",
            limit: None,
            asks: Most,
            run: || works::producers(30_000),
        },
        Work {
            name: "the same, blocks of 100 bytes",
            limit: None,
            asks: Most,
            run: || works::producers(100),
        },
        Work {
            name: "the same, larger blocks",
            limit: None,
            asks: Most,
            run: || works::producers(300_000),
        },
        Work {
            name: "four buffers of 128 KiB in a queue",
            limit: None,
            asks: Most,
            run: || works::queue(20_000, 4, 128 * 1024),
        },
        Work {
            name: "sizes that drift, then all freed",
            limit: None,
            asks: Left,
            run: || works::drift(3_000_000),
        },
        Work {
            name: "forks of forks, what they need",
            limit: None,
            asks: Most,
            run: || works::generations(20, 50, works::MANY),
        },
    ];

    /// Each is run so often, and the least counts.
    const RUNS: usize = 2;

    /// What counts as a difference: more bytes, or more seconds, than this.
    const FEW: f64 = 4.0 * MIB as f64;
    const SHORT: f64 = 0.1;

    pub fn main() {
        let mut args = env::args().skip(1);
        let wanted = args.next().unwrap_or_default();
        if let Some(number) = wanted.strip_prefix("--work=") {
            let number: usize = number.parse().expect("a work's number");
            // It makes room for what is printed: later there may be none.
            io::stdout().flush().expect("nothing is printed yet");
            println!("{}", (WORKS[number].run)());
            return;
        }
        let chosen = |name: &str| name.starts_with(&wanted);
        let works: Vec<usize> =
            (0..WORKS.len()).filter(|&it| chosen(WORKS[it].name)).collect();
        let library = build_example("malloc5");
        let progress = Progress::new(works.len() * RUNS);
        progress.print(format!("{:36}{:>18}{:>18}", "", "glibc", "per thread"));
        let mut is_given = true;
        for number in works {
            let name = WORKS[number].name;
            if is_given && !matches!(WORKS[number].asks, Given(..)) {
                progress.print(String::new());
                is_given = false;
            }
            match row(number, &library, &progress) {
                Ok(figures) => {
                    progress.print(format!("{name:36}{figures}"));
                }
                Err(why) => {
                    progress.print(format!("{name:36}{NO_FIGURE}: {why}"));
                }
            }
        }
    }

    /// What it was given or holds, and what it used.
    struct Done {
        answer: usize,
        used: Used,
    }

    /// What is shown of a work, and what is said of it.
    fn row(
        number: usize,
        library: &Path,
        progress: &Progress,
    ) -> Result<String, String> {
        let (mut glibc, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            progress.step(WORKS[number].name);
            glibc.push(done(number, None)?);
            ours.push(done(number, Some(library))?);
        }
        let asks = WORKS[number].asks;
        let [glibc, ours] = [&glibc, &ours].map(|runs| Figures::of(asks, runs));
        let verdict = verdict(asks, &glibc, &ours);
        let [glibc, ours] = [&glibc, &ours].map(|it| it.shown(asks));
        Ok(format!("{glibc:>18}{ours:>18}  {verdict}"))
    }

    /// Runs a work in a process of its own.
    fn done(number: usize, library: Option<&Path>) -> Result<Done, String> {
        let program = env::current_exe().expect("this program has a path");
        let mut command = command(program, Path::new("/"));
        command.arg(format!("--work={number}"));
        if let Some(library) = library {
            preload(&mut command, &[library]);
        }
        if let Some(limit) = WORKS[number].limit {
            limit_addresses(&mut command, limit);
        }
        let (outcome, used) = try_measured(command)?;
        if let Some(why) = outcome.failure() {
            return Err(why);
        }
        // The loader only warns of a library that it cannot use.
        if !outcome.stderr.is_empty() {
            return Err(outcome.stderr.trim().replace('\n', " / "));
        }
        let said = outcome.stdout.trim();
        let answer = said.parse().map_err(|_| said.to_owned())?;
        Ok(Done { answer, used })
    }

    /// As `ulimit -v` does it.
    fn limit_addresses(command: &mut Command, bytes: u64) {
        let limit = move || match works::limit(libc::RLIMIT_AS, bytes) {
            true => Ok(()),
            false => Err(io::Error::last_os_error()),
        };
        // SAFETY: it is one system call.
        unsafe { command.pre_exec(limit) };
    }

    /// The best of some runs.
    struct Figures {
        given: usize,
        bytes: f64,
        seconds: f64,
    }

    impl Figures {
        fn of(asks: Asks, runs: &[Done]) -> Self {
            let bytes = |run: &Done| match asks {
                Left => run.answer as f64,
                _ => run.used.memory as f64,
            };
            let seconds = |run: &Done| run.used.time.as_secs_f64();
            let least = |figure: &dyn Fn(&Done) -> f64| {
                runs.iter().map(figure).fold(f64::INFINITY, f64::min)
            };
            Self {
                given: runs.iter().map(|run| run.answer).max().unwrap_or(0),
                bytes: least(&bytes),
                seconds: least(&seconds),
            }
        }

        fn shown(&self, asks: Asks) -> String {
            match asks {
                Given(unit, name) => format!("{} {name}", self.given / unit),
                _ => format!(
                    "{:.0} MiB {:5.2} s",
                    self.bytes / MIB as f64,
                    self.seconds
                ),
            }
        }
    }

    /// Nine tenths are no less. Half as much memory again is well, and three
    /// times the time.
    fn verdict(asks: Asks, glibc: &Figures, ours: &Figures) -> &'static str {
        if let Given(..) = asks {
            let is_less = ours.given * 10 < glibc.given * 9;
            return if is_less { "LESS" } else { "no less" };
        }
        let memory = (glibc.bytes * 1.5).max(glibc.bytes + FEW);
        let time = (glibc.seconds * 3.0).max(glibc.seconds + SHORT);
        match (ours.bytes <= memory, ours.seconds <= time) {
            (true, true) => "well",
            (false, _) => "MORE",
            (true, false) => "SLOWER",
        }
    }
}
