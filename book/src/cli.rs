//! The command line.

use std::env;
use std::process::ExitCode;

use anyhow::Result;

use crate::coach::Coach;
use crate::page::Length;
use crate::practice;
use crate::problem::did_you_mean;
use crate::terminal::{self, Options};
use crate::{build, preprocess, quiz, score, stage, vary};

const HELP: &str = "\
Builds the book and opens it in the browser.

Usage: cargo run -- [COMMAND]

  (nothing)         build the book and open it
  --no-open         build the book and print where it is
  --words           list the pages with their words and minutes
  practice N        make a copy of stage N for the exercises: practice/stageN
    --empty         ... in which the heap is still to be written
    --force         ... even if there is one: it is kept under another name
    list            list what there is to do in it, and what is done
    check           run its tests up to the first that fails, and explain that
    hint [NAME] [K] give the next hint, or hint K again: for what fails first, or
                    for a milestone, an exercise or a test
  play N            run malloc and free on stage N's heap, line by line
    --room BYTES    ... over a break that rises so far
    --once          ... and draw the heap at the end of the input alone
    'a = malloc(8)' ... and draw the heap after these lines
  quiz [SEED]       ten questions about the stages' heaps
    --up-to N       ... of the stages 1 to N alone
  score FOLDER      give the heap of a stage or of a copy marks, up to 100
    FILE.rep        ... for these traces of the malloc lab, or recordings
    --lists N       ... of a heap with N free lists
    --json          ... for a program to read
  vary SEED         make an empty stage 3 with other choices, for a class
  --help            print this
  preprocessor      for mdBook, which calls it as book.toml says
";

/// What the commands take. Whoever gives one of them something else is told.
const TAKEN: [(&str, &str); 5] = [
    (
        "practice",
        "takes the number of a stage, and behind it `list`, `check`, `hint` or \
         nothing. For example: cargo run -- practice 3 check",
    ),
    ("play", "takes the number of a stage. For example: cargo run -- play 3"),
    (
        "quiz",
        "takes a seed, which is a number, or nothing. For example: cargo run -- \
         quiz 2027",
    ),
    (
        "score",
        "takes the folder of a stage or of a copy. For example: cargo run -- \
         score practice/stage3",
    ),
    (
        "vary",
        "takes a seed, which is a number. For example: cargo run -- vary 2027",
    ),
];

/// Who says one of these anywhere wants to know what there is.
const FOR_HELP: [&str; 2] = ["--help", "-h"];

/// What can be asked about a copy to practise on.
const OF_A_COPY: [&str; 3] = ["list", "check", "hint"];

/// Why nothing came of it.
enum Failure {
    /// What was asked for does not exist.
    Asked(String),
    /// What was looked at is not as it should be, and that was told.
    NotYet,
    /// It did not work.
    Work(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Work(error)
    }
}

