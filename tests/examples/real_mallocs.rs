//! Looks at allocators from outside: asks for blocks, frees them, and prints
//! where they lie, what is in them, and which one comes back. The C library's
//! malloc, those of Debian that are installed, and two of ours, side by side.
//!
//! ```text
//! cargo build --example malloc4 --example malloc5
//! cargo run -p tests --example real_mallocs
//! ```
//!
//! For each of the answers this program starts itself once more, with the
//! library in front of it.

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
    use std::array;
    use std::env;
    use std::hint::black_box;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::mpsc;
    use std::thread;

    type Question = (&'static str, fn() -> String);

    const QUESTIONS: [Question; 14] = [
        ("room in a block of 1", || room(1)),
        ("room in one of 24", || room(24)),
        ("room in one of 25", || room(25)),
        ("room in one of 1000", || room(1000)),
        ("room in one of 200000", || room(200_000)),
        ("from a 24 to the next 24", || distance(24, 24)),
        ("from a 24 to a 100", || distance(24, 100)),
        ("the 8 bytes in front", in_front),
        ("when freed, 8 bytes", || when_freed(0)),
        ("and the next 8 bytes", || when_freed(1)),
        ("freed a b c d: then come", which_come_back),
        ("others before one of them", others_first),
        ("a remote free: to the", who_has_it),
        ("two of 3000, one of 6000", is_joined),
    ];

    pub fn main() {
        let mut args = env::args().skip(1);
        if let Some(number) = args.next() {
            let number: usize = number.parse().expect("a question's number");
            println!("{}", QUESTIONS[number].1());
            return;
        }
        let (libraries, missing) = libraries();
        // A column is as wide as its name, and wide enough for all answers.
        let column = |library: &Library, text: &str| {
            let width = library.name.len().max(9);
            format!(" {text:>width$}")
        };
        let names: String =
            libraries.iter().map(|it| column(it, it.name)).collect();
        println!("{:25}{names}", "");
        for (number, (question, _)) in QUESTIONS.iter().enumerate() {
            let answers: String = libraries
                .iter()
                .map(|it| column(it, &it.answer(number)))
                .collect();
            println!("{question:25}{answers}");
        }
        for line in missing {
            println!("{line}");
        }
    }

    // The libraries. -------------------------------------------------------

    struct Library {
        name: &'static str,
        /// None for the C library, which is there anyway.
        path: Option<PathBuf>,
    }

    impl Library {
        /// What a process with this library in front of it answers.
        fn answer(&self, number: usize) -> String {
            let mut command = Command::new(this_program());
            command.arg(number.to_string()).env_remove("LD_PRELOAD");
            if let Some(path) = &self.path {
                command.env("LD_PRELOAD", path);
            }
            let output = command.output().expect("this program starts");
            let errors = String::from_utf8_lossy(&output.stderr);
            // The loader only warns of a library that it cannot use.
            let is_well = output.status.success() && errors.is_empty();
            assert!(is_well, "{}: {output:?}", self.name);
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
    }

    fn this_program() -> PathBuf {
        env::current_exe().expect("this program has a path")
    }

    /// Those that are there, and a line for each that is not.
    fn libraries() -> (Vec<Library>, Vec<String>) {
        let debian = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
        let debian = Path::new(&debian);
        let ours = this_program();
        let ours = ours.parent().expect("a program lies in a folder");
        let mut libraries = vec![Library { name: "glibc", path: None }];
        let mut missing = Vec::new();
        for (name, folder, file, how) in [
            ("mimalloc", debian, "libmimalloc.so.2", "install libmimalloc2.0"),
            ("jemalloc", debian, "libjemalloc.so.2", "install libjemalloc2"),
            (
                "tcmalloc",
                debian,
                "libtcmalloc_minimal.so.4",
                "install libtcmalloc-minimal4",
            ),
            ("stage 4", ours, "libmalloc4.so", "build the example malloc4"),
            ("per thread", ours, "libmalloc5.so", "build the example malloc5"),
        ] {
            let path = folder.join(file);
            if path.exists() {
                libraries.push(Library { name, path: Some(path) });
            } else {
                missing.push(format!("{name} is left out: {how}"));
            }
        }
        (libraries, missing)
    }

    // The questions. -------------------------------------------------------
    // Whatever needs memory of its own comes after the last look.

    /// Where a block starts.
    #[derive(Clone, Copy)]
    struct Block(*mut u8);

    // SAFETY: it is an address, and whoever has it knows what lies there.
    unsafe impl Send for Block {}

    impl Block {
        /// The compiler knows malloc, and might leave it out: `black_box`
        /// forbids it.
        fn new(size: usize) -> Self {
            // SAFETY: it may fail.
            let start = unsafe { libc::malloc(black_box(size)) };
            assert!(!start.is_null(), "no memory for {size} bytes");
            Self(black_box(start).cast())
        }

        fn room(self) -> usize {
            // SAFETY: nobody has freed it.
            unsafe { libc::malloc_usable_size(self.0.cast()) }
        }

        fn free(self) {
            // SAFETY: each question frees a block once.
            unsafe { libc::free(black_box(self.0).cast()) };
        }

        /// The 8 bytes that lie `words` times 8 bytes from its start.
        fn word(self, words: isize) -> u64 {
            // SAFETY: the memory is there, since there are blocks in use on
            // both sides of this one. That it is not ours to read is what the
            // question is about.
            unsafe { self.0.cast::<u64>().offset(words).read_volatile() }
        }
    }

    impl PartialEq for Block {
        fn eq(&self, other: &Self) -> bool {
            self.0.addr() == other.0.addr()
        }
    }

    /// Some blocks of a size, all of whose bytes are letters.
    fn blocks<const N: usize>(size: usize) -> [Block; N] {
        let blocks: [Block; N] = array::from_fn(|_| Block::new(size));
        for block in blocks {
            // SAFETY: so much room is in the block.
            unsafe { block.0.write_bytes(b'a', block.room()) };
        }
        blocks
    }

    const LETTERS: u64 = u64::from_ne_bytes([b'a'; 8]);

    fn room(size: usize) -> String {
        // Not the first ones: those may fill a gap that is a little longer.
        let blocks: [Block; 64] = array::from_fn(|_| Block::new(size));
        blocks[63].room().to_string()
    }

    fn distance(first: usize, second: usize) -> String {
        // As above.
        let _gaps = blocks::<64>(first);
        let first = Block::new(first);
        let distance = Block::new(second).0.addr().wrapping_sub(first.0.addr());
        if distance < 4096 { distance.to_string() } else { "far".to_owned() }
    }

    fn in_front() -> String {
        let blocks = blocks::<64>(24);
        let word = blocks[32].word(-1);
        if word == LETTERS {
            "letters".to_owned()
        } else {
            format!("{} {}", word as u32, word >> 32)
        }
    }

    fn when_freed(word: isize) -> String {
        let blocks = blocks::<64>(24);
        let (first, second) = (blocks[30], blocks[34]);
        first.free();
        second.free();
        let (word, first) = (second.word(word), first.0.addr() as u64);
        let answer = if word == LETTERS {
            "letters"
        } else if first - 16 <= word && word <= first {
            "a link"
        } else {
            "changed"
        };
        answer.to_owned()
    }

    /// Four blocks of 24 bytes that have been freed, the last one last. Others
    /// were freed before: some lists are short at first.
    fn freed() -> [Block; 4] {
        for block in blocks::<64>(24) {
            block.free();
        }
        let blocks: [Block; 4] = blocks(24);
        for block in blocks {
            block.free();
        }
        blocks
    }

    fn which_come_back() -> String {
        let freed = freed();
        let next: [Block; 4] = array::from_fn(|_| Block::new(24));
        let name = |block| {
            let place = freed.iter().position(|it| *it == block)?;
            ["a", "b", "c", "d"].get(place).copied()
        };
        match next.map(name) {
            [None, None, None, None] => "others".to_owned(),
            names => names.map(|name| name.unwrap_or("?")).join(" "),
        }
    }

    /// How many blocks of 24 bytes are given out before one of `wanted`.
    fn others_before(wanted: &[Block]) -> usize {
        let is_other = |_: &usize| !wanted.contains(&Block::new(24));
        (0..100_000).take_while(is_other).count()
    }

    fn others_first() -> String {
        let freed = freed();
        others_before(&freed).to_string()
    }

    fn who_has_it() -> String {
        let blocks = blocks::<256>(24);
        let block = blocks[32];
        let (done, wait) = mpsc::channel::<()>();
        let (send, receive) = mpsc::channel();
        // A thread that has a malloc of its own, and lives on afterwards.
        let thread = thread::spawn(move || {
            let _first = Block::new(24);
            block.free();
            let is_same = Block::new(24) == block;
            send.send(is_same).expect("somebody listens");
            wait.recv().expect_err("nobody speaks");
        });
        let answer = if receive.recv().expect("it answers") {
            "freer"
        } else if others_before(&[block]) < 100_000 {
            "owner"
        } else {
            "nobody"
        };
        drop(done);
        thread.join().expect("it does not panic");
        answer.to_owned()
    }

    fn is_joined() -> String {
        let mut blocks: [Block; 8] = blocks(3000);
        blocks.sort_by_key(|block| block.0.addr());
        let [_, _, _, below, above, ..] = blocks;
        below.free();
        above.free();
        let answer = if Block::new(6000) == below { "there" } else { "far" };
        answer.to_owned()
    }
}
