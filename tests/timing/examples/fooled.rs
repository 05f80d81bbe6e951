//! Three ways to be fooled by a measurement. All of it is measured on one
//! allocator, the one that this program has.
//!
//! ```text
//! cargo run --release -p timing --example fooled
//! ```

use std::hint::black_box;
use std::time::Instant;

/// How many blocks a measurement takes and gives back.
const BLOCKS: usize = 20_000;

/// How often most things are measured.
const TIMES: usize = 101;

/// More bytes than any machine has.
const HUGE: usize = 64 << 40;

const LARGE: usize = 4 << 20;

const PAGE: usize = 4096;

fn main() {
    if cfg!(debug_assertions) {
        println!("This program shows what `--release` does.");
        return;
    }
    print_loops();
    print_contenders();
    print_large();
}

#[inline(never)]
fn nobody_looks<const BYTES: usize>() -> usize {
    let mut bytes = 0;
    for _ in 0..BLOCKS {
        let block = Vec::<u8>::with_capacity(BYTES);
        bytes += block.capacity();
    }
    bytes
}

#[inline(never)]
fn somebody_may_look<const BYTES: usize>() -> usize {
    let mut bytes = 0;
    for _ in 0..BLOCKS {
        let block = black_box(Vec::<u8>::with_capacity(BYTES));
        bytes += block.capacity();
    }
    bytes
}

type Loop = (&'static str, fn() -> usize);

fn print_loops() {
    println!("{BLOCKS} blocks, one after the other: ns for each\n");
    println!("{:32}{:>8}{:>8}{:>8}", "", "least", "middle", "most");
    let loops: [Loop; 3] = [
        ("64 bytes, nobody looks", nobody_looks::<64>),
        ("64 tebibytes, nobody looks", nobody_looks::<HUGE>),
        ("64 bytes, somebody may look", somebody_may_look::<64>),
    ];
    for (name, work) in loops {
        let times = sorted((0..TIMES).map(|_| nanoseconds(work)));
        let shown = [times[0], times[TIMES / 2], times[TIMES - 1]];
        let shown = shown.map(|it| format!("{:8.1}", it / BLOCKS as f64));
        println!("{name:32}{}", shown.concat());
    }
}

/// The same work on the same allocator, as if two of them had their turn.
fn print_contenders() {
    println!("\n{BLOCKS} blocks of 64 bytes, all at once: ns for each\n");
    let mut blocks = vec![None; BLOCKS];
    for name in ["the first contender", "the second contender"] {
        let time = nanoseconds(|| come_and_go(&mut blocks));
        println!("{name:32}{:8.1}", time / BLOCKS as f64);
    }
}

fn come_and_go(blocks: &mut [Option<Box<[u8; 64]>>]) {
    for block in &mut *blocks {
        *block = Some(black_box(Box::new([1; 64])));
    }
    blocks.fill(None);
}

fn print_large() {
    println!("\nOne block of {} MiB: ns\n", LARGE >> 20);
    let print = |name, time| println!("{name:32}{time:8.0}");
    let measure = |is_written| nanoseconds(|| large(is_written));
    let middle =
        |is_written| sorted((0..TIMES).map(|_| measure(is_written)))[TIMES / 2];
    print("nobody writes to it", middle(false));
    print("a byte in each page, at first", measure(true));
    print("a byte in each page, later", middle(true));
}

#[inline(never)]
fn large(is_written: bool) {
    let mut block = black_box(Vec::<u8>::with_capacity(LARGE));
    if is_written {
        for page in block.spare_capacity_mut().chunks_mut(PAGE) {
            page[0].write(1);
        }
    }
    black_box(block);
}

fn sorted(times: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    times
}

/// How long some work takes, by the clock.
fn nanoseconds<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_nanos() as f64
}
