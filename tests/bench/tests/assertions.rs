//! What is compared is what people use: nobody's debug build.

use std::fs;

/// A text for whichever of its assertions fails, which snmalloc has where it is
/// built without NDEBUG.
const TEXT: &[u8] = b"assert fail: {} in {}";

/// What snmalloc says in any build.
const OTHER: &[u8] = b"Failed to initialise snmalloc";

#[test]
fn snmalloc_is_built_without_assertions() {
    let program = env!("CARGO_BIN_EXE_bench");
    let program = fs::read(program).expect("the bench is built");
    let is_there =
        |text: &[u8]| program.windows(text.len()).any(|it| it == text);
    assert!(is_there(OTHER), "no snmalloc is in the bench");
    assert!(!is_there(TEXT), "CXXFLAGS in .cargo/config.toml has no effect");
}
