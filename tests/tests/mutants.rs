//! Changes that a machine thought of: how they are read, picked and made.

use tests::mutant::{Mutant, as_if_safe};

/// As cargo-mutants lists them.
const LIST: &str = r#"[
    {
        "name": "stage2-headers/src/lib.rs:2:6: replace < with <= in less",
        "package": "stage2-headers",
        "file": "stage2-headers/src/lib.rs",
        "function": null,
        "span": {
            "start": { "line": 2, "column": 6 },
            "end": { "line": 2, "column": 7 }
        },
        "replacement": "<=",
        "genre": "BinaryOperator"
    },
    {
        "name": "stage2-headers/src/lib.rs:1:3: replace a -> u8 with 0",
        "package": "stage2-headers",
        "file": "stage2-headers/src/lib.rs",
        "function": null,
        "span": {
            "start": { "line": 1, "column": 3 },
            "end": { "line": 3, "column": 2 }
        },
        "replacement": "0",
        "genre": "FnValue"
    }
]"#;

#[test]
fn a_change_is_made_where_the_list_says() {
    let [less, whole] = Mutant::listed(LIST).try_into().expect("two");
    assert_eq!(less.change, "replace < with <= in less");
    assert_eq!((&*less.file, less.line), ("stage2-headers/src/lib.rs", 2));
    assert_eq!(less.changed("äöü\n»ab« < c\nd"), "äöü\n»ab« <= c\nd");
    assert_eq!(whole.changed("f {1\n2\n3}4"), "f 0}4");
    assert_eq!(
        whole.to_string(),
        "stage2-headers/src/lib.rs:1: replace a -> u8 with 0"
    );
}

#[test]
fn a_seed_picks_the_same_each_time_and_another_picks_others() {
    let list = || {
        let mut all = Vec::new();
        for _ in 0..20 {
            all.extend(Mutant::listed(LIST));
        }
        for (at, mutant) in all.iter_mut().enumerate() {
            mutant.line = at;
        }
        all
    };
    let pick = |seed| Mutant::pick(list(), seed, 10);
    assert_eq!(pick(1).len(), 10);
    assert_eq!(pick(1), pick(1));
    assert_ne!(pick(1), pick(2));
}

/// A change that was listed for the one can be made in the other.
#[test]
fn an_unsafe_function_is_made_safe_where_it_stands() {
    let source = "pub unsafe fn a() {\n    unsafe { b() + 1 }\n}\n";
    let safe = as_if_safe(source);
    assert_eq!(safe, "pub        fn a() {\n    unsafe { b() + 1 }\n}\n");
    assert_eq!(safe.len(), source.len());
}
