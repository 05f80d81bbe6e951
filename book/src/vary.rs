//! Stage 3 with other choices: the same work for a class, which last year's
//! solution does not fit.
//!
//! A copy gets another alignment, another header and another order of its free
//! lists, as a seed picks them, and a test of what was chosen. For stage 3 itself
//! that is `tests/tests/choices.rs`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::practice;
use crate::stage::Stage;

/// What can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Every payload starts at a multiple of this.
    pub align: usize,
    /// The bit of a size that says that its block is free.
    pub free: usize,
    /// Which of the two words of a header is the block's own size.
    pub size_stands: usize,
    /// Which of the free blocks of a class is taken.
    pub taken: Taken,
}

/// Which of the free blocks of a class is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The one that was freed last.
    Newest,
    /// The one that was freed first.
    Oldest,
    /// The one with the lowest address.
    Lowest,
    /// The smallest one that is large enough.
    Smallest,
}

const ALIGNS: [usize; 3] = [16, 32, 64];
const FREES: [usize; 4] = [1, 2, 4, 8];
const TAKEN: [Taken; 4] =
    [Taken::Newest, Taken::Oldest, Taken::Lowest, Taken::Smallest];

impl Choices {
    /// Those of stage 3.
    pub const STAGE_3: Self =
        Self { align: 16, free: 1, size_stands: 1, taken: Taken::Newest };

    /// How many there are, stage 3's own left out.
    pub const COUNT: usize = ALIGNS.len() * FREES.len() * 2 * TAKEN.len() - 1;

    /// Those that a seed picks: never stage 3's own, and for the next seeds
    /// others, until all have had their turn.
    pub fn of(seed: u64) -> Self {
        // Stage 3's own are number 0. A step that has no divisor in common with
        // their number comes by all of them, and neighbours are far apart.
        const STEP: u64 = 37;
        let count = Self::COUNT as u64;
        let number = (seed % count * STEP % count) as usize + 1;
        let (rest, align) = picked(number, &ALIGNS);
        let (rest, free) = picked(rest, &FREES);
        let (rest, size_stands) = picked(rest, &[1, 0]);
        let (_, taken) = picked(rest, &TAKEN);
        Self { align, free, size_stands, taken }
    }
}

/// One of `all`, and what is left of the number for other choices.
fn picked<T: Copy>(number: usize, all: &[T]) -> (usize, T) {
    (number / all.len(), all[number % all.len()])
}

impl Taken {
    /// The name that `tests/choices.rs` has for it.
    fn name(self) -> &'static str {
        match self {
            Self::Newest => "NEWEST",
            Self::Oldest => "OLDEST",
            Self::Lowest => "LOWEST",
            Self::Smallest => "SMALLEST",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Newest => "the one that was freed last",
            Self::Oldest => "the one that was freed first",
            Self::Lowest => "the one with the lowest address",
            Self::Smallest => "the smallest one that is large enough",
        }
    }
}

/// Makes `practice/vary-SEED` in `root`: an empty copy of stage 3 with the
/// choices of the seed, and the task in `TASK.md`.
///
/// # Errors
///
/// That it is there already, or what could not be read or written.
pub fn make(root: &Path, stage: &Stage, seed: u64) -> Result<PathBuf> {
    let folder = root.join(format!("practice/vary-{seed}"));
    ensure!(
        !folder.exists(),
        "practice/vary-{seed} is there already, and stays as you left it. \
         Give it another name to have a new one"
    );
    // It gets its name when it is whole.
    let new = root.join(format!("practice/vary-{seed}.new"));
    if new.exists() {
        fs::remove_dir_all(&new)?;
    }
    let choices = Choices::of(seed);
    practice::copy(root, stage, &new, true)?;
    choose(root, &new, choices)?;
    fs::write(new.join("TASK.md"), task(seed, choices))?;
    fs::rename(&new, &folder)?;
    Ok(folder)
}

