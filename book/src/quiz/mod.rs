//! Ten questions about the stages' heaps, in a terminal.
//!
//! A seed stands for the questions: they are [made](asked) from it, each on a
//! heap that runs. What is typed is [read](answer) and compared with what that
//! heap has done.

use std::io::{self, BufRead, Write};

use anyhow::{Error, Result};
use fastrand::Rng;
use play::heap::Setup;

use self::answer::Mark;
use self::asked::{Ask, Asked};

pub mod answer;
pub mod asked;

/// How many questions there are.
const QUESTIONS: usize = 10;

/// A seed that nobody has chosen is below this: it is easy to type.
const SEEDS: u64 = 10_000;

/// What can be typed besides an answer.
const COMMANDS: &str = "\
draw      draws the heap before the last line
show      tells the answer, which counts as not known
help      prints this
quit      as the end of the input does
";

/// What the command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What the questions are made from.
    pub seed: u64,
    /// The last stage that is asked about.
    pub up_to: u32,
}

impl Options {
    /// The words behind `quiz`.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with them.
    pub fn new(words: &[&str]) -> Result<Self, String> {
        let (mut seed, mut up_to) = (None, Setup::STAGES.len() as u64);
        let number = |word: &str| {
            let number = word.parse::<u64>();
            number.map_err(|_| format!("`{word}` is no number"))
        };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                "--up-to" => {
                    let stage = words.next().ok_or("--up-to needs a stage")?;
                    up_to = number(stage)?;
                }
                _ if seed.is_none() => seed = Some(number(word)?),
                _ => return Err(format!("`{word}` is too much")),
            }
        }
        let is_known = |stage: &u32| Setup::STAGES.contains(stage);
        let known = u32::try_from(up_to).ok().filter(is_known);
        let none = || format!("there is no stage {up_to} to ask about");
        let up_to = known.ok_or_else(none)?;
        let seed = seed.unwrap_or_else(|| fastrand::u64(..SEEDS));
        Ok(Self { seed, up_to })
    }
}

/// Asks to the end of the questions or of the input.
///
/// # Errors
///
/// The input or the output is broken.
pub fn quiz(options: Options) -> Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let questions = questions(options)?;
    writeln!(
        output,
        "Ten questions of seed {}: the same seed asks the same. Each heap \
         starts at 0x0.\nType an answer, or help.",
        options.seed
    )?;
    let (mut right, mut done) = (0, 0);
    for (index, question) in questions.iter().enumerate() {
        write!(output, "\n{} of {QUESTIONS}. {question}", index + 1)?;
        let Some(is_right) = ask(question, &mut input, &mut output)? else {
            writeln!(output)?;
            break;
        };
        done += 1;
        right += usize::from(is_right);
    }
    match done {
        0 => writeln!(output, "\nNo question was answered.")?,
        _ => writeln!(output, "\n{right} of {done} right.")?,
    }
    Ok(())
}

/// The questions of a seed: as many of each stage, in any order.
///
/// # Errors
///
/// A program that a heap does not run: none of those made here.
pub fn questions(options: Options) -> Result<Vec<Asked>> {
    let mut rng = Rng::with_seed(options.seed);
    let mut stages = Vec::new();
    for stage in 1..=options.up_to {
        let mut asks = Ask::of(stage).to_vec();
        rng.shuffle(&mut asks);
        stages.push(asks.into_iter().cycle().map(move |ask| (stage, ask)));
    }
    let count = stages.len();
    let next = |index: usize| stages[index % count].next();
    let mut wanted: Vec<_> = (0..QUESTIONS).filter_map(next).collect();
    rng.shuffle(&mut wanted);
    let wanted = wanted.into_iter();
    let made = wanted.map(|(stage, ask)| Asked::new(&mut rng, stage, ask));
    made.collect::<Result<_, _>>().map_err(Error::msg)
}

/// Reads until there is an answer: whether it is right. Nothing at the end of
/// the input.
fn ask(
    question: &Asked,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> Result<Option<bool>> {
    let mut typed = String::new();
    loop {
        write!(output, "> ")?;
        output.flush()?;
        typed.clear();
        if input.read_line(&mut typed)? == 0 {
            return Ok(None);
        }
        match typed.trim() {
            "" => {}
            "quit" | "exit" => return Ok(None),
            "help" => {
                write!(output, "{}\n{COMMANDS}", question.answer.hint())?;
            }
            "draw" => write!(output, "{}", question.before()?)?,
            "show" => {
                write!(output, "{}", question.solution()?)?;
                return Ok(Some(false));
            }
            typed => match question.answer.mark(typed) {
                Mark::Right => {
                    writeln!(output, "Right{}", question.told)?;
                    return Ok(Some(true));
                }
                Mark::Wrong => {
                    write!(output, "No. {}", question.solution()?)?;
                    return Ok(Some(false));
                }
                Mark::NoAnswer => {
                    writeln!(output, "{}", question.answer.hint())?;
                }
            },
        }
    }
}
