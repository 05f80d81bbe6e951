//! The system refuses one request: the first, or the second, and so on, in a
//! child of its own each, until a child comes through without a refusal. Then
//! it does so once more, and refuses all that come after it, too, until the
//! program has heard that there is no memory.
//!
//! ```text
//! cargo build -p tests --example no_memory
//! LD_PRELOAD=target/debug/examples/libmalloc5.so target/debug/examples/no_memory
//! ```
//!
//! A heap of ours asks the system by the names below. Here those are functions
//! of this program. It asks for no memory before `main`, as Rust's own start
//! would, and so each child has a heap that is new.

#![cfg_attr(all(target_os = "linux", target_env = "gnu"), no_main)]

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::ffi::{CStr, c_int, c_void};
    use std::fmt::{self, Write};
    use std::mem;
    use std::ptr;
    use std::slice;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    // What the system is asked for.

    /// So many requests are granted before one is refused.
    static GRANTED: AtomicUsize = AtomicUsize::new(usize::MAX);

    /// All that come after it are refused, too.
    static ALL: AtomicBool = AtomicBool::new(false);

    /// How many were refused.
    static REFUSED: AtomicUsize = AtomicUsize::new(0);

    /// How many bytes are mapped, by the names below.
    static MAPPED: AtomicUsize = AtomicUsize::new(0);

    fn is_refused() -> bool {
        let granted = GRANTED.load(Ordering::Relaxed);
        let is_refused = granted == 0;
        if !is_refused || !ALL.load(Ordering::Relaxed) {
            GRANTED.store(granted.wrapping_sub(1), Ordering::Relaxed);
        }
        if is_refused {
            REFUSED.fetch_add(1, Ordering::Relaxed);
            set_errno(libc::ENOMEM);
        }
        is_refused
    }

    fn grant_all() {
        GRANTED.store(usize::MAX, Ordering::Relaxed);
    }

    /// # Safety
    ///
    /// As for mmap(2).
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn mmap(
        start: *mut c_void,
        len: usize,
        protection: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void {
        if is_refused() {
            return libc::MAP_FAILED;
        }
        let call = libc::SYS_mmap;
        // SAFETY: as the caller promises.
        let mapped = unsafe {
            libc::syscall(call, start, len, protection, flags, file, offset)
        };
        if mapped != -1 {
            MAPPED.fetch_add(len, Ordering::Relaxed);
        }
        ptr::with_exposed_provenance_mut(mapped as usize)
    }

    /// # Safety
    ///
    /// As for munmap(2).
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn munmap(start: *mut c_void, len: usize) -> c_int {
        MAPPED.fetch_sub(len, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { libc::syscall(libc::SYS_munmap, start, len) as c_int }
    }

    /// # Safety
    ///
    /// As for mremap(2).
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn mremap(
        start: *mut c_void,
        len: usize,
        new_len: usize,
        flags: c_int,
    ) -> *mut c_void {
        if is_refused() {
            return libc::MAP_FAILED;
        }
        let call = libc::SYS_mremap;
        // SAFETY: as the caller promises.
        let moved = unsafe { libc::syscall(call, start, len, new_len, flags) };
        if moved != -1 {
            MAPPED.fetch_add(new_len.wrapping_sub(len), Ordering::Relaxed);
        }
        ptr::with_exposed_provenance_mut(moved as usize)
    }

    type Destructor = Option<unsafe extern "C" fn(*mut c_void)>;

    /// # Safety
    ///
    /// As for pthread_key_create(3).
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn pthread_key_create(
        key: *mut libc::pthread_key_t,
        destructor: Destructor,
    ) -> c_int {
        type Create =
            unsafe extern "C" fn(*mut libc::pthread_key_t, Destructor) -> c_int;
        if is_refused() {
            return libc::EAGAIN;
        }
        // SAFETY: it has this type; as the caller promises.
        unsafe {
            let create = c_librarys(c"pthread_key_create");
            mem::transmute::<*mut c_void, Create>(create)(key, destructor)
        }
    }

    /// # Safety
    ///
    /// As for pthread_setspecific(3).
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn pthread_setspecific(
        key: libc::pthread_key_t,
        value: *const c_void,
    ) -> c_int {
        type Set =
            unsafe extern "C" fn(libc::pthread_key_t, *const c_void) -> c_int;
        if is_refused() {
            return libc::ENOMEM;
        }
        // SAFETY: as above.
        unsafe {
            let set = c_librarys(c"pthread_setspecific");
            mem::transmute::<*mut c_void, Set>(set)(key, value)
        }
    }

    /// The C library's function of this name.
    fn c_librarys(name: &CStr) -> *mut c_void {
        // SAFETY: it ends with a zero.
        unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
    }

    fn set_errno(error: c_int) {
        // SAFETY: it points to this thread's `errno`.
        unsafe { *libc::__errno_location() = error };
    }

    fn errno() -> c_int {
        // SAFETY: as above.
        unsafe { *libc::__errno_location() }
    }

    // What is done with memory.

    /// A block, all of whose bytes are one.
    #[derive(Clone, Copy)]
    struct Block {
        payload: *mut u8,
        size: usize,
        byte: u8,
    }

    const NO_BLOCK: Block =
        Block { payload: ptr::null_mut(), size: 0, byte: 0 };

    impl Block {
        fn check(&self, what: &str) {
            if self.payload.is_null() {
                return;
            }
            expect_bytes(what, self.payload, self.size, self.byte);
        }

        fn free(&mut self) {
            self.check("a block that is freed");
            // SAFETY: the block is live, or null.
            unsafe { libc::free(self.payload.cast()) };
            *self = NO_BLOCK;
        }
    }

    fn expect_bytes(what: &str, payload: *mut u8, size: usize, byte: u8) {
        // SAFETY: the heap says that these bytes are ours.
        let bytes = unsafe { slice::from_raw_parts(payload, size) };
        if size > 0 && (bytes[0] != byte || bytes[1..] != bytes[..size - 1]) {
            fail(format_args!("{what}: {size} bytes are not all {byte}"));
        }
    }

    /// How many blocks a thread has at most.
    const BLOCKS: usize = 800;

    struct Work {
        blocks: [Block; BLOCKS],
        len: usize,
    }

    impl Work {
        /// Asks for a block. If there is none, then because a request was
        /// refused: all blocks are as they were, and the next time there is.
        fn ask(
            &mut self,
            what: &str,
            ask: impl Fn() -> *mut c_void,
        ) -> *mut u8 {
            let before = REFUSED.load(Ordering::Relaxed);
            set_errno(0);
            let payload = ask();
            if !payload.is_null() {
                return payload.cast();
            }
            if errno() != libc::ENOMEM {
                fail(format_args!("{what}: null, and errno is {}", errno()));
            }
            if REFUSED.load(Ordering::Relaxed) == before {
                fail(format_args!("{what}: null, though nothing was refused"));
            }
            self.check(what);
            grant_all();
            let payload = ask();
            if payload.is_null() {
                fail(format_args!("{what}: null again"));
            }
            payload.cast()
        }

        fn check(&self, what: &str) {
            self.blocks[..self.len].iter().for_each(|block| block.check(what));
        }

        fn add(&mut self, payload: *mut u8, size: usize) {
            let byte = self.len as u8;
            // SAFETY: the heap says that it has so many bytes.
            unsafe { payload.write_bytes(byte, size) };
            self.blocks[self.len] = Block { payload, size, byte };
            self.len += 1;
        }

        fn malloc(&mut self, size: usize) -> usize {
            // SAFETY: it has no conditions.
            let ask = || unsafe { libc::malloc(size) };
            let payload = self.ask("malloc", ask);
            self.add(payload, size);
            self.len - 1
        }

        fn calloc(&mut self, size: usize) {
            // SAFETY: it has no conditions.
            let ask = || unsafe { libc::calloc(1, size) };
            let payload = self.ask("calloc", ask);
            expect_bytes("calloc", payload, size, 0);
            self.add(payload, size);
        }

        fn memalign(&mut self, align: usize, size: usize) {
            // SAFETY: it has no conditions.
            let ask = || unsafe { libc::memalign(align, size) };
            let payload = self.ask("memalign", ask);
            if !payload.addr().is_multiple_of(align) {
                fail(format_args!("memalign: {payload:?} for {align}"));
            }
            self.add(payload, size);
        }

        fn realloc(&mut self, number: usize, size: usize) {
            let Block { payload, size: old, byte } = self.blocks[number];
            // SAFETY: the block is live. If the answer is null, it still is.
            let ask = || unsafe { libc::realloc(payload.cast(), size) };
            let payload = self.ask("realloc", ask);
            expect_bytes("realloc", payload, old.min(size), byte);
            // SAFETY: the heap says that it has so many bytes.
            unsafe { payload.write_bytes(byte, size) };
            self.blocks[number] = Block { payload, size, byte };
        }

        /// A bit of everything.
        fn run(&mut self) {
            let small = self.malloc(100);
            // More than a segment has.
            for number in 0..500 {
                self.malloc(1 + number * 7);
            }
            self.realloc(small, 5000);
            let large = self.malloc(300_000);
            self.malloc(900_000);
            for size in [400_000, 700_000, 2_000_000, 500_000, 150_000] {
                self.realloc(large, size);
            }
            self.realloc(large, 10_000);
            self.realloc(large, 200_000);
            for (align, size) in
                [(64, 100), (4096, 3000), (4096, 200_000), (1 << 21, 100)]
            {
                self.memalign(align, size);
            }
            self.calloc(3000);
            self.calloc(200_000);
            // Holes, and what can be had again.
            for number in (0..self.len).step_by(2) {
                self.blocks[number].free();
            }
            for number in 0..200 {
                self.malloc(1 + number * 11);
            }
            self.check("what is left");
        }

        fn free_all(&mut self) {
            for block in self.blocks[..self.len].iter_mut().rev() {
                block.free();
            }
            self.len = 0;
        }
    }

    /// Works, and frees what another thread has.
    extern "C" fn second_thread(others: *mut c_void) -> *mut c_void {
        let others: *mut Work = others.cast();
        let mut work = Work { blocks: [NO_BLOCK; BLOCKS], len: 0 };
        work.run();
        // SAFETY: the first thread waits.
        unsafe { (*others).free_all() };
        work.free_all();
        ptr::null_mut()
    }

    fn two_threads() {
        let mut work = Work { blocks: [NO_BLOCK; BLOCKS], len: 0 };
        work.run();
        let (mut thread, others) = (0, (&raw mut work).cast());
        // SAFETY: the thread ends before `work` goes.
        let mut start = || unsafe {
            libc::pthread_create(
                &mut thread,
                ptr::null(),
                second_thread,
                others,
            )
        };
        // To start a thread takes memory, too.
        let before = REFUSED.load(Ordering::Relaxed);
        if start() != 0 {
            let was_refused = REFUSED.load(Ordering::Relaxed) > before;
            grant_all();
            if !was_refused || start() != 0 {
                fail(format_args!("no second thread"));
            }
        }
        // SAFETY: it was started, and is waited for once.
        unsafe { libc::pthread_join(thread, ptr::null_mut()) };
        work.free_all();
    }

    // Children.

    /// What a child says when a request was refused, and when none was.
    const WAS_REFUSED: c_int = 3;
    const CAME_THROUGH: c_int = 4;

    /// Says it without asking for memory.
    struct Output(c_int);

    impl Write for Output {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            // SAFETY: `text` has so many bytes.
            unsafe { libc::write(self.0, text.as_ptr().cast(), text.len()) };
            Ok(())
        }
    }

    fn fail(what: fmt::Arguments) -> ! {
        let _ = writeln!(Output(libc::STDERR_FILENO), "{what}");
        // SAFETY: it ends the process.
        unsafe { libc::_exit(1) };
    }

    /// Works twice, the first time with the request after so many refused.
    /// Returns how the child ended, which says how many bytes are mapped then.
    fn in_a_child(granted: usize, left: &AtomicUsize) -> c_int {
        // SAFETY: the child ends at once.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            GRANTED.store(granted, Ordering::Relaxed);
            two_threads();
            grant_all();
            let refused = REFUSED.load(Ordering::Relaxed);
            two_threads();
            left.store(MAPPED.load(Ordering::Relaxed), Ordering::Relaxed);
            let code = if refused > 0 { WAS_REFUSED } else { CAME_THROUGH };
            // SAFETY: it ends the child.
            unsafe { libc::_exit(code) };
        }
        let mut status = 0;
        // SAFETY: the status may be written.
        unsafe { libc::waitpid(pid, &mut status, 0) };
        if libc::WIFEXITED(status) {
            libc::WEXITSTATUS(status)
        } else {
            -status
        }
    }

    /// A number that the children share with their parent.
    fn shared() -> &'static AtomicUsize {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new page, all zero, which stays.
        unsafe {
            let page = mmap(ptr::null_mut(), 4096, protection, flags, -1, 0);
            &*page.cast()
        }
    }

    #[unsafe(no_mangle)]
    pub extern "C" fn main() -> c_int {
        let left = shared();
        let status = in_a_child(usize::MAX, left);
        if status != CAME_THROUGH {
            fail(format_args!("nothing was refused: it ended with {status}"));
        }
        let most = left.load(Ordering::Relaxed);
        for all in [false, true] {
            ALL.store(all, Ordering::Relaxed);
            let requests = refuse_each(left, most);
            let how = if all { "and all after it" } else { "alone" };
            let _ = writeln!(
                Output(libc::STDOUT_FILENO),
                "each of {requests} requests was refused, {how}"
            );
        }
        0
    }

    /// Refuses each request in a child of its own. Returns how many there are.
    fn refuse_each(left: &AtomicUsize, most: usize) -> usize {
        let mut granted = 0;
        loop {
            let status = in_a_child(granted, left);
            if status == CAME_THROUGH {
                return granted;
            }
            granted += 1;
            if status != WAS_REFUSED {
                fail(format_args!(
                    "request {granted} was refused: it ended with {status}"
                ));
            }
            let left = left.load(Ordering::Relaxed);
            if left > most {
                fail(format_args!(
                    "request {granted} was refused: {left} bytes are left, \
                     not {most}"
                ));
            }
        }
    }
}
