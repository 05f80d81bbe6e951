//! Programs that break the rules of malloc and free, each in a way of its own.
//!
//! ```text
//! cargo build --example malloc3 --example misuse
//! LD_PRELOAD=target/debug/examples/libmalloc3.so \
//!     target/debug/examples/misuse twice_at_once
//! ```
//!
//! Each holds some blocks, full of letters, does the one thing that is
//! forbidden, and goes on for a while: it takes more blocks, looks whether each
//! still has its letters, and frees them all.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::alloc::{self, Layout};
    use std::env;
    use std::ffi::{CStr, c_void};
    use std::hint::black_box;
    use std::{iter, mem, process, ptr, slice};

    use stage3_freelist::{Heap, SimBrk};

    type Misuse = (&'static str, fn(&mut Held));

    const MISUSES: [Misuse; 22] = [
        ("one_past", one_past),
        ("past_its_room", past_its_room),
        ("sixteen_past", sixteen_past),
        ("one_before", one_before),
        ("twice_at_once", twice_at_once),
        ("twice_later", twice_later),
        ("twice_with_a_new_owner", twice_with_a_new_owner),
        ("twice_from_another_thread", twice_from_another_thread),
        ("the_middle", the_middle),
        ("the_stack", the_stack),
        ("of_another_heap", of_another_heap),
        ("read_after_free", read_after_free),
        ("write_after_free", write_after_free),
        ("write_further_in", write_further_in),
        ("realloc_after_free", realloc_after_free),
        ("wrong_layout", wrong_layout),
        ("read_before_writing", read_before_writing),
        ("never_freed", never_freed),
        ("in_a_signal_handler", in_a_signal_handler),
        ("a_limit", a_limit),
        ("none", none),
        ("hard_work", hard_work),
    ];

    pub fn main() {
        let name = env::args().nth(1).unwrap_or_default();
        if name == "whose" {
            return whose();
        }
        let Some((_, misuse)) = MISUSES.iter().find(|it| it.0 == name) else {
            let names = MISUSES.map(|it| it.0).join(", ");
            eprintln!("Which one? There is: {names}");
            process::exit(2);
        };
        leave_no_core();
        let blocks = [Block::NONE; 64];
        misuse(&mut Held { blocks, count: 0, letter: b'@' });
    }

    /// Says which library has the malloc that this program calls.
    fn whose() {
        let malloc: unsafe extern "C" fn(usize) -> *mut c_void = libc::malloc;
        // SAFETY: all its fields are addresses, and may be zero.
        let mut found: libc::Dl_info = unsafe { mem::zeroed() };
        // SAFETY: it is written to.
        unsafe { libc::dladdr(malloc as *const c_void, &mut found) };
        // SAFETY: it is a text that ends in a zero.
        let file = unsafe { CStr::from_ptr(found.dli_fname) };
        println!("{}", file.to_string_lossy());
    }

    /// What is killed here need not be looked at.
    fn leave_no_core() {
        if cfg!(miri) {
            // It has neither files nor limits.
            return;
        }
        let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: it is read.
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) };
    }

    // What the program does when it breaks no rule. ------------------------

    /// A block that the program holds, full of its letter.
    #[derive(Clone, Copy)]
    struct Block {
        start: *mut u8,
        size: usize,
        letter: u8,
    }

    impl Block {
        const NONE: Self = Self { start: ptr::null_mut(), size: 0, letter: 0 };
    }

    /// All that it holds. (In an array: a `Vec` would be on the heap, too.)
    struct Held {
        blocks: [Block; 64],
        count: usize,
        letter: u8,
    }

    impl Held {
        /// Asks for a block, and fills it.
        fn take(&mut self, size: usize) -> *mut u8 {
            let start = malloc(size);
            self.hold(start, size);
            start
        }

        /// Fills a block with the next letter.
        fn hold(&mut self, start: *mut u8, size: usize) {
            self.letter = self.letter.wrapping_add(1);
            let letter = self.letter;
            // SAFETY: the block has so much room, if malloc keeps its promise.
            unsafe { start.write_bytes(letter, size) };
            self.blocks[self.count] = Block { start, size, letter };
            self.count += 1;
        }

        /// Frees a block, and holds it no longer.
        fn give_back(&mut self, start: *mut u8) {
            let held = &mut self.blocks[..self.count];
            let at = held.iter().position(|it| it.start == start);
            held.swap(at.expect("a block that it holds"), self.count - 1);
            self.count -= 1;
            free(start);
        }

        /// Takes some more blocks, looks at all of them, and frees them.
        fn goes_on(&mut self) {
            for _ in 0..8 {
                self.take(24);
            }
            for block in &self.blocks[..self.count] {
                is_full_of(block.start, block.size, block.letter);
            }
            while self.count > 0 {
                self.give_back(self.blocks[self.count - 1].start);
            }
        }
    }

    /// Ends the program, if a block has something else in it.
    fn is_full_of(start: *const u8, size: usize, letter: u8) {
        // SAFETY: the memory is there. Whether it is the program's to read is
        // in the hands of who calls this.
        let bytes = unsafe { slice::from_raw_parts(start, size) };
        if black_box(bytes).iter().any(|byte| *byte != letter) {
            say("this is not what I wrote\n");
            process::exit(3);
        }
    }

    /// The compiler knows malloc, and might leave it out: `black_box` forbids
    /// it.
    fn malloc(size: usize) -> *mut u8 {
        // SAFETY: it may fail. (A program that does not look finds out.)
        black_box(unsafe { libc::malloc(black_box(size)) }).cast()
    }

    fn free(start: *mut u8) {
        // SAFETY: in the hands of who calls this.
        unsafe { libc::free(black_box(start).cast()) };
    }

    /// Says it without asking for memory.
    fn say(text: &str) {
        // SAFETY: the text has that many bytes.
        unsafe { libc::write(1, text.as_ptr().cast(), text.len()) };
    }

    fn none(held: &mut Held) {
        held.take(24);
        held.goes_on();
    }

    /// Many blocks, of which a thousand are live at a time.
    fn hard_work(_: &mut Held) {
        let mut live = [ptr::null_mut(); 1_000];
        let mut random = 1_usize;
        for _ in 0..200_000 {
            random =
                random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let block = &mut live[(random >> 33) % 1_000];
            free(*block);
            *block = malloc((random >> 43) % 500);
        }
    }

    // Past the end. --------------------------------------------------------

    /// The byte after the last one: the zero behind a text, one too far.
    fn one_past(held: &mut Held) {
        let a = held.take(24);
        held.take(24);
        // SAFETY: none.
        unsafe { a.add(24).write(0) };
        held.goes_on();
    }

    /// How many bytes there really are, if the heap tells.
    fn room(block: *mut u8, asked: usize) -> usize {
        // SAFETY: it is a block.
        let room = unsafe { libc::malloc_usable_size(block.cast()) };
        room.max(asked)
    }

    fn past_its_room(held: &mut Held) {
        let a = held.take(24);
        held.take(24);
        // SAFETY: none.
        unsafe { a.add(room(a, 24)).write(0) };
        held.goes_on();
    }

    // (In stage 1 the block behind one of 17 bytes is always 32 further.)
    fn sixteen_past(held: &mut Held) {
        let a = held.take(17);
        held.take(17);
        // SAFETY: none.
        unsafe { a.add(room(a, 17)).write_bytes(b'!', 16) };
        held.goes_on();
    }

    fn one_before(held: &mut Held) {
        held.take(24);
        let b = held.take(24);
        // SAFETY: none.
        unsafe { b.sub(1).write(b'!') };
        held.goes_on();
    }

    // Free twice. ----------------------------------------------------------

    fn twice_at_once(held: &mut Held) {
        let a = held.take(24);
        held.take(24);
        held.give_back(a);
        free(a);
        held.goes_on();
    }

    fn twice_later(held: &mut Held) {
        let blocks = [24; 4].map(|size| held.take(size));
        held.take(24);
        for block in blocks {
            held.give_back(block);
        }
        free(blocks[1]);
        held.goes_on();
    }

    fn twice_with_a_new_owner(held: &mut Held) {
        let a = held.take(24);
        held.take(24);
        held.give_back(a);
        held.take(24);
        free(a);
        held.goes_on();
    }

    fn twice_from_another_thread(held: &mut Held) {
        let a = held.take(24);
        held.take(24);
        held.give_back(a);
        in_another_thread(a);
        held.goes_on();
    }

    /// Frees a block there, and waits. (`std::thread` would ask for memory in
    /// both threads at once, and not every heap here may be asked so.)
    fn in_another_thread(block: *mut u8) {
        extern "C" fn frees(block: *mut c_void) -> *mut c_void {
            free(block.cast());
            ptr::null_mut()
        }
        let mut thread = 0;
        let (no_settings, no_result) = (ptr::null(), ptr::null_mut());
        // SAFETY: the function has the right type, and the thread is waited
        // for.
        unsafe {
            let block = block.cast();
            libc::pthread_create(&mut thread, no_settings, frees, block);
            libc::pthread_join(thread, no_result);
        }
    }

    // Free of what is no block. --------------------------------------------

    fn the_middle(held: &mut Held) {
        let a = held.take(100);
        held.take(24);
        // SAFETY: the block is longer than that.
        free(unsafe { a.add(48) });
        held.goes_on();
    }

    fn the_stack(held: &mut Held) {
        let mut local = [0_u128; 4];
        held.take(24);
        free((&raw mut local[1]).cast());
        held.goes_on();
    }

    fn of_another_heap(held: &mut Held) {
        const BYTES: usize = 16 * 1024;
        static mut MEMORY: [u128; BYTES / 16] = [0; BYTES / 16];
        // SAFETY: nobody else knows it, and a number may be any bytes.
        let memory = unsafe {
            slice::from_raw_parts_mut((&raw mut MEMORY).cast(), BYTES)
        };
        let mut other: Heap<_> = Heap::new(SimBrk::new(memory));
        let block = other.malloc(24);
        assert!(!block.is_null(), "it has so much");
        held.take(24);
        free(block);
        held.goes_on();
    }

    // Used after free. -----------------------------------------------------

    fn read_after_free(held: &mut Held) {
        let (a, _) = (held.take(24), held.take(24));
        let letter = held.blocks[0].letter;
        held.give_back(a);
        is_full_of(a, 24, letter);
        held.goes_on();
    }

    fn write_after_free(held: &mut Held) {
        let [a, _, b, _] = [24; 4].map(|size| held.take(size));
        held.give_back(a);
        held.give_back(b);
        // SAFETY: none.
        unsafe { b.write_bytes(b'?', 24) };
        held.goes_on();
    }

    fn write_further_in(held: &mut Held) {
        let (a, _) = (held.take(100), held.take(24));
        held.give_back(a);
        // SAFETY: none.
        unsafe { a.add(64).write(b'?') };
        held.goes_on();
    }

    fn realloc_after_free(held: &mut Held) {
        let (a, _) = (held.take(24), held.take(24));
        held.give_back(a);
        // SAFETY: none.
        let b = unsafe { libc::realloc(black_box(a).cast(), 100) };
        held.hold(b.cast(), 100);
        held.goes_on();
    }

    // What no free shows. --------------------------------------------------

    fn wrong_layout(held: &mut Held) {
        let [right, wrong] = [100, 24].map(Layout::array::<u8>);
        let (right, wrong) = (right.expect("few"), wrong.expect("few"));
        // SAFETY: none for the second.
        unsafe {
            let block = black_box(alloc::alloc(right));
            alloc::dealloc(block, wrong);
        }
        held.goes_on();
    }

    fn read_before_writing(held: &mut Held) {
        let a = held.take(100);
        held.take(24);
        held.give_back(a);
        let b = malloc(100);
        is_full_of(b, 100, 0);
        held.goes_on();
    }

    fn never_freed(held: &mut Held) {
        for _ in 0..10_000 {
            malloc(100);
        }
        held.goes_on();
    }

    fn a_limit(held: &mut Held) {
        let bytes = 256 << 20;
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
        // SAFETY: it is read.
        unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
        for _ in 0..1_000 {
            let block = malloc(1 << 20);
            // SAFETY: none: it may be null.
            unsafe { block.write(b'!') };
        }
        held.goes_on();
    }

    /// A signal comes in the middle of malloc, and its handler asks for memory:
    /// after the first instruction of it, then after the second, and so on, in
    /// steps that grow.
    fn in_a_signal_handler(held: &mut Held) {
        let later = |at: &usize| Some(at + 1 + at / 32);
        for instruction in iter::successors(Some(1), later) {
            let (outer, inner) = stepping::malloc(24, instruction);
            held.hold(outer, 24);
            // None: malloc was done by then.
            let Some(inner) = inner else { break };
            held.hold(inner, 24);
            let [first, second] = [held.count - 2, held.count - 1];
            for at in [first, second] {
                let block = held.blocks[at];
                is_full_of(block.start, block.size, block.letter);
            }
            held.give_back(inner);
            held.give_back(outer);
        }
        held.goes_on();
    }

    #[cfg(target_arch = "x86_64")]
    mod stepping {
        use std::arch::asm;
        use std::ffi::{c_int, c_void};
        use std::mem;
        use std::ptr;
        use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

        /// The flag of the processor that makes it send a signal after each
        /// instruction, as a debugger wants it.
        const TRAP: i64 = 0x100;

        /// How many instructions there are to go.
        static LEFT: AtomicUsize = AtomicUsize::new(0);

        /// What the handler got.
        static INNER: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

        extern "C" fn handler(
            _signal: c_int,
            _info: *mut libc::siginfo_t,
            context: *mut c_void,
        ) {
            if LEFT.fetch_sub(1, Relaxed) == 1 {
                let context = context.cast::<libc::ucontext_t>();
                // SAFETY: it is where the program will go on, and it goes on
                // without a stop.
                unsafe {
                    let flags = libc::REG_EFL as usize;
                    (*context).uc_mcontext.gregs[flags] &= !TRAP;
                }
                INNER.store(super::malloc(24), Relaxed);
            }
        }

        /// A block, and the one that a handler got after so many instructions.
        pub fn malloc(
            size: usize,
            instruction: usize,
        ) -> (*mut u8, Option<*mut u8>) {
            LEFT.store(instruction, Relaxed);
            INNER.store(ptr::null_mut(), Relaxed);
            // SAFETY: all its fields are numbers, and may be zero.
            let mut action: libc::sigaction = unsafe { mem::zeroed() };
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            // SAFETY: the handler has the right type. The flag is put back.
            let outer = unsafe {
                libc::sigaction(libc::SIGTRAP, &action, ptr::null_mut());
                asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq");
                let outer = super::malloc(size);
                asm!("pushfq", "and qword ptr [rsp], ~0x100", "popfq");
                outer
            };
            let inner = INNER.load(Relaxed);
            (outer, (!inner.is_null()).then_some(inner))
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    mod stepping {
        /// Elsewhere there is no such flag.
        pub fn malloc(
            size: usize,
            _instruction: usize,
        ) -> (*mut u8, Option<*mut u8>) {
            (super::malloc(size), None)
        }
    }
}
