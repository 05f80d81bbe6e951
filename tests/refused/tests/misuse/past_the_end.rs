//! An array has its length in its type. An index that is known while the program is
//! compiled is compared with it.

const BLOCK: [u8; 24] = [b'a'; 24];
const PAST_THE_END: u8 = BLOCK[24];

fn main() {
    println!("{PAST_THE_END}");
}
