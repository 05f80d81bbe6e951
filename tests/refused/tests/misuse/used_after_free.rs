//! What refers to a block does not live longer than the block.

fn main() {
    let block = Box::new([b'a'; 24]);
    let text: &[u8] = &*block;
    drop(block);
    println!("{text:?}");
}
