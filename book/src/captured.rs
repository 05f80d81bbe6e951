//! Output of real programs, kept in files.
//!
//! A file of captured output starts with lines that say what made it, then an
//! empty line, then what the program printed, to the byte:
//!
//! ```text
//! # command: ls -l
//! # system: Debian 12, x86-64, glibc 2.36
//! # compare: exact
//! # notes: needs=glibc
//!
//! total 0
//! ```
//!
//! The notes are those of [`Notes`]. Where there are none the line is missing.

use std::fmt::{self, Display, Formatter};

use crate::console::Notes;

/// What a program printed, and what there is to know about the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// The command as a reader would type it.
    pub command: String,
    /// The system on which it ran.
    pub system: String,
    /// How a later run is compared with this one.
    pub compare: Compare,
    /// What is to be known about the command, as [`Notes`] reads it.
    pub notes: String,
    /// What it printed.
    pub output: String,
}

/// How the output of a later run is compared with the one that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// It is the same to the byte.
    Exact,
    /// It looks alike: sizes, addresses and times may differ.
    Shape,
}

/// Reads a file of captured output.
///
/// # Errors
///
/// What is wrong with the lines before the output, as a sentence.
pub fn parse(text: &str) -> Result<Captured, String> {
    let (mut command, mut system, mut compare) = (None, None, None);
    let mut notes = String::new();
    let mut rest = text;
    loop {
        let Some((line, after)) = rest.split_once('\n') else {
            return Err("has no empty line before the output".into());
        };
        rest = after;
        if line.is_empty() {
            break;
        }
        let Some((key, value)) =
            line.strip_prefix("# ").and_then(|line| line.split_once(": "))
        else {
            return Err(format!("wants `# key: value`, not `{line}`"));
        };
        match key {
            "command" => command = Some(value.to_owned()),
            "system" => system = Some(value.to_owned()),
            "compare" => compare = Some(parse_compare(value)?),
            "notes" => {
                Notes::parse(value)?;
                notes = value.to_owned();
            }
            _ => return Err(format!("has an unknown line `# {key}: `")),
        }
    }
    Ok(Captured {
        command: command.ok_or("has no line `# command: `")?,
        system: system.ok_or("has no line `# system: `")?,
        compare: compare.ok_or("has no line `# compare: `")?,
        notes,
        output: rest.to_owned(),
    })
}

fn parse_compare(value: &str) -> Result<Compare, String> {
    match value {
        "exact" => Ok(Compare::Exact),
        "shape" => Ok(Compare::Shape),
        _ => Err(format!("compares `exact` or by `shape`, not by `{value}`")),
    }
}

impl Display for Captured {
    /// Writes the file that [`parse`] reads.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "# command: {}", self.command)?;
        writeln!(f, "# system: {}", self.system)?;
        writeln!(f, "# compare: {}", self.compare)?;
        if !self.notes.is_empty() {
            writeln!(f, "# notes: {}", self.notes)?;
        }
        writeln!(f)?;
        f.write_str(&self.output)
    }
}

impl Display for Compare {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Shape => "shape",
        })
    }
}
