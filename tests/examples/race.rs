//! Lets four threads move the break at the same time, and counts how often
//! two of them were given the same memory.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::thread;

    const THREADS: usize = 4;
    const CALLS: usize = 20_000;

    // All memory that the threads need is there before they start, so that
    // nobody but them moves the break.
    let mut results = vec![[0_usize; CALLS]; THREADS];
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for results in &mut results {
            scope.spawn(|| {
                start.wait();
                for result in results {
                    // SAFETY: nobody uses this memory. Two threads may be
                    // given the same: that is what is counted.
                    *result = unsafe { libc::sbrk(64) }.addr();
                }
            });
        }
    });

    let all: Vec<usize> = results.into_iter().flatten().collect();
    let different: HashSet<&usize> = all.iter().collect();
    println!("{THREADS} threads called sbrk(64), {} times in all", all.len());
    println!("{:6} different addresses", different.len());
    println!("{:6} given out again", all.len() - different.len());
}
