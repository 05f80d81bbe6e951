//! What was given away is not written to.

fn main() {
    let mut block = Box::new([b'a'; 24]);
    drop(block);
    block[0] = b'?';
}
