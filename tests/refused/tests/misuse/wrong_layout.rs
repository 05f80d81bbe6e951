//! `dealloc` believes the layout, and so it needs `unsafe`.

use std::alloc::{Layout, dealloc};

fn main() {
    let mut block = [b'a'; 100];
    dealloc(block.as_mut_ptr(), Layout::new::<[u8; 24]>());
}
