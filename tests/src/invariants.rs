//! What must be true inside a heap after every operation, whatever it was.
//!
//! The rules are written here from the design of each stage, a second time and
//! in another way than in the heaps themselves: what a heap takes for granted
//! is looked up here.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::ptr::NonNull;
use std::sync::LazyLock;

use crate::shadow::Block;

const ALIGN: usize = 16;

/// A block as its heap tells of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Where its payload starts.
    pub payload: usize,
    /// Bytes of payload.
    pub size: usize,
    /// Whether it is free.
    pub is_free: bool,
}

impl Seen {
    /// Where it ends.
    pub fn end(&self) -> usize {
        self.payload.saturating_add(self.size)
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_free { "free" } else { "used" };
        write!(f, "[{} {state} at {:#x}]", self.size, self.payload)
    }
}

/// What there is around a heap: what it has to fit into.
#[derive(Debug)]
pub struct Around<'a> {
    /// The start of the memory under the break. It reaches all of it.
    pub start: NonNull<u8>,
    /// Where the break is.
    pub brk: usize,
    /// What somebody else has taken, from and to, in address order. No two of
    /// these stretches touch.
    pub foreign: Vec<(usize, usize)>,
    /// The blocks that the heap gave out and has not got back, by address.
    pub live: &'a BTreeMap<usize, Block>,
    /// The break would not take the end of the heap when it could have gone.
    pub keeps_its_end: bool,
    /// How many bytes the heap has given back and taken again.
    pub came_again: usize,
    /// What the heap has returned null for: alignment and size.
    pub denied: Option<(usize, usize)>,
    /// A block has been freed, and the break would have moved.
    pub could_shrink: bool,
}

/// The blocks of a heap, each looked at before the next one is asked for.
///
/// # Errors
///
/// The heap cannot be walked: where it leads is no block.
pub fn walk(
    blocks: impl Iterator<Item = Seen>,
    brk: usize,
) -> Result<Vec<Seen>, String> {
    let mut walked: Vec<Seen> = Vec::new();
    for block in blocks {
        let below = walked.last().map_or(0, Seen::end);
        ensure(below <= block.payload && block.end() <= brk, || {
            format!(
                "blocks lie one above the other and below the break: after \
                 {below:#x} comes {block:?}, the break is at {brk:#x}"
            )
        })?;
        ensure((block.payload | block.size).is_multiple_of(ALIGN), || {
            format!("payloads and their sizes are multiples of 16: {block:?}")
        })?;
        walked.push(block);
    }
    Ok(walked)
}

/// Stage 2: blocks with headers of 32 bytes, in one list.
///
/// # Errors
///
/// The first rule that does not hold.
pub fn stage_2(blocks: &[Seen], around: &Around) -> Result<(), String> {
    const HEADER: usize = 32;
    // Under the lowest block, and above somebody else's memory, what alignment
    // left out belongs to nobody.
    const PADDING: usize = 4096;
    let used: Vec<Seen> =
        blocks.iter().filter(|block| !block.is_free).copied().collect();
    // A block gets the padding in front of an aligned one above it.
    around.are_live(&used, 0..=PADDING)?;
    around.lie_outside(blocks, HEADER)?;
    let mut end = around.start.addr().get();
    for block in blocks {
        around.is_gap(end, block.payload - HEADER, PADDING)?;
        end = block.end();
    }
    around.is_gap(end, around.brk, PADDING)?;
    let Some(last) = blocks.last() else { return Ok(()) };
    ensure(
        !last.is_free || around.keeps_its_end || around.is_foreign(last.end()),
        || format!("the last block is never free: {last:?}"),
    )
}

/// The free lists of a heap.
#[derive(Debug)]
pub struct Lists {
    /// How many there are.
    pub count: usize,
    /// What is on them, list by list: the list's number and the block.
    pub listed: Vec<(usize, Seen)>,
    /// The bits of those that have a block.
    pub bitmap: u128,
}

/// Stage 3: boundary tags of 16 bytes, and free lists by size class.
///
/// # Errors
///
/// The first rule that does not hold.
pub fn stage_3(
    blocks: &[Seen],
    lists: &Lists,
    around: &Around,
) -> Result<(), String> {
    stage_3_books(blocks, lists, around)?;
    used_ones_are_live_or_foreign(blocks, around)?;
    rests_are_split_off(blocks, around)?;
    the_end_goes_back(blocks, around)?;
    null_was_right(blocks, lists, around)
}

