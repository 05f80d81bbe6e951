//! Bodies of stage 3 that stand there until another milestone writes them anew.

impl<const LISTS: usize> FreeLists<LISTS> {
    fn class(_size: usize) -> usize {
        0
    }

    pub unsafe fn insert(&mut self, block: *mut Header) {
        // SAFETY: `block` is a block, so it has a header.
        let class = Self::class(unsafe { (*block).size() });
        let next = self.heads[class];
        // SAFETY: nobody uses the payload of a free block, and `next` is on
        // the list.
        unsafe {
            *links(block) = Links { next, prev: ptr::null_mut() };
            if !next.is_null() {
                (*links(next)).prev = block;
            }
        }
        self.heads[class] = block;
    }

    pub unsafe fn remove(&mut self, block: *mut Header) {
        // SAFETY: `block` is on a list, so it has links.
        let Links { next, prev } = unsafe { links(block).read() };
        if !next.is_null() {
            // SAFETY: `next` is on the list.
            unsafe { (*links(next)).prev = prev };
        }
        if !prev.is_null() {
            // SAFETY: `prev` is on the list.
            unsafe { (*links(prev)).next = next };
            return;
        }
        self.heads[0] = next;
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
