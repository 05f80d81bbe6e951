//! What a fuzzer has left behind: bytes that lead through all that it has
//! reached in each heap.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::ptr;

use stage1_bump::Heap;
use tests::fuzzed::HEAPS;
use tests::operations::Decoder;
use tests::shadow::{Allocator, Break, Demands, play_bytes};
use timing::workspace::workspace;

/// Of the files for a heap, Miri reads one of so many, and plays so many bytes.
const OF: usize = if cfg!(miri) { 128 } else { 1 };
const BYTES: usize = 24;

/// The files for a heap, and what is in them.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = workspace().join("tests/fuzz/corpus").join(name);
    let files = fs::read_dir(&folder).expect("a folder for each heap");
    // (Miri takes a minute to sort whole paths.)
    let mut names: Vec<OsString> =
        files.map(|file| file.expect("a file").file_name()).collect();
    names.sort();
    assert!(!names.is_empty(), "nothing in {}", folder.display());
    let read = |name: OsString| {
        let file = folder.join(name);
        let bytes = fs::read(&file).expect("a file");
        (file, bytes)
    };
    names.into_iter().step_by(OF).map(read).collect()
}

#[test]
fn each_heap_keeps_its_promises_for_all_that_the_fuzzer_has_left() {
    for heap in HEAPS {
        for (file, mut bytes) in corpus(heap.name) {
            if cfg!(miri) {
                // It says how far the break can rise.
                bytes[0] = 3;
                bytes.truncate(BYTES);
            }
            if let Err(fault) = (heap.play)(&bytes) {
                panic!("{}: {fault}", file.display());
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "it asks no heap, and is slow under Miri")]
fn what_the_fuzzer_has_left_is_small() {
    const MOST: usize = 200 * 1024;
    let files = HEAPS.iter().flat_map(|heap| corpus(heap.name));
    let bytes: usize = files.map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes <= MOST, "{bytes} bytes are more than {MOST}");
}

/// Without the first byte: it is how far the break can rise.
fn played(bytes: &[u8]) -> &[u8] {
    bytes.get(1..).unwrap_or_default()
}

/// What the operations are called that some bytes ask for.
fn kinds(bytes: &[u8]) -> BTreeSet<String> {
    let mut decoder = Decoder::new(bytes);
    let mut kinds = BTreeSet::new();
    while let Some((operation, _)) = decoder.next(10) {
        let text = format!("{operation:?}");
        kinds.extend(text.split(' ').next().map(str::to_owned));
    }
    kinds
}

#[test]
#[cfg_attr(miri, ignore = "it asks no heap, and is slow under Miri")]
fn the_bytes_for_each_heap_ask_for_all_there_is() {
    let all = [
        "Calloc",
        "Free",
        "Malloc",
        "Memalign",
        "Realloc",
        "SomebodyElseGivesBack",
        "SomebodyElseTakes",
    ];
    for heap in HEAPS {
        let corpus = corpus(heap.name);
        let asked = corpus.iter().flat_map(|(_, bytes)| kinds(played(bytes)));
        let asked: BTreeSet<String> = asked.collect();
        assert!(asked.iter().eq(all.iter()), "{}: {asked:?}", heap.name);
    }
}

/// A heap that gives its last block once more, the seventh time.
struct Faulty {
    heap: Heap<Break>,
    calls: usize,
    last: *mut u8,
}

impl Allocator for Faulty {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.calls += 1;
        if self.calls != 7 {
            self.last = self.heap.malloc(size);
        }
        self.last
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.heap.free(payload) }
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        self.heap.calloc(count, size)
    }

    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.heap.realloc(payload, size) }
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.heap.memalign(align, size)
    }
}

#[test]
#[cfg_attr(miri, ignore = "the fault comes after too many steps for Miri")]
fn bytes_find_a_planted_fault() {
    let found = corpus("stage1").into_iter().any(|(_, bytes)| {
        let brk = Break::new(64 * 1024);
        let (heap, last) = (Heap::new(brk.clone()), ptr::null_mut());
        let heap = Faulty { heap, calls: 0, last };
        let fault = play_bytes(heap, &brk, Demands::STAGE_1, played(&bytes));
        fault.is_err_and(|it| it.starts_with("blocks do not overlap"))
    });
    assert!(found, "no bytes find a block that is given twice");
}
