//! What a recording consists of.

/// What a program asked of malloc, and what is known of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The command that was recorded.
    pub command: String,
    /// The system on which it ran.
    pub system: String,
    /// The day, as year-month-day.
    pub date: String,
    /// What was asked, in order.
    pub events: Vec<Event>,
}

/// Something that a thread asked of malloc, and got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which thread, counted from 0 in the order of their first events.
    pub thread: u32,
    /// What it asked.
    pub what: What,
}

/// What was asked. Blocks are numbered from 0 in the order in which they were
/// allocated; `realloc` keeps a block's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A new block, with the next number.
    Allocate {
        /// How many bytes.
        size: u64,
        /// A power of two, if an alignment was asked for.
        align: Option<u64>,
    },
    /// Another size for a block.
    Resize {
        /// Which block.
        block: u32,
        /// How many bytes.
        size: u64,
    },
    /// A block is given back.
    Free {
        /// Which block.
        block: u32,
    },
}

/// What is wrong with a list of events: a block that is not alive is used, or a
/// thread is numbered out of order.
///
/// # Errors
///
/// The first event that cannot be, as a sentence.
pub fn check(events: &[Event]) -> Result<(), String> {
    let mut alive = Vec::new();
    let mut threads = 0;
    for (number, event) in events.iter().enumerate() {
        if event.thread > threads {
            return Err(format!("event {number} is of an unknown thread"));
        }
        threads = threads.max(event.thread + 1);
        match event.what {
            What::Allocate { align, .. } => {
                if align.is_some_and(|align| !align.is_power_of_two()) {
                    return Err(format!("event {number} is badly aligned"));
                }
                alive.push(true);
            }
            What::Resize { block, .. } | What::Free { block } => {
                match alive.get_mut(block as usize) {
                    Some(alive) if *alive => {
                        *alive = matches!(event.what, What::Resize { .. });
                    }
                    _ => {
                        return Err(format!(
                            "event {number} is about block {block}, which is \
                             not alive"
                        ));
                    }
                }
            }
        }
    }
    Ok(())
}

/// How many blocks a list of events allocates.
pub fn blocks(events: &[Event]) -> usize {
    let is_new = |event: &&Event| matches!(event.what, What::Allocate { .. });
    events.iter().filter(is_new).count()
}

/// How many threads there are in a list of events.
pub fn threads(events: &[Event]) -> usize {
    let last = events.iter().map(|event| event.thread as usize + 1).max();
    last.unwrap_or(0)
}