/// Does what the command line of this process asks for.
pub fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Asked(message)) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
        Err(Failure::NotYet) => ExitCode::FAILURE,
        Err(Failure::Work(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Failure> {
    match arguments {
        [] => show(true)?,
        ["--no-open"] => show(false)?,
        ["--words"] => print_words()?,
        ["preprocessor", rest @ ..] => preprocess::command(rest)?,
        ["help"] => print!("{HELP}"),
        words if words.iter().any(|word| FOR_HELP.contains(word)) => {
            print!("{HELP}");
        }
        ["practice", rest @ ..] => practise(rest)?,
        ["play", rest @ ..] => {
            let options = Options::new(rest);
            let options = options.map_err(|why| refused("play", &why))?;
            terminal::play(options)?;
        }
        ["quiz", rest @ ..] => {
            let options = quiz::Options::new(rest);
            let options = options.map_err(|why| refused("quiz", &why))?;
            quiz::quiz(options)?;
        }
        ["score", rest @ ..] => {
            let options = score::Options::new(rest);
            let options = options.map_err(|why| refused("score", &why))?;
            let folder = build::folder();
            let root = folder.parent().unwrap_or(&folder);
            let report = score::score(root, &options)?;
            print!("{}", report.shown(options.is_json));
        }
        ["vary", rest @ ..] => vary_stage_3(rest)?,
        [word, ..] if OF_A_COPY.contains(word) => {
            return Err(refused("practice", &needs_a_stage(word)));
        }
        _ => return Err(unknown(&arguments.join(" "))),
    }
    Ok(())
}

/// What is wrong, and what the command takes.
fn refused(command: &str, why: &str) -> Failure {
    let taken = TAKEN.iter().find(|(name, _)| *name == command);
    let taken = taken.map_or("takes nothing", |(_, taken)| taken);
    Failure::Asked(format!("{why}\n{command} {taken}"))
}

fn needs_a_stage(word: &str) -> String {
    format!("`{word}` is about the copy of a stage: which one?")
}

fn unknown(what: &str) -> Failure {
    // What stands further in is for a command.
    let commands = HELP.lines().filter_map(|line| line.strip_prefix("  "));
    let commands = commands.filter_map(|line| line.split(' ').next());
    let words: Vec<_> = commands.chain(OF_A_COPY).collect();
    let word = what.split(' ').next().unwrap_or_default();
    let known = did_you_mean(word, &words);
    let stop = if known.is_empty() { "" } else { "." };
    let help = HELP.trim_end();
    Failure::Asked(format!("unknown: {what}{stop}{known}\n\n{help}"))
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
    println!("words  min to read  min to do  page");
    let row = |length: &Length, page: &str| {
        let Length { words, to_read, to_do } = length;
        println!("{words:>5}  {to_read:>11}  {to_do:>9}  {page}");
    };
    for (path, length) in &pages {
        row(length, &path.display().to_string());
    }
    let sum = |of: fn(&Length) -> usize| {
        pages.iter().map(|(_, length)| of(length)).sum()
    };
    let all = Length {
        words: sum(|length| length.words),
        to_read: sum(|length| length.to_read),
        to_do: sum(|length| length.to_do),
    };
    row(&all, &format!("all {} pages", pages.len()));
    Ok(())
}

fn practise(words: &[&str]) -> Result<(), Failure> {
    let folder = build::folder();
    let root = folder.parent().unwrap_or(&folder);
    let mut options = practice::Options::default();
    let mut rest = Vec::new();
    for &word in words {
        match word {
            "--empty" => options.empty = true,
            "--force" => options.force = true,
            _ if word.starts_with('-') => return Err(unknown(word)),
            _ => rest.push(word),
        }
    }
    let refused = |why: &str| refused("practice", why);
    let Some((number, asked)) = rest.split_first() else {
        return Err(refused("which stage?"));
    };
    if OF_A_COPY.contains(number) {
        return Err(refused(&needs_a_stage(number)));
    }
    let stage = stage::find(root, number).map_err(|why| refused(&why))?;
    let sources = build::sources(&folder)?;
    if asked.is_empty() {
        let made = practice::make(root, &stage, options)?;
        print!("{}", practice::told(&sources, &stage, &made, options)?);
        return Ok(());
    }
    if options != practice::Options::default() {
        let why = "`--empty` and `--force` are for a new copy";
        return Err(refused(why));
    }
    let coach = Coach::new(&sources, &stage)?;
    match asked {
        ["list"] => print!("{}", coach.list()),
        ["check"] => {
            let (told, is_stage) = coach.check()?;
            print!("{told}");
            if !is_stage {
                return Err(Failure::NotYet);
            }
        }
        ["hint", rest @ ..] => {
            let (what, which) = hint(rest).map_err(|why| refused(&why))?;
            print!("{}", coach.hint(what, which)?);
        }
        [word, extra, ..] if OF_A_COPY.contains(word) => {
            return Err(refused(&format!("`{extra}` is too much")));
        }
        [word, ..] => {
            let known = did_you_mean(word, &OF_A_COPY);
            return Err(refused(&format!("`{word}` is unknown.{known}")));
        }
        [] => {}
    }
    Ok(())
}

/// What a hint is wanted for, if that is said, and which one.
fn hint<'a>(
    words: &[&'a str],
) -> Result<(Option<&'a str>, Option<usize>), String> {
    match words {
        [] => Ok((None, None)),
        // No milestone, exercise or test is called like a whole number.
        [word] => Ok(match word.parse() {
            Ok(number) => (None, Some(number)),
            Err(_) => (Some(word), None),
        }),
        [what, number] => match number.parse() {
            Ok(number) => Ok((Some(what), Some(number))),
            Err(_) => Err(format!("`{number}` is no number of a hint")),
        },
        [_, _, extra, ..] => Err(format!("`{extra}` is too much")),
    }
}

fn vary_stage_3(words: &[&str]) -> Result<(), Failure> {
    let why = match words {
        [] => "which seed?".to_owned(),
        [seed] => format!("`{seed}` is no number"),
        [_, extra, ..] => format!("`{extra}` is too much"),
    };
    let number = match words {
        [seed] => seed.parse().ok(),
        _ => None,
    };
    let number = number.ok_or_else(|| refused("vary", &why))?;
    let folder = build::folder();
    let root = folder.parent().unwrap_or(&folder);
    let stage = stage::find(root, "3").map_err(Failure::Asked)?;
    vary::make(root, &stage, number)?;
    println!("The task: practice/vary-{number}/TASK.md");
    Ok(())
}
