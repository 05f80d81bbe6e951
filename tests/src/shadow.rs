//! A heap that does random work, watched.
//!
//! The shadow of a heap is a plain list of the blocks that are live: where
//! each one lies, how long it is, and what it holds. Whatever the heap does is
//! checked against that list, so the shadow needs to know nothing of how the
//! heap works.

use std::cell::{RefCell, RefMut};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::slice;

use fastrand::Rng;
use stage1_bump::{Brk, OutOfMemory, SimBrk};

/// What can be asked of a heap.
pub trait Allocator {
    /// malloc(3)
    fn malloc(&mut self, size: usize) -> *mut u8;

    /// free(3)
    ///
    /// # Safety
    ///
    /// `payload` is null or a live block of this heap.
    unsafe fn free(&mut self, payload: *mut u8);

    /// calloc(3)
    fn calloc(&mut self, count: usize, size: usize) -> *mut u8;

    /// realloc(3)
    ///
    /// # Safety
    ///
    /// `payload` is null or a live block of this heap.
    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8;

    /// posix_memalign(3), with the block as its result
    fn memalign(&mut self, align: usize, size: usize) -> *mut u8;

    /// malloc_usable_size(3)
    ///
    /// # Safety
    ///
    /// `payload` is null or a live block of this heap.
    unsafe fn usable_size(&self, payload: *mut u8) -> usize;
}

/// How much of the contract a heap is held to.
#[derive(Clone, Copy, Debug)]
pub struct Demands {
    /// Each block starts at a multiple of this.
    pub align: usize,
    /// So much may the heap ask the break for, over what it was asked for and
    /// the alignment. With so much room left it may not return null.
    pub overhead: usize,
    /// All functions, all sizes, and a break that can fail. Without it:
    /// `malloc` of 1 byte and more, `free`, and memory enough.
    pub everything: bool,
}

/// A simulated break in the hands of two: the heap, which moves it, and the
/// shadow, which watches it and plays tricks with it.
#[derive(Clone, Debug)]
pub struct Break(Rc<Region>);

#[derive(Debug)]
struct Region {
    brk: RefCell<SimBrk<'static>>,
    bytes: *mut [MaybeUninit<u8>],
}

impl Break {
    /// A break that can rise by `len` bytes.
    pub fn new(len: usize) -> Self {
        let bytes = vec![MaybeUninit::uninit(); len].into_boxed_slice();
        let bytes = Box::into_raw(bytes);
        // SAFETY: the bytes live until the region is dropped, and the break
        // with it.
        let brk = RefCell::new(SimBrk::new(unsafe { &mut *bytes }));
        Self(Rc::new(Region { brk, bytes }))
    }

    /// The break itself.
    pub fn sim(&self) -> RefMut<'_, SimBrk<'static>> {
        self.0.brk.borrow_mut()
    }

    /// By how many bytes the break can still rise.
    pub fn room(&self) -> usize {
        self.0.bytes.len() - self.sim().used()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: `Break::new` made the bytes from a box, and whoever uses
        // them holds this region.
        drop(unsafe { Box::from_raw(self.bytes) });
    }
}

// SAFETY: it is a `SimBrk`, whose region lives as long as this does.
unsafe impl Brk for Break {
    unsafe fn sbrk(
        &mut self,
        increment: isize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        // SAFETY: what our caller promises, `SimBrk` asks for.
        unsafe { self.sim().sbrk(increment) }
    }
}

impl<B: Brk> Allocator for stage1_bump::Heap<B> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.free(payload) }
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        self.calloc(count, size)
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.realloc(payload, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.memalign(align, size)
    }

    unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.usable_size(payload) }
    }
}

/// Lets a heap do `rounds` operations that `seed` picks.
///
/// # Errors
///
/// The first promise that was broken, and the operations up to it.
pub fn play(
    heap: impl Allocator,
    brk: &Break,
    demands: Demands,
    seed: u64,
    rounds: usize,
) -> Result<(), String> {
    let mut rng = Rng::with_seed(seed);
    let mut shadow = Shadow {
        heap,
        brk: brk.clone(),
        demands,
        refused: false,
        live: Vec::new(),
        blocks_so_far: 0,
    };
    let mut operations = Vec::new();
    for _ in 0..rounds {
        let operation = shadow.choose(&mut rng);
        shadow.refused = demands.everything && rng.u8(..) < 25;
        operations.push((operation, shadow.refused));
        shadow.brk.sim().refuse(usize::from(shadow.refused) * usize::MAX);
        let result = shadow.perform(operation);
        shadow.brk.sim().refuse(0);
        result
            .and_then(|()| shadow.check_everything())
            .map_err(|fault| format!("{fault}\n{}", list(&operations)))?;
    }
    Ok(())
}

