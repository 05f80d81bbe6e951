//! The Rust snippets of the README and of the book, compiled and run by
//! `cargo test` as documentation tests: one module a page.

// What a page says of its commands is meant for the book.
#![allow(rustdoc::invalid_codeblock_attributes)]

#[doc = include_str!("../../README.md")]
pub mod readme {}

#[doc = include_str!("../../book/chapters/before/what-malloc-is-for.md")]
pub mod before_what_malloc_is_for {}

#[doc = include_str!("../../book/chapters/stage1/what-is-missing.md")]
pub mod stage1_what_is_missing {}

#[doc = include_str!("../../book/chapters/stage1/a-break-to-test-with.md")]
pub mod stage1_a_break_to_test_with {}

#[doc = include_str!("../../book/chapters/before/the-rust-you-need.md")]
pub mod before_the_rust_you_need {}

#[doc = include_str!("../../book/chapters/stage2/index.md")]
pub mod stage2_index {}

#[doc = include_str!("../../book/chapters/stage2/a-header.md")]
pub mod stage2_a_header {}

#[doc = include_str!("../../book/chapters/stage3/index.md")]
pub mod stage3_index {}

#[doc = include_str!("../../book/chapters/stage3/large-blocks.md")]
pub mod stage3_large_blocks {}

#[doc = include_str!("../../book/chapters/stage4/index.md")]
pub mod stage4_index {}

#[doc = include_str!("../../book/chapters/stage4/send-and-sync.md")]
pub mod stage4_send_and_sync {}

#[doc = include_str!("../../book/chapters/stage4/the-lock.md")]
pub mod stage4_the_lock {}

#[doc = include_str!("../../book/chapters/stage5/index.md")]
pub mod stage5_index {}

#[doc = include_str!("../../book/chapters/stage5/the-design.md")]
pub mod stage5_the_design {}

#[doc = include_str!("../../book/chapters/stage5/what-the-sketch-leaves-open.md")]
pub mod stage5_what_the_sketch_leaves_open {}

#[doc = include_str!("../../book/chapters/stage5/what-pins-memory.md")]
pub mod stage5_what_pins_memory {}

#[doc = include_str!("../../book/chapters/beyond/per-thread/acquire-and-release.md")]
pub mod beyond_per_thread_acquire_and_release {}

#[doc = include_str!("../../book/chapters/beyond/per-thread/segments.md")]
pub mod beyond_per_thread_segments {}

#[doc = include_str!("../../book/chapters/beyond/holes/index.md")]
pub mod beyond_holes_index {}

#[doc = include_str!("../../book/chapters/back/real-allocators/in-the-kernel.md")]
pub mod back_real_allocators_in_the_kernel {}
