//! How a step of stage 3 is recorded with a program that breaks the rules.

use play::steps::{ONE_LIST, one_list};

use super::misuse::Misuse;
use super::recording::{RecordedHeap, Recording};
use super::region::Region;

/// Runs `program` on an empty heap of the step *One list of free blocks*, with
/// `room` bytes to grow into.
pub fn misuse_one_list(room: usize, program: fn(&mut Misuse<'_>)) -> Recording {
    let mut region = Region::new(room);
    let whose = RecordedHeap::new(ONE_LIST, room).but(".");
    Misuse::run(whose, &mut one_list(&mut region), program)
}
