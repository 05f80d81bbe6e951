//! A Rust program whose memory comes from our heap, behind its lock, and which
//! also calls the C library: on the break of the process, and on a break of
//! our own. It starts itself again and again, and counts how that ended.
//!
//! ```text
//! cargo run -p tests --example behind_our_back
//! cargo run -p tests --example behind_our_back -- 1
//! ```

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::env;
    use std::hint::black_box;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, ExitStatus, Stdio};
    use std::ptr::NonNull;
    use std::thread;

    use stage4_threadsafe::{
        Brk, Heap, LockedHeap, Mutex, OutOfMemory, ProcessBrk, ReservedBrk,
    };

    #[global_allocator]
    static HEAP: LockedHeap<EitherBrk> =
        LockedHeap::new(Mutex::new(Heap::new(EitherBrk::NotAsked)));

    /// The environment variable that says which break.
    const BREAK: &str = "MALLOC_BREAK";

    /// What a run does, if nothing happens.
    const BLOCKS: usize = 20_000;
    const ROUNDS: usize = 1000;

    /// After so many seconds a run that hangs is ended.
    const LIMIT: u32 = 5;

    /// The exit status of a run that found its memory changed.
    const CHANGED: i32 = 3;

    pub fn main() {
        if env::var_os(BREAK).is_some() {
            return work();
        }
        let runs = env::args()
            .nth(1)
            .map_or(20, |number| number.parse().expect("the number of runs"));
        for (name, brk) in
            [("the break of the process", "process"), ("our own break", "own")]
        {
            print_runs(name, brk, runs);
        }
    }

    fn print_runs(name: &str, brk: &str, runs: usize) {
        let ends: Vec<ExitStatus> = (0..runs).map(|_| run(brk)).collect();
        let count = |is: &dyn Fn(&ExitStatus) -> bool| {
            ends.iter().filter(|end| is(end)).count()
        };
        let signals = |wanted: &[i32]| {
            count(&|end| end.signal().is_some_and(|it| wanted.contains(&it)))
        };
        println!("{runs} runs on {name}:");
        println!("{:4} went well", count(&ExitStatus::success));
        let changed = count(&|end| end.code() == Some(CHANGED));
        println!("{changed:4} found other bytes than they had written");
        let aborted = signals(&[libc::SIGABRT]);
        println!("{aborted:4} were ended by a heap that found itself damaged");
        let killed = signals(&[libc::SIGSEGV, libc::SIGBUS]);
        println!("{killed:4} were ended by the kernel");
        println!("{:4} hung", signals(&[libc::SIGALRM]));
    }

    /// How one run ended.
    fn run(brk: &str) -> ExitStatus {
        let this = env::current_exe().expect("a program knows where it lies");
        Command::new(this)
            .env(BREAK, brk)
            .stderr(Stdio::null())
            .status()
            .expect("this program starts")
    }

    /// Two threads use our heap. The first asks the C library for memory, as
    /// any library written in C would, and uses none of it.
    fn work() {
        // SAFETY: alarm(2) has no conditions.
        unsafe { libc::alarm(LIMIT) };
        thread::scope(|scope| {
            let others =
                [1, 2].map(|it| scope.spawn(move || fill_and_look(it)));
            let busy = || others.iter().any(|other| !other.is_finished());
            for _ in 0..BLOCKS {
                if busy() {
                    // SAFETY: it may fail, and nobody uses it.
                    black_box(unsafe { libc::malloc(100_000) });
                }
            }
        });
    }

    /// Fills blocks, and looks whether they stay as they are.
    fn fill_and_look(byte: u8) {
        let mut size = 1000;
        for _ in 0..ROUNDS {
            size = size * 7 % 300_007;
            let blocks = [size, size / 2, size / 3].map(|it| vec![byte; it]);
            let mut bytes = blocks.iter().flat_map(|it| it.iter().step_by(500));
            if bytes.any(|&it| it != byte) {
                // SAFETY: it ends the process at once. The rest of it may
                // be damaged.
                unsafe { libc::_exit(CHANGED) };
            }
        }
    }

    /// One break or the other, as the environment says.
    enum EitherBrk {
        NotAsked,
        Process(ProcessBrk),
        Own(ReservedBrk),
    }

    impl EitherBrk {
        fn ask() -> Self {
            // SAFETY: the name ends in a zero byte, and so does the other
            // string.
            let is_process = unsafe {
                let value = libc::getenv(c"MALLOC_BREAK".as_ptr());
                !value.is_null()
                    && libc::strcmp(value, c"process".as_ptr()) == 0
            };
            if is_process {
                // SAFETY: this is not true. The C library moves the break too,
                // and what comes of that is what this program shows.
                Self::Process(unsafe { ProcessBrk::new() })
            } else {
                Self::Own(ReservedBrk::new())
            }
        }
    }

    // SAFETY: as the one that is meant says.
    unsafe impl Brk for EitherBrk {
        unsafe fn sbrk(
            &mut self,
            increment: isize,
        ) -> Result<NonNull<u8>, OutOfMemory> {
            if let Self::NotAsked = self {
                *self = Self::ask();
            }
            // SAFETY: as the caller promises.
            unsafe {
                match self {
                    Self::Process(brk) => brk.sbrk(increment),
                    Self::Own(brk) => brk.sbrk(increment),
                    Self::NotAsked => Err(OutOfMemory),
                }
            }
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}
