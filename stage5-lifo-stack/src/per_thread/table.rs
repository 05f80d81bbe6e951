//! A table in two levels: which mapping lies at an address.
//!
//! An address has 47 bits, or 48 on some machines. The lowest 18 lie in one
//! unit, and the next 15 are its number in a leaf. The rest is the number of
//! the leaf, which is made when something is first noted in it.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::segment::Mapping;

/// Bytes of address space that share an entry.
pub(super) const UNIT: usize = 1 << 18;

/// How many entries a leaf has.
const ENTRIES: usize = 1 << 15;

/// How many leaves there may be.
const LEAVES: usize =
    if cfg!(target_arch = "x86_64") { 1 << 14 } else { 1 << 15 };

/// The entries for so many units in a row. Zeroes are an empty one.
pub(super) struct Leaf([AtomicPtr<Mapping>; ENTRIES]);

/// What lies where.
pub(super) struct Table([AtomicPtr<Leaf>; LEAVES]);

impl Table {
    pub(super) const fn new() -> Self {
        Self([const { AtomicPtr::new(ptr::null_mut()) }; LEAVES])
    }

    /// What was noted for the unit of an address; null if nothing was.
    pub(super) fn get(&self, address: usize) -> *mut Mapping {
        match self.leaf(address) {
            Some(leaf) => {
                leaf.0[address / UNIT % ENTRIES].load(Ordering::Acquire)
            }
            None => ptr::null_mut(),
        }
    }

    /// Notes what lies in the unit of an address. Its leaf is there.
    pub(super) fn set(&self, address: usize, mapping: *mut Mapping) {
        if let Some(leaf) = self.leaf(address) {
            let entry = &leaf.0[address / UNIT % ENTRIES];
            entry.store(mapping, Ordering::Release);
        }
    }

    pub(super) fn leaf(&self, address: usize) -> Option<&Leaf> {
        let leaf = self.0.get(address / UNIT / ENTRIES)?;
        // SAFETY: a leaf that was added stays.
        unsafe { leaf.load(Ordering::Acquire).as_ref() }
    }

    /// Adds the leaf of an address. False if somebody else was faster.
    ///
    /// # Safety
    ///
    /// `leaf` is an empty leaf, and stays as long as the table.
    pub(super) unsafe fn add(&self, address: usize, leaf: *mut Leaf) -> bool {
        let place = &self.0[address / UNIT / ENTRIES];
        let (new, old) = (Ordering::AcqRel, Ordering::Relaxed);
        place.compare_exchange(ptr::null_mut(), leaf, new, old).is_ok()
    }

    /// Everything that is noted, by its addresses.
    pub(super) fn mappings(&self) -> impl Iterator<Item = *mut Mapping> {
        let mut last = ptr::null_mut();
        self.0
            .iter()
            // SAFETY: a leaf that was added stays.
            .filter_map(|leaf| unsafe { leaf.load(Ordering::Acquire).as_ref() })
            .flat_map(|leaf| &leaf.0)
            .map(|entry| entry.load(Ordering::Acquire))
            .filter(move |&mapping| {
                let is_new = !mapping.is_null() && mapping != last;
                last = mapping;
                is_new
            })
    }
}
