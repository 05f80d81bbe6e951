//! One pointer for each thread, null at first.
//!
//! Rust's `thread_local!` may ask for memory when a thread first uses it, and
//! so may the loader behind it: see "TLS" in ld.so(8). An allocator must not.
//! So this is a variable in the part of a thread's memory that is there from
//! its first moment on (the initial-exec model: see "ELF Handling For
//! Thread-Local Storage" by Ulrich Drepper), and Rust has no word for that yet.

#[cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri)
))]
pub use in_place::{get, set};
#[cfg(not(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri)
)))]
pub use specific::{get, set};

#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
mod in_place {
    use core::arch::{asm, global_asm};

    // Eight zero bytes for each thread, by the name `lifo_stack_slot`.
    global_asm!(
        ".pushsection .tbss.lifo_stack_slot, \"awT\", %nobits",
        ".balign 8",
        ".globl lifo_stack_slot",
        ".hidden lifo_stack_slot",
        ".type lifo_stack_slot, %object",
        ".size lifo_stack_slot, 8",
        "lifo_stack_slot:",
        ".zero 8",
        ".popsection",
    );

    /// This thread's pointer.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub fn get() -> *mut u8 {
        let value;
        // SAFETY: it reads this thread's variable, whose place in the thread's
        // memory the loader has written down.
        unsafe {
            asm!(
                "mov {value}, qword ptr [rip + lifo_stack_slot@GOTTPOFF]",
                "mov {value}, qword ptr fs:[{value}]",
                value = out(reg) value,
                options(readonly, nostack, preserves_flags),
            );
        }
        value
    }

    /// Sets this thread's pointer.
    #[cfg(target_arch = "x86_64")]
    pub fn set(value: *mut u8) {
        // SAFETY: as above, but that it writes.
        unsafe {
            asm!(
                "mov {place}, qword ptr [rip + lifo_stack_slot@GOTTPOFF]",
                "mov qword ptr fs:[{place}], {value}",
                place = out(reg) _,
                value = in(reg) value,
                options(nostack, preserves_flags),
            );
        }
    }

    /// This thread's pointer.
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    pub fn get() -> *mut u8 {
        let value;
        // SAFETY: it reads this thread's variable, whose place in the thread's
        // memory the loader has written down.
        unsafe {
            asm!(
                "adrp {place}, :gottprel:lifo_stack_slot",
                "ldr {place}, [{place}, :gottprel_lo12:lifo_stack_slot]",
                "mrs {value}, tpidr_el0",
                "ldr {value}, [{value}, {place}]",
                place = out(reg) _,
                value = out(reg) value,
                options(readonly, nostack, preserves_flags),
            );
        }
        value
    }

    /// Sets this thread's pointer.
    #[cfg(target_arch = "aarch64")]
    pub fn set(value: *mut u8) {
        // SAFETY: as above, but that it writes.
        unsafe {
            asm!(
                "adrp {place}, :gottprel:lifo_stack_slot",
                "ldr {place}, [{place}, :gottprel_lo12:lifo_stack_slot]",
                "mrs {thread}, tpidr_el0",
                "str {value}, [{thread}, {place}]",
                place = out(reg) _,
                thread = out(reg) _,
                value = in(reg) value,
                options(nostack, preserves_flags),
            );
        }
    }
}

/// Elsewhere a key of pthread_getspecific(3) does, more slowly.
#[cfg(not(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri)
)))]
mod specific {
    use crate::sync::Mutex;

    static KEY: Mutex<Option<libc::pthread_key_t>> = Mutex::new(None);

    fn key() -> libc::pthread_key_t {
        *KEY.lock().get_or_insert_with(|| {
            let mut key = 0;
            // SAFETY: `key` may be written.
            unsafe { libc::pthread_key_create(&mut key, None) };
            key
        })
    }

    /// This thread's pointer.
    pub fn get() -> *mut u8 {
        // SAFETY: the key was made.
        unsafe { libc::pthread_getspecific(key()).cast() }
    }

    /// Sets this thread's pointer.
    pub fn set(value: *mut u8) {
        // SAFETY: as above.
        unsafe { libc::pthread_setspecific(key(), value.cast()) };
    }
}
