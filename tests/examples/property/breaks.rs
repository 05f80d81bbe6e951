//! What happens to the break, asked of a heap over a simulated one.

use stage4_threadsafe::{LockedHeap, Mutex};
use stage5_lifo_stack::per_thread::holes::Holes;
use tests::shadow::{Allocator, Break, Memory};

use crate::{Verdict, holds_if};

/// A heap, and the break it is on. Each has a region of its own.
type New<'a> = &'a dyn Fn() -> (Break, Box<dyn Allocator>);

crate::programs! { fn(New) -> Verdict:
    others_raise others_raise_and_lower refused_at_every_call refused_steps
    all_comes_back neighbours_join room_is_used
}

/// How far the break can rise.
const ROOM: usize = 1 << 20;

/// The heap of a column, new.
pub fn heap(column: &str) -> (Break, Box<dyn Allocator>) {
    let brk = Break::new(ROOM);
    let on = brk.clone();
    let heap: Box<dyn Allocator> = match column {
        "stage-1" => Box::new(stage1_bump::Heap::new(on)),
        "stage-2" => Box::new(stage2_headers::Heap::new(on)),
        "stage-3" => Box::new(stage3_freelist::Heap::<
            _,
            { stage3_freelist::heap::DEFAULT },
        >::new(on)),
        "stage-4" => Box::new(LockedHeap::<_>::new(Mutex::new(
            stage4_threadsafe::Heap::new(on),
        ))),
        "one-stack" => Box::new(stage5_lifo_stack::Heap::<
            _,
            { stage5_lifo_stack::heap::DEFAULT },
        >::new(on)),
        "per-thread" => Box::new(Holes::<_>::new(Memory::new(on))),
        _ => panic!("no heap is called {column}"),
    };
    (brk, heap)
}

/// Blocks of a size, filled with a byte.
fn blocks(
    heap: &mut dyn Allocator,
    count: usize,
    size: usize,
    byte: u8,
) -> Vec<*mut u8> {
    let block = |_| {
        let block = heap.malloc(size);
        assert!(!block.is_null(), "no memory for {size} bytes");
        // SAFETY: the block has so many bytes.
        unsafe { block.write_bytes(byte, size) };
        block
    };
    (0..count).map(block).collect()
}

fn free_all(
    heap: &mut dyn Allocator,
    blocks: impl IntoIterator<Item = *mut u8>,
) {
    for block in blocks {
        // SAFETY: the block is live, and used no more.
        unsafe { heap.free(block) };
    }
}

/// Whether the first bytes are all this one.
fn holds(block: *mut u8, size: usize, byte: u8) -> bool {
    // SAFETY: the block has so many bytes, and they were written.
    let bytes = unsafe { std::slice::from_raw_parts(block, size) };
    bytes.iter().all(|it| *it == byte)
}

/// Somebody else takes memory seven times, between our blocks.
fn others_raise(new: New) -> Verdict {
    let (brk, mut heap) = new();
    let mut live = Vec::new();
    for round in 0..7 {
        live.extend(blocks(&mut *heap, 5, 3000, 1));
        if brk.sim().somebody_else_takes(1000 + 1111 * round).is_err() {
            return Err("no room for others".into());
        }
        let half = live.split_off(live.len() / 2);
        free_all(&mut *heap, half);
        live.extend(blocks(&mut *heap, 5, 7000, 1));
    }
    if live.iter().any(|it| !holds(*it, 3000, 1)) {
        return Err("a block holds other bytes".into());
    }
    free_all(&mut *heap, live);
    holds_if(brk.sim().foreign_is_intact(), "their bytes are changed")
}

/// Somebody else takes memory, writes to it and gives it back: what `calloc`
/// then hands out of it has to be cleared.
fn others_raise_and_lower(new: New) -> Verdict {
    let (brk, mut heap) = new();
    let mut live = blocks(&mut *heap, 1, 100, 1);
    for size in [100, 3000, 5000, 200_000, 300_000] {
        if brk.sim().somebody_else_gives_back(ROOM / 8).is_err() {
            return Err("no room for others".into());
        }
        let block = heap.calloc(1, size);
        if block.is_null() || !holds(block, size, 0) {
            return Err("a byte is not zero".into());
        }
        live.push(block);
    }
    free_all(&mut *heap, live);
    Ok(())
}

