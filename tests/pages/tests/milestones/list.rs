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
    unsafe fn resize(&mut self, block: *mut Header, size: usize) -> Option<()> {
        let size = rounded(size)?;
        // SAFETY: `block` is a block of the heap. What it grows into was free,
        // is on no list any more, and lies above it.
        unsafe {
            let upper = above(block);
            let old_size = (*block).size();
            let with_upper = old_size + HEADER + (*upper).size();
            if (*upper).is_free() && size <= with_upper {
                self.unlist(upper);
                set(block, with_upper, 0);
            } else if old_size < size {
                if !self.is_last(block) {
                    return None;
                }
                let missing =
                    (size - old_size).saturating_sub(HEADER).max(LINKS);
                let grown = self.grow(missing)?;
                if grown != upper {
                    // Somebody else has moved the break.
                    self.release(grown);
                    return None;
                }
                set(block, old_size + HEADER + (*upper).size(), 0);
            }
            self.split(block, size);
        }
        Some(())
    }
}
