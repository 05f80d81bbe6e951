//! A break that leaps between two calls of the heap: between the one that asks
//! where it is and the one that raises it. A heap that goes by the first alone
//! writes into memory that is somebody else's.

use std::ptr::NonNull;

/// A test of one stage's heap. (Each stage has a trait of its own.)
macro_rules! leaping {
    ($name:ident, $stage:ident, $heap:ty) => {
        #[test]
        fn $name() {
            use $stage::{Brk, OutOfMemory, SimBrk};

            struct Leaping<'a>(SimBrk<'a>);

            // SAFETY: as `SimBrk`, which may be raised at any time.
            unsafe impl Brk for Leaping<'_> {
                unsafe fn sbrk(
                    &mut self,
                    increment: isize,
                ) -> Result<NonNull<u8>, OutOfMemory> {
                    if increment > 0 && self.0.foreign().len() < 8 {
                        self.0.somebody_else_takes(1000)?;
                    }
                    // SAFETY: as the caller promises.
                    unsafe { self.0.sbrk(increment) }
                }
            }

            type Heap<B> = $heap;
            let mut region = Box::new_uninit_slice(4 << 20);
            let mut heap = Heap::new(Leaping(SimBrk::new(&mut region)));
            let blocks: Vec<(*mut u8, usize)> = (0..40)
                .map(|i| (i * 700 + 1, 16 << (i % 5)))
                .map(|(size, align)| (heap.memalign(align, size), size, align))
                .inspect(|&(block, size, align)| {
                    assert!(!block.is_null(), "no block of {size} bytes");
                    assert_eq!(block.addr() % align, 0, "modulo {align}");
                })
                .map(|(block, size, _)| (block, size))
                .collect();
            for (i, &(block, size)) in blocks.iter().enumerate() {
                // SAFETY: the block has so many bytes.
                unsafe { block.write_bytes(i as u8, size) };
            }
            for (i, &(block, size)) in blocks.iter().enumerate() {
                // SAFETY: as above, and they were written.
                let bytes = unsafe { std::slice::from_raw_parts(block, size) };
                // All at once: Miri is slow byte by byte.
                let is_full = bytes == vec![i as u8; size];
                assert!(is_full, "block {i} is full of its number: {bytes:?}");
                // SAFETY: nobody uses the block after this.
                unsafe { heap.free(block) };
            }
            let brk = &heap.brk().0;
            assert_eq!(brk.foreign().len(), 8, "how often it leapt");
            assert!(brk.foreign_is_intact(), "what they took is theirs");
        }
    };
}

leaping!(stage_1_takes_what_it_gets, stage1_bump, stage1_bump::Heap<B>);
leaping!(stage_2_takes_what_it_gets, stage2_headers, stage2_headers::Heap<B>);
leaping!(stage_3_takes_what_it_gets, stage3_freelist, stage3_freelist::Heap<B>);
leaping!(
    stage_4_takes_what_it_gets,
    stage4_threadsafe,
    stage4_threadsafe::Heap<B>
);
leaping!(
    stage_5_takes_what_it_gets,
    stage5_lifo_stack,
    stage5_lifo_stack::Heap<B>
);
