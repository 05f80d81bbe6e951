//! What a library without the standard library has to bring itself.

use core::arch::global_asm;
use core::panic::PanicInfo;

/// Nothing in here panics.
#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    // SAFETY: abort(3) ends it all.
    unsafe { libc::abort() }
}

// `core` names a function that unwinds, and never calls it.
global_asm!(".globl rust_eh_personality", "rust_eh_personality:");

#[link(name = "c")]
unsafe extern "C" {}
