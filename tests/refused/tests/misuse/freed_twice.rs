//! A block has one owner, and who gave it up has nothing left to free.

fn main() {
    let block = Box::new([b'a'; 24]);
    drop(block);
    drop(block);
}
