//! Bodies of stage 3 that stand there until another milestone writes them anew.

impl<B: Brk, const LISTS: usize> Heap<B, LISTS> {
    unsafe fn resize(&mut self, block: *mut Header, size: usize) -> Option<()> {
        // SAFETY: `block` is a block.
        let old_size = unsafe { (*block).size() };
        (rounded(size)? <= old_size).then_some(())
    }

    pub unsafe fn free(&mut self, payload: *mut u8) {
        if payload.is_null() {
            return;
        }
        let block = self.block(payload);
        // SAFETY: its user gives it up.
        unsafe { set(block, (*block).size(), FREE) };
    }

    pub unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        if payload.is_null() {
            return self.malloc(size);
        }
        let block = self.block(payload);
        // SAFETY: `block` is in use.
        let (old, old_size) = unsafe { (payload_of(block), (*block).size()) };
        // SAFETY: as above.
        if unsafe { self.resize(block, size) }.is_some() {
            return old;
        }
        let new = self.malloc(size);
        if !new.is_null() {
            // SAFETY: both are blocks, the new one has more than `old_size`
            // bytes, and nobody uses the old one after this.
            unsafe {
                ptr::copy_nonoverlapping(old, new, old_size);
                self.free(old);
            }
        }
        new
    }
}
