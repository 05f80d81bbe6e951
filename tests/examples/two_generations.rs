//! Asks the allocators of two generations the same questions: those of
//! Debian 12, and the newest that Debian has. Each runs on the C library of its
//! own time, in a folder that is removed in the end; nothing is installed.
//!
//! ```text
//! cargo run -p tests --example two_generations
//! ```
//!
//! A star stands behind an answer that is no longer what it was. An allocator
//! that cannot be had is left out, and a line below says so.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "two_generations/archive.rs"]
mod archive;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "two_generations/questions.rs"]
mod questions;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::env;

    use crate::archive::{NAMES, Suite};
    use crate::questions::{QUESTIONS, answer};
    use timing::progress::Progress;

    /// The older one first.
    const SUITES: [&str; 2] = ["bookworm", "sid"];

    pub fn main() {
        if let Some(number) = env::args().nth(1) {
            println!("{}", answer(number.parse().expect("a number")));
            return;
        }
        let suites = SUITES.map(|name| (name, Suite::fetch(name)));
        let progress = Progress::new(NAMES.len());
        let mut missing = Vec::new();
        let columns = NAMES.map(|name| {
            progress.step(name);
            let asked = suites.each_ref().map(|(suite, fetched)| {
                ask(name, fetched.as_ref()).map_err(|why| {
                    format!("{name} of {suite} is left out: {why}")
                })
            });
            let mut both = Vec::new();
            for column in asked {
                match column {
                    Ok(column) => both.push(column),
                    Err(why) => missing.push(why),
                }
            }
            (name, both)
        });
        drop(progress);
        for pair in columns.chunks(2) {
            print(pair);
        }
        for line in missing {
            println!("{line}");
        }
    }

    /// The version of an allocator, and its answers.
    struct Column {
        version: String,
        answers: Vec<String>,
    }

    fn ask(
        name: &str,
        suite: Result<&Suite, &String>,
    ) -> Result<Column, String> {
        let allocator = suite.map_err(String::clone)?.allocator(name)?;
        let numbers = 0..QUESTIONS.len();
        let answers = numbers.map(|number| allocator.answer(number));
        let answers = answers.collect::<Result<_, _>>()?;
        Ok(Column { version: allocator.version, answers })
    }

    /// Prints the answers of a few allocators side by side.
    fn print(allocators: &[(&str, Vec<Column>)]) {
        let cells = |cell: &dyn Fn(&Column, Option<&Column>) -> String| {
            let mut line = String::new();
            for (_, columns) in allocators {
                for (at, column) in columns.iter().enumerate() {
                    let before = at.checked_sub(1).map(|it| &columns[it]);
                    line += &cell(column, before);
                }
            }
            line.trim_end().to_owned()
        };
        let mut heads = String::new();
        for (name, columns) in allocators {
            for _ in columns {
                heads += &format!("{name:>10}  ");
            }
        }
        println!("{:30}{}", "", heads.trim_end());
        let versions = cells(&|it, _| format!("{:>10}  ", it.version));
        println!("{:30}{versions}", "");
        for (number, (question, _)) in QUESTIONS.iter().enumerate() {
            let answers = cells(&|it, before| {
                let answer = &it.answers[number];
                let is_new = before.is_some_and(|it| {
                    differ(question, &it.answers[number], answer)
                });
                format!("{answer:>10}{}", if is_new { " *" } else { "  " })
            });
            println!("{question:30}{answers}");
        }
        println!();
    }

    /// Whether two answers are not the same. What is measured in MiB is never
    /// quite the same: a tenth more or less is nothing new, nor are two.
    fn differ(question: &str, old: &str, new: &str) -> bool {
        match (old.parse::<u64>(), new.parse::<u64>()) {
            (Ok(old), Ok(new)) if question.contains("MiB") => {
                old.abs_diff(new) > 2.max(old.max(new) / 10)
            }
            _ => old != new,
        }
    }
}
