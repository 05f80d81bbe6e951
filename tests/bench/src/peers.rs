//! Allocators that people use.

use std::alloc::Layout;
use std::ffi::{CStr, CString, c_char, c_void};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::{Once, OnceLock};
use std::{env, mem};

use bumpalo::Bump;
use dlmalloc::Dlmalloc;
use stage5_lifo_stack::reserved::reserve;
use talc::TalcCell;
use talc::source::Claim;

use crate::allocators::Allocator;

pub struct Glibc {
    /// Bytes that this program, the C++ library above all, has from it already.
    before: usize,
}

impl Glibc {
    pub fn new() -> Self {
        // SAFETY: it reads what glibc knows of its heaps.
        let info = unsafe { libc::mallinfo2() };
        Self { before: info.uordblks + info.hblkhd }
    }
}

impl Allocator for Glibc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { libc::malloc(size).cast() }
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { libc::free(block.cast()) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { libc::realloc(block.cast(), size).cast() }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { libc::memalign(align, size).cast() }
    }

    /// What it has from the break and from mmap(2): see mallinfo(3).
    fn heap(&mut self) -> Option<usize> {
        // SAFETY: it reads what glibc knows of its heaps.
        let info = unsafe { libc::mallinfo2() };
        Some((info.arena + info.hblkhd).saturating_sub(self.before))
    }
}

pub struct Mimalloc;

impl Allocator for Mimalloc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { libmimalloc_sys::mi_malloc(size).cast() }
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { libmimalloc_sys::mi_free(block.cast()) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { libmimalloc_sys::mi_realloc(block.cast(), size).cast() }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { libmimalloc_sys::mi_malloc_aligned(size, align).cast() }
    }
}

pub struct Jemalloc;

impl Allocator for Jemalloc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { tikv_jemalloc_sys::malloc(size).cast() }
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { tikv_jemalloc_sys::free(block.cast()) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { tikv_jemalloc_sys::realloc(block.cast(), size).cast() }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        let mut block: *mut c_void = ptr::null_mut();
        // SAFETY: `block` may be written.
        unsafe { tikv_jemalloc_sys::posix_memalign(&mut block, align, size) };
        block.cast()
    }
}

pub struct Snmalloc;

impl Allocator for Snmalloc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { snmalloc_sys::sn_malloc(size).cast() }
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { snmalloc_sys::sn_free(block.cast()) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { snmalloc_sys::sn_realloc(block.cast(), size).cast() }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        // SAFETY: it may fail; `align` is a power of two.
        unsafe { snmalloc_sys::sn_rust_alloc(align, size).cast() }
    }
}

/// tcmalloc as its makers go on with it. What Debian has is another one, which
/// comes from the same first version.
#[cfg(feature = "google")]
pub struct GoogleTcmalloc;

/// It finds the cache of the processor that it runs on by rseq(2), which glibc
/// has for itself since 2.35 unless it is told not to. So this program starts
/// itself once more and tells glibc.
#[cfg(feature = "google")]
pub fn leave_rseq_to_tcmalloc() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    const TUNABLES: &str = "GLIBC_TUNABLES";
    if env::var_os(TUNABLES).is_some() {
        return;
    }
    let program = env::current_exe().expect("a program knows where it lies");
    let mut again = Command::new(program);
    again.args(env::args_os().skip(1)).env(TUNABLES, "glibc.pthread.rseq=0");
    panic!("{again:?}: {}", again.exec());
}

/// The functions for C, which the crate builds and does not declare.
#[cfg(feature = "google")]
mod google {
    use std::ffi::c_void;

    // So that it is linked.
    use libtcmalloc_sys as _;

    unsafe extern "C" {
        pub fn TCMallocInternalMalloc(size: usize) -> *mut c_void;
        pub fn TCMallocInternalFree(block: *mut c_void);
        pub fn TCMallocInternalRealloc(
            block: *mut c_void,
            size: usize,
        ) -> *mut c_void;
        pub fn TCMallocInternalMemalign(
            align: usize,
            size: usize,
        ) -> *mut c_void;
    }
}

