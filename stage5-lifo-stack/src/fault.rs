//! What an allocator does about a program that has broken its rules.

use core::fmt::{self, Write};
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// Writes one line on standard error, with what is wrong and the address it is
/// wrong at, and ends the process.
///
/// There is no way on: a heap that has been written over can only do more
/// damage. glibc ends the program too: see malloc(3), `M_CHECK_ACTION`.
///
/// If there is a lock, the thread lets go of it first: [`before_the_end`].
pub fn fault(what: &str, payload: *mut u8) -> ! {
    let first = BEFORE_THE_END.load(Ordering::Relaxed);
    if !first.is_null() {
        // SAFETY: only `before_the_end` stores something there, a function of
        // this type, and this thread has come upon a fault.
        unsafe { mem::transmute::<*mut (), unsafe fn()>(first)() };
    }
    let mut line = Line { bytes: [0; 120], len: 0 };
    // A line that is too long is cut: there is nobody to tell.
    let _ = writeln!(line, "malloc: {what}: {payload:p}");
    end_with(&line.bytes[..line.len])
}

/// What a thread does before it reports a fault, an `unsafe fn()`, or null.
static BEFORE_THE_END: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Has `let_go` called before a fault is reported. A program may handle its
/// own end, SIGABRT, and ask for memory there: it would wait for the lock that
/// its own thread held when it came upon the fault.
///
/// # Safety
///
/// Whichever thread comes upon a fault has the lock that `let_go` lets go of.
pub unsafe fn before_the_end(let_go: unsafe fn()) {
    BEFORE_THE_END.store(let_go as *mut (), Ordering::Relaxed);
}

#[cfg(any(unix, windows))]
fn end_with(line: &[u8]) -> ! {
    // SAFETY: `line` has as many bytes as it says. abort(3) does not return.
    unsafe {
        libc::write(2, line.as_ptr().cast(), line.len() as _);
        libc::abort()
    }
}

/// Without an operating system there is no process to end. A panic is what is
/// left: it ends whatever there is, and has the line.
#[cfg(not(any(unix, windows)))]
fn end_with(line: &[u8]) -> ! {
    panic!("{}", line.trim_ascii_end().escape_ascii())
}

/// A line of text that needs no memory from a heap.
struct Line {
    bytes: [u8; 120],
    len: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let rest = &mut self.bytes[self.len..];
        let fits = text.len().min(rest.len());
        rest[..fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.len += fits;
        Ok(())
    }
}
