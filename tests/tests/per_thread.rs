//! The contract of stage 5, run on the stack that each thread has, as it is and
//! with holes.

use tests::contract::contract_with;

/// The contract must hold for the heap of this name in `path`.
fn the_contract_holds(name: &str, path: &str) {
    let heap = format!(
        "/// The heap that the contract is about.\n\
         pub type Heap<B> = stage5_lifo_stack::per_thread::{path}<B>;\n"
    );
    let report =
        contract_with(name, include_str!("per_thread/common.rs"), &heap);
    let tests = report.list.matches(" ... ok").count();
    assert!(report.failed.is_empty(), "{}{:#?}", report.list, report.failed);
    assert!(tests > 20, "{tests} promises:\n{}", report.list);
}

#[test]
fn the_contract_holds_for_a_stack() {
    the_contract_holds("stack", "stack::Stack");
}

#[test]
fn the_contract_holds_for_a_stack_with_holes() {
    the_contract_holds("holes", "holes::Holes");
}
