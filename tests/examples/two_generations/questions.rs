//! What is asked. Each question has a process of its own, and whatever needs
//! memory of its own comes after the last look.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_void};
use std::hint::black_box;
use std::path::Path;
use std::ptr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::{array, fs, mem};

type Question = (&'static str, fn() -> String);

pub const QUESTIONS: [Question; 50] = [
    // How large a block is.
    ("room in a block of 0", || room(0)),
    ("room in one of 1", || room(1)),
    ("room in one of 24", || room(24)),
    ("room in one of 25", || room(25)),
    ("room in one of 1000", || room(1000)),
    ("room in one of 5000", || room(5000)),
    ("room in one of 20000", || room(20_000)),
    ("room in one of 70000", || room(70_000)),
    ("room in one of 200000", || room(200_000)),
    ("room in one of 1100000", || room(1_100_000)),
    ("rooms for sizes up to 1024", || rooms(1024)),
    ("rooms for sizes up to 65536", || rooms(65_536)),
    ("blocks of 8: multiples of", || alignment(8)),
    ("blocks of 100: multiples of", || alignment(100)),
    // Which block comes back.
    ("64 of 24 freed: first come", || first_come(24, plain)),
    ("and then comes", || then_comes(24, plain)),
    ("64 of 1000 freed: first come", || first_come(1000, plain)),
    ("and then comes", || then_comes(1000, plain)),
    ("calloc(24): first come", || first_come(24, cleared)),
    ("calloc(1000): first come", || first_come(1000, cleared)),
    ("addresses before one is back", before_one_is_back),
    ("a remote free: to the", who_has_it),
    ("two of 3000, one of 6000", is_joined),
    // A block that changes its size.
    ("realloc 1000 to 600", || resized(1000, 600)),
    ("realloc 1000 to 100", || resized(1000, 100)),
    ("realloc 100000 to 60000", || resized(100_000, 60_000)),
    ("realloc 10 MB to 100", || resized(10_000_000, 100)),
    ("realloc to 0", realloc_to_nothing),
    // At the edge of what is promised.
    ("malloc(0)", || given(plain(0))),
    ("malloc(1 << 46)", || given(plain(1 << 46))),
    ("errno after malloc(1 << 62)", || errno_after(|| plain(1 << 62))),
    ("aligned_alloc(24, 48)", || given(aligned(24, 48))),
    ("aligned_alloc(0, 8)", || given(aligned(0, 8))),
    ("memalign(24, 48)", || given(memalign(24, 48))),
    ("errno when one of 64 is given", || errno_after(|| aligned(64, 100))),
    ("the room in nothing", || usable(ptr::null_mut()).to_string()),
    // What goes to the system and comes from it.
    ("KiB of break, 1000 of 1000", break_moved),
    ("MiB of addresses at the start", || mib("VmSize").to_string()),
    ("MiB of them a thread adds", a_threads_addresses),
    (LIMIT, || plain(1).addr().min(1).to_string()),
    ("MiB of calloc(256 MiB)", cleared_memory),
    ("100 of 1 MiB: MiB freed, left", || left(100, 1 << 20, 0)),
    ("MiB left 2 s later", || left(100, 1 << 20, 2)),
    ("1000 of 64 KiB: MiB left", || left(1000, 1 << 16, 0)),
    ("1000000 of 100: MiB left", || left(1_000_000, 100, 0)),
    // Which names it brings.
    ("free_sized", || whose(c"free_sized")),
    ("reallocarray", || whose(c"reallocarray")),
    ("mallocx", || whose(c"mallocx")),
    ("sbrk", || whose(c"sbrk")),
    ("__libc_malloc", || whose(c"__libc_malloc")),
];

/// The question that is asked under limits, until it gets an answer.
pub const LIMIT: &str = "smallest ulimit -v, in MiB";

pub fn answer(number: usize) -> String {
    QUESTIONS[number].1()
}

// The C library. -----------------------------------------------------------

unsafe extern "C" {
    safe fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
    safe fn memalign(alignment: usize, size: usize) -> *mut c_void;
}

/// The compiler knows malloc, and might leave it out: `black_box` forbids it.
fn plain(size: usize) -> *mut c_void {
    // SAFETY: it may fail.
    black_box(unsafe { libc::malloc(black_box(size)) })
}

fn cleared(size: usize) -> *mut c_void {
    // SAFETY: it may fail.
    black_box(unsafe { libc::calloc(black_box(1), size) })
}

fn aligned(alignment: usize, size: usize) -> *mut c_void {
    black_box(aligned_alloc(black_box(alignment), size))
}

fn free(block: *mut c_void) {
    // SAFETY: each question frees a block once.
    unsafe { libc::free(black_box(block)) };
}

fn usable(block: *mut c_void) -> usize {
    // SAFETY: nobody has freed it.
    unsafe { libc::malloc_usable_size(black_box(block)) }
}

fn blocks<const N: usize>(size: usize) -> [*mut c_void; N] {
    array::from_fn(|_| plain(size))
}

// The answers. -------------------------------------------------------------

fn room(size: usize) -> String {
    // Not the first ones: those may fill a gap that is a little longer.
    usable(blocks::<64>(size)[63]).to_string()
}

fn rooms(most: usize) -> String {
    let all: BTreeSet<usize> = (1..=most)
        .map(|size| {
            let block = plain(size);
            let room = usable(block);
            free(block);
            room
        })
        .collect();
    all.len().to_string()
}

/// Of which power of two all addresses are multiples.
fn alignment(size: usize) -> String {
    let mut together = 0;
    for _ in 0..256 {
        // Others between them: their distances are not all alike.
        let (block, _other) = (plain(size), plain(40));
        together |= block.addr();
    }
    (1_usize << together.trailing_zeros()).to_string()
}

/// Blocks that were freed, in the order in which they were. Others of the size
/// are in use around them.
fn freed(size: usize) -> [*mut c_void; 64] {
    let mut all: [*mut c_void; 192] = blocks(size);
    all.sort_unstable_by_key(|block| block.addr());
    let freed = array::from_fn(|at| all[3 * at]);
    for block in freed {
        free(block);
    }
    freed
}

/// Takes as many as were freed. The answers are the numbers of the blocks that
/// come back, the one that was freed first being 1, and 0 for another block.
fn come_back(size: usize, take: fn(usize) -> *mut c_void) -> [usize; 64] {
    let freed = freed(size);
    let taken: [*mut c_void; 64] = array::from_fn(|_| take(size));
    taken.map(|block| {
        let place = freed.iter().position(|it| *it == block);
        place.map_or(0, |place| place + 1)
    })
}

/// How many of them come back one after the other, each freed just before the
/// one that came before it.
fn backwards(numbers: &[usize]) -> usize {
    if numbers[0] == 0 {
        return 0;
    }
    numbers.windows(2).take_while(|it| it[0] == it[1] + 1 && it[1] > 0).count()
        + 1
}

fn first_come(size: usize, take: fn(usize) -> *mut c_void) -> String {
    let numbers = come_back(size, take);
    match backwards(&numbers) {
        0 => "new ones".to_owned(),
        1 => numbers[0].to_string(),
        count => format!("{} to {}", numbers[0], numbers[count - 1]),
    }
}

fn then_comes(size: usize, take: fn(usize) -> *mut c_void) -> String {
    let numbers = come_back(size, take);
    match numbers.get(backwards(&numbers)) {
        None => "-".to_owned(),
        Some(0) => "a new one".to_owned(),
        Some(number) => number.to_string(),
    }
}

fn before_one_is_back() -> String {
    let mut seen = Vec::with_capacity(100_000);
    loop {
        let block = plain(24);
        free(block);
        if seen.contains(&block.addr()) || seen.len() == seen.capacity() {
            return seen.len().to_string();
        }
        seen.push(block.addr());
    }
}

fn who_has_it() -> String {
    let block = blocks::<256>(24)[32].expose_provenance();
    let (done, wait) = mpsc::channel::<()>();
    let (send, receive) = mpsc::channel();
    // A thread that has a malloc of its own, and lives on afterwards.
    let thread = thread::spawn(move || {
        let _first = plain(24);
        free(ptr::with_exposed_provenance_mut(block));
        send.send(plain(24).addr() == block).expect("somebody listens");
        wait.recv().expect_err("nobody speaks");
    });
    let freer_has_it = receive.recv().expect("it answers");
    let mut others = (0..100_000).map(|_| plain(24).addr());
    let answer = if freer_has_it {
        "freer"
    } else if others.any(|it| it == block) {
        "owner"
    } else {
        "nobody"
    };
    drop(done);
    thread.join().expect("it does not panic");
    answer.to_owned()
}

fn is_joined() -> String {
    let mut blocks: [*mut c_void; 8] = blocks(3000);
    blocks.sort_unstable_by_key(|block| block.addr());
    free(blocks[3]);
    free(blocks[4]);
    let is_there = plain(6000) == blocks[3];
    if is_there { "there" } else { "far" }.to_owned()
}

/// Whether a block stays where it is, and its room.
fn resized(before: usize, after: usize) -> String {
    let block = plain(before);
    let _above = plain(before);
    // SAFETY: the block is in use, and this is the last of it.
    let resized = unsafe { libc::realloc(black_box(block), after) };
    let mark = if resized.addr() == block.addr() { "=" } else { "" };
    format!("{mark}{}", usable(resized))
}

fn realloc_to_nothing() -> String {
    // SAFETY: the block is in use, and nobody looks at it again.
    given(unsafe { libc::realloc(plain(100), black_box(0)) })
}

fn given(block: *mut c_void) -> String {
    if block.is_null() { "null" } else { "a block" }.to_owned()
}

/// What errno is afterwards. It was 0.
fn errno_after(call: fn() -> *mut c_void) -> String {
    // SAFETY: each thread has its own.
    unsafe { *libc::__errno_location() = 0 };
    call();
    // SAFETY: as above.
    let errno = unsafe { *libc::__errno_location() };
    match errno {
        libc::ENOMEM => "ENOMEM".to_owned(),
        libc::EINVAL => "EINVAL".to_owned(),
        other => other.to_string(),
    }
}

fn break_moved() -> String {
    // SAFETY: it only asks.
    let place = || unsafe { libc::sbrk(0) }.addr();
    let before = place();
    blocks::<1000>(1000);
    ((place() - before) / 1024).to_string()
}

/// A line of the kernel's file about this process.
fn mib(line: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("it is there");
    let line = status.lines().find_map(|it| it.strip_prefix(line));
    let kib = line.and_then(|it| it.split_whitespace().nth(1));
    kib.and_then(|it| it.parse::<usize>().ok()).expect("a number") / 1024
}

fn a_threads_addresses() -> String {
    let before = mib("VmSize");
    let thread = thread::Builder::new().stack_size(1 << 20);
    let thread = thread.spawn(|| {
        blocks::<10>(100);
        mib("VmSize")
    });
    let with_it = thread.expect("a thread").join().expect("it does not panic");
    (with_it - before).to_string()
}

fn cleared_memory() -> String {
    let before = mib("VmRSS");
    cleared(256 << 20);
    (mib("VmRSS") - before).to_string()
}

/// How much stays in memory of blocks that were written to and freed, after
/// some seconds, in which the program goes on.
fn left(count: usize, size: usize, seconds: u64) -> String {
    let before = mib("VmRSS");
    let mut blocks = mem::ManuallyDrop::new(Vec::with_capacity(count));
    for _ in 0..count {
        let block = plain(size);
        // SAFETY: so much room is in the block.
        unsafe { block.write_bytes(1, size) };
        blocks.push(block);
    }
    for block in blocks.iter() {
        free(*block);
    }
    for _ in 0..seconds * 10 {
        thread::sleep(Duration::from_millis(100));
        for size in 1..1000 {
            free(plain(size));
        }
    }
    mib("VmRSS").saturating_sub(before).to_string()
}

/// Whose function has this name.
fn whose(name: &CStr) -> String {
    // SAFETY: the name ends with a zero.
    let function = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    // SAFETY: all of it may be zero.
    let mut about: libc::Dl_info = unsafe { mem::zeroed() };
    // SAFETY: it looks the address up, and writes to a place of ours.
    if unsafe { libc::dladdr(function, &raw mut about) } == 0 {
        return "-".to_owned();
    }
    // SAFETY: it was found, so there is the path of a file.
    let path = unsafe { CStr::from_ptr(about.dli_fname) };
    let path = path.to_string_lossy();
    let file = Path::new(path.as_ref()).file_name();
    let is_libc = file.is_some_and(|it| it == "libc.so.6");
    if is_libc { "libc" } else { "its own" }.to_owned()
}
