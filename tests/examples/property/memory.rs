//! Memory that comes back.

use std::collections::{BTreeSet, VecDeque};

use crate::block::{Block, blocks, free_all, mix};
use crate::measure::{MIB, growth, resident};
use crate::{Verdict, holds_if};

crate::programs! { fn() -> Verdict:
    used_again split joined padding_is_kept end_goes_back end_in_any_order
    large_goes_back second_nest queue random_orders around_survivors
    back_around_survivors shrinking_gives_back
}

/// A block under another one, freed and asked for again and again.
fn used_again() -> Verdict {
    let mut places = BTreeSet::new();
    for _ in 0..5000 {
        let (block, guard) = (Block::new(100), Block::new(100));
        places.insert(block.addr());
        block.free();
        let again = Block::new(100);
        places.insert(again.addr());
        again.free();
        guard.free();
        // What frees the newest block is not asked here.
        Block::new(40);
    }
    holds_if(places.len() < 9000, "every block has a new place")
}

/// By how much the heap grows when `count` blocks of `size` bytes are freed, in
/// any order and under another one, and as many bytes are asked for in blocks of
/// another size. A tenth is left over.
fn in_place_of(count: usize, size: usize, other: usize) -> usize {
    let mut first = blocks(count, size);
    let _guard = Block::new(100);
    mix(&mut first);
    free_all(first);
    growth(|| {
        blocks(count * size * 9 / 10 / (other + 32), other);
    })
}

fn split() -> Verdict {
    let grown = in_place_of(400, 20_000, 100);
    holds_if(grown < 4 * MIB, "what was freed is no use")
}

fn joined() -> Verdict {
    let grown = in_place_of(64_000, 100, 20_000);
    holds_if(grown < 4 * MIB, "what was freed is no use")
}

/// Aligned blocks beside others come and go.
fn padding_is_kept() -> Verdict {
    let round = |_| {
        let mut below = Block::new(100);
        let mut aligned = Block::aligned(4096, 100).expect("memory");
        below.fill(1);
        aligned.fill(1);
        below.free();
        aligned.free();
    };
    (0..100).for_each(round);
    let lost = growth(|| (0..10_000).for_each(round));
    holds_if(lost < MIB, "each round takes more memory")
}

/// How much of 16 MB stays when all of it is freed in the order that `order`
/// gives it.
fn stays(order: fn(&mut Vec<Block>)) -> usize {
    let before = resident();
    let mut all = blocks(4000, 4000);
    order(&mut all);
    free_all(all);
    resident().saturating_sub(before)
}

fn end_goes_back() -> Verdict {
    holds_if(stays(|all| all.reverse()) < 8 * MIB, "most of it stays")
}

fn end_in_any_order() -> Verdict {
    holds_if(stays(|all| mix(all)) < 8 * MIB, "most of it stays")
}

/// 64 MiB, under blocks that live.
fn large_goes_back() -> Verdict {
    let before = resident();
    let mut large = Block::new(64 * MIB);
    large.fill(1);
    let _guards = blocks(1000, 100);
    large.free();
    holds_if(resident() - before < 32 * MIB, "it stays")
}

/// Two thousand deep, twenty times.
fn second_nest() -> Verdict {
    let nest = |_| free_all(blocks(2000, 1000).into_iter().rev());
    nest(0);
    let grown = growth(|| (0..20).for_each(nest));
    holds_if(grown < 4 * MIB, "each time takes more memory")
}

/// A thousand blocks wait in a queue that is never empty.
fn queue() -> Verdict {
    let mut waiting = VecDeque::with_capacity(2000);
    waiting.extend(blocks(1000, 100));
    let mut turns = |turns: usize| {
        for turn in 0..turns {
            let mut block = Block::new(50 + turn % 100);
            block.fill(1);
            waiting.push_back(block);
            waiting.pop_front().expect("it is never empty").free();
        }
    };
    turns(20_000);
    let grown = growth(|| turns(100_000));
    holds_if(grown < 2 * MIB, "the heap grows with every turn")
}

/// Two thousand live blocks of any size, freed in any order.
fn random_orders() -> Verdict {
    let mut random = fastrand::Rng::with_seed(1);
    let mut live = blocks(2000, 500);
    let mut turns = |turns: usize| {
        for _ in 0..turns {
            live.swap_remove(random.usize(..2000)).free();
            let mut block = Block::new(random.usize(1..1000));
            block.fill(1);
            live.push(block);
        }
    };
    turns(20_000);
    let grown = growth(|| turns(60_000));
    holds_if(grown < 2 * MIB, "the heap grows with every turn")
}

/// All but each hundredth of 16,000 blocks is freed.
fn survivors() -> (usize, Vec<Block>) {
    let before = resident();
    let all = blocks(16_000, 1000);
    let mut kept = Vec::with_capacity(200);
    for (i, block) in all.into_iter().enumerate() {
        if i % 100 == 99 {
            kept.push(block);
        } else {
            block.free();
        }
    }
    (before, kept)
}

/// As many blocks of another size take the place of what was freed.
fn around_survivors() -> Verdict {
    let (before, _kept) = survivors();
    let _others = blocks(4000, 3000);
    let takes = resident() - before;
    holds_if(takes < 20 * MIB, "the freed memory is lost")
}

fn back_around_survivors() -> Verdict {
    let (before, _kept) = survivors();
    holds_if(resident() - before < 8 * MIB, "most of it stays")
}

/// A hundred blocks of 200 KB, each made small.
fn shrinking_gives_back() -> Verdict {
    let mut small = Vec::with_capacity(100);
    let takes = growth(|| {
        for _ in 0..100 {
            let mut block = Block::new(200_000);
            block.fill(1);
            small.push(block.resize(100).ok().expect("it is smaller"));
        }
    });
    holds_if(takes < 5 * MIB, "each small block keeps all it had")
}
