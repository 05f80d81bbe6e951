//! No index is below zero.

fn main() {
    let block = [b'a'; 24];
    let at: usize = -1;
    println!("{}", block[at]);
}
