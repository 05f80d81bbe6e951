//! jemalloc as its crate has it, as a C library.

#![cfg(all(target_os = "linux", target_env = "gnu"))]
// In release. What unwinds, as the dev profile does, needs std for it.
#![cfg_attr(panic = "abort", no_std)]

mod newest;

// So that it is linked.
use tikv_jemalloc_sys as _;

newest::export_with_prefix!("_rjem_");
