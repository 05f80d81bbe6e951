//! The books of the heaps that threads have, read while all of them wait.
//!
//! The heaps are private to their crate, but their memory is there for all to
//! read: segments full of chunks, each with its record in front.

use std::collections::BTreeMap;
use std::sync::{Barrier, mpsc};
use std::thread;

use stage5_lifo_stack::per_thread::{maps, threads};

use crate::shadow::Block;

/// What a mapping begins with, and behind it a segment, if it has no block of
/// its own. (As in the stage's `segment.rs`. If that changes, no record is where
/// it should be, and the books are wrong.)
#[repr(C, align(16))]
#[derive(Clone, Copy)]
struct Mapping {
    len: usize,
    block: *mut u8,
    /// Null if nothing in the segment is a chunk.
    bottom: *const Segment,
}

/// As above.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
struct Segment {
    mapping: Mapping,
    below: *const Segment,
    above: *const Segment,
    first: *mut u8,
}

/// Bytes of a record, and of the place at a segment's end where there is one more.
const RECORD: usize = 8;
const END: usize = 16;

/// The flags of a record. A chunk that has none of the first two is in use.
const FLAGS: u32 = 7;
const IS_FREE: u32 = 3;

/// What the mappings begin with. Large blocks that were freed have none here.
fn mappings() -> impl Iterator<Item = (*const Segment, Mapping)> {
    maps::mappings().map(|(start, _)| {
        // SAFETY: a mapping begins with words about itself.
        (start.cast_const().cast(), unsafe { start.cast::<Mapping>().read() })
    })
}

/// How many heaps there are: each has one lowest segment. (A large block says
/// that it is its own.)
fn heaps() -> usize {
    let is_lowest = |(start, it): &(*const Segment, Mapping)| {
        it.block.is_null() && it.bottom == *start
    };
    mappings().filter(is_lowest).count()
}

/// What is in use, in all heaps: where each block starts, and how many bytes it
/// has. No thread may be at work that has a heap.
///
/// Above the top of a stack there is what was written long ago. So as many
/// threads come as there are heaps, each adopts one, and gets a block at its top:
/// that is where a block of a larger alignment goes. While they wait, all is
/// read. When they end they give back what their heaps do not need.
pub(super) fn in_use() -> Result<BTreeMap<usize, usize>, String> {
    let heaps = heaps();
    let barrier = &Barrier::new(heaps + 1);
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let adopt = |tell: mpsc::Sender<usize>| {
            move || {
                let block = threads::memalign(32, 1);
                tell.send(block.addr()).expect("somebody waits");
                barrier.wait();
                // SAFETY: it is a block, and nobody uses it.
                unsafe { threads::free(block) };
            }
        };
        let adopters: Vec<_> =
            (0..heaps).map(|_| scope.spawn(adopt(tell.clone()))).collect();
        let highest: Vec<usize> = told.iter().take(heaps).collect();
        let used = read(&highest);
        barrier.wait();
        // The end of a scope comes before its threads leave their heaps.
        for adopter in adopters {
            adopter.join().map_err(|_| "a thread panicked".to_owned())?;
        }
        used
    })
}

/// Reads all segments, up to the highest chunk of each heap.
fn read(highest: &[usize]) -> Result<BTreeMap<usize, usize>, String> {
    let mut used = BTreeMap::new();
    let mut tops = 0;
    for (start, mapping) in mappings() {
        if !mapping.block.is_null() {
            let block = mapping.block.addr();
            used.insert(block, mapping.len - (block - start.addr()));
        } else if !mapping.bottom.is_null() {
            // SAFETY: it is a segment, and nobody writes to it.
            tops += unsafe { read_segment(start, highest, &mut used)? };
        }
    }
    if tops != highest.len() {
        return Err(format!("{} stacks have {tops} tops", highest.len()));
    }
    Ok(used)
}

/// Reads the chunks of a segment. Says in how many of them the top is.
///
/// # Safety
///
/// It is a segment, and nobody writes to it.
unsafe fn read_segment(
    start: *const Segment,
    highest: &[usize],
    used: &mut BTreeMap<usize, usize>,
) -> Result<usize, String> {
    // SAFETY: as the caller promises.
    let Segment { mapping, first, .. } = unsafe { *start };
    let end = start.addr() + mapping.len - END;
    let word = |address: usize| {
        let word = start.cast::<u32>().with_addr(address);
        // SAFETY: it lies in the segment, as it is asked below.
        unsafe { word.read() }
    };
    let mut chunk = first.addr();
    while chunk < end {
        let inside =
            (start.addr() + size_of::<Segment>()..end).contains(&chunk);
        if !inside || !chunk.is_multiple_of(16) {
            return Err(format!("{chunk:#x} is no place for a chunk"));
        }
        let state = word(chunk - RECORD / 2);
        let size = (state & !FLAGS) as usize;
        let above = chunk + size;
        if size == 0 || above > end {
            return Err(format!("a chunk of {size} bytes at {chunk:#x}"));
        }
        let noted = word(above - RECORD) as usize;
        if noted != size {
            return Err(format!(
                "{noted} bytes below {above:#x} there is no chunk: {size} is \
                 right"
            ));
        }
        if highest.contains(&chunk) {
            return Ok(1);
        }
        if state & IS_FREE == 0 {
            used.insert(chunk, size - RECORD);
        }
        chunk = above;
    }
    Ok(0)
}

/// What is in use are the live blocks, all of them and nothing else, each with
/// as many bytes as its user was told.
pub(super) fn are_live(
    used: &BTreeMap<usize, usize>,
    live: &BTreeMap<usize, Block>,
) -> Result<(), String> {
    for (start, len) in used {
        let told = live.get(start).map(|block| block.len);
        if told != Some(*len) {
            return Err(format!(
                "blocks in use are those that are live: {len} bytes at \
                 {start:#x} are in use, {told:?} live"
            ));
        }
    }
    match live.keys().find(|start| !used.contains_key(start)) {
        Some(start) => Err(format!(
            "each live block is a block of a heap: not that at {start:#x}"
        )),
        None => Ok(()),
    }
}

/// When nothing is in use, each heap has one segment, and there is nothing else.
pub(super) fn is_little() -> Result<(), String> {
    let (count, heaps) = (mappings().count(), heaps());
    match count == heaps {
        true => Ok(()),
        false => Err(format!(
            "a heap without blocks keeps one segment: {heaps} heaps have {count} \
             mappings"
        )),
    }
}
