//! Which heap the contract is about.

pub use stage2_headers::SimBrk;

pub type Heap<B> = stage2_headers::Heap<B>;