/// What must be true in stage 3 whatever is live.
///
/// # Errors
///
/// The first rule that does not hold.
pub fn stage_3_books(
    blocks: &[Seen],
    lists: &Lists,
    around: &Around,
) -> Result<(), String> {
    tiles(blocks, around)?;
    tags_agree(blocks, around)?;
    free_ones_are_joined(blocks)?;
    lists_hold_what_is_free(blocks, lists)?;
    links_agree(lists, around)?;
    bitmap_is_right(lists)
}

/// Bytes of a boundary tag.
const TAG: usize = 16;

/// So much may stay unused at the end of a heap at first, and twice as much goes
/// back.
const SLACK: usize = 1024 * 1024;

/// From the first tag to the break all memory is in a block: no gaps.
fn tiles(blocks: &[Seen], around: &Around) -> Result<(), String> {
    let bottom = around.start.addr().get();
    let first = blocks.first().map_or(around.brk, |block| block.payload - TAG);
    around.is_gap(bottom, first, ALIGN)?;
    for pair in blocks.windows(2) {
        ensure(pair[0].end() + TAG == pair[1].payload, || {
            format!("each block starts where the one below ends: {pair:?}")
        })?;
    }
    match blocks.last() {
        Some(last) => around.is_gap(last.end() + TAG, around.brk, 1),
        None => Ok(()),
    }
}

/// Each tag says how long the block below is and how long its own.
fn tags_agree(blocks: &[Seen], around: &Around) -> Result<(), String> {
    let mut below = 0;
    for block in blocks {
        let size_and_flag = block.size | usize::from(block.is_free);
        around.is_tag(block.payload - TAG, below, size_and_flag)?;
        below = block.size;
    }
    match blocks.last() {
        Some(last) => around.is_tag(last.end(), below, 0),
        None => Ok(()),
    }
}

fn free_ones_are_joined(blocks: &[Seen]) -> Result<(), String> {
    let apart = blocks.windows(2).find(|it| it[0].is_free && it[1].is_free);
    ensure(apart.is_none(), || {
        format!("no two free blocks lie side by side: {apart:?}")
    })
}

/// What is in use is a live block, or holds somebody else's memory.
fn used_ones_are_live_or_foreign(
    blocks: &[Seen],
    around: &Around,
) -> Result<(), String> {
    let cover = |&(from, to): &(usize, usize)| Seen {
        payload: from,
        size: to.next_multiple_of(ALIGN) - from,
        is_free: false,
    };
    let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
        return around.are_live(&[], 0..=0);
    };
    // What they took below the first block and above the last is in none.
    let covers: Vec<Seen> = around
        .foreign
        .iter()
        .filter(|&&(from, _)| first.payload < from && from < last.end())
        .map(cover)
        .collect();
    let (theirs, used): (Vec<Seen>, Vec<Seen>) = blocks
        .iter()
        .filter(|block| !block.is_free)
        .partition(|block| covers.contains(block));
    ensure(theirs == covers, || {
        format!(
            "what somebody else took is in a block that is never freed: \
             {covers:?}, and there is {theirs:?}"
        )
    })?;
    around.are_live(&used, 0..=0)
}

/// A block has no more than what was asked for, rounded up, and a rest that is
/// too small for a block.
fn rests_are_split_off(blocks: &[Seen], around: &Around) -> Result<(), String> {
    for block in blocks {
        let Some(live) = around.live.get(&block.payload) else { continue };
        let most = rounded(live.size).map(|size| size + TAG);
        ensure(Some(block.size) <= most, || {
            let size = live.size;
            format!("a rest that is a block is split off {size}: {block:?}")
        })?;
    }
    Ok(())
}

fn the_end_goes_back(blocks: &[Seen], around: &Around) -> Result<(), String> {
    let Some(last) = blocks.last() else { return Ok(()) };
    let may_be_long = around.keeps_its_end
        || !last.is_free
        || around.is_foreign(last.end() + TAG);
    // What went back and was needed again stays the next time.
    let slack = (SLACK + around.came_again).min(32 * SLACK);
    ensure(may_be_long || last.size < 2 * slack, || {
        format!("a long free end is given back: {last:?}, slack {slack}")
    })
}

