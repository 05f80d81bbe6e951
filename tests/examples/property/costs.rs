//! What it costs, counted: bytes, instructions, and calls of the system.

use crate::block::{Block, blocks, free_all};
use crate::measure::{Count, count, growth};
use crate::{Verdict, holds_if};

crate::programs! { fn() -> Verdict:
    one_byte grows_in_place malloc_steps malloc_among_free free_newest free_oldest free_middle
    pairs_ask_nobody frees_ask_nobody mallocs_ask_seldom
}

/// Memory that is touched, for each of many.
fn one_byte() -> Verdict {
    const COUNT: usize = 100_000;
    let mut all = Vec::with_capacity(COUNT);
    let growth = growth(|| {
        for _ in 0..COUNT {
            let mut block = Block::new(1);
            block.fill(1);
            all.push(block);
        }
    });
    // The list of them is memory, too. And what else changes is less than 4
    // bytes for each.
    let each = growth / COUNT - size_of::<Block>();
    let each = (each + 4) / 8 * 8;
    holds_if(each <= 32, &format!("it takes {each}"))
}

/// Nothing else is asked for meanwhile.
fn grows_in_place() -> Verdict {
    let mut block = Block::new(16);
    let mut moves = 0;
    for size in (32..20_000).step_by(16) {
        let was = block.addr();
        block = block.resize(size).ok().expect("memory");
        moves += usize::from(block.addr() != was);
    }
    holds_if(moves <= 60, "it moves each time or nearly")
}

const NOT_ALLOWED: &str = "passed over: nobody may look at a process here";

/// Whether `work` takes no more than three times as many steps among two
/// thousand live blocks as among ten. (A search by halves does so too.)
fn few_steps(
    among: fn(usize) -> Vec<Block>,
    work: fn(&mut Vec<Block>),
) -> Verdict {
    if !cfg!(target_arch = "x86_64") {
        return Err("passed over: steps are counted on x86-64".into());
    }
    let steps = |number: usize| {
        count(Count::Steps, || among(number), |mut all| work(&mut all))
    };
    let (Some(few), Some(many)) = (steps(10), steps(2000)) else {
        return Err(NOT_ALLOWED.into());
    };
    holds_if(many <= 3 * few, "the steps grow with the blocks")
}

/// So many live blocks. (The first that are freed are not like the others.)
fn live(count: usize) -> Vec<Block> {
    let mut all = blocks(count, 100);
    free_all(blocks(4, 100).into_iter().rev());
    all.reserve(1);
    all
}

/// So many live blocks, and as many between them that are free.
fn free_between(count: usize) -> Vec<Block> {
    let mut all = live(2 * count);
    for i in 0..count {
        all.swap_remove(i).free();
    }
    all
}

fn malloc_steps() -> Verdict {
    few_steps(live, |all| all.push(Block::new(100)))
}

/// The free blocks are too small.
fn malloc_among_free() -> Verdict {
    few_steps(free_between, |all| all.push(Block::new(300)))
}

fn free_newest() -> Verdict {
    few_steps(live, |all| all.pop().expect("a block").free())
}

fn free_oldest() -> Verdict {
    few_steps(live, |all| all.swap_remove(0).free())
}

fn free_middle() -> Verdict {
    few_steps(live, |all| all.swap_remove(all.len() / 2).free())
}

/// Whether `work` asks the system less than a hundred times.
fn few_calls(
    prepare: fn() -> Vec<Block>,
    work: fn(Vec<Block>),
    how: &str,
) -> Verdict {
    match count(Count::Calls, prepare, work) {
        Some(calls) => holds_if(calls < 100, how),
        None => Err(NOT_ALLOWED.into()),
    }
}

/// A block at the end of the heap comes and goes, a thousand times.
fn pairs_ask_nobody() -> Verdict {
    let pairs = |_| {
        for _ in 0..1000 {
            Block::new(5000).free();
        }
    };
    few_calls(|| live(1000), pairs, "each pair asks the system")
}

/// A thousand blocks go, the newest first.
fn frees_ask_nobody() -> Verdict {
    let frees = |all: Vec<Block>| free_all(all.into_iter().rev());
    few_calls(|| live(1000), frees, "each free asks the system")
}

/// A thousand blocks that stay.
fn mallocs_ask_seldom() -> Verdict {
    let thousand = |_| {
        for _ in 0..1000 {
            Block::new(500);
        }
    };
    few_calls(|| live(1000), thousand, "each block asks the system")
}