#[cfg(feature = "google")]
impl Allocator for GoogleTcmalloc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { google::TCMallocInternalMalloc(size).cast() }
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { google::TCMallocInternalFree(block.cast()) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { google::TCMallocInternalRealloc(block.cast(), size).cast() }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        // SAFETY: it may fail; `align` is a power of two.
        unsafe { google::TCMallocInternalMemalign(align, size).cast() }
    }
}

/// rpmalloc wants to be told when a thread begins and ends.
pub struct Rpmalloc;

mod rp {
    unsafe extern "C" {
        /// The crate declares it without its argument: whether to give away
        /// what the thread has kept.
        pub fn rpmalloc_thread_finalize(release_caches: std::ffi::c_int);
    }
}

impl Rpmalloc {
    pub fn new() -> Self {
        static START: Once = Once::new();
        // SAFETY: the first call of all comes first, and is made once.
        START.call_once(|| unsafe {
            rpmalloc_sys::rpmalloc_initialize();
        });
        // SAFETY: a thread may call it again.
        unsafe { rpmalloc_sys::rpmalloc_thread_initialize() };
        Self
    }
}

impl Drop for Rpmalloc {
    fn drop(&mut self) {
        // SAFETY: the thread has begun. Its blocks may be used and freed.
        unsafe { rp::rpmalloc_thread_finalize(1) };
    }
}

impl Allocator for Rpmalloc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { rpmalloc_sys::rpmalloc(size).cast() }
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { rpmalloc_sys::rpfree(block.cast()) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { rpmalloc_sys::rprealloc(block.cast(), size).cast() }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        // SAFETY: it may fail; `align` is a power of two.
        unsafe { rpmalloc_sys::rpmemalign(align, size).cast() }
    }
}

/// A library that would take malloc's place in a program linked with it. So it
/// is opened by hand, and what it needs itself it finds in itself first: see
/// dlopen(3).
#[derive(Clone, Copy)]
pub struct Opened {
    malloc: Malloc,
    free: Free,
    realloc: Realloc,
    memalign: Memalign,
}

type Malloc = unsafe extern "C" fn(usize) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void);
type Realloc = unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void;
type Memalign = unsafe extern "C" fn(usize, usize) -> *mut c_void;

/// tcmalloc as Debian has it, if it is installed. If not, says so the first
/// time.
pub fn tcmalloc() -> Option<Opened> {
    opened_tcmalloc().map(|(opened, _)| *opened)
}

fn opened_tcmalloc() -> Option<&'static (Opened, String)> {
    static LIBRARY: OnceLock<Option<(Opened, String)>> = OnceLock::new();
    let open = || {
        // It moves the break when it starts, where glibc has its heap. It
        // need not do so again and again.
        // SAFETY: no other thread runs while contenders are listed.
        unsafe { env::set_var("TCMALLOC_SKIP_SBRK", "1") };
        let path = crate::preloaded::installed("libtcmalloc_minimal.so.4");
        let names = [c"tc_malloc", c"tc_free", c"tc_realloc", c"tc_memalign"];
        let opened = Opened::open(&path, names);
        // What this program starts is to find all as it was.
        // SAFETY: as above.
        unsafe { env::remove_var("TCMALLOC_SKIP_SBRK") };
        // Not to the standard output, where a fresh process of ours has its
        // numbers.
        let is_missing = |error: &String| {
            eprintln!("tcmalloc is left out: libtcmalloc-minimal4? {error}");
        };
        let (opened, library) = opened.inspect_err(is_missing).ok()?;
        Some((opened, version_of_tcmalloc(library)))
    };
    LIBRARY.get_or_init(open).as_ref()
}

/// The library of `BESIDE`: see [`beside`](crate::allocators::beside).
pub fn beside(path: &Path) -> Opened {
    static LIBRARY: OnceLock<Opened> = OnceLock::new();
    let open = || {
        let names = [c"malloc", c"free", c"realloc", c"memalign"];
        let opened = Opened::open(path, names);
        opened.unwrap_or_else(|error| panic!("{}: {error}", path.display())).0
    };
    *LIBRARY.get_or_init(open)
}

