//! Which heap the contract is about.

pub use stage3_freelist::SimBrk;

pub type Heap<B> = stage3_freelist::Heap<B, { stage3_freelist::heap::DEFAULT }>;
