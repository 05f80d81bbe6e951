//! A Rust program with threads, all of whose memory comes from a heap of ours; and
//! what our allocators for Rust do with a layout that is wrong.

use timing::run::{command, run};
use timing::workspace::{build_example, workspace};

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    ignore = "needs Linux with glibc"
)]
fn a_rust_program_counts_words_with_four_threads_on_our_heap() {
    let outcome = run(command(build_example("global4"), workspace()));
    assert!(outcome.status.success(), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
    let (counts, report) = outcome
        .stdout
        .split_once("a heap of ")
        .unwrap_or_else(|| panic!("a report of the heap: {outcome:?}"));
    let expected = " 66667 block
 66833 break
 66500 free
 66667 header
 66833 heap
 66500 lock
";
    assert_eq!(counts, expected);

    let numbers: Vec<usize> =
        report.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [bytes, blocks, used] = numbers[..] else {
        panic!("three numbers: {report:?}");
    };
    assert!(bytes > used && blocks > 1, "a heap that was used: {report:?}");
    assert!(used > 0, "what the program has is in our heap: {report:?}");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod wrong_layout {
    use std::alloc::{GlobalAlloc, Layout};
    use std::slice;

    use stage5_lifo_stack::per_thread::global::PerThread;

    /// A hundred bytes are freed as if they were 24. Returns whether a block of a
    /// hundred bytes gets the same place afterwards.
    fn is_used_again(heap: &impl GlobalAlloc) -> bool {
        let right = Layout::array::<u8>(100).expect("few");
        let wrong = Layout::array::<u8>(24).expect("few");
        // SAFETY: the size is not zero, the blocks have so many bytes, and are
        // used until they are freed. Only one layout is wrong, and what comes of
        // it is what is asked.
        unsafe {
            let (block, above) = (heap.alloc(right), heap.alloc(right));
            above.write_bytes(7, right.size());
            heap.dealloc(block, wrong);
            let again = heap.alloc(right);
            again.write_bytes(8, right.size());
            let above_it = slice::from_raw_parts(above, right.size());
            assert_eq!(above_it, [7; 100], "what lies above");
            heap.dealloc(again, right);
            heap.dealloc(above, right);
            again == block
        }
    }

    #[test]
    fn our_own_allocators_do_not_look_at_the_layout_of_what_is_freed() {
        let stage_4 = {
            use stage4_threadsafe::{Heap, LockedHeap, Mutex, ReservedBrk};
            is_used_again(&LockedHeap::<_>::new(Mutex::new(Heap::new(
                ReservedBrk::new(),
            ))))
        };
        let one_stack = {
            use stage5_lifo_stack::{Heap, LockedHeap, Mutex, ReservedBrk};
            is_used_again(&LockedHeap::<_>::new(Mutex::new(Heap::new(
                ReservedBrk::new(),
            ))))
        };
        let per_thread = is_used_again(&PerThread);
        // On one stack what lies under a live chunk waits.
        assert_eq!([stage_4, one_stack, per_thread], [true, false, true]);
    }
}
