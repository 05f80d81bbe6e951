//! What many blocks cost in small pages and in huge ones, on the stack of this
//! thread. Each is measured in processes of their own, in turns: to one of them
//! the system gives no huge page, however it is asked.
//!
//! ```text
//! cargo run --release -p timing --example huge_pages
//! ```

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::collections::BTreeMap;
    use std::process::Command;
    use std::{env, fs, hint, mem};

    use fastrand::Rng;
    use stage5_lifo_stack::per_thread::global::PerThread;
    use timing::run::run;
    use timing::score::time::own_time;

    #[global_allocator]
    static HEAP: PerThread = PerThread;

    /// How many blocks there are, beside those that lead to them.
    const COUNT: u64 = 500_000;

    /// How many are looked for.
    const LOOKS: u64 = 1_000_000;

    /// How often each is measured.
    const TIMES: usize = 7;

    /// The word that makes of this program one without huge pages.
    const SMALL: &str = "small";

    pub fn main() {
        match env::args().nth(1).as_deref() {
            None => compare(),
            Some(word) => {
                if word == SMALL {
                    have_no_huge_pages();
                }
                let [faults, kibibytes, fill, find] = measure();
                println!("{faults} {kibibytes} {fill} {find}");
            }
        }
    }

    fn compare() {
        let mut turns = [const { Vec::new() }; 2];
        for _ in 0..TIMES {
            for (turns, word) in turns.iter_mut().zip([SMALL, "huge"]) {
                turns.push(in_a_process(word));
            }
        }
        let [small, huge] = turns.map(|turns| {
            [0, 1, 2, 3].map(|at| median(turns.iter().map(|it| it[at])))
        });
        let mebibytes = |kibibytes: f64| kibibytes / 1024.0;
        println!("{COUNT} blocks       small pages   huge pages");
        println!("page faults         {:11}   {:11}", small[0], huge[0]);
        println!(
            "MiB in huge pages  {:11}   {:11}",
            mebibytes(small[1]),
            mebibytes(huge[1])
        );
        println!("ns to make one      {:11.0}   {:11.0}", small[2], huge[2]);
        println!("ns to find one      {:11.0}   {:11.0}", small[3], huge[3]);
    }

    /// What such a process measured of itself.
    fn in_a_process(word: &str) -> Vec<f64> {
        let this = env::current_exe().expect("a program knows where it lies");
        let mut command = Command::new(this);
        command.arg(word);
        let outcome = run(command);
        let numbers = outcome.stdout.split_whitespace();
        numbers.map(|it| it.parse().expect("a number")).collect()
    }

    fn median(numbers: impl Iterator<Item = f64>) -> f64 {
        let mut numbers: Vec<f64> = numbers.collect();
        numbers.sort_by(f64::total_cmp);
        numbers[numbers.len() / 2]
    }

    /// Page faults, KiB in huge pages, and nanoseconds to make a block and to
    /// find one, where they were made in one order and are found in another.
    fn measure() -> [f64; 4] {
        let (mut rng, before) = (Rng::with_seed(1), faults());
        let start = own_time();
        let mut blocks = BTreeMap::new();
        for at in 0..COUNT {
            blocks.insert(rng.u64(..), Box::new([at; 8]));
        }
        let made = own_time();
        let faults = faults() - before;
        let kibibytes = in_huge_pages();
        let looked = own_time();
        for _ in 0..LOOKS {
            hint::black_box(blocks.range(rng.u64(..)..).next());
        }
        let found = own_time();
        [
            faults,
            kibibytes,
            (made - start) / COUNT as f64,
            (found - looked) / LOOKS as f64,
        ]
    }

    /// How many pages the system has given to this process when they were first
    /// touched.
    fn faults() -> f64 {
        // SAFETY: zeroes are a value of it, and getrusage(2) writes to it alone.
        let usage = unsafe {
            let mut usage: libc::rusage = mem::zeroed();
            libc::getrusage(libc::RUSAGE_SELF, &mut usage);
            usage
        };
        usage.ru_minflt as f64
    }

    /// KiB of this process that lie in huge pages: see proc_pid_smaps(5).
    fn in_huge_pages() -> f64 {
        let all = fs::read_to_string("/proc/self/smaps_rollup");
        let all = all.unwrap_or_default();
        let line = all.lines().find(|it| it.starts_with("AnonHugePages:"));
        let number =
            line.and_then(|it| it.split_whitespace().nth(1)?.parse().ok());
        number.unwrap_or(0.0)
    }

    /// See PR_SET_THP_DISABLE(2const).
    fn have_no_huge_pages() {
        // SAFETY: it sets a flag of this process.
        unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
    }
}
