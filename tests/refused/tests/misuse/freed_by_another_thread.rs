//! What was freed here cannot go to another thread.

fn main() {
    let block = Box::new([b'a'; 24]);
    drop(block);
    std::thread::spawn(move || drop(block));
}
