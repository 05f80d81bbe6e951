//! Asks malloc for what a test knows, so that it can tell whether a recording
//! is right. Its argument says how it ends: by `return`, `exit` or `kill`.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    let ending = std::env::args().nth(1).unwrap_or_default();
    let ending = match ending.as_str() {
        "exit" => End::Exit,
        "kill" => End::Kill,
        _ => End::Return,
    };
    // SAFETY: each block is freed once, and not used after it; the child of the
    // fork calls nothing but malloc, free and _exit.
    unsafe { work(ending) };
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
enum End {
    Return,
    Exit,
    Kill,
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe fn work(ending: End) {
    use std::hint::black_box;
    use std::ptr::null_mut;
    use std::thread;

    use libc::{calloc, free, malloc, memalign, posix_memalign, realloc};

    // SAFETY: as `main` says. (`black_box`: a compiler knows malloc, and might
    // leave it out.)
    unsafe {
        let a = black_box(malloc(1001));
        let b = black_box(malloc(1002));
        let c = black_box(calloc(3, 1003));
        black_box(memalign(256, 1004));
        let mut e = null_mut();
        posix_memalign(&mut e, 512, 1005);
        let b = black_box(realloc(b, 100_006));
        // A null pointer: this is a malloc.
        let f = black_box(realloc(null_mut(), 1007));
        let g = black_box(malloc(0));
        free(c);
        free(a);
        // A size of 0: this is a free.
        black_box(realloc(f, 0));
        free(null_mut());

        let e = e.expose_provenance();
        let there = thread::spawn(move || {
            black_box(malloc(1008));
            free(std::ptr::with_exposed_provenance_mut(e));
        });
        there.join().expect("a thread that does not panic");
        free(g);

        let child = libc::fork();
        if child == 0 {
            let own = black_box(malloc(1009));
            free(black_box(b));
            free(own);
            libc::_exit(0);
        }
        libc::waitpid(child, null_mut(), 0);
        match ending {
            End::Return => {}
            End::Exit => libc::_exit(0),
            End::Kill => {
                libc::raise(libc::SIGKILL);
            }
        }
    }
}
