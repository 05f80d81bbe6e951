//! Bodies of stage 3 that stand there until another milestone writes them anew.

impl<B: Brk, const LISTS: usize> Heap<B, LISTS> {
    pub unsafe fn free(&mut self, payload: *mut u8) {
        if payload.is_null() {
            return;
        }
        let block = self.block(payload);
        // SAFETY: its user gives it up.
        unsafe {
            let block = self.coalesce(block);
            self.release(block);
        }
    }

    fn allocate(&mut self, align: usize, size: usize) -> Option<*mut Header> {
        let size = rounded(size)?;
        let spare = if align > ALIGN { align + HEADER } else { 0 };
        let enough = rounded(size.checked_add(spare)?)?;
        let block = if enough < self.free_at_end() {
            mem::replace(&mut self.last, ptr::null_mut())
        } else {
            self.grow(enough)?
        };
        // SAFETY: `block` has so many bytes.
        unsafe {
            let block = self.split_front(block, align);
            self.split(block, size);
            Some(block)
        }
    }

    unsafe fn split(&mut self, block: *mut Header, size: usize) {
        // SAFETY: the rest lies in the payload, with its header.
        unsafe {
            let rest = (*block).size() - size;
            if rest < HEADER + LINKS {
                set(block, size + rest, 0);
            } else {
                set(block, size, 0);
                let upper = above(block);
                set(upper, rest - HEADER, FREE);
                self.release(upper);
            }
        }
    }

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
            if self.last == above || self.last == below {
                self.last = ptr::null_mut();
            }
            set(block, size, FREE);
        }
        block
    }

    unsafe fn release(&mut self, block: *mut Header) {
        // SAFETY: `block` is free.
        if unsafe { above(block) } == self.end {
            self.last = block;
        }
    }
}
