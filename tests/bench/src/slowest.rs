//! The slowest calls: how long one in ten thousand takes at least, and one in a
//! million, when the recordings of real programs are asked for again. All other
//! tables have means.
//!
//! The processor's counter of cycles is read after each call, and what it shows
//! more than the time before is what the call took, with the first byte of a
//! new block written to: whoever hands out a page that is not there makes the
//! program wait. To read it takes some cycles, which are in the numbers: the
//! row `nothing` shows how many.
//!
//! An interrupt, or another thread that has its turn, makes a call look slow
//! that is not. But it is another call each time. So each recording is asked
//! for again and again, each time with a heap that nobody has used (in a forked
//! process), and of what each call took the middle counts: what hits a call in
//! less than half of the turns is left out. What a call does itself, it does
//! each time.

use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::slice;
use std::time::Instant;

use crate::allocators::{
    ALONE, Contender, NOTHING, ONE_STACK, PEERS, PER_THREAD, STAGE_3, STAGE_4,
    by_name, more_peers,
};
use crate::measure::Plan;
use crate::results::{self, in_a_fresh_process};
use crate::trace::{self, Trace};
use crate::traces::{Replay, Touch};

/// How often each recording is asked for.
const REPLAYS: usize = 5;

/// How many of its slowest calls a fresh process prints. One call in ten
/// thousand is less, of all recordings together.
const TOP: usize = 500;

pub fn main(plan: Plan) {
    let ours = [NOTHING, PER_THREAD, ONE_STACK, STAGE_3, STAGE_4];
    let contenders = [&ours[..], &PEERS, &ALONE, &more_peers()].concat();
    let turns = plan.turns.min(REPLAYS).to_string();
    let mut programs = trace::names();
    if !plan.is_kept {
        programs.truncate(3);
    }
    let mut rows = Vec::new();
    let mut all: Vec<_> = contenders.iter().map(|_| Calls::default()).collect();
    for (index, program) in programs.iter().enumerate() {
        results::progress(program, index, programs.len());
        for (contender, all) in contenders.iter().zip(&mut all) {
            let args = ["in-slowest", contender.name, program, &turns];
            let calls = Calls::read(in_a_fresh_process(&args));
            rows.push(calls.row(program, contender.name));
            all.add(calls);
        }
    }
    for (contender, calls) in contenders.iter().zip(&all) {
        rows.push(calls.row("all", contender.name));
    }
    let columns = [
        "program",
        "allocator",
        "calls",
        "one_in_10_000",
        "one_in_a_million",
        "slowest",
    ];
    results::keep(plan, "slowest", &columns, &rows);
}

/// The slowest of some calls.
#[derive(Default)]
struct Calls {
    count: usize,
    /// Nanoseconds, the longest first.
    slowest: Vec<f64>,
}

impl Calls {
    /// Reads what [`child`] prints.
    fn read(numbers: Vec<f64>) -> Self {
        let count = numbers[0] as usize;
        Self { count, slowest: numbers[1..].to_vec() }
    }

    fn add(&mut self, others: Self) {
        self.count += others.count;
        self.slowest.extend(others.slowest);
        self.slowest.sort_by(|a, b| b.total_cmp(a));
        self.slowest.truncate(TOP);
    }

    /// How long one in so many takes at least. There must be so many.
    fn one_in(&self, many: usize) -> String {
        match self.count / many {
            0 => String::new(),
            slow => format!("{:.0}", self.slowest[slow - 1]),
        }
    }

    fn row(&self, program: &str, allocator: &str) -> Vec<String> {
        let [program, allocator] = [program, allocator].map(str::to_owned);
        let count = self.count.to_string();
        let [slow, slower] = [10_000, 1_000_000].map(|it| self.one_in(it));
        let slowest = format!("{:.0}", self.slowest[0]);
        vec![program, allocator, count, slow, slower, slowest]
    }
}

/// Prints how many calls there are, and the nanoseconds of the slowest.
pub fn child(allocator: &str, program: &str, turns: &str) {
    let contender = by_name(allocator);
    let turns: usize = turns.parse().expect("a number of turns");
    let trace = Trace::load(program);
    let count = trace.events.len();
    let samples = shared(turns * count);
    let (start, first) = (Instant::now(), cycles());
    for turn in samples.chunks_mut(count) {
        in_a_fork(|| sample(contender, &trace, turn));
    }
    let passed = (cycles() - first) as f64;
    let nanoseconds = start.elapsed().as_nanos() as f64 / passed;
    let mut middles: Vec<u32> =
        (0..count).map(|call| middle_of(samples, call, count)).collect();
    middles.sort_by(|a, b| b.cmp(a));
    println!("{count}");
    for cycles in middles.iter().take(TOP) {
        println!("{}", f64::from(*cycles) * nanoseconds);
    }
}

/// The middle of what a call took in each turn.
fn middle_of(samples: &[u32], call: usize, count: usize) -> u32 {
    let turns = samples.iter().skip(call).step_by(count);
    let mut turns: Vec<u32> = turns.copied().collect();
    turns.sort_unstable();
    turns[turns.len() / 2]
}

/// Writes down how many cycles each call took.
fn sample(contender: Contender, trace: &Trace, samples: &mut [u32]) {
    let mut allocator = (contender.new)();
    let mut replay = Replay::new(trace);
    let mut samples = samples.iter_mut();
    let mut before = cycles();
    replay.run_and_look(&mut *allocator, Touch::FirstByte, 1, |_| {
        let now = cycles();
        let sample = samples.next().expect("one for each call");
        *sample = (now - before).try_into().unwrap_or(u32::MAX);
        before = cycles();
    });
}

/// What the processor has counted, when all is done that comes before.
#[cfg(target_arch = "x86_64")]
fn cycles() -> u64 {
    use std::arch::x86_64::{_mm_lfence, _rdtsc};
    // SAFETY: each x86-64 has it.
    unsafe {
        _mm_lfence();
        _rdtsc()
    }
}

/// Another processor has the clock instead.
#[cfg(not(target_arch = "x86_64"))]
fn cycles() -> u64 {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Numbers that forked processes write to and all can read. They are in memory
/// from the start.
fn shared(count: usize) -> &'static mut [u32] {
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
    let len = count * size_of::<u32>();
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping, and zeros are numbers. Nobody unmaps it.
    unsafe {
        let start = libc::mmap(ptr::null_mut(), len, protection, flags, -1, 0);
        assert!(start != libc::MAP_FAILED, "no memory for {count} samples");
        let start = NonNull::new(start).expect("no page there");
        slice::from_raw_parts_mut(start.cast().as_ptr(), count)
    }
}

/// Does some work in a process that has all that this one has, and ends.
fn in_a_fork(work: impl FnOnce()) {
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no process");
    if child == 0 {
        work();
        // SAFETY: it ends the process.
        unsafe { libc::_exit(0) };
    }
    let mut status = MaybeUninit::zeroed();
    // SAFETY: `status` may be written, and a number may be zero.
    let status = unsafe {
        libc::waitpid(child, status.as_mut_ptr(), 0);
        status.assume_init()
    };
    assert_eq!(status, 0, "a forked process has failed");
}
