//! Random work on all heaps, for as long as one likes.
//!
//! ```text
//! cargo run --release -p tests --example soak -- 10m
//! cargo run --release -p tests --example soak -- 10m 17
//! cargo run --release -p tests --example soak -- only 17
//! ```
//!
//! The number is the seed of the first round; each round has the next one.
//! `only` plays one.

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use tests::soak::{play_one, soak};

/// `10s`, `10m` or `2h`.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.parse::<u64>().ok().map(|it| Duration::from_secs(it * unit))
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let seed = |text: &str| text.parse().ok();
    let say = |line: &str| println!("{line}");
    let result = match args[..] {
        ["only", text] => {
            seed(text).map(|seed| play_one(seed, say).map(|it| it.steps))
        }
        [time, text] => duration(time)
            .zip(seed(text))
            .map(|(time, seed)| soak(seed, time, say)),
        [time] => {
            duration(time).map(|time| soak(fastrand::u32(..).into(), time, say))
        }
        _ => None,
    };
    match result {
        Some(Ok(steps)) => {
            println!("all is well after {steps} steps");
            ExitCode::SUCCESS
        }
        Some(Err(fault)) => {
            println!("{fault}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!(
                "usage: soak TIME [SEED] | soak only SEED, with a TIME like 30s, 10m or 2h"
            );
            ExitCode::FAILURE
        }
    }
}
