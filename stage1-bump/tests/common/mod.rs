//! Which heap the contract is about.

pub use stage1_bump::SimBrk;

pub type Heap<B> = stage1_bump::Heap<B>;
