//! Loads the libraries that it is told to, one after the other, each with a
//! variable for each thread; and asks for memory all the time.
//!
//! The C library keeps a table of such variables for each thread. When there
//! are too many for it, it needs a larger one, and may ask `malloc` for that
//! while a variable is read. Then a `malloc` that reads such a variable of its
//! own calls itself, and never ends.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::env;
    use std::ffi::{CStr, CString, c_void};
    use std::hint::black_box;
    use std::mem;
    use std::thread;

    type Count = extern "C" fn() -> usize;

    pub fn main() {
        let mut functions = Vec::new();
        let mut sum = 0;
        for path in env::args().skip(1) {
            let function = load(&path);
            allocate();
            sum += function();
            functions.push(function);
        }
        let mut all = || {
            for function in &functions {
                allocate();
                sum += function();
            }
        };
        all();
        // A new thread has seen none of them.
        thread::scope(|scope| scope.spawn(all).join().expect("no panic"));
        // SAFETY: it returns a string that is always there.
        let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
        println!("glibc {}", version.to_string_lossy());
        println!("{} libraries have counted to {sum}", functions.len());
    }

    /// Loads a library, and returns its function.
    fn load(path: &str) -> Count {
        let path = CString::new(path).expect("a path without a zero byte");
        // SAFETY: both strings end in a zero byte, and the library is
        // `thread_local`, whose function has this type.
        unsafe {
            let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
            assert!(!library.is_null(), "{path:?} cannot be loaded");
            let function = libc::dlsym(library, c"count".as_ptr());
            assert!(!function.is_null(), "{path:?} has no such function");
            mem::transmute::<*mut c_void, Count>(function)
        }
    }

    fn allocate() {
        for size in [10, 100, 1000, 10_000] {
            // SAFETY: nobody else has the block.
            unsafe { libc::free(black_box(libc::malloc(size))) };
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}