fn list(operations: &[(Operation, bool)]) -> String {
    let line = |&(operation, refused): &(Operation, bool)| {
        let refused = if refused { ", the break refused" } else { "" };
        format!("    {operation:?}{refused}\n")
    };
    format!(
        "the operations so far, the last one broke the promise:\n{}",
        operations.iter().map(line).collect::<String>()
    )
}

/// What the shadow asks of the heap. A block is named by its place among
/// those that are live.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Malloc { size: usize },
    Free { block: Option<usize> },
    Calloc { count: usize, size: usize },
    Realloc { block: Option<usize>, size: usize },
    Memalign { align: usize, size: usize },
    SomebodyElseTakes { bytes: usize },
}

/// A block that the heap gave out and has not got back.
#[derive(Clone, Copy, Debug)]
struct Block {
    payload: *mut u8,
    /// As many bytes as were asked for.
    size: usize,
    /// As many as may be used.
    len: usize,
    /// Tells what the block holds.
    id: usize,
}

impl Block {
    /// What the byte at `at` holds: another value in each block and place.
    fn byte(&self, at: usize) -> u8 {
        (self.id.wrapping_mul(59) ^ at.wrapping_mul(7)) as u8
    }

    fn fill(&self) {
        for at in 0..self.len {
            // SAFETY: the block is live and has `len` bytes.
            unsafe { self.payload.add(at).write(self.byte(at)) };
        }
    }

    /// The first `len` bytes of the memory at `payload`.
    ///
    /// # Safety
    ///
    /// They belong to a live block, and nobody writes to it meanwhile.
    unsafe fn bytes<'a>(payload: *mut u8, len: usize) -> &'a [u8] {
        // SAFETY: the caller's promise.
        unsafe { slice::from_raw_parts(payload, len) }
    }

    /// Whether `bytes` is how this block begins.
    fn check(&self, bytes: &[u8]) -> Result<(), String> {
        match (0..bytes.len()).find(|&at| bytes[at] != self.byte(at)) {
            None => Ok(()),
            Some(at) => Err(format!(
                "a block keeps its contents: byte {at} of {} was {:#04x} and \
                 is {:#04x}",
                self.size,
                self.byte(at),
                bytes[at],
            )),
        }
    }

    fn overlaps(&self, other: &Block) -> bool {
        // A block of no bytes has an address of its own: count one byte.
        let end = |block: &Block| block.payload.addr() + block.len.max(1);
        self.payload.addr() < end(other) && other.payload.addr() < end(self)
    }
}

struct Shadow<A> {
    heap: A,
    brk: Break,
    demands: Demands,
    /// Whether the break refuses to move during this operation.
    refused: bool,
    live: Vec<Block>,
    blocks_so_far: usize,
}

impl<A: Allocator> Shadow<A> {
    fn choose(&self, rng: &mut Rng) -> Operation {
        let block = if self.live.is_empty() {
            None
        } else {
            Some(rng.usize(..self.live.len()))
        };
        if !self.demands.everything {
            return match rng.u8(..2) {
                0 => Operation::Malloc { size: rng.usize(1..=64) },
                _ => Operation::Free { block },
            };
        }
        match rng.u8(..100) {
            0..30 => Operation::Malloc { size: size(rng) },
            30..60 => Operation::Free { block },
            60..75 => {
                let (count, size) = count_and_size(rng);
                Operation::Calloc { count, size }
            }
            75..87 => Operation::Realloc { block, size: size(rng).max(1) },
            87..95 => {
                let align = 1 << rng.u32(..9);
                Operation::Memalign { align, size: size(rng) }
            }
            95..97 => Operation::Free { block: None },
            97..98 => Operation::Realloc { block: None, size: size(rng) },
            _ => Operation::SomebodyElseTakes { bytes: rng.usize(1..99) },
        }
    }

    fn perform(&mut self, operation: Operation) -> Result<(), String> {
        match operation {
            Operation::Malloc { size } => {
                let payload = self.heap.malloc(size);
                self.admit(payload, Some(size), 1, |_| Ok(()))?;
            }
            Operation::Free { block } => {
                let block = block.map(|index| self.live.swap_remove(index));
                let payload = block.map_or(ptr::null_mut(), |b| b.payload);
                // SAFETY: null or a live block, which is so no more.
                unsafe { self.heap.free(payload) };
            }
            Operation::Calloc { count, size } => {
                let payload = self.heap.calloc(count, size);
                self.admit(payload, count.checked_mul(size), 1, all_zero)?;
            }
            Operation::Realloc { block, size } => self.realloc(block, size)?,
            Operation::Memalign { align, size } => {
                let payload = self.heap.memalign(align, size);
                self.admit(payload, Some(size), align, |_| Ok(()))?;
            }
            Operation::SomebodyElseTakes { bytes } => {
                // Where there is no room for it, nothing happens.
                let _ = self.brk.sim().somebody_else_takes(bytes);
            }
        }
        Ok(())
    }

