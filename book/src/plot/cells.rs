//! Results as they are looked up: a number for a thing and an allocator.

use super::table::Table;

/// Numbers, each of a thing (such as a program) and an allocator. Some were
/// not measured.
pub struct Cells<'a> {
    pub keys: Vec<&'a str>,
    pub allocators: Vec<&'a str>,
    pub numbers: Vec<Option<f64>>,
}

impl<'a> Cells<'a> {
    /// The numbers of a column, for what stands in the column `key`.
    pub fn of(
        table: &'a Table,
        key: &str,
        column: &str,
    ) -> Result<Self, String> {
        Ok(Self {
            keys: table.column(key)?,
            allocators: table.column("allocator")?,
            numbers: table.numbers_if_any(column)?,
        })
    }

    /// The number of a thing with an allocator, if it was measured.
    pub fn get(&self, key: &str, allocator: &str) -> Option<f64> {
        let mut rows = self.keys.iter().zip(&self.allocators);
        let row = rows.position(|row| row == (&key, &allocator))?;
        self.numbers[row]
    }

    /// For each row, its number if it is of a thing with an allocator.
    pub fn rows(
        &self,
        key: &str,
        allocator: &str,
    ) -> impl Iterator<Item = Option<f64>> {
        let rows = self.keys.iter().zip(&self.allocators).zip(&self.numbers);
        rows.map(move |(row, number)| {
            number.filter(|_| row == (&key, &allocator))
        })
    }

    /// The number of a thing with an allocator, which has to be there.
    pub fn number(&self, key: &str, allocator: &str) -> Result<f64, String> {
        self.get(key, allocator).ok_or_else(|| lacks(key, allocator))
    }

    /// As a multiple of what it is with glibc, if it was measured. What is too
    /// little to be measured is something still: there is no place for 0 on
    /// the axis.
    pub fn times_glibc(
        &self,
        key: &str,
        allocator: &str,
    ) -> Result<Option<f64>, String> {
        let glibc = self.number(key, "glibc")?;
        let number = self.get(key, allocator);
        Ok(number.map(|number| (number / glibc).max(0.01)))
    }

    /// The things, each once.
    pub fn distinct_keys(&self) -> Vec<&'a str> {
        distinct(&self.keys)
    }

    /// Whether there is anything with this allocator.
    pub fn has(&self, allocator: &str) -> bool {
        let mut rows = self.allocators.iter().zip(&self.numbers);
        rows.any(|(it, number)| *it == allocator && number.is_some())
    }
}

/// That something is missing.
pub fn lacks(key: &str, allocator: &str) -> String {
    format!("has no row for `{key}` with `{allocator}`")
}

/// Each name once, in the order in which they first come.
pub fn distinct<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for name in names {
        if !distinct.contains(name) {
            distinct.push(*name);
        }
    }
    distinct
}
