//! What glibc's cache for each thread keeps, in two versions: from what the two
//! have answered.

use super::{Drawing, Floor, Kind, Part, Picture, Piece, Row};
use crate::captured;

const SOURCE: &str = "book/captured/two-generations.txt";
const CAPTURED: &str = include_str!("../../captured/two-generations.txt");

/// The widths of a question and of an answer.
const QUESTION: usize = 30;
const ANSWER: usize = 12;

/// How many blocks were freed.
pub const BLOCKS: usize = 64;

/// What one version has answered, by the numbers of the blocks in the order in
/// which they were freed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    pub version: String,
    /// So many come first, the last of them in front.
    pub kept: usize,
    /// What comes after them.
    pub then: usize,
    /// What `calloc` gets.
    pub by_calloc: usize,
}

/// glibc's answers, the older version first.
pub fn answers() -> [Answers; 2] {
    let captured = captured::parse(CAPTURED);
    let output = captured.unwrap_or_else(|why| panic!("{SOURCE} {why}")).output;
    let lines: Vec<&str> = output.lines().collect();
    let cells = |line: &str| {
        [0, 1].map(|at| -> String {
            let from = QUESTION + at * ANSWER;
            let cell: String = line.chars().skip(from).take(ANSWER).collect();
            cell.trim_end_matches(" *").trim().to_owned()
        })
    };
    let place = |question: &str| {
        let at = lines.iter().position(|line| line.starts_with(question));
        at.unwrap_or_else(|| panic!("{SOURCE}: nobody asked {question}"))
    };
    let first = |line: &str| {
        cells(line).map(|cell| -> usize {
            let word = cell.split(' ').next().expect("an answer");
            word.parse().unwrap_or_else(|_| panic!("{SOURCE}: {line}"))
        })
    };
    let freed = place(&format!("{BLOCKS} of 24 freed: first come"));
    assert_eq!(cells(lines[0]), ["glibc", "glibc"], "{SOURCE}");
    let version = cells(lines[1]);
    let (kept, then) = (first(lines[freed]), first(lines[freed + 1]));
    let by_calloc = first(lines[place("calloc(24): first come")]);
    [0, 1].map(|at| Answers {
        version: version[at].clone(),
        kept: kept[at],
        then: then[at],
        by_calloc: by_calloc[at],
    })
}

impl Answers {
    fn block(&self, number: usize) -> Piece {
        let kind = match number <= self.kept {
            true => Kind::Foreign,
            false => Kind::Free,
        };
        Piece::new(kind, number.to_string(), 1)
    }

    fn part(&self) -> Part {
        let cached = (1..=self.kept).rev().map(|it| self.block(it));
        let more = Piece::new(Kind::Free, "…", 1);
        Part::new(
            format!("glibc {}", self.version),
            vec![
                Row::list(
                    "the thread’s cache, the next one first",
                    cached.collect(),
                ),
                Row::list(
                    "where the others are, the next one first",
                    vec![self.block(self.then), more],
                ),
                Row::list("`calloc` gets", vec![self.block(self.by_calloc)]),
            ],
        )
    }
}

pub fn drawing() -> Drawing {
    let floors = vec![Floor::of(answers().iter().map(Answers::part).collect())];
    Drawing {
        name: "two-caches",
        title: "Blocks of one size, all freed: which come back first",
        told: format!(
            "Drawn, not recorded: {BLOCKS} blocks of 24 bytes, with the numbers of \
             the table above (`{SOURCE}`). They say in which order the blocks \
             were freed."
        ),
        pictures: vec![Picture { floors, ..Picture::default() }],
        still: 0,
        keys: vec![
            (Kind::Foreign, "in the thread’s cache"),
            (Kind::Free, "in a list that all threads have in common"),
        ],
    }
}
