//! Runs the contract of stage 5 on a step of the book that is no stage, and
//! lists which promises it keeps:
//!
//! ```text
//! cargo run -p tests --example contract_on_step -- 5-1-ground
//! ```

use std::env;

use tests::contract::contract_on;

fn main() {
    let step = env::args().nth(1).unwrap_or_else(|| "5-0-sketch".to_owned());
    print!("{}", contract_on(&step).list);
}
