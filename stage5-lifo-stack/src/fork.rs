//! What is done about a lock when the process is copied.
//!
//! The child of a fork gets a copy of the heap and of its lock, but of all
//! threads only the one that forks.

use core::ffi::{c_int, c_void};
use core::mem;

/// The one lock of a process's heap. It has no value: who asks for it at a
/// fork cannot be told which lock, so that a type has to say it.
pub trait TheLock {
    /// Takes the lock, and keeps it.
    fn take();

    /// Lets go of the lock.
    ///
    /// # Safety
    ///
    /// This thread has it, and goes on as if it had not.
    unsafe fn let_go();
}

/// Sees to it that the lock `L` is free in the child of a fork, and that what
/// lies behind it is whole.
///
/// It may call `malloc`.
pub fn prepare<L: TheLock>() {
    // SAFETY: the functions are there as long as the process, unless somebody
    // unloads the library that they are part of.
    unsafe {
        libc::pthread_atfork(
            Some(before_fork::<L>),
            Some(after_fork_in_parent::<L>),
            Some(after_fork_in_child::<L>),
        );
    }
}

// The lock on the C library's list of open files. A thread in fflush(3) holds
// it and waits for a file, and who writes to that file may be asking for
// memory. A fork takes it too, but only after `before_fork`. So that nobody
// takes the two locks in the other order, we take that one first.
unsafe extern "C" {
    fn _IO_list_lock();
    fn _IO_list_unlock();
    fn _IO_list_resetlock();
}

/// A lock that another thread held would never be released in the child. So
/// the thread that forks takes it, and nobody is in the middle of the heap.
extern "C" fn before_fork<L: TheLock>() {
    // SAFETY: the lock can be taken more than once, and is released below.
    unsafe { _IO_list_lock() };
    L::take();
}

extern "C" fn after_fork_in_parent<L: TheLock>() {
    // SAFETY: this thread took both locks, in `before_fork`.
    unsafe {
        L::let_go();
        _IO_list_unlock();
    }
}

extern "C" fn after_fork_in_child<L: TheLock>() {
    // SAFETY: as above; this is the only thread.
    unsafe {
        L::let_go();
        _IO_list_resetlock();
    }
}

/// What a fork calls, or nothing.
pub type ForkHandler = Option<extern "C" fn()>;

type Register =
    extern "C" fn(ForkHandler, ForkHandler, ForkHandler, *mut c_void) -> c_int;

/// What pthread_atfork(3) calls to register the handlers of a library: the
/// C library's own function, for who has hidden it behind one of this name.
pub fn register_atfork(
    before: ForkHandler,
    in_parent: ForkHandler,
    in_child: ForkHandler,
    library: *mut c_void,
) -> c_int {
    // SAFETY: the C library has a function of this name and type, and it is
    // the next one after ours.
    let next = unsafe {
        let name = c"__register_atfork".as_ptr();
        let next = libc::dlsym(libc::RTLD_NEXT, name);
        mem::transmute::<*mut c_void, Register>(next)
    };
    next(before, in_parent, in_child, library)
}
