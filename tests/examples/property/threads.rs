//! More than one thread.

use std::ffi::c_void;
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::block::{Block, blocks, free_all};
use crate::measure::{MIB, growth};
use crate::{Verdict, holds_if};

crate::programs! { fn() -> Verdict:
    two_threads threads_at_work freed_by_another between_threads
    ended_threads
}

// The break, moved by two at a time. ---------------------------------------

unsafe extern "C" {
    /// The C library's `sbrk`, by its other name.
    fn __sbrk(increment: isize) -> *mut c_void;
}

/// Where the two threads are.
static TURN: AtomicU8 = AtomicU8::new(NOBODY);
const NOBODY: u8 = 0;
/// The next one to move the break stops between reading and writing it.
const ARMED: u8 = 1;
const HAS_READ: u8 = 2;
const OTHER_IS_DONE: u8 = 3;

/// Waits for the turn, but not for ever: who waits for a lock does not come.
fn wait_for(turn: u8) {
    let start = Instant::now();
    while TURN.load(Ordering::SeqCst) != turn
        && start.elapsed() < Duration::from_millis(200)
    {
        sleep(Duration::from_millis(1));
    }
}

/// A heap of ours moves the break by this name. It does what the C library's
/// does, which reads where the break is, and then moves it from there: once,
/// the other thread is let in between.
///
/// # Safety
///
/// As for sbrk(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sbrk(increment: isize) -> *mut c_void {
    let armed = (ARMED, HAS_READ, Ordering::SeqCst, Ordering::SeqCst);
    if TURN.compare_exchange(armed.0, armed.1, armed.2, armed.3).is_err() {
        // SAFETY: as the caller promises.
        return unsafe { __sbrk(increment) };
    }
    // SAFETY: an increment of zero moves nothing; as the caller promises.
    unsafe {
        let old = __sbrk(0);
        wait_for(OTHER_IS_DONE);
        libc::brk(old.wrapping_byte_offset(increment));
        old
    }
}

/// Both ask for so much that the heap has to ask, too.
fn two_threads() -> Verdict {
    const SIZE: usize = 300_000;
    let other = thread::spawn(|| {
        wait_for(HAS_READ);
        let block = Block::get(SIZE);
        TURN.store(OTHER_IS_DONE, Ordering::SeqCst);
        block
    });
    TURN.store(ARMED, Ordering::SeqCst);
    let block = Block::get(SIZE);
    let other = other.join().expect("it does not panic");
    let (Some(block), Some(other)) = (block, other) else {
        return Err("there is memory and one gets none".into());
    };
    let apart = block.addr().abs_diff(other.addr());
    holds_if(apart >= SIZE, "both get the same bytes")
}

// At work. -----------------------------------------------------------------

/// Four of them, each with fifty blocks, whose bytes are looked at.
fn threads_at_work() -> Verdict {
    let work = |byte: u8| {
        let mut random = fastrand::Rng::with_seed(byte.into());
        let mut live: Vec<Block> = Vec::with_capacity(60);
        for _ in 0..10_000 {
            if live.len() == 50 {
                let block = live.swap_remove(random.usize(..50));
                if !block.holds(byte) {
                    return false;
                }
                block.free();
            }
            let mut block = Block::new(random.usize(..1000));
            block.fill(byte);
            live.push(block);
        }
        true
    };
    let threads: Vec<_> =
        (1..5).map(|byte| thread::spawn(move || work(byte))).collect();
    let all = threads.into_iter().all(|it| it.join().expect("no panic"));
    holds_if(all, "a block holds other bytes")
}

/// What one thread allocates another frees, in batches.
fn freed_by_another() -> Verdict {
    let batch = || {
        let all = blocks(1000, 500);
        thread::spawn(|| free_all(all)).join().expect("it does not panic");
    };
    (0..10).for_each(|_| batch());
    let grown = growth(|| (0..100).for_each(|_| batch()));
    holds_if(grown < 4 * MIB, "the heap grows with every batch")
}

/// One thread allocates and another frees, and hundreds are always on the way.
fn between_threads() -> Verdict {
    let (send, receive) = sync_channel::<Block>(1000);
    let freed = thread::spawn(move || {
        let mut waiting = std::collections::VecDeque::with_capacity(600);
        for block in receive {
            waiting.push_back(block);
            if waiting.len() > 500 {
                waiting.pop_front().expect("it has hundreds").free();
            }
        }
    });
    let turns = |count: usize| {
        for turn in 0..count {
            let mut block = Block::new(50 + turn % 500);
            block.fill(1);
            send.send(block).expect("somebody receives");
        }
    };
    turns(20_000);
    let grown = growth(|| turns(120_000));
    drop(send);
    freed.join().expect("it does not panic");
    // In all they have more than 30 MiB.
    holds_if(grown < 12 * MIB, "the heap grows with every block")
}

/// Each of 300 has blocks, and frees them before it ends.
fn ended_threads() -> Verdict {
    static LAST: Mutex<Option<Block>> = Mutex::new(None);
    let live = || {
        free_all(blocks(200, 1000));
        // One stays, until the next thread has one.
        let mut last = LAST.lock().expect("nobody panics");
        if let Some(block) = last.replace(Block::new(100)) {
            block.free();
        }
    };
    let one = |_| thread::spawn(live).join().expect("it does not panic");
    (0..20).for_each(one);
    let grown = growth(|| (0..300).for_each(one));
    black_box(&LAST);
    holds_if(grown < 4 * MIB, "each thread takes more memory")
}
