//! What C promises.

use std::collections::BTreeMap;
use std::ptr;

use crate::block::{Block, errno, free_all, set_errno};
use crate::measure::{MIB, growth, limit_addresses};
use crate::{Verdict, holds_if};

crate::programs! { fn() -> Verdict:
    aligned apart of_no_bytes null_is_freed calloc_clears
    calloc_checks_its_product too_large_is_null realloc_keeps realloc_of_null
    realloc_that_fails realloc_to_nothing any_alignment wrong_alignment
    usable_bytes errno_is_kept limited
}

/// Sizes up to some pages, and the alignment of C's `max_align_t`.
fn aligned() -> Verdict {
    let is_aligned = |size| Block::new(size).addr().is_multiple_of(16);
    holds_if((0..5000).all(is_aligned), "a block starts elsewhere")
}

/// A thousand blocks at a time, of any size, each with its own byte.
fn apart() -> Verdict {
    let mut random = fastrand::Rng::with_seed(1);
    let mut live: Vec<(Block, u8)> = Vec::with_capacity(1000);
    for round in 0..20_000_usize {
        if live.len() == 1000 {
            let (block, byte) = live.swap_remove(random.usize(..1000));
            if !block.holds(byte) {
                return Err("a block holds other bytes".into());
            }
            block.free();
        }
        let mut block = Block::new(random.usize(..2000));
        block.fill(round as u8);
        live.push((block, round as u8));
    }
    let places: BTreeMap<usize, usize> =
        live.iter().map(|(it, _)| (it.addr(), it.size())).collect();
    let ends = places.iter().map(|(start, size)| start + size);
    let nexts = places.keys().skip(1);
    holds_if(ends.zip(nexts).all(|(end, next)| end <= *next), "blocks overlap")
}

fn of_no_bytes() -> Verdict {
    let (a, b) = (Block::get(0), Block::get(0));
    match (a, b) {
        (Some(a), Some(b)) => holds_if(a.addr() != b.addr(), "one block twice"),
        (None, None) => Ok(()),
        _ => Err("null and a block by turns".into()),
    }
}

fn null_is_freed() -> Verdict {
    for _ in 0..1000 {
        // SAFETY: null may be freed.
        unsafe { libc::free(ptr::null_mut()) };
    }
    Ok(())
}

/// Memory that was used, at all sizes up to some pages.
fn calloc_clears() -> Verdict {
    for size in (1..20_000).step_by(37) {
        let mut used = Block::new(size);
        used.fill(255);
        used.free();
        let block = Block::zeroed(1, size).expect("memory");
        if !block.holds(0) {
            return Err("a byte is not zero".into());
        }
        block.free();
    }
    Ok(())
}

fn calloc_checks_its_product() -> Verdict {
    let products =
        [(usize::MAX / 2 + 1, 2), (1 << 32, 1 << 32), (3, usize::MAX)];
    let is_null = |(a, b)| Block::zeroed(a, b).is_none();
    holds_if(products.into_iter().all(is_null), "a block that is too small")
}

/// More than half of all addresses, to each function.
fn too_large_is_null() -> Verdict {
    for size in [usize::MAX, usize::MAX - 64, isize::MAX as usize + 1] {
        set_errno(0);
        let is_null = Block::get(size).is_none();
        let is_no_memory = errno() == libc::ENOMEM;
        let is_grown = Block::new(10).resize(size).is_ok();
        let is_aligned = Block::aligned(64, size).is_ok();
        holds_if(is_null && !is_grown && !is_aligned, "a block")?;
        holds_if(is_no_memory, "null without ENOMEM")?;
    }
    Ok(())
}

/// From any size to any other.
fn realloc_keeps() -> Verdict {
    let sizes = [1, 15, 16, 17, 100, 1000, 5000, 100_000, 3 << 20];
    for old in sizes {
        for new in sizes {
            let mut block = Block::new(old);
            block.fill(7);
            let Ok(block) = block.resize(new) else {
                return Err("no memory".into());
            };
            if !block.starts_with(7, old.min(new)) {
                return Err("other bytes".into());
            }
            block.free();
        }
    }
    Ok(())
}

