//! How many bytes the C libraries have: as cargo builds them for tests, and in
//! release.
//!
//! ```text
//! cargo run -p tests --example library_sizes
//! ```

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("This program needs Linux with glibc.");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    use std::fs;

    use timing::workspace::{build_example, build_release_example};

    println!("bytes                   without     with");
    println!("                      --release  --release");
    for name in ["malloc1", "malloc2", "malloc3", "malloc4", "malloc5"] {
        let [dev, release] = [build_example, build_release_example]
            .map(|build| fs::metadata(build(name)).expect("a library").len());
        println!("lib{name}.so {dev:18} {release:10}");
    }
}
