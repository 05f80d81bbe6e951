//! The contract of stage 5, run on the heap that each thread has.

use std::thread;

use tests::contract::{contract_under_miri, contract_with};

/// What the contract calls `common`, and the heap in there.
const COMMON: &str = include_str!("per_thread/common.rs");
const HEAP: &str = "/// The heap that the contract is about.\n\
    pub type Heap<M> = stage5_lifo_stack::per_thread::holes::Holes<M>;\n";

#[test]
fn the_contract_holds_for_a_threads_heap() {
    let report = contract_with("holes", COMMON, HEAP);
    let tests = report.list.matches(" ... ok").count();
    assert!(report.failed.is_empty(), "{}{:#?}", report.list, report.failed);
    assert!(tests > 20, "{tests} promises:\n{}", report.list);
}

/// As it does for a stage: `.ci/miri` runs the contract on each of them.
#[test]
#[ignore = "needs a nightly compiler with Miri: .ci/miri runs it"]
fn miri_finds_nothing_while_a_threads_heap_keeps_the_contract() {
    let models =
        [("stacked borrows", ""), ("tree borrows", "-Zmiri-tree-borrows")];
    thread::scope(|scope| {
        for (model, flags) in models {
            scope.spawn(move || {
                let name = format!("holes-{}", model.replace(' ', "-"));
                let outcome = contract_under_miri(&name, COMMON, HEAP, flags);
                let said = format!("{}{}", outcome.stdout, outcome.stderr);
                let all = outcome.stdout.contains("; 0 failed; 0 ignored;");
                assert!(outcome.status.success() && all, "{model}: {said}");
                println!("{model}: {}", outcome.stdout.trim());
            });
        }
    });
}
