//! Projects and papers that pages name: where a page names one first, it links to
//! its home.

use std::ops::Range;

use crate::words::{find, insert, passages};

/// What a page may name, and where that is at home. The titles of papers stand in
/// quotes on the pages.
pub const HOMES: [(&str, &str); 36] = [
    ("AddressSanitizer", "https://clang.llvm.org/docs/AddressSanitizer.html"),
    ("Apache", "https://httpd.apache.org"),
    ("bumpalo", "https://github.com/fitzgen/bumpalo"),
    ("dlmalloc", "https://gee.cs.oswego.edu/dl/html/malloc.html"),
    ("glibc", "https://sourceware.org/glibc/"),
    ("gperftools", "https://github.com/gperftools/gperftools"),
    ("jemalloc", "https://jemalloc.net"),
    ("jq", "https://jqlang.org"),
    ("libFuzzer", "https://llvm.org/docs/LibFuzzer.html"),
    ("loom", "https://github.com/tokio-rs/loom"),
    ("mimalloc", "https://github.com/microsoft/mimalloc"),
    ("Miri", "https://github.com/rust-lang/miri"),
    ("PostgreSQL", "https://www.postgresql.org"),
    ("Quake", "https://github.com/id-Software/Quake"),
    ("redis", "https://redis.io"),
    ("rpmalloc", "https://github.com/mjansson/rpmalloc"),
    ("snmalloc", "https://github.com/microsoft/snmalloc"),
    ("sqlite3", "https://sqlite.org"),
    ("talc", "https://github.com/SFBdragon/talc"),
    ("tcmalloc", "https://gperftools.github.io/gperftools/tcmalloc.html"),
    ("ThreadSanitizer", "https://clang.llvm.org/docs/ThreadSanitizer.html"),
    ("TLSF", "https://github.com/mattconte/tlsf"),
    ("trybuild", "https://github.com/dtolnay/trybuild"),
    ("valgrind", "https://valgrind.org"),
    ("A Fast Storage Allocator", "https://doi.org/10.1145/365628.365655"),
    (
        "A Nonrecursive List Compacting Algorithm",
        "https://doi.org/10.1145/362790.362798",
    ),
    (
        "A Real-Time Garbage Collector Based on the Lifetimes of Objects",
        "https://doi.org/10.1145/358141.358147",
    ),
    (
        "A Scalable Concurrent malloc(3) Implementation for FreeBSD",
        "https://people.freebsd.org/~jasone/jemalloc/bsdcan2006/jemalloc.pdf",
    ),
    (
        "Dynamic Storage Allocation: A Survey and Critical Review",
        "https://doi.org/10.1007/3-540-60368-9_19",
    ),
    (
        "Fast Allocation and Deallocation of Memory Based on Object Lifetimes",
        "https://doi.org/10.1002/spe.4380200104",
    ),
    ("Generation Scavenging", "https://doi.org/10.1145/800020.808261"),
    (
        "Mimalloc: Free List Sharding in Action",
        "https://www.microsoft.com/en-us/research/publication/\
         mimalloc-free-list-sharding-in-action/",
    ),
    (
        "Quantifying the Performance of Garbage Collection vs. Explicit Memory \
         Management",
        "https://doi.org/10.1145/1094811.1094836",
    ),
    (
        "Reconsidering Custom Memory Allocation",
        "https://doi.org/10.1145/582419.582421",
    ),
    (
        "The Slab Allocator",
        "https://www.usenix.org/conference/\
         usenix-summer-1994-technical-conference/\
         slab-allocator-object-caching-kernel",
    ),
    (
        "Using Lifetime Predictors to Improve Memory Allocation Performance",
        "https://doi.org/10.1145/155090.155108",
    ),
];

/// Where a text names something. A title is written as it is.
fn named(text: &str, name: &str) -> Vec<Range<usize>> {
    if !name.contains(' ') {
        // `tikv-jemalloc-sys` is another name.
        let is_part = |range: &Range<usize>| {
            text[..range.start].ends_with('-')
                || text[range.end..].starts_with('-')
        };
        let mut found = find(text, name);
        found.retain(|range| !is_part(range));
        return found;
    }
    let found = text.match_indices(name);
    found.map(|(at, name)| at..at + name.len()).collect()
}

/// A page with a link at the first place of each name. Not where that is in a link
/// already.
pub fn linked(markdown: &str) -> String {
    let mut links = Vec::new();
    let of_page = passages(markdown);
    for (name, home) in HOMES {
        let mut found = of_page.iter().flat_map(|passage| {
            let found = named(&passage.text, name).into_iter();
            found.map(|range| (passage.range(range), passage.is_link))
        });
        if let Some((range, false)) = found.next() {
            links.push((range, format!("<a href=\"{home}\">")));
        }
    }
    // Of two that meet, the longer one stays.
    links.sort_by_key(|(range, _)| (range.start, usize::MAX - range.end));
    links.dedup_by(|(next, _), (range, _)| next.start < range.end);
    insert(markdown, links)
}