/// The first request for memory is refused, or the second, and so on: each
/// function answers null, and all blocks are as they were.
fn refused_at_every_call(new: New) -> Verdict {
    let size = |turn: usize| 500 + turn * 997 % 20_000;
    for refused in 0..40 {
        let (brk, mut heap) = new();
        let mut live: Vec<(*mut u8, usize)> = Vec::new();
        let mut has_refused = false;
        for turn in 0..60_usize {
            let calls = brk.sim().calls();
            // A step that is refused is asked for again, by less.
            let is_time = calls >= refused && !has_refused;
            brk.sim().refuse(if is_time { 2 } else { 0 });
            let size = size(turn);
            let block = match turn % 3 {
                0 => heap.malloc(size),
                1 => heap.calloc(1, size),
                _ => heap.memalign(256, size),
            };
            brk.sim().refuse(0);
            has_refused |= is_time && brk.sim().calls() > calls;
            if block.is_null() {
                continue;
            }
            // SAFETY: the block has so many bytes.
            unsafe { block.write_bytes(turn as u8, size) };
            live.push((block, turn));
            if turn % 4 == 3 {
                let (block, _) = live.swap_remove(live.len() / 2);
                free_all(&mut *heap, [block]);
            }
        }
        let is_whole = |(block, turn): &(*mut u8, usize)| {
            holds(*block, size(*turn), *turn as u8)
        };
        if !live.iter().all(is_whole) {
            return Err("a block holds other bytes".into());
        }
        if heap.malloc(1000).is_null() {
            return Err("the next request is refused too".into());
        }
    }
    Ok(())
}

/// The break rises by what is needed if it cannot rise by a step.
fn refused_steps(new: New) -> Verdict {
    let (brk, mut heap) = new();
    let mut taken = 0;
    while !heap.malloc(1000).is_null() {
        taken += 1;
    }
    let room = brk.height() / 1100;
    holds_if(taken > room * 9 / 10, "a tenth of the room is never used")
}

/// Calls that nest: where the first block was, the first is again.
fn all_comes_back(new: New) -> Verdict {
    let (_brk, mut heap) = new();
    let mut first = Vec::new();
    for _ in 0..3 {
        let nest = blocks(&mut *heap, 1000, 100, 1);
        first.push(nest[0].addr());
        free_all(&mut *heap, nest.into_iter().rev());
    }
    holds_if(first[0] == first[1] && first[1] == first[2], "something stays")
}

/// Blocks under another one are freed in any order: one block of nearly all
/// their bytes takes their place.
fn neighbours_join(new: New) -> Verdict {
    let (brk, mut heap) = new();
    let mut small = blocks(&mut *heap, 100, 100, 1);
    let _guard = heap.malloc(100);
    fastrand::Rng::with_seed(1).shuffle(&mut small);
    let from = small.iter().map(|it| it.addr()).min().expect("a block");
    let to = small.iter().map(|it| it.addr()).max().expect("a block") + 100;
    free_all(&mut *heap, small);
    let before = brk.sim().used();
    let one = heap.malloc(9000).addr();
    let is_there = from <= one && one + 9000 <= to;
    holds_if(is_there && brk.sim().used() == before, "it lies elsewhere")
}

/// Many turns with a quarter of the room alive, or little more: it is enough.
fn room_is_used(new: New) -> Verdict {
    let (_brk, mut heap) = new();
    let mut random = fastrand::Rng::with_seed(1);
    let mut live: Vec<*mut u8> = Vec::new();
    for _ in 0..20_000 {
        if live.len() == 125 {
            let block = live.swap_remove(random.usize(..125));
            free_all(&mut *heap, [block]);
        }
        let block = heap.malloc(random.usize(1..4000));
        if block.is_null() {
            return Err("no memory where most of it is free".into());
        }
        live.push(block);
    }
    free_all(&mut *heap, live);
    Ok(())
}