/// Each free block but the last is on one list, that of its class, and nothing
/// else is.
fn lists_hold_what_is_free(
    blocks: &[Seen],
    lists: &Lists,
) -> Result<(), String> {
    for &(list, block) in &lists.listed {
        let class = class(block.size, lists.count);
        ensure(list == class, || {
            format!(
                "a block is on the list of its class: list {list} has \
                 {block:?} of class {class}"
            )
        })?;
    }
    let below = blocks.split_last().map_or(blocks, |(_, below)| below);
    let free = below.iter().filter(|block| block.is_free);
    let mut listed: Vec<&Seen> =
        lists.listed.iter().map(|(_, block)| block).collect();
    listed.sort_by_key(|block| block.payload);
    ensure(free.clone().eq(listed.iter().copied()), || {
        let free: Vec<&Seen> = free.collect();
        format!(
            "each free block is on one list: free are {free:?}, on the lists \
             {listed:?}"
        )
    })
}

/// The two links of a block lead to its two neighbours on the list.
fn links_agree(lists: &Lists, around: &Around) -> Result<(), String> {
    let listed = &lists.listed;
    for (at, (list, block)) in listed.iter().enumerate() {
        let beside = |at: Option<usize>| {
            let it = at.and_then(|at| listed.get(at));
            let it = it.filter(|(other, _)| other == list);
            it.map_or(0, |(_, block)| block.payload - TAG)
        };
        let mut expected = [beside(at.checked_sub(1)), beside(Some(at + 1))];
        let mut links =
            [around.word(block.payload), around.word(block.payload + 8)];
        // In which order the heap keeps them is its own affair.
        expected.sort_unstable();
        links.sort_unstable();
        ensure(links == expected, || {
            format!(
                "links lead to and fro: {block:?} has {links:x?}, its \
                 neighbours on the list are {expected:x?}"
            )
        })?;
    }
    Ok(())
}

fn bitmap_is_right(lists: &Lists) -> Result<(), String> {
    let bits = lists.listed.iter().map(|(list, _)| 1 << list);
    let expected: u128 = bits.fold(0, |all, bit: u128| all | bit);
    ensure(lists.bitmap == expected, || {
        format!(
            "the bitmap has a bit for each list with a block: {:#x}, but the \
             lists say {expected:#x}",
            lists.bitmap,
        )
    })
}

/// Null says that no free block was in reach: none among the first eight of
/// the class, none in a class above, nor the last block.
fn null_was_right(
    blocks: &[Seen],
    lists: &Lists,
    around: &Around,
) -> Result<(), String> {
    let enough = around.denied.and_then(|(align, size)| {
        let spare = if align > ALIGN { align + TAG } else { 0 };
        rounded(rounded(size)?.checked_add(spare)?)
    });
    let Some(enough) = enough else { return Ok(()) };
    let class = class(enough, lists.count);
    let looks = if class == lists.count - 1 { usize::MAX } else { 8 };
    let of_class = lists.listed.iter().filter(|(list, _)| *list == class);
    let own = of_class.take(looks).find(|(_, block)| block.size >= enough);
    let above = lists.listed.iter().find(|(list, _)| *list > class);
    let last = blocks.last().filter(|it| it.is_free && it.size >= enough);
    let in_reach = own.or(above).map(|(_, block)| block).or(last);
    ensure(in_reach.is_none(), || {
        format!(
            "null says that there is no memory: {enough} bytes would do, and \
             there is {in_reach:?}"
        )
    })
}

/// The bytes of payload in a block for `size` bytes.
fn rounded(size: usize) -> Option<usize> {
    size.max(ALIGN).checked_next_multiple_of(ALIGN)
}

/// The class of a block, of `classes`: one for each size up to 1,024 bytes,
/// then four for each doubling. The last one has no upper end.
fn class(size: usize, classes: usize) -> usize {
    /// The smallest size of each class.
    static LOWEST: LazyLock<Vec<usize>> = LazyLock::new(|| {
        let mut sizes: Vec<usize> = (1..=64).map(|n| n * ALIGN).collect();
        for doubling in (10..30).map(|power| 1 << power) {
            sizes.extend((4..8).map(|part| doubling / 4 * part));
        }
        // 1,024 itself has a class of its own: the next one starts above.
        sizes[64] += ALIGN;
        sizes
    });
    let above = LOWEST.partition_point(|&lowest| lowest <= size);
    above.saturating_sub(1).min(classes - 1)
}

