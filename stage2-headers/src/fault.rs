//! What an allocator does about a program that has broken its rules.

use core::fmt::{self, Write};

/// Writes one line on standard error, with what is wrong and the address it is
/// wrong at, and ends the process.
///
/// There is no way on: a heap that has been written over can only do more
/// damage. glibc ends the program too: see malloc(3), `M_CHECK_ACTION`.
pub fn fault(what: &str, payload: *mut u8) -> ! {
    let mut line = Line { bytes: [0; 120], len: 0 };
    // A line that is too long is cut: there is nobody to tell.
    let _ = writeln!(line, "malloc: {what}: {payload:p}");
    end_with(&line.bytes[..line.len])
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