/// Makes the choices in a copy of stage 3. What counts bytes as the stage has
/// them is no part of it any more.
///
/// # Errors
///
/// What could not be read or written, or a line of the stage that is not as it
/// was when this was written.
pub fn choose(root: &Path, folder: &Path, choices: Choices) -> Result<()> {
    let Choices { align, free, size_stands, taken } = choices;
    for tests in ["checkpoints.rs", "exercises.rs"] {
        let file = folder.join("tests").join(tests);
        fs::remove_file(&file).with_context(|| file.display().to_string())?;
    }
    let tests = root.join("tests/tests/choices.rs");
    fs::copy(&tests, folder.join("tests/choices.rs"))
        .with_context(|| tests.display().to_string())?;
    let swap = |lines: &str| swapped(lines, size_stands == 0);
    change(
        &folder.join("src/block.rs"),
        &[
            ("pub const ALIGN: usize = 16;", line("ALIGN", align, "pub ")),
            ("pub const FREE: usize = 1;", line("FREE", free, "pub ")),
            ("#[repr(C, align(16))]", format!("#[repr(C, align({align}))]")),
            ("#[repr(align(16))]", format!("#[repr(align({align}))]")),
            (
                " It is the alignment\n\
                 /// of C's `max_align_t` on 64-bit machines.",
                String::new(),
            ),
            (FIELDS, swap(FIELDS)),
        ],
    )?;
    change(
        &folder.join("src/free_lists.rs"),
        &[
            (
                "Puts a free block in front of the list of its class.",
                "Puts a free block on the list of its class: see `TASK.md`."
                    .into(),
            ),
            (
                "The first block of a class that has `size` bytes.",
                "A block of a class that has `size` bytes: see `TASK.md`."
                    .into(),
            ),
        ],
    )?;
    change(
        &folder.join("tests/choices.rs"),
        &[
            (CHOICES_OF_STAGE_3, CHOICES_OF_A_COPY.into()),
            ("const ALIGN: usize = 16;", line("ALIGN", align, "")),
            ("const FREE: usize = 1;", line("FREE", free, "")),
            (
                "const SIZE_STANDS: usize = 1;",
                line("SIZE_STANDS", size_stands, ""),
            ),
            (
                "const TAKEN: usize = NEWEST;",
                format!("const TAKEN: usize = {};", taken.name()),
            ),
        ],
    )
}

/// What the test of stage 3 says of itself, and what that of a copy does.
const CHOICES_OF_STAGE_3: &str = "\
//! What is so in stage 3 because somebody chose it. Other choices would do as
//! well: `cargo run -- vary SEED` makes a copy of which some are asked. And what
//! is so whatever was chosen.
";
const CHOICES_OF_A_COPY: &str = "\
//! What is so in this heap because somebody chose it: see `TASK.md`. And what is
//! so whatever was chosen.
";

/// The fields of a header, as stage 3 has them.
const FIELDS: &str = "    \
    /// Bytes of payload of the block below; 0 if there is none.
    pub prev_size: usize,
    /// Bytes of payload, a multiple of [`ALIGN`], and [`FREE`].
    pub size_and_flag: usize,
";

fn line(name: &str, value: usize, before: &str) -> String {
    format!("{before}const {name}: usize = {value};")
}

/// The first two lines behind the others, if that is wanted.
fn swapped(lines: &str, is_wanted: bool) -> String {
    let lines: Vec<_> = lines.split_inclusive('\n').collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    match is_wanted {
        true => [second, first].concat().concat(),
        false => [first, second].concat().concat(),
    }
}

/// Puts other text in the place of what stands in a file: once, or twice where
/// a body to write says the same as the comment above it.
fn change(file: &Path, changes: &[(&str, String)]) -> Result<()> {
    let shown = || file.display().to_string();
    let mut text = fs::read_to_string(file).with_context(shown)?;
    for (old, new) in changes {
        ensure!(text.contains(old), "{} should have this: {old}", shown());
        text = text.replace(old, new);
    }
    fs::write(file, text).with_context(shown)
}

/// What somebody who solves it is told.
fn task(seed: u64, choices: Choices) -> String {
    let Choices { align, free, size_stands, taken } = choices;
    let header = align.max(16);
    let words = ["first", "second"];
    let mut task = format!(
        "# A heap with free lists, variant {seed}\n\n\
         Write the bodies in `src/block.rs`, `src/free_lists.rs` and \
         `src/heap.rs`. It is stage 3 of the book, but for these choices:\n\n"
    );
    for line in [
        format!("Every payload starts at a multiple of {align} bytes."),
        format!(
            "A header takes {header} bytes. Its {} word is the block's own size, \
             its {} word the size of the block below.",
            words[size_stands],
            words[1 - size_stands],
        ),
        format!("A free block has {free} added to its own size."),
        format!(
            "Of the free blocks of a class that a request looks at and that are \
             large enough, {} is taken.",
            taken.sentence()
        ),
    ] {
        writeln!(task, "- {line}").expect("a string grows");
    }
    let tests =
        format!("cargo test --manifest-path practice/vary-{seed}/Cargo.toml");
    write!(
        task,
        "\nIt is done when both of these pass:\n\n    \
         {tests} --test contract\n    {tests} --test choices\n"
    )
    .expect("a string grows");
    task
}