/// A chunk as a heap of stage 5 notes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Where it starts: 0 if it is somebody else's.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Whether it is free.
    pub is_free: bool,
}

impl Record {
    fn is_theirs(&self) -> bool {
        self.start == 0
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_free { "free" } else { "used" };
        write!(f, "[{:#x} to {:#x} {state}]", self.start, self.end)
    }
}

/// Stage 5: a stack of chunks, whose records lie outside the heap. There is
/// room for `most` of them.
///
/// # Errors
///
/// The first rule that does not hold.
pub fn stage_5(
    records: &[Record],
    most: usize,
    around: &Around,
) -> Result<(), String> {
    stage_5_books(records, most, around)?;
    live_ones_are_noted(records, around)?;
    let Some(top) = records.last() else { return Ok(()) };
    what_is_unused_goes_back(top, around)?;
    let is_full = records.len() == most;
    null_was_right_on_a_stack(top, is_full, around)
}

/// What must be true in stage 5 whatever is live.
///
/// # Errors
///
/// The first rule that does not hold.
pub fn stage_5_books(
    records: &[Record],
    most: usize,
    around: &Around,
) -> Result<(), String> {
    ensure(records.len() <= most, || {
        format!("{} records are more than {most}", records.len())
    })?;
    chunks_lie_in_order(records, around)?;
    theirs_are_noted(records, around)?;
    let Some(top) = records.last() else { return Ok(()) };
    ensure(!top.is_free, || format!("the top is never free: {top:?}"))?;
    let end = around.remembered();
    ensure(top.end <= end, || {
        format!("the top ends below the break that was ours: {top:?}, {end:#x}")
    })
}

/// Each chunk starts at a multiple of 16, where the one below ends or above,
/// and has no byte of somebody else's.
fn chunks_lie_in_order(
    records: &[Record],
    around: &Around,
) -> Result<(), String> {
    let mut below = around.start.addr().get();
    for record in records {
        let start = if record.is_theirs() { below } else { record.start };
        ensure(below <= start && start <= record.end, || {
            format!("records are in address order: {below:#x}, {record:?}")
        })?;
        ensure(record.is_theirs() || start.is_multiple_of(ALIGN), || {
            format!("chunks start at multiples of 16: {record:?}")
        })?;
        let theirs = around.foreign.iter().find(|&&(from, to)| {
            !record.is_theirs() && from < record.end && record.start < to
        });
        ensure(theirs.is_none(), || {
            format!("{record:?} has bytes that somebody else took: {theirs:x?}")
        })?;
        below = record.end;
    }
    Ok(())
}

/// What somebody else has is noted where the heap goes on above it, and that
/// note is never free. The lowest is what lies below the heap.
fn theirs_are_noted(records: &[Record], around: &Around) -> Result<(), String> {
    let start = around.start.addr().get();
    let mut expected: Vec<usize> = around
        .foreign
        .iter()
        .map(|&(_, to)| to)
        .filter(|&to| to != around.brk)
        .collect();
    if !around.is_foreign(start) {
        expected.insert(0, start);
    }
    if records.is_empty() {
        expected.clear();
    }
    let theirs: Vec<&Record> =
        records.iter().filter(|record| record.is_theirs()).collect();
    let ends: Vec<usize> = theirs.iter().map(|record| record.end).collect();
    ensure(ends == expected, || {
        format!(
            "what somebody else took is noted: {theirs:?}, they took memory \
             up to {expected:x?}"
        )
    })?;
    let free = theirs.iter().find(|record| record.is_free);
    let first = records.first();
    ensure(free.is_none() && first.is_none_or(Record::is_theirs), || {
        format!("the lowest is theirs, and none of theirs free: {theirs:?}")
    })
}

fn live_ones_are_noted(
    records: &[Record],
    around: &Around,
) -> Result<(), String> {
    let used: Vec<Seen> = records
        .iter()
        .filter(|record| !record.is_free && !record.is_theirs())
        .map(|record| Seen {
            payload: record.start,
            size: record.end - record.start,
            is_free: false,
        })
        .collect();
    around.are_live(&used, 0..=0)
}

