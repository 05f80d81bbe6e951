//! The memory under a stack: segments, which lie anywhere.
//!
//! A segment begins with a few words about itself, and ends with a place for
//! the record that no chunk stands behind. Between lie its chunks, the ground
//! at the bottom.

use core::ptr::{self, NonNull};

use super::atomic::{AtomicBool, AtomicPtr, Ordering};
use super::record::{ALIGN, GROUND, MARK, RECORD, set};

/// Where memory comes from: see mmap(2).
///
/// # Safety
///
/// A stack relies on what an implementation promises:
///
/// - What `map` and `remap` return is the caller's alone, until it is unmapped.
///   It has `len` bytes, all zero but for those that `remap` keeps, and the
///   pointer reaches all of them.
/// - `mapping_at` returns what was last noted.
pub unsafe trait Mmap {
    /// How many bytes a segment has, and what its start is a multiple of: a
    /// power of two, at most 2 to the power of 24.
    const SEGMENT: usize;

    /// No two blocks that are noted start in the same unit of memory.
    const UNIT: usize = Self::SEGMENT / 16;

    /// What `len` is a multiple of, for `map`, `unmap` and `remap`.
    fn page(&self) -> usize;

    /// Takes `len` bytes, at a multiple of `align`. `None` if there are none.
    fn map(&mut self, len: usize, align: usize) -> Option<NonNull<u8>>;

    /// Gives memory back.
    ///
    /// # Safety
    ///
    /// The bytes were mapped, and nobody uses them any more.
    unsafe fn unmap(&mut self, start: NonNull<u8>, len: usize);

    /// Makes a mapping one of `new_len` bytes, perhaps somewhere else, with
    /// its contents. If it is `None`, nothing has changed. If it is not, there
    /// is memory for a note.
    ///
    /// # Safety
    ///
    /// The `len` bytes were mapped, and nobody else uses them.
    unsafe fn remap(
        &mut self,
        start: NonNull<u8>,
        len: usize,
        new_len: usize,
    ) -> Option<NonNull<u8>>;

    /// Lets the system have the memory of these bytes, which stay mapped. What
    /// they hold then is unknown.
    ///
    /// # Safety
    ///
    /// The bytes are mapped, and nobody uses them.
    unsafe fn drop_pages(&mut self, _start: *mut u8, _len: usize) {}

    /// Tells the system that all of these bytes will be used: it may give them
    /// in a few huge pages. They are mapped.
    fn use_huge_pages(&mut self, _start: NonNull<u8>, _len: usize) {}

    /// Notes that `mapping` is what lies at the `len` bytes from `start` on:
    /// whole units, or one byte for a block of its own. Null: nothing does.
    /// `None` if there is no memory for the note.
    fn note(
        &mut self,
        start: *mut u8,
        len: usize,
        mapping: *mut Mapping,
    ) -> Option<()>;

    /// What was noted for the unit of an address.
    fn mapping_at(&self, address: *mut u8) -> *mut Mapping;
}

/// What every mapping begins with.
#[repr(C, align(16))]
pub struct Mapping {
    /// How many bytes it has.
    pub len: usize,
    /// Its one block; null in a segment.
    pub block: *mut u8,
    /// The lowest segment of the stack whose chunks are here; null if they have
    /// all been popped. Of a large block it is no segment, but the mapping.
    pub(super) bottom: AtomicPtr<Segment>,
}

/// What a segment begins with.
#[repr(C, align(16))]
pub(super) struct Segment {
    pub(super) mapping: Mapping,
    /// The segments below and above, or null.
    pub(super) below: AtomicPtr<Segment>,
    pub(super) above: AtomicPtr<Segment>,
    /// Where its first chunk is.
    pub(super) first: *mut u8,
    /// Somebody has it, who alone may join its chunks: its owner as long as the
    /// top is there or below, and for a sweep, or whoever frees the last chunk.
    held: AtomicBool,
}

