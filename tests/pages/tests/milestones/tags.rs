//! Bodies of stage 3 that stand there until another milestone writes them anew.

impl<B: Brk, const LISTS: usize> Heap<B, LISTS> {
    unsafe fn resize(&mut self, block: *mut Header, size: usize) -> Option<()> {
        // SAFETY: `block` is a block.
        let old_size = unsafe { (*block).size() };
        (rounded(size)? <= old_size).then_some(())
    }
}
