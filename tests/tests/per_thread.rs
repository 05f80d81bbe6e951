//! The contract of stage 5, run on the heap that each thread has.

use tests::contract::contract_with;

#[test]
fn the_contract_holds_for_a_threads_heap() {
    let heap = "/// The heap that the contract is about.\n\
        pub type Heap<M> = \
        stage5_lifo_stack::per_thread::holes::Holes<M>;\n";
    let report =
        contract_with("holes", include_str!("per_thread/common.rs"), heap);
    let tests = report.list.matches(" ... ok").count();
    assert!(report.failed.is_empty(), "{}{:#?}", report.list, report.failed);
    assert!(tests > 20, "{tests} promises:\n{}", report.list);
}