impl Opened {
    /// Opens a library that has functions of these names: malloc's, free's,
    /// realloc's and memalign's.
    fn open(
        path: &Path,
        names: [&CStr; 4],
    ) -> Result<(Self, *mut c_void), String> {
        let path = path.to_str().expect("a path in UTF-8");
        let path = CString::new(path).expect("no byte in it is zero");
        let flags = libc::RTLD_NOW | libc::RTLD_LOCAL | libc::RTLD_DEEPBIND;
        let before = symbol(libc::RTLD_DEFAULT, c"malloc");
        // SAFETY: it starts what is in there, and that takes nobody's place:
        // see below.
        let library = unsafe { libc::dlopen(path.as_ptr(), flags) };
        if library.is_null() {
            return Err(error());
        }
        let after = symbol(libc::RTLD_DEFAULT, c"malloc");
        assert_eq!(before, after, "{path:?} has taken malloc's place");
        let [malloc, free, realloc, memalign] =
            names.map(|name| symbol(library, name));
        // SAFETY: C's declarations of them are like this.
        let opened = unsafe {
            Self {
                malloc: mem::transmute::<*mut c_void, Malloc>(malloc),
                free: mem::transmute::<*mut c_void, Free>(free),
                realloc: mem::transmute::<*mut c_void, Realloc>(realloc),
                memalign: mem::transmute::<*mut c_void, Memalign>(memalign),
            }
        };
        Ok((opened, library))
    }
}

/// What the peers say of themselves that can be asked: their names, and their
/// versions.
pub fn versions() -> Vec<(&'static str, String)> {
    let mut versions = vec![
        ("mimalloc", version_of_mimalloc()),
        ("jemalloc", version_of_jemalloc()),
    ];
    if let Some((_, version)) = opened_tcmalloc() {
        versions.push(("Debian's tcmalloc", version.clone()));
    }
    versions
}

/// 30302 is 3.3.2.
fn version_of_mimalloc() -> String {
    unsafe extern "C" {
        fn mi_version() -> std::ffi::c_int;
    }
    // SAFETY: mimalloc.h declares it like this, and it returns a constant.
    let version = unsafe { mi_version() };
    let [major, minor] = [version / 10_000, version / 100 % 100];
    format!("{major}.{minor}.{}", version % 100)
}

/// 5.3.1-0-g81034ce1 is 5.3.1.
fn version_of_jemalloc() -> String {
    let mut version: *const c_char = ptr::null();
    let mut size = size_of_val(&version);
    // SAFETY: it writes a pointer to a string that stays.
    let version = unsafe {
        let error = tikv_jemalloc_sys::mallctl(
            c"version".as_ptr(),
            (&raw mut version).cast(),
            &mut size,
            ptr::null_mut(),
            0,
        );
        assert_eq!(error, 0, "jemalloc knows its version");
        CStr::from_ptr(version).to_string_lossy().into_owned()
    };
    version.split('-').next().unwrap_or_default().to_owned()
}

/// `gperftools 2.10`.
fn version_of_tcmalloc(library: *mut c_void) -> String {
    type Version = unsafe extern "C" fn(
        *mut std::ffi::c_int,
        *mut std::ffi::c_int,
        *mut *const c_char,
    ) -> *const c_char;
    let version = symbol(library, c"tc_version");
    // SAFETY: tcmalloc.h declares it like this, and it returns a string that
    // stays.
    unsafe {
        let version = mem::transmute::<*mut c_void, Version>(version);
        let [major, minor] = [ptr::null_mut(); 2];
        let version = version(major, minor, ptr::null_mut());
        CStr::from_ptr(version).to_string_lossy().into_owned()
    }
}

/// What a library calls by this name; for `RTLD_DEFAULT`, this program.
fn symbol(library: *mut c_void, name: &CStr) -> *mut c_void {
    // SAFETY: the library is open, and stays so, or is no library.
    let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
    assert!(!symbol.is_null(), "{}", error());
    symbol
}

/// What was wrong with the last library.
fn error() -> String {
    // SAFETY: it returns null, or a string that stays until the next such call
    // of this thread.
    unsafe {
        let error: *const c_char = libc::dlerror();
        if error.is_null() {
            return String::new();
        }
        CStr::from_ptr(error).to_string_lossy().into_owned()
    }
}

