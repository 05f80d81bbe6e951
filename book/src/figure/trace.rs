//! Calls that a program has made: the lines of its recording, as it is kept
//! among what the book quotes.

use crate::captured;

/// A call, with the number of its block and how many bytes were asked for.
#[derive(Clone, Copy)]
pub enum Call {
    Malloc(usize, usize),
    Realloc(usize, usize),
    Free(usize),
}

/// The calls of a recording.
pub fn calls(source: &str, text: &str) -> Vec<Call> {
    let captured = captured::parse(text);
    let output = captured.unwrap_or_else(|why| panic!("{source} {why}")).output;
    let call = |line: &str| {
        let number = |word: &str| word.parse().expect("a number");
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["a", block, size] => Call::Malloc(number(block), number(size)),
            ["r", block, size] => Call::Realloc(number(block), number(size)),
            ["f", block] => Call::Free(number(block)),
            _ => panic!("{source} has the line `{line}`"),
        }
    };
    output.lines().map(call).collect()
}
