//! The command line.

use std::env;
use std::process::ExitCode;

use anyhow::Result;

use crate::{build, preprocess};

const HELP: &str = "\
Builds the book and opens it in the browser.

Usage: cargo run -- [COMMAND]

  (nothing)         build the book and open it
  --no-open         build the book and print where it is
  --words           list the pages with their words and minutes
  --help            print this
  preprocessor      for mdBook, which calls it as book.toml says
";

/// Does what the command line of this process asks for.
pub fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        [] => show(true),
        ["--no-open"] => show(false),
        ["--words"] => print_words(),
        ["--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        ["preprocessor", ref rest @ ..] => preprocess::command(rest),
        _ => {
            eprintln!("unknown: {}", arguments.join(" "));
            eprint!("\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn show(open: bool) -> Result<()> {
    let folder = build::folder();
    let page = build::build(&folder, &build::destination(&folder)?)?;
    println!("The book is at {}", page.display());
    if open && let Err(error) = opener::open(&page) {
        println!("No browser opened it ({error}): open that file yourself.");
    }
    Ok(())
}

fn print_words() -> Result<()> {
    let pages = build::lengths(&build::folder())?;
    println!("words  minutes  page");
    for (path, length) in &pages {
        let minutes = length.minutes();
        println!("{:>5}  {minutes:>7}  {}", length.words, path.display());
    }
    let words: usize = pages.iter().map(|(_, length)| length.words).sum();
    let minutes: usize = pages.iter().map(|(_, len)| len.minutes()).sum();
    println!("{words:>5}  {minutes:>7}  all {} pages", pages.len());
    Ok(())
}