    fn realloc(
        &mut self,
        block: Option<usize>,
        size: usize,
    ) -> Result<(), String> {
        let old = block.map(|index| self.live.swap_remove(index));
        let payload = old.map_or(ptr::null_mut(), |old| old.payload);
        // SAFETY: null or a live block.
        let new = unsafe { self.heap.realloc(payload, size) };
        let moved = self.admit(new, Some(size), 1, |bytes| match old {
            Some(old) => old.check(&bytes[..old.size.min(size)]),
            None => Ok(()),
        })?;
        if !moved {
            // It failed: the old block stays as it was.
            self.live.extend(old);
        }
        Ok(())
    }

    /// Takes what the heap returned for `size` bytes (none: for more than can
    /// be said) as a live block, if it is one: false for null. `check` looks
    /// at its first `size` bytes before they are written to.
    fn admit(
        &mut self,
        payload: *mut u8,
        size: Option<usize>,
        align: usize,
        check: impl Fn(&[u8]) -> Result<(), String>,
    ) -> Result<bool, String> {
        let align = align.max(self.demands.align);
        if payload.is_null() {
            return self.null_is_right(size, align).map(|()| false);
        }
        let size = size
            .ok_or("a size that overflows gives null: got a block instead")?;
        // SAFETY: the heap says that this is a block.
        let usable = unsafe { self.heap.usable_size(payload) };
        if usable != 0 && usable < size {
            return Err(format!(
                "the usable size is 0 or at least what was asked for: \
                 {usable} of {size}"
            ));
        }
        let id = self.blocks_so_far;
        let block = Block { payload, size, len: usable.max(size), id };
        self.check_place(&block, align)?;
        // SAFETY: the heap says that these bytes are ours, and they lie below
        // the break and in no other block.
        check(unsafe { Block::bytes(payload, size) })?;
        block.fill();
        self.blocks_so_far += 1;
        self.live.push(block);
        Ok(true)
    }

    /// Whether the heap may say that it has no memory for this.
    fn null_is_right(
        &self,
        size: Option<usize>,
        align: usize,
    ) -> Result<(), String> {
        let room = self.brk.room();
        let needed = size
            .and_then(|size| size.checked_add(align))
            .and_then(|size| size.checked_add(self.demands.overhead));
        match needed {
            Some(needed) if needed <= room && !self.refused => Err(format!(
                "null says that there is no memory: {needed} bytes would do, \
                 and there is room for {room}"
            )),
            _ => Ok(()),
        }
    }

    fn check_place(&self, block: &Block, align: usize) -> Result<(), String> {
        let start = block.payload.addr();
        if !start.is_multiple_of(align) {
            return Err(format!(
                "a block starts at a multiple of {align}: {start:#x} is {} \
                 past one",
                start % align,
            ));
        }
        let sim = self.brk.sim();
        let (bottom, used) = (sim.start().addr().get(), sim.used());
        let inside = start
            .checked_sub(bottom)
            .and_then(|offset| offset.checked_add(block.len))
            .is_some_and(|end| end <= used);
        if !inside {
            return Err(format!(
                "a block lies below the break: it has {} bytes at {start:#x}, \
                 the heap {used} at {bottom:#x}",
                block.len,
            ));
        }
        match self.live.iter().find(|other| other.overlaps(block)) {
            None => Ok(()),
            Some(other) => {
                Err(format!("blocks do not overlap: {block:?} and {other:?}"))
            }
        }
    }

    fn check_everything(&self) -> Result<(), String> {
        for block in &self.live {
            // SAFETY: the block is live.
            block.check(unsafe { Block::bytes(block.payload, block.len) })?;
        }
        if self.brk.sim().foreign_is_intact() {
            Ok(())
        } else {
            Err("what somebody else took is theirs: it was written to".into())
        }
    }
}

fn all_zero(bytes: &[u8]) -> Result<(), String> {
    match bytes.iter().position(|&byte| byte != 0) {
        None => Ok(()),
        Some(at) => Err(format!(
            "calloc returns zeroes: byte {at} of {} is {:#04x}",
            bytes.len(),
            bytes[at],
        )),
    }
}

/// Mostly small sizes, some larger, and a few that no heap can give.
fn size(rng: &mut Rng) -> usize {
    match rng.u8(..20) {
        0 => 0,
        1 => isize::MAX as usize - rng.usize(..99),
        2 => usize::MAX - rng.usize(..99),
        3..14 => rng.usize(1..=64),
        _ => rng.usize(1..=600),
    }
}

/// For calloc: one time in eight the product overflows, to a small number.
fn count_and_size(rng: &mut Rng) -> (usize, usize) {
    match rng.u8(..8) {
        0 => (usize::MAX / 2 + rng.usize(1..99), 2),
        1..4 => (rng.usize(..9), size(rng)),
        _ => (1, size(rng)),
    }
}