fn what_is_unused_goes_back(
    top: &Record,
    around: &Around,
) -> Result<(), String> {
    let unused = around.brk - top.end;
    let may_stay = !around.could_shrink || around.remembered() != around.brk;
    ensure(may_stay || unused < 2 * SLACK, || {
        format!("{unused} unused bytes above the top are given back: {top:?}")
    })
}

/// Null says that the chunk would not have fitted below the break.
fn null_was_right_on_a_stack(
    top: &Record,
    is_full: bool,
    around: &Around,
) -> Result<(), String> {
    let end = around.denied.and_then(|(align, size)| {
        top.end.checked_next_multiple_of(align)?.checked_add(size.max(1))
    });
    let fits = end.is_some_and(|end| end <= around.remembered());
    ensure(is_full || !fits, || {
        format!(
            "null says that there is no memory: {:?} would fit above {top:?}",
            around.denied
        )
    })
}

/// A piece of a stack that has its records in front of its chunks: a chunk, or
/// the room where the stack is growing.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Where it starts.
    pub start: usize,
    /// Bytes to where the next one starts.
    pub size: usize,
    /// Whether it is in use.
    pub is_used: bool,
    /// Whether it is on a list.
    pub is_listed: bool,
    /// Whether it is no chunk, but the room.
    pub is_room: bool,
}

impl Piece {
    /// Where it ends.
    pub fn end(&self) -> usize {
        self.start + self.size
    }
}

/// Bytes of the record in front of a chunk: how far it is to the chunk below,
/// then its size and its flags.
const IN_FRONT: usize = 8;

/// A stack in segments, with its records in front of its chunks. Blocks of more
/// than `middle` bytes have a mapping of their own, and so may those that were
/// larger once.
///
/// # Errors
///
/// The first rule that does not hold.
pub fn segments(
    pieces: &[Piece],
    middle: usize,
    around: &Around,
) -> Result<(), String> {
    let Some((room, chunks)) = pieces.split_last() else {
        return Ok(());
    };
    ensure(room.is_room, || format!("the room comes last: {pieces:x?}"))?;
    let mut below: Option<&Piece> = None;
    for piece in pieces {
        let is_next = below.is_some_and(|below| below.end() == piece.start);
        let size = if is_next { below.map_or(0, |it| it.size) } else { 0 };
        ensure((piece.start | piece.size).is_multiple_of(ALIGN), || {
            format!("starts and sizes are multiples of 16: {piece:?}")
        })?;
        around.is_noted(piece.start, size)?;
        below = Some(piece);
    }
    let used = chunks.iter().filter(|piece| piece.is_used);
    let used: BTreeMap<usize, usize> =
        used.map(|piece| (piece.start, piece.size - IN_FRONT)).collect();
    for (start, size) in &used {
        let len = around.live.get(start).map(|block| block.len);
        ensure(len == Some(*size), || {
            format!(
                "chunks in use are blocks that are live: {size} bytes at \
                 {start:#x} are in use, {len:?} live"
            )
        })?;
    }
    for (start, block) in around.live {
        let is_large = block.len > middle / 2;
        ensure(is_large || used.contains_key(start), || {
            format!("a small block is a chunk: {} at {start:#x}", block.len)
        })?;
    }
    Ok(())
}

/// The lists of chunks that may be used again: for a size of each list, where
/// they are. And the one that is in hand, on no list.
///
/// # Errors
///
/// The first rule that does not hold.
pub fn lists(
    pieces: &[Piece],
    lists: &[(usize, Vec<usize>)],
    in_hand: Option<usize>,
) -> Result<(), String> {
    let mut expected: BTreeMap<usize, usize> = pieces
        .iter()
        .filter(|piece| piece.is_listed)
        .map(|piece| (piece.start, piece.size))
        .collect();
    if let Some(hand) = in_hand {
        ensure(expected.remove(&hand).is_some(), || {
            format!("what is in hand says that it is listed: {hand:#x}")
        })?;
    }
    let mut listed = 0;
    for (place, (least, list)) in lists.iter().enumerate() {
        let next = lists.get(place + 1).map_or(usize::MAX, |next| next.0);
        for start in list {
            listed += 1;
            let size = expected.get(start);
            ensure(size.is_some_and(|it| (*least..next).contains(it)), || {
                format!(
                    "a list has chunks of its size, which say so: {start:#x} \
                     has {size:?} and is on the list for {least}"
                )
            })?;
        }
    }
    ensure(listed == expected.len(), || {
        format!(
            "what says that it is listed is on one list: {} say so, {listed} \
             are",
            expected.len()
        )
    })
}

