//! Prints where the parts of a program lie: its own.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    linux::main();
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod linux {
    use std::fs;

    /// Cannot be changed: it lies with the read-only data.
    static CONSTANT: u64 = 42;
    /// Has a value when the program starts: data.
    static mut COUNTER: u64 = 1;
    /// All zeroes when the program starts: bss. The file does not hold them.
    static mut TABLE: [u8; 1 << 20] = [0; 1 << 20];

    pub fn main() {
        let local = 7_u64;
        let block = Box::new(7_u64);
        let large = vec![7_u8; 1 << 20];
        // sbrk returns where the break was before.
        // SAFETY: this program has one thread yet, and nobody uses the memory.
        let (before, after) = unsafe { (libc::sbrk(4096), libc::sbrk(0)) };
        let a_threads = std::thread::spawn(|| {
            let local = 7_u64;
            (&raw const local).addr()
        });
        let a_threads = a_threads.join().expect("it does not panic");
        let middle_of_table = (&raw const TABLE).addr() + (1 << 19);
        let mut places = [
            ("text: the function main", (main as fn()) as usize),
            ("read-only data: a constant", (&raw const CONSTANT).addr()),
            ("data: a static that is 1", (&raw const COUNTER).addr()),
            ("bss: a table of zeroes", middle_of_table),
            ("heap: what a Box points to", (&raw const *block).addr()),
            ("a block of a megabyte", large.as_ptr().addr()),
            ("the break at first", before.addr()),
            ("the break after sbrk(4096)", after.addr()),
            ("stack: a local variable", (&raw const local).addr()),
            ("the same, 100 calls deeper", local_below(100)),
            ("another thread's local", a_threads),
            ("a library: C's malloc", (libc::malloc as *const ()).addr()),
        ];
        places.sort_by_key(|&(_, address)| std::cmp::Reverse(address));
        let map = fs::read_to_string("/proc/self/maps").expect("a map");
        for (place, address) in places {
            println!("{address:#x}  {place:27} {}", region(&map, address));
        }
    }

    /// The address of a local variable so many calls further down, each of
    /// which needs some kilobytes.
    #[inline(never)]
    fn local_below(calls: usize) -> usize {
        let locals = std::hint::black_box([calls; 1024]);
        match calls {
            0 => locals.as_ptr().addr(),
            _ => std::hint::black_box(local_below(calls - 1)),
        }
    }

    /// What the kernel's map of this program calls the region of `address`.
    /// Each of its lines begins `from-to`; the sixth word, if any, is a name.
    fn region(map: &str, address: usize) -> &str {
        let number = |text| usize::from_str_radix(text, 16).expect("a number");
        for line in map.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (from, to) = words[0].split_once('-').expect("from-to");
            // The break is the end of its region, not in it.
            if (number(from)..=number(to)).contains(&address) {
                let path = words.get(5).unwrap_or(&"(no name)");
                return path.rsplit('/').next().unwrap_or(path);
            }
        }
        "(nothing)"
    }
}