impl Segment {
    /// Makes memory a segment without chunks, in which `used` bytes behind its
    /// own words are somebody's.
    ///
    /// # Safety
    ///
    /// The `len` bytes from `start` on are the caller's, and `start` is a
    /// multiple of `len`.
    pub(super) unsafe fn init(
        start: NonNull<u8>,
        len: usize,
        used: usize,
        below: *mut Segment,
    ) -> *mut Segment {
        let segment: *mut Segment = start.as_ptr().cast();
        // SAFETY: as the caller promises.
        unsafe {
            let bottom = if below.is_null() { segment } else { bottom(below) };
            let ground = ground(segment, used);
            segment.write(Segment {
                mapping: Mapping {
                    len,
                    block: ptr::null_mut(),
                    bottom: AtomicPtr::new(bottom),
                },
                below: AtomicPtr::new(below),
                above: AtomicPtr::new(ptr::null_mut()),
                first: ground.add(ALIGN),
                held: AtomicBool::new(true),
            });
            set(ground, ALIGN, MARK | GROUND);
        }
        segment
    }

    /// Where the words of a segment end, from its start.
    pub(super) const WORDS: usize = size_of::<Segment>();
}

/// The ground of a segment, `used` bytes above its own words.
fn ground(segment: *mut Segment, used: usize) -> *mut u8 {
    let offset = Segment::WORDS + used + RECORD;
    segment.cast::<u8>().wrapping_add(offset.next_multiple_of(ALIGN))
}

/// The lowest segment of the stack whose chunks are in a mapping: see
/// [`Mapping`].
///
/// # Safety
///
/// It is a mapping.
pub(super) unsafe fn bottom(segment: *mut Segment) -> *mut Segment {
    // SAFETY: as the caller promises.
    unsafe { (*segment).mapping.bottom.load(Ordering::Relaxed) }
}

/// Where the first chunk of a segment is.
///
/// # Safety
///
/// It is a segment.
pub(super) unsafe fn first(segment: *mut Segment) -> *mut u8 {
    // SAFETY: as the caller promises.
    unsafe { (*segment).first }
}

/// The segment in which an address lies.
pub(super) fn segment_of<M: Mmap>(chunk: *mut u8) -> *mut Segment {
    chunk.map_addr(|addr| addr & !(M::SEGMENT - 1)).cast()
}

/// Where the chunk behind the last one of a segment would start.
///
/// # Safety
///
/// It is a segment.
pub(super) unsafe fn end(segment: *mut Segment) -> *mut u8 {
    // SAFETY: it has so many bytes.
    unsafe { segment.cast::<u8>().add((*segment).mapping.len - ALIGN) }
}

/// Takes a segment, for the caller alone to join its chunks. Says whether
/// nobody had it.
///
/// # Safety
///
/// It is a segment.
pub(super) unsafe fn hold(segment: *mut Segment) -> bool {
    // SAFETY: as the caller promises.
    let held = unsafe { &(*segment).held };
    // Acquire: what the last one did who had it came before.
    let (yes, no) = (Ordering::Acquire, Ordering::Relaxed);
    held.compare_exchange(false, true, yes, no).is_ok()
}

/// Leaves a segment to whoever takes it next.
///
/// # Safety
///
/// It is a segment, and the caller's.
pub(super) unsafe fn let_go(segment: *mut Segment) {
    // SAFETY: as the caller promises.
    unsafe { (*segment).held.store(false, Ordering::Release) };
}

/// Leaves each segment below this one to whoever takes it next.
///
/// # Safety
///
/// It is a segment, and there is no other thread.
pub(super) unsafe fn let_go_below(mut segment: *mut Segment) {
    // SAFETY: as the caller promises.
    unsafe {
        segment = below(segment);
        while !segment.is_null() {
            let_go(segment);
            segment = below(segment);
        }
    }
}

/// The segment above, or null.
///
/// # Safety
///
/// It is a segment.
pub(super) unsafe fn above(segment: *mut Segment) -> *mut Segment {
    // SAFETY: as the caller promises.
    unsafe { (*segment).above.load(Ordering::Relaxed) }
}

/// The segment below, or null.
///
/// # Safety
///
/// It is a segment.
pub(super) unsafe fn below(segment: *mut Segment) -> *mut Segment {
    // SAFETY: as the caller promises.
    unsafe { (*segment).below.load(Ordering::Relaxed) }
}
