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

use std::ffi::CStr;
use std::mem;

/// The loader calls this before main.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_THE_START: extern "C" fn() = tell;

extern "C" fn tell() {
    let flags =
        libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
    // SAFETY: the strings end in a zero byte, the structure may be zero, and the
    // loader keeps the path that it names. One write is one piece of the file.
    unsafe {
        let file = libc::getenv(c"MALLOC_WITNESS_FILE".as_ptr());
        let malloc = libc::dlsym(libc::RTLD_DEFAULT, c"malloc".as_ptr());
        let mut found: libc::Dl_info = mem::zeroed();
        if file.is_null() || libc::dladdr(malloc, &mut found) == 0 {
            return;
        }
        let path = CStr::from_ptr(found.dli_fname).to_bytes();
        let mut line = [b'\n'; 256];
        if let Some(place) = line.get_mut(..path.len()) {
            place.copy_from_slice(path);
        }
        let fd = libc::open(file, flags, 0o644);
        libc::write(fd, line.as_ptr().cast(), (path.len() + 1).min(256));
        libc::close(fd);
    }
}
