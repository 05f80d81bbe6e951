//! Says whose malloc a process has.
//!
//! The loader only warns of a library that it cannot preload, and the program
//! then runs on the C library's malloc. Preloaded in front of a heap, this library
//! asks the loader what the name `malloc` stands for, and adds a line to the file
//! that the environment variable `MALLOC_WITNESS_FILE` names: the path of the
//! library that has it. Each program that a process starts adds its own.
//!
//! It is small, so that it can be there while time is measured.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::ffi::{CStr, c_int, c_void};
use std::{mem, ptr};

unsafe extern "C" {
    fn dladdr1(
        address: *const c_void,
        info: *mut libc::Dl_info,
        symbol: *mut *mut c_void,
        flags: c_int,
    ) -> c_int;
}

/// What [`dladdr1`] is to say besides: the entry of the symbol.
const SYMBOL: c_int = 1;

/// The loader calls this before main.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_THE_START: extern "C" fn() = tell;

extern "C" fn tell() {
    // SAFETY: the name ends in a zero byte; the environment is read only.
    let file = unsafe { libc::getenv(c"MALLOC_WITNESS_FILE".as_ptr()) };
    let Some(path) = owner() else { return };
    if file.is_null() {
        return;
    }
    let mut line = [b'\n'; 256];
    if let Some(place) = line.get_mut(..path.len()) {
        place.copy_from_slice(path);
    }
    let flags =
        libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
    // SAFETY: `file` is a string of the environment, and the line is longer than
    // what is written. One write is one piece of the file.
    unsafe {
        let fd = libc::open(file, flags, 0o644);
        libc::write(fd, line.as_ptr().cast(), (path.len() + 1).min(256));
        libc::close(fd);
    }
}

/// The path of the library or the program whose `malloc` is called.
fn owner() -> Option<&'static [u8]> {
    // A program may have an entry for malloc that only leads to a library's: then
    // it is the next one's, for this library is the first.
    for place in [libc::RTLD_DEFAULT, libc::RTLD_NEXT] {
        // SAFETY: the name ends in a zero byte, the structure may be zero, and the
        // entry is the loader's, which keeps it and the path.
        unsafe {
            let malloc = libc::dlsym(place, c"malloc".as_ptr());
            let mut found: libc::Dl_info = mem::zeroed();
            let mut symbol: *mut c_void = ptr::null_mut();
            if dladdr1(malloc, &mut found, &mut symbol, SYMBOL) == 0 {
                return None;
            }
            let symbol = symbol.cast::<libc::Elf64_Sym>();
            if symbol.is_null() || (*symbol).st_shndx != 0 {
                return Some(CStr::from_ptr(found.dli_fname).to_bytes());
            }
        }
    }
    None
}
