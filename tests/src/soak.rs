//! Random work for as long as one likes.
//!
//! It goes in rounds. All that a round does comes from its seed, which also says
//! whose turn it is: with each seed it is the next heap's. The rounds of one
//! thread are games with the [`shadow`](crate::shadow), so long that the heap
//! and all its blocks are checked at every thousandth step alone. Those of many
//! threads are in [`threads`].

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[cfg_attr(miri, allow(dead_code, reason = "Miri has no mmap and no fork"))]
pub mod threads;

use std::time::{Duration, Instant};

use fastrand::Rng;
use stage4_threadsafe::LockedHeap;
use stage5_lifo_stack::per_thread::holes::Holes;

use crate::shadow::{
    Allocator, Break, Demands, LargeMemory, LongGame, Told, play_long,
};

/// What a round has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// How many operations there were.
    pub steps: usize,
    /// A number that comes from all of them, if a seed leads to the same ones
    /// each time.
    pub digest: Option<u64>,
    /// How much memory the heap used at most, for who reads it.
    pub memory: String,
}

/// Who has a turn.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// Whose it is.
    pub name: &'static str,
    /// Whether its rounds have threads.
    pub has_threads: bool,
    /// Plays the round of a seed, with this name for its story.
    pub play: Play,
}

type Play = fn(name: String, seed: u64) -> Result<Round, String>;

impl Turn {
    const fn alone(name: &'static str, play: Play) -> Self {
        Self { name, has_threads: false, play }
    }

    #[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
    const fn threads(name: &'static str, play: Play) -> Self {
        Self { name, has_threads: true, play }
    }
}

/// All that take turns.
pub const TURNS: &[Turn] = &[
    Turn::alone("stage 1", stage_1),
    Turn::alone("stage 2", stage_2),
    Turn::alone("stage 3", stage_3::<128>),
    Turn::alone("stage 3, one list", stage_3::<1>),
    Turn::alone("stage 4", stage_4),
    Turn::alone("stage 5", stage_5),
    Turn::alone("stage 5, a stack in segments", stack::<true, 16>),
    Turn::alone(
        "stage 5, a stack without additions",
        stack::<false, { 1 << 60 }>,
    ),
    #[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
    Turn::threads("stage 4, threads and forks", threads::stage_4),
    #[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
    Turn::threads("stage 5, threads and forks", threads::stage_5),
    #[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
    Turn::threads("per thread, threads and forks", threads::per_thread),
];

/// After so many steps of one thread everything is checked. Under Miri, which is
/// slow, a round has no more.
const EVERY: usize = if cfg!(miri) { 40 } else { 1000 };

/// No size is above this under Miri: it writes byte by byte.
const LARGEST: usize = if cfg!(miri) { 2 * KIB } else { 256 * KIB };

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What a heap may have for what it was asked for.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// It gives nothing back: all that was ever asked for.
    Ever,
    /// It uses nothing again: all that was asked for since it was last empty,
    /// and so many bytes more, which it keeps in reserve.
    Since(usize),
    /// It uses again what was freed: so many times what was live at most, and so
    /// many bytes more.
    Again(usize, usize),
}

impl Limit {
    fn holds(self, told: &Told) -> Result<(), String> {
        let Told { used, most_live, .. } = *told;
        let most = match self {
            Self::Ever => told.asked,
            Self::Since(reserve) => told.asked_since + reserve,
            Self::Again(times, reserve) => times * most_live + reserve,
        };
        if used <= most {
            return Ok(());
        }
        Err(format!(
            "a heap keeps to its limit: it has {used} bytes where {most} would \
             do ({self:?}), {most_live} were live at most"
        ))
    }
}

/// A round of one thread, of up to `most` steps.
///
/// In every second one memory is short, and the break plays tricks. In the
/// others there is enough, and half of them have a break without tricks: then
/// the heap has to keep to the limit. (What somebody else has taken keeps all
/// that lies below it from going back.)
pub fn round<A: Allocator>(
    name: String,
    seed: u64,
    heap: fn(Break) -> A,
    demands: Demands,
    most: usize,
    limit: Limit,
) -> Result<Round, String> {
    let mut rng = Rng::with_seed(seed);
    // From a thousand on, and as often between 1,000 and 2,000 as between
    // 100,000 and 200,000.
    let doublings = rng.f64() * (most as f64 / 1000.0).log2();
    let doublings = if cfg!(miri) { 0.0 } else { doublings };
    let steps = (EVERY as f64 * doublings.exp2()) as usize;
    let is_short = rng.bool();
    let tricks = is_short || rng.bool();
    let height = if is_short { rng.usize(40..900) * KIB } else { 16 * MIB };
    let game = LongGame {
        steps: steps.next_multiple_of(EVERY),
        check_every: EVERY,
        largest: if is_short { height / 4 } else { rng.usize(4..256) * KIB }
            .min(LARGEST),
        most_live: if is_short { height } else { rng.usize(64..2048) * KIB },
        tricks,
    };
    let brk = Break::starting_at(rng.usize(..64), height);
    let heap = heap(brk.clone());
    let mut most_used = 0;
    let is_little = |told: &Told| {
        most_used = most_used.max(told.used);
        if tricks { Ok(()) } else { limit.holds(told) }
    };
    let told = play_long(name, heap, &brk, demands, game, seed, is_little)?;
    let memory = format!(
        "{} KiB live at most, {} KiB used{}",
        told.most_live / KIB,
        most_used / KIB,
        if tricks { ", with tricks" } else { "" },
    );
    Ok(Round { steps: told.steps, digest: Some(told.digest), memory })
}

