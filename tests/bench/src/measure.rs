//! How to measure: in turns, more than once, and the middle counts.

use std::mem::MaybeUninit;

use crate::allocators::{NOTHING, PEERS};

/// How thoroughly to measure.
#[derive(Clone, Copy)]
pub struct Plan {
    /// How often each contender has its turn.
    pub turns: usize,
    /// How many nanoseconds a turn takes at least.
    pub turn: f64,
    /// Whether the results are kept.
    pub is_kept: bool,
}

impl Plan {
    pub const WHOLE: Self = Self { turns: 15, turn: 15e6, is_kept: true };
    pub const SHORT: Self = Self { turns: 1, turn: 1e6, is_kept: false };
}

/// The middle of some numbers, and what the middle half of them covers.
#[derive(Clone, Copy)]
pub struct Spread {
    pub middle: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    pub fn of(mut numbers: Vec<f64>) -> Self {
        numbers.sort_by(f64::total_cmp);
        let at = |quarter: usize| numbers[(numbers.len() - 1) * quarter / 4];
        Self { middle: at(2), low: at(1), high: at(3) }
    }
}

/// Whoever has had so many nanoseconds in all gets no other turn.
const ENOUGH: f64 = 3e9;

/// Lets all have their turn, again and again: what else the machine does hits
/// all of them.
pub fn in_turns<T>(
    turns: usize,
    contenders: &mut [T],
    mut measure: impl FnMut(&mut T) -> f64,
) -> Vec<Spread> {
    let mut numbers = vec![Vec::new(); contenders.len()];
    let mut times = vec![0.0; contenders.len()];
    for _ in 0..turns {
        let all = contenders.iter_mut().zip(&mut numbers).zip(&mut times);
        for ((contender, numbers), time) in all {
            if *time < ENOUGH {
                let start = own_time();
                numbers.push(measure(contender));
                *time += own_time() - start;
            }
        }
    }
    numbers.into_iter().map(Spread::of).collect()
}

/// Nanoseconds for which a processor has worked for this thread. Whatever else
/// the machine does, and however few cores it has, that does not grow meanwhile.
pub fn own_time() -> f64 {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: `time` may be written, and all its fields may be zero.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr());
        time.assume_init()
    };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// The columns behind the keys of a table of times. `net` is without what the
/// work costs with no allocator at all; the last three compare that.
pub const COLUMNS: [&str; 8] = [
    "allocator",
    "ns",
    "low",
    "high",
    "net",
    "to_glibc",
    "to_mimalloc",
    "to_best_peer",
];

/// A row for each contender, behind the same keys. The last contender of the
/// peers is the fastest one.
pub fn rows(keys: &[&str], results: &[(&str, Spread)]) -> Vec<Vec<String>> {
    let time = |name: &str| {
        let found = results.iter().find(|(it, _)| *it == name);
        found.map(|(_, spread)| spread.middle)
    };
    let work = time(NOTHING.name).expect("it is always measured");
    let net = |name: &str| time(name).map(|time| time - work);
    let peers = PEERS.iter().filter_map(|peer| net(peer.name));
    let best = peers.reduce(f64::min);
    let to = |net: f64, other: Option<f64>| match other {
        Some(other) => format!("{:.3}", net / other),
        None => String::new(),
    };
    let row = |&(name, spread): &(&str, Spread)| {
        let keys = keys.iter().map(|&key| key.to_owned());
        let Spread { middle, low, high } = spread;
        let own = middle - work;
        let times = [middle, low, high, own].map(|time| format!("{time:.2}"));
        let ratios =
            [to(own, net("glibc")), to(own, net("mimalloc")), to(own, best)];
        keys.chain([name.to_owned()]).chain(times).chain(ratios).collect()
    };
    results.iter().map(row).collect()
}
