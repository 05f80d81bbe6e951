//! It does not help that somebody else has the memory by now.

fn main() {
    let block = Box::new([b'a'; 24]);
    drop(block);
    let other = Box::new([b'b'; 24]);
    drop(block);
    println!("{other:?}");
}
