//! Bodies of stage 3 that stand there until another milestone writes them anew.

pub unsafe fn set(block: *mut Header, size: usize, flag: usize) {
    // SAFETY: as the caller promises.
    unsafe { (*block).size_and_flag = size | flag };
}

impl<B: Brk, const LISTS: usize> Heap<B, LISTS> {
    pub fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let Some(bytes) = count.checked_mul(size) else {
            return ptr::null_mut();
        };
        let payload = self.malloc(bytes);
        if !payload.is_null() {
            // SAFETY: `payload` is a block of at least `bytes` bytes.
            unsafe { payload.write_bytes(0, bytes) };
        }
        payload
    }

    fn allocate(&mut self, align: usize, size: usize) -> Option<*mut Header> {
        let size = rounded(size)?;
        let spare = if align > ALIGN { align + HEADER } else { 0 };
        let block = self.grow(rounded(size.checked_add(spare)?)?)?;
        // SAFETY: `block` has so many bytes.
        unsafe {
            let block = self.split_front(block, align);
            self.split(block, size);
            Some(block)
        }
    }

    unsafe fn split(&mut self, block: *mut Header, _size: usize) {
        // SAFETY: `block` is a block.
        unsafe { set(block, (*block).size(), 0) };
    }

    unsafe fn release(&mut self, block: *mut Header) {
        // SAFETY: `block` is a block.
        unsafe { set(block, (*block).size(), FREE) };
    }

    fn grow(&mut self, size: usize) -> Option<*mut Header> {
        // SAFETY: an increment of zero gives nothing back.
        let brk = unsafe { self.brk.sbrk(0) }.ok()?.as_ptr();
        let start = brk.map_addr(|addr| addr.next_multiple_of(ALIGN));
        let gap = start.addr().checked_sub(self.end.addr() + HEADER)?;
        let (block, missing) = if gap == 0 {
            (self.end, size + HEADER)
        } else {
            (start.cast(), size + 2 * HEADER)
        };
        let [old, risen] = self.raise(start.addr() - brk.addr(), missing)?;
        if old != brk.addr() {
            return self.grow(size);
        }
        // SAFETY: the break has risen by the padding and `risen` bytes.
        unsafe {
            if self.first.is_null() {
                self.first = block;
                (*block).prev_size = 0;
            } else if gap > 0 {
                set(self.end, gap, 0);
            }
            self.end = start.add(risen - HEADER).cast();
            (*self.end).size_and_flag = 0;
            set(block, self.end.addr() - block.addr() - HEADER, 0);
        }
        Some(block)
    }

    fn raise(&mut self, padding: usize, bytes: usize) -> Option<[usize; 2]> {
        let increment = isize::try_from(padding.checked_add(bytes)?).ok()?;
        // SAFETY: the increment is not negative: nothing is given back.
        let old = unsafe { self.brk.sbrk(increment) }.ok()?;
        Some([old.addr().get(), bytes])
    }
}
