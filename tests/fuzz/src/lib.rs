//! What each target does: it plays with one heap, and ends where it finds a
//! promise broken.

use tests::fuzzed::heap;

/// Asks the heap of this name for what the bytes say.
///
/// # Panics
///
/// A promise is broken.
pub fn play(name: &str, bytes: &[u8]) {
    let heap = heap(name).expect("a heap of this name");
    if let Err(fault) = (heap.play)(bytes) {
        panic!("{fault}");
    }
}