impl Allocator for Opened {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { (self.malloc)(size).cast() }
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { (self.free)(block.cast()) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { (self.realloc)(block.cast(), size).cast() }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        // SAFETY: it may fail; `align` is a power of two.
        unsafe { (self.memalign)(align, size).cast() }
    }
}

/// The translation of dlmalloc into Rust that is the heap of Rust programs in
/// a browser: a heap of its own without a lock, through the functions for C.
pub fn dlmalloc() -> Dlmalloc {
    Dlmalloc::new()
}

impl Allocator for Dlmalloc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { self.c_malloc(size) }
    }

    unsafe fn free(&mut self, block: *mut u8, _size: usize) {
        // SAFETY: as the caller promises.
        unsafe { self.c_free(block) };
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        _old: usize,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.c_realloc(block, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        // SAFETY: it may fail.
        unsafe { self.c_memalign(align, size) }
    }
}

pub type Talc = TalcCell<Claim>;

/// How many bytes of address space talc has to itself.
const REGION: usize = 1 << 34;

/// talc without a lock, with all the memory that it will ever have: it is made
/// for machines that have so much and no more. It finds the end of a block
/// from the size that it is told.
pub fn talc() -> Talc {
    let (start, len) = reserve(REGION).expect("address space");
    let read_and_write = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: nobody uses the region yet, and from here on talc alone.
    let claim = unsafe {
        libc::mprotect(start.cast(), len, read_and_write);
        Claim::new(start, len)
    };
    TalcCell::new(claim)
}

/// The layout of a block of so many bytes. How it is aligned, talc wants to
/// know only when it gives it out.
fn layout(align: usize, size: usize) -> Option<Layout> {
    Layout::from_size_align(size, align.max(16)).ok()
}

impl Allocator for Talc {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.memalign(16, size)
    }

    unsafe fn free(&mut self, block: *mut u8, size: usize) {
        if let Some(layout) = layout(16, size) {
            // SAFETY: as the caller promises.
            unsafe { self.get_mut().deallocate(block, layout) };
        }
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        old: usize,
        size: usize,
    ) -> *mut u8 {
        let Some(layout) = layout(16, old) else {
            return ptr::null_mut();
        };
        // SAFETY: as the caller promises.
        unsafe {
            if self.get_mut().try_realloc_in_place(block, layout, size) {
                return block;
            }
            let new = self.malloc(size);
            if !new.is_null() {
                ptr::copy_nonoverlapping(block, new, old.min(size));
                self.get_mut().deallocate(block, layout);
            }
            new
        }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        let Some(layout) = layout(align, size) else {
            return ptr::null_mut();
        };
        // SAFETY: no size here is 0.
        let block = unsafe { self.get_mut().allocate(layout) };
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }
}

/// bumpalo can give back all blocks at once, and no single one. So this counts
/// those that are alive and empties it when there is none: where calls nest,
/// when the outermost returns. That is how it is meant to be used, and what it
/// costs to count is the least that somebody who uses it has to do, too.
pub struct Bumpalo {
    blocks: Bump,
    alive: usize,
}

impl Bumpalo {
    pub fn new() -> Self {
        // As much as `bump` has, so that it never goes back for more.
        Self { blocks: Bump::with_capacity(2 << 20), alive: 0 }
    }
}

impl Allocator for Bumpalo {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.memalign(16, size)
    }

    unsafe fn free(&mut self, _block: *mut u8, _size: usize) {
        self.alive -= 1;
        if self.alive == 0 {
            self.blocks.reset();
        }
    }

    unsafe fn realloc(
        &mut self,
        _block: *mut u8,
        _old: usize,
        _size: usize,
    ) -> *mut u8 {
        ptr::null_mut()
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        let layout = layout(align, size);
        let block = layout.map(|it| self.blocks.try_alloc_layout(it));
        let Some(Ok(block)) = block else {
            return ptr::null_mut();
        };
        self.alive += 1;
        block.as_ptr()
    }
}
