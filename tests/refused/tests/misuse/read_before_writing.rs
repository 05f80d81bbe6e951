//! What nobody has written nobody reads.

fn main() {
    let block: [u8; 24];
    println!("{}", block[0]);
}
