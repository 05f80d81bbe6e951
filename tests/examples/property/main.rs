//! One property of a heap, asked of it in a process of its own, which says
//! whether it holds. Which properties there are, and which heaps have them, is
//! told in `tests/src/matrix`.
//!
//! ```text
//! cargo build -p tests --example property
//! cargo build -p stage2-headers --example malloc2
//! LD_PRELOAD=target/debug/examples/libmalloc2.so \
//!     target/debug/examples/property libmalloc2.so used_again
//! cargo run -p tests --example property -- stage-2 neighbours_join
//! ```
//!
//! The first argument says who is asked: a library that must have answered to
//! the name `malloc`, or a heap over a simulated break. Whoever wants to see what
//! becomes of a verdict that is wrong sets `TURN_AROUND`.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod aside;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod block;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod breaks;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod contract;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod costs;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod measure;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod memory;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod threads;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod wrong;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program {
    use std::env;
    use std::ffi::CStr;
    use std::mem::MaybeUninit;

    use crate::{aside, breaks, contract, costs, memory, threads, wrong};

    #[global_allocator]
    static ASIDE: aside::Aside = aside::Aside;

    pub fn main() {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let [who, property] = &arguments[..] else {
            panic!("who is asked, and which property?");
        };
        // A huge page would be a lot of memory for a few blocks.
        // SAFETY: it takes numbers.
        unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
        let verdict = if let Some(ask) = breaks::named(property) {
            ask(&|| breaks::heap(who))
        } else {
            let library = library();
            assert!(library.contains(who.as_str()), "{library} has answered");
            let ask = [
                contract::named,
                memory::named,
                costs::named,
                threads::named,
                wrong::named,
            ]
            .iter()
            .find_map(|named| named(property));
            ask.unwrap_or_else(|| panic!("no property is called {property}"))()
        };
        let is_turned = env::var_os("TURN_AROUND").is_some();
        let verdict = match verdict {
            Ok(()) if is_turned => Err("turned around".to_owned()),
            Err(how) if is_turned && !how.starts_with("passed over") => Ok(()),
            other => other,
        };
        match verdict {
            Ok(()) => println!("holds"),
            Err(how) => println!("{how}"),
        }
    }

    /// The file of the library whose `malloc` this program calls.
    fn library() -> String {
        let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: the name ends in a zero byte; the result may be written, and
        // all its fields may be zero; its name, if there is one, stays.
        unsafe {
            let malloc = libc::dlsym(libc::RTLD_DEFAULT, c"malloc".as_ptr());
            libc::dladdr(malloc, found.as_mut_ptr());
            let name = found.assume_init().dli_fname;
            assert!(!name.is_null(), "no library has malloc");
            CStr::from_ptr(name).to_string_lossy().into_owned()
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    program::main();
}

/// What a property comes to: that it holds, or how it shows that it does not.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Verdict = Result<(), String>;

/// It holds if `is_so`; or else this is how it shows.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn holds_if(is_so: bool, how: &str) -> Verdict {
    if is_so { Ok(()) } else { Err(how.to_owned()) }
}

/// The programs of a file, by their names.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
macro_rules! programs {
    ($ask:ty: $($name:ident)*) => {
        pub fn named(name: &str) -> Option<$ask> {
            match name {
                $(stringify!($name) => Some($name),)*
                _ => None,
            }
        }
    };
}
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use programs;