fn stage_1(name: String, seed: u64) -> Result<Round, String> {
    let heap = stage1_bump::Heap::new;
    round(name, seed, heap, Demands::STAGE_1, 20_000, Limit::Ever)
}

fn stage_2(name: String, seed: u64) -> Result<Round, String> {
    let demands = Demands { nested: true, ..Demands::STAGE_2 };
    let heap = stage2_headers::Heap::new;
    // Under the lowest block, what alignment left out belongs to nobody. No
    // block is aligned to more than this.
    let padding = 4 * KIB;
    round(name, seed, heap, demands, 50_000, Limit::Since(padding))
}

/// Between the blocks there are holes that fit nobody: as much again as what is
/// live would be many. The break moves in steps, and a large block may have left
/// a hole just now.
const FRAGMENTS: Limit = Limit::Again(2, 640 * KIB);

fn stage_3<const LISTS: usize>(
    name: String,
    seed: u64,
) -> Result<Round, String> {
    // One list is searched from end to end.
    let steps = if LISTS == 1 { 50_000 } else { 1_000_000 };
    let heap = stage3_freelist::Heap::<_, LISTS>::new;
    round(name, seed, heap, Demands::STAGE_3, steps, FRAGMENTS)
}

fn stage_4(name: String, seed: u64) -> Result<Round, String> {
    let heap = |brk| -> LockedHeap<Break> {
        let heap = stage4_threadsafe::Heap::new(brk);
        LockedHeap::new(stage4_threadsafe::Mutex::new(heap))
    };
    round(name, seed, heap, Demands::STAGE_3, 1_000_000, FRAGMENTS)
}

fn stage_5(name: String, seed: u64) -> Result<Round, String> {
    let heap = stage5_lifo_stack::Heap::<_, 4096>::new;
    let demands = Demands { nested: true, ..Demands::STAGE_5 };
    // It falls when so much is free above the top.
    let limit = Limit::Since(2 * stage5_lifo_stack::heap::SLACK);
    round(name, seed, heap, demands, 50_000, limit)
}

fn stack<const LISTS: bool, const HOLE: usize>(
    name: String,
    seed: u64,
) -> Result<Round, String> {
    const SEGMENT: usize = 16 * KIB;
    let heap = |brk| Holes::<_, LISTS, HOLE>::new(LargeMemory::new(brk));
    // As many empty segments stay at most, and mappings of twice as much.
    let limit = Limit::Again(2, 3 * 16 * SEGMENT);
    round(name, seed, heap, Demands::STACK, 200_000, limit)
}

/// Plays rounds from the seed `first` on, until the time is over and each heap
/// has had its turn. `say` is told of each before it begins and after it.
///
/// # Errors
///
/// What was wrong first, and the seed of its round.
pub fn soak(
    first: u64,
    time: Duration,
    mut say: impl FnMut(&str),
) -> Result<usize, String> {
    let start = Instant::now();
    let mut steps = 0;
    for turn in 0.. {
        if turn >= TURNS.len() as u64 && start.elapsed() >= time {
            break;
        }
        let seed = first + turn;
        steps += play_one(seed, &mut say)?.steps;
    }
    Ok(steps)
}

/// Whose turn it is with this seed.
pub fn turn_of(seed: u64) -> Turn {
    TURNS[(seed % TURNS.len() as u64) as usize]
}

/// Plays the round of a seed.
///
/// # Errors
///
/// As for [`soak`].
pub fn play_one(seed: u64, mut say: impl FnMut(&str)) -> Result<Round, String> {
    let Turn { name, play, .. } = turn_of(seed);
    let title = format!("round {seed}, {name}");
    say(&title);
    end_if_it_hangs(LONGEST);
    let round = play(title.clone(), seed)
        .map_err(|fault| format!("{title}: {fault}"))?;
    end_if_it_hangs(0);
    let Round { steps, digest, memory } = &round;
    let digest = digest.map_or(String::new(), |it| format!(", digest {it:x}"));
    say(&format!("    {steps} steps, {memory}{digest}"));
    Ok(round)
}

/// No round takes so many seconds, on any machine.
const LONGEST: u32 = 7200;

/// Ends the process by a signal after so many seconds; never for 0.
fn end_if_it_hangs(_seconds: u32) {
    #[cfg(all(unix, not(miri)))]
    // SAFETY: it has no conditions.
    unsafe {
        libc::alarm(_seconds)
    };
}
