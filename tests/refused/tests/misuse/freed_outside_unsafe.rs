//! `free` takes any address, and so it needs `unsafe`.

use std::ffi::c_void;

unsafe extern "C" {
    fn free(block: *mut c_void);
}

fn main() {
    let mut block = [b'a'; 24];
    free(block.as_mut_ptr().cast());
}
