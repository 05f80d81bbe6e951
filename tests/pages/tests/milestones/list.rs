//! Bodies of stage 3 that stand there until another milestone writes them anew.

impl<const LISTS: usize> FreeLists<LISTS> {
    fn class(_size: usize) -> usize {
        0
    }

    pub fn take(&mut self, size: usize) -> Option<*mut Header> {
        let block = self.look(Self::class(size), size)?;
        // SAFETY: `block` is on the list.
        unsafe { self.remove(block) };
        Some(block)
    }

    fn look(&self, class: usize, size: usize) -> Option<*mut Header> {
        // SAFETY: what is on a list has a header.
        let is_enough =
            |&block: &*mut Header| unsafe { (*block).size() } >= size;
        self.list(class).find(is_enough)
    }
}

impl<B: Brk, const LISTS: usize> Heap<B, LISTS> {
    unsafe fn release(&mut self, block: *mut Header) {
        // SAFETY: after `coalesce` the block is on no list.
        unsafe {
            let block = self.coalesce(block);
            self.lists.insert(block);
        }
    }
}
