//! Bodies of stage 3 that stand there until another milestone writes them anew.

impl<B: Brk, const LISTS: usize> Heap<B, LISTS> {
    unsafe fn coalesce(&mut self, mut block: *mut Header) -> *mut Header {
        // SAFETY: the block above may be the end, which is not free.
        unsafe {
            let mut size = (*block).size();
            let (above, below) = (above(block), below(block));
            if (*above).is_free() {
                size += HEADER + (*above).size();
            }
            if !below.is_null() && (*below).is_free() {
                size += HEADER + (*below).size();
                block = below;
            }
            set(block, size, FREE);
        }
        block
    }

    unsafe fn release(&mut self, block: *mut Header) {
        // SAFETY: nobody uses `block`.
        unsafe { self.coalesce(block) };
    }
}
