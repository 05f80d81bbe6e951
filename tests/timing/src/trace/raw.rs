//! What the recorder writes: records of four words, up to a word that is zero.
//!
//! The low half of a record's first word says what it is about, the high half
//! which thread it was. Then come, for
//!
//! | what | words |
//! | --- | --- |
//! | 1, the start | whether the process was forked; then 64 bytes of the program's name |
//! | 2, a block | its address, its size, its alignment or 0 |
//! | 3, `realloc` | the old address, the new one, the size |
//! | 4, `free` | the address |

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::{Event, What};

/// A process, as the recorder saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// The program's name.
    pub program: String,
    /// Whether it began as the copy of another process, with blocks that the
    /// recorder has not seen.
    pub is_forked: bool,
    /// What it asked.
    pub events: Vec<Event>,
    /// How often it passed `free` or `realloc` an address that the recorder
    /// has not seen, or got one that was in use. Those events are left out.
    pub strangers: usize,
}

type Record = [u64; 4];

/// Reads what the recorder wrote of one process.
///
/// # Errors
///
/// If the file cannot be read, or is not of this kind.
pub fn read(path: &Path) -> io::Result<Process> {
    let mut file = BufReader::new(File::open(path)?);
    let Some([1, is_forked, ..]) = next(&mut file)?.map(low_half) else {
        return Err(io::Error::other("this is no file of the recorder"));
    };
    let mut reader = Reader {
        process: Process {
            program: name(&mut file)?,
            is_forked: is_forked != 0,
            ..Process::default()
        },
        ..Reader::default()
    };
    while let Some(record) = next(&mut file)? {
        let thread = (record[0] >> 32) as u32;
        reader.add(thread, low_half(record));
    }
    Ok(reader.process)
}

fn next(file: &mut impl Read) -> io::Result<Option<Record>> {
    let mut bytes = [0; size_of::<Record>()];
    match file.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
        Ok(()) => Ok(Some(words(&bytes)).filter(|record| record[0] != 0)),
    }
}

fn words(bytes: &[u8; 32]) -> Record {
    let mut record = [0; 4];
    let (words, _) = bytes.as_chunks();
    for (to, from) in record.iter_mut().zip(words) {
        *to = u64::from_ne_bytes(*from);
    }
    record
}

fn low_half([first, a, b, c]: Record) -> Record {
    [first & u64::from(u32::MAX), a, b, c]
}

fn name(file: &mut impl Read) -> io::Result<String> {
    let mut bytes = [0; 64];
    file.read_exact(&mut bytes)?;
    let end = bytes.iter().position(|&byte| byte == 0);
    Ok(String::from_utf8_lossy(&bytes[..end.unwrap_or(64)]).into_owned())
}

#[derive(Default)]
struct Reader {
    process: Process,
    // The kernel's numbers of the threads.
    threads: Vec<u32>,
    // The blocks in use, by address.
    alive: HashMap<u64, u32>,
    blocks: u32,
}

impl Reader {
    fn add(&mut self, thread: u32, record: Record) {
        match record {
            [2, address, size, align] => {
                let align = Some(align).filter(|&align| align != 0);
                self.allocate(thread, address, size, align);
            }
            [3, 0, new, size] => self.allocate(thread, new, size, None),
            [3, old, new, size] => match self.alive.remove(&old) {
                Some(block) => {
                    self.alive.insert(new, block);
                    self.push(thread, What::Resize { block, size });
                }
                None => {
                    self.process.strangers += 1;
                    self.allocate(thread, new, size, None);
                }
            },
            [4, address, ..] => match self.alive.remove(&address) {
                Some(block) => self.push(thread, What::Free { block }),
                None => self.process.strangers += 1,
            },
            _ => self.process.strangers += 1,
        }
    }

    fn allocate(
        &mut self,
        thread: u32,
        address: u64,
        size: u64,
        align: Option<u64>,
    ) {
        if let Some(block) = self.alive.insert(address, self.blocks) {
            // Somebody has freed it behind the recorder's back.
            self.process.strangers += 1;
            self.push(thread, What::Free { block });
        }
        self.blocks += 1;
        self.push(thread, What::Allocate { size, align });
    }

    fn push(&mut self, thread: u32, what: What) {
        let known = self.threads.iter().position(|&known| known == thread);
        let thread = known.unwrap_or_else(|| {
            self.threads.push(thread);
            self.threads.len() - 1
        });
        self.process.events.push(Event { thread: thread as u32, what });
    }
}
