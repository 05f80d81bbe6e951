//! A block that grows needs an owner, too.

fn main() {
    let mut block = vec![b'a'; 24];
    drop(block);
    block.push(b'b');
}
