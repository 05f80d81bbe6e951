//! What the library `count_calls` has counted.

use std::fs;
use std::path::Path;

/// The counts, in the order in which the library keeps them.
pub const NAMES: [&str; 15] = [
    "malloc",
    "calloc",
    "realloc",
    "aligned",
    "free",
    "to_nothing",
    "largest",
    "before_main",
    "after_exit",
    "in_handlers",
    "in_children",
    "left_blocks",
    "left_bytes",
    "threads",
    "handlers",
];

const LARGEST: usize = 6;

/// The counts of a program and of all that it has started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many programs there are counts of.
    pub programs: u64,
    pub numbers: [u64; NAMES.len()],
}

impl Counts {
    /// Reads the files of a folder, each of one program.
    pub fn read(folder: &Path) -> Self {
        let mut counts = Self::default();
        for entry in fs::read_dir(folder).expect("a folder of counts") {
            let path = entry.expect("an entry").path();
            counts.add(&fs::read(path).expect("a file of counts"));
        }
        counts
    }

    fn add(&mut self, file: &[u8]) {
        self.programs += 1;
        let (words, _) = file.as_chunks();
        for (at, (sum, word)) in self.numbers.iter_mut().zip(words).enumerate()
        {
            let number = u64::from_ne_bytes(*word);
            *sum = if at == LARGEST {
                number.max(*sum)
            } else {
                // A block of the loader's may be freed and never seen before.
                sum.wrapping_add(number)
            };
        }
    }

    pub fn get(&self, name: &str) -> u64 {
        let at = NAMES.iter().position(|it| *it == name).expect("a name");
        self.numbers[at]
    }

    /// Calls of any kind that get or give back memory.
    pub fn calls(&self) -> u64 {
        self.numbers[..5].iter().sum()
    }
}