fn realloc_of_null() -> Verdict {
    // SAFETY: null is no block.
    let start: *mut u8 = unsafe { libc::realloc(ptr::null_mut(), 100) }.cast();
    if start.is_null() {
        return Err("null".into());
    }
    // SAFETY: the block has 100 bytes, and is ours.
    unsafe {
        start.write_bytes(1, 100);
        libc::free(start.cast());
    }
    Ok(())
}

fn realloc_that_fails() -> Verdict {
    let mut block = Block::new(1000);
    block.fill(9);
    match block.resize(isize::MAX as usize - 4096) {
        Ok(_) => Err("a block of half of all addresses".into()),
        Err(block) => holds_if(block.holds(9), "the old block is gone"),
    }
}

/// C leaves open whether that frees. What it may not do is lose the block.
fn realloc_to_nothing() -> Verdict {
    let lost = growth(|| {
        for _ in 0..20_000 {
            let mut block = Block::new(1000);
            block.fill(1);
            // SAFETY: it is a live block. If it comes back it is one of none.
            let rest = unsafe { libc::realloc(block.start().cast(), 0) };
            // SAFETY: what came back is ours; null may be freed.
            unsafe { libc::free(rest) };
        }
    });
    holds_if(lost < 2 * MIB, "the memory is lost")
}

/// Each power of two, up to 4 MiB.
fn any_alignment() -> Verdict {
    for align in (3..=22).map(|it| 1 << it) {
        for size in [1, align - 1, align, 100] {
            let Ok(mut block) = Block::aligned(align, size) else {
                return Err("no memory".into());
            };
            if block.addr() % align != 0 {
                return Err("a block starts elsewhere".into());
            }
            block.fill(1);
            block.free();
        }
    }
    Ok(())
}

/// What is no power of two, or too small, has an error of its own.
fn wrong_alignment() -> Verdict {
    set_errno(77);
    let errors = [0, 1, 4, 24, 100].map(|it| Block::aligned(it, 100).err());
    let is_right = errors.iter().all(|it| *it == Some(libc::EINVAL));
    holds_if(is_right && errno() == 77, "a block or another error")
}

/// Zero says that it is not known.
fn usable_bytes() -> Verdict {
    let mut all: Vec<Block> = (1..3000).map(Block::new).collect();
    if all.iter().any(|it| it.usable() != 0 && it.usable() < it.size()) {
        return Err("fewer than were asked for".into());
    }
    all = all.into_iter().map(Block::with_usable).collect();
    for (i, block) in all.iter_mut().enumerate() {
        block.fill(i as u8);
    }
    let is_whole = |(i, it): (usize, &Block)| it.holds(i as u8);
    holds_if(all.iter().enumerate().all(is_whole), "they are somebody else's")
}

fn errno_is_kept() -> Verdict {
    for size in [10, 1000, 100_000, 10 << 20] {
        let mut block = Block::new(size);
        block.fill(1);
        set_errno(77);
        block.free();
        if errno() != 77 {
            return Err("it has changed".into());
        }
    }
    Ok(())
}

/// Blocks until there are no more; then half of them are freed.
fn limited() -> Verdict {
    const SIZE: usize = 4000;
    let mut live = Vec::with_capacity(10_000);
    limit_addresses(16 * MIB);
    set_errno(0);
    while let Some(mut block) = Block::get(SIZE) {
        block.fill(5);
        live.push(block);
    }
    if errno() != libc::ENOMEM || live.len() < 2000 {
        return Err("no memory too early or another error".into());
    }
    if live.iter().any(|it| !it.holds(5)) {
        return Err("a block holds other bytes".into());
    }
    let half = live.split_off(live.len() / 2);
    let count = half.len();
    free_all(half.into_iter().rev());
    let again = (0..count).filter(|_| Block::get(SIZE).is_some()).count();
    holds_if(again > count / 2, "what was freed is not to be had again")
}