impl Around<'_> {
    /// In front of the chunk at `at` it is written how far it is to the one
    /// below. (0: not known.)
    fn is_noted(&self, at: usize, below: usize) -> Result<(), String> {
        let noted = self.word(at - IN_FRONT) & 0xFFFF_FFFF;
        ensure(below == 0 || noted == below, || {
            format!(
                "{noted} bytes below {at:#x} there is no chunk: {below} is right"
            )
        })
    }

    /// Where the break was when the heap last moved it.
    fn remembered(&self) -> usize {
        match self.foreign.last() {
            Some(&(from, to)) if to == self.brk => from,
            _ => self.brk,
        }
    }

    /// `used` are the live blocks, all of them and nothing else. Each has as
    /// many bytes as its user was told, so the sums agree as well, but for what
    /// may have come to it since.
    fn are_live(
        &self,
        used: &[Seen],
        more: RangeInclusive<usize>,
    ) -> Result<(), String> {
        let mut live = self.live.values();
        for block in used {
            let next = live.next();
            let is_live = next.is_some_and(|live| {
                let since = block.size.checked_sub(live.len);
                live.payload.addr() == block.payload
                    && since.is_some_and(|bytes| more.contains(&bytes))
            });
            ensure(is_live, || {
                format!(
                    "blocks in use are those that are live: {block:?} is in \
                     use, live is {next:?}"
                )
            })?;
        }
        let forgotten = live.next();
        ensure(forgotten.is_none(), || {
            format!("each live block is a block of the heap: {forgotten:?}")
        })
    }

    /// No block, its header included, has a byte that somebody else took.
    fn lie_outside(
        &self,
        blocks: &[Seen],
        header: usize,
    ) -> Result<(), String> {
        for &(from, to) in &self.foreign {
            let above = blocks.partition_point(|block| block.end() <= from);
            let block = blocks.get(above);
            ensure(block.is_none_or(|it| to <= it.payload - header), || {
                format!(
                    "what somebody else took is in no block: {from:#x} to \
                     {to:#x}, {block:?}"
                )
            })?;
        }
        Ok(())
    }

    /// Whether somebody else took the memory that starts at `at`.
    fn is_foreign(&self, at: usize) -> bool {
        self.foreign.iter().any(|&(from, _)| from == at)
    }

    /// Memory that is in no block starts with what somebody else took, or is
    /// the lowest of all. Above that, less than `padding` bytes are nobody's.
    fn is_gap(
        &self,
        from: usize,
        to: usize,
        padding: usize,
    ) -> Result<(), String> {
        let mut at = from;
        let lowest = from == self.start.addr().get();
        let inside = self
            .foreign
            .iter()
            .filter(|&&(start, end)| from <= start && end <= to);
        for &(start, end) in inside.chain([&(to, to)]) {
            let most = if at == from && !lowest { 1 } else { padding };
            ensure((at..at + most).contains(&start), || {
                format!(
                    "gaps are where somebody else took memory: {at:#x} to \
                     {start:#x} is nobody's, they took {:x?}",
                    self.foreign
                )
            })?;
            at = end;
        }
        Ok(())
    }

    /// The tag at `at` has these two words.
    fn is_tag(
        &self,
        at: usize,
        below: usize,
        size_and_flag: usize,
    ) -> Result<(), String> {
        let (tag, expected) =
            ([self.word(at), self.word(at + 8)], [below, size_and_flag]);
        ensure(tag == expected, || {
            format!(
                "both tags of a block agree: at {at:#x} there is {tag:x?}, the \
                 blocks beside it say {expected:x?}"
            )
        })
    }

    /// The word at an address in the heap.
    fn word(&self, at: usize) -> usize {
        let bottom = self.start.addr().get();
        let inside = bottom <= at && at + size_of::<usize>() <= self.brk;
        assert!(inside && at.is_multiple_of(8), "{at:#x} is no word below");
        let word = self.start.as_ptr().with_addr(at).cast::<*const u8>();
        // SAFETY: a word below the break: the break has written it when it
        // rose. It may be a pointer, so it is read as one.
        unsafe { word.read() }.addr()
    }
}

fn ensure(holds: bool, rule: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule()) }
}
