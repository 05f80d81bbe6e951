//! What the allocator in ten lines does with requests that it should refuse.

use play::ten_lines::{self, TenLines};

use super::recorder::{Recorded, Tape};
use super::recording::{RecordedHeap, Recording};

/// The room that it has to grow into.
const ROOM: usize = 4096;

/// Three promises that the ten lines break. The last request cannot be a block,
/// so the tape is not told that it is one.
pub fn broken_promises() -> Recording {
    ten_lines::with(ROOM, broken)
}

fn broken(heap: &mut TenLines) -> Recording {
    let mut tape = Tape::new(heap.view());
    let mut malloc = |name: &str, size: usize, said: &str| {
        let payload = heap.malloc(size);
        let code = match isize::try_from(size) {
            Ok(size) => {
                tape.give(name, payload, size.unsigned_abs());
                format!("{name} = malloc({size})")
            }
            Err(_) => format!("{name} = malloc(usize::MAX)"),
        };
        tape.picture(0, code, Some(payload), heap.view());
        tape.note(said);
    };
    malloc("a", 1, "");
    malloc("b", 8, "A number of 8 bytes may not start at an odd address.");
    malloc("c", 0, "No byte is taken, so the next block starts here too.");
    malloc("d", 16, "`c` and `d` have one address: to the program, one block.");
    malloc(
        "e",
        usize::MAX,
        "`sbrk` reads the largest number as −1. `e` looks like a block, and \
         the last byte of `d` has gone back.",
    );
    malloc("f", 8, "So the first byte of `f` is the last one of `d`.");
    let whose = RecordedHeap::new(ten_lines::SOURCE, ROOM).but(".");
    tape.finish(whose, Vec::new())
}
