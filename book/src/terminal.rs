//! A heap to play with, in a terminal.
//!
//! The heap runs in a process of its own, which a fault ends as it ends any
//! program. That process is this program, called with `--here`.

use std::env;
use std::io::{self, BufRead, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use play::heap::{ROOM, Setup};
use play::program::{self, Line};
use play::{run, text};

/// What can be typed besides the lines of a program.
const COMMANDS: &str = "\
undo              takes the last line back
reset             takes all lines back
stage 5           runs the lines on another stage's heap
list              prints the lines
help              prints this
quit              as the end of the input does
";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub setup: Setup,
    /// A whole program, to be drawn at its end.
    pub program: Option<String>,
    /// Whether such a program is read from the input.
    pub is_once: bool,
    /// Whether it runs in this process, which then ends with it.
    pub is_here: bool,
}

impl Options {
    /// The words behind `play`.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with them.
    pub fn new(words: &[&str]) -> Result<Self, String> {
        let (mut stage, mut room, mut program) = (None, ROOM, None);
        let (mut is_once, mut is_here) = (false, false);
        let number = |word: &str| {
            let number = word.parse::<usize>();
            number.map_err(|_| format!("`{word}` is no number"))
        };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                "--once" => is_once = true,
                "--here" => is_here = true,
                "--room" => {
                    let bytes = words.next().ok_or("--room needs a number")?;
                    room = number(bytes)?;
                }
                _ if word.contains('(') => program = Some(word.to_owned()),
                _ if stage.is_none() => stage = Some(number(word)?),
                _ => return Err(format!("`{word}` is too much")),
            }
        }
        let stage = stage.ok_or("which stage?")?;
        let stage = u32::try_from(stage).unwrap_or(u32::MAX);
        let setup = Setup::new(stage, room)?;
        Ok(Self { setup, program, is_once, is_here })
    }
}

/// Reads lines to the end of the input, and draws the heap after each.
///
/// # Errors
///
/// The input or the output is broken.
pub fn play(options: Options) -> Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut program = options.program;
    if program.is_none() && (options.is_once || options.is_here) {
        program = Some(io::read_to_string(&mut input)?);
    }
    if let Some(program) = program {
        let play = if options.is_here { here } else { once };
        return play(options.setup, &program, &mut output);
    }
    let mut session = Session { setup: options.setup, lines: Vec::new() };
    write!(output, "{}", session.greeting())?;
    let mut typed = String::new();
    loop {
        write!(output, "> ")?;
        output.flush()?;
        typed.clear();
        if input.read_line(&mut typed)? == 0 {
            writeln!(output)?;
            return Ok(());
        }
        match session.answer(typed.trim())? {
            Some(answer) => write!(output, "{answer}")?,
            None => return Ok(()),
        }
    }
}

/// Runs a whole program, and draws the heap at its end.
fn once(setup: Setup, program: &str, output: &mut impl Write) -> Result<()> {
    let lines = program::parse(program).map_err(anyhow::Error::msg)?;
    match (Session { setup, lines }).run()? {
        Ok(picture) => Ok(write!(output, "{picture}")?),
        Err(complaint) => bail!("{}", complaint.trim_end()),
    }
}

/// Does that in this process. First it prints where the heap starts: after a
/// fault there is nobody left to say so.
fn here(setup: Setup, program: &str, output: &mut impl Write) -> Result<()> {
    let lines = program::parse(program).map_err(anyhow::Error::msg)?;
    let came = setup.with(|heap| {
        writeln!(output, "{}", heap.view().start)?;
        output.flush()?;
        run::on(heap, &lines, lines.len()).map_err(anyhow::Error::msg)
    })?;
    let picture = text::picture(&came.frames, came.lists.as_ref());
    write!(output, "{picture}")?;
    Ok(())
}

/// What was typed so far.
struct Session {
    setup: Setup,
    lines: Vec<Line>,
}

impl Session {
    fn greeting(&self) -> String {
        format!(
            "The heap of stage {}. A line, as a = malloc(100), or help:\n",
            self.setup.stage
        )
    }

    /// What to print for a line. Nothing if it is the last one.
    fn answer(&mut self, typed: &str) -> Result<Option<String>> {
        let answer = match typed {
            "" => String::new(),
            "quit" | "exit" => return Ok(None),
            "help" => format!("{}{COMMANDS}", program::HELP),
            "list" => {
                self.lines.iter().map(|line| format!("{line}\n")).collect()
            }
            "undo" if self.lines.pop().is_none() => {
                "There is no line to take back.\n".to_owned()
            }
            "undo" => self.draw()?,
            "reset" => {
                self.lines.clear();
                self.draw()?
            }
            _ => match typed.strip_prefix("stage ") {
                Some(stage) => self.change(stage)?,
                None => self.add(typed)?,
            },
        };
        Ok(Some(answer))
    }

    /// Runs a line behind those that there are. If it ends the program, it is
    /// taken back.
    fn add(&mut self, typed: &str) -> Result<String> {
        let added = match program::parse(typed) {
            Ok(added) => added,
            Err(why) => return Ok(format!("{why}. Try help.\n")),
        };
        let before = self.lines.len();
        self.lines.extend(added);
        match self.run()? {
            Ok(picture) => Ok(picture),
            Err(complaint) => {
                self.lines.truncate(before);
                Ok(format!("{complaint}The line is taken back.\n"))
            }
        }
    }

    /// Runs all lines on the heap of another stage.
    fn change(&mut self, stage: &str) -> Result<String> {
        let number = stage.trim().parse().unwrap_or(0);
        match Setup::new(number, self.setup.room) {
            Ok(setup) => {
                self.setup = setup;
                Ok(self.greeting() + &self.draw()?)
            }
            Err(why) => Ok(format!("{why}\n")),
        }
    }

    fn draw(&self) -> Result<String> {
        Ok(self.run()?.unwrap_or_else(|complaint| complaint))
    }

    /// The picture at the end of the lines; or what a program would have left
    /// behind that did them.
    fn run(&self) -> Result<Result<String, String>> {
        let Setup { stage, room } = self.setup;
        let program = env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(program)
            .args(["play", "--here", &stage.to_string()])
            .args(["--room", &room.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run this program")?;
        let lines: String =
            self.lines.iter().map(|line| format!("{line}\n")).collect();
        let Some(mut input) = child.stdin.take() else {
            bail!("the program has no input");
        };
        input.write_all(lines.as_bytes())?;
        drop(input);
        let came = child.wait_with_output()?;
        let printed = String::from_utf8_lossy(&came.stdout);
        let (start, picture) = printed.split_once('\n').unwrap_or_default();
        if came.status.success() {
            return Ok(Ok(picture.to_owned()));
        }
        let complaint = String::from_utf8_lossy(&came.stderr);
        // What it says of itself is no fault of the heap's.
        if let Some(why) = complaint.strip_prefix("error: ") {
            return Ok(Err(why.to_owned()));
        }
        let start = start.parse().context("nobody said where it starts")?;
        let fault = run::as_drawn(complaint.trim_end(), start);
        Ok(Err(format!("{fault}\nThe program has ended.\n")))
    }
}
