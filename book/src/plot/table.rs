//! The results of measurements, kept in files.
//!
//! A file starts with lines that say what made it. Then come the names of the
//! columns and the rows, with commas between the cells:
//!
//! ```text
//! # command: cargo run --release -p timing --example claim
//! # date: 2026-01-31
//! program,frees,newest
//! ls,1200,700
//! ```

use std::fmt::{self, Display, Formatter};

use crate::problem::{did_you_mean, list};

/// A table of results, and what there is to know about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What made it: keys and values.
    pub about: Vec<(String, String)>,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The cells, row by row: as many as there are columns.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut table = Self::default();
        for line in text.lines() {
            if let Some(about) = line.strip_prefix("# ") {
                let (key, value) = about
                    .split_once(": ")
                    .ok_or(format!("wants `# key: value`, not `{line}`"))?;
                table.about.push((key.to_owned(), value.to_owned()));
                continue;
            }
            let cells: Vec<_> = line.split(',').map(str::to_owned).collect();
            if table.columns.is_empty() {
                table.columns = cells;
            } else if cells.len() == table.columns.len() {
                table.rows.push(cells);
            } else {
                let count = table.columns.len();
                return Err(format!("wants {count} cells, not `{line}`"));
            }
        }
        if table.rows.is_empty() { Err("is empty".into()) } else { Ok(table) }
    }

    /// The value of a key among the lines that say what made the table.
    pub fn about(&self, key: &str) -> Option<&str> {
        let (_, value) = self.about.iter().find(|(name, _)| name == key)?;
        Some(value)
    }

    /// The cells of a column.
    ///
    /// # Errors
    ///
    /// That there is no such column, and which there are.
    pub fn column(&self, name: &str) -> Result<Vec<&str>, String> {
        let at = self.columns.iter().position(|column| column == name);
        let at = at.ok_or_else(|| {
            let names: Vec<_> =
                self.columns.iter().map(String::as_str).collect();
            let hint = did_you_mean(name, &names);
            let names = list(&names);
            format!("has no column `{name}`.{hint} There is: {names}")
        })?;
        Ok(self.rows.iter().map(|row| &*row[at]).collect())
    }

    /// The numbers in a column.
    ///
    /// # Errors
    ///
    /// As for [`column`](Self::column), and that a cell holds no number.
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>, String> {
        let cells = self.column(name)?.into_iter();
        cells.map(|cell| number(name, cell)).collect()
    }

    /// The numbers in a column in which cells may be empty.
    ///
    /// # Errors
    ///
    /// As for [`column`](Self::column), and that a cell holds something else.
    pub fn numbers_if_any(
        &self,
        name: &str,
    ) -> Result<Vec<Option<f64>>, String> {
        let number = |cell: &str| match cell {
            "" => Ok(None),
            cell => number(name, cell).map(Some),
        };
        self.column(name)?.into_iter().map(number).collect()
    }
}

fn number(column: &str, cell: &str) -> Result<f64, String> {
    cell.parse().map_err(|_| {
        format!("has `{cell}` in the column `{column}`, and no number")
    })
}

impl Display for Table {
    /// Writes the file that [`parse`](Self::parse) reads.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (key, value) in &self.about {
            writeln!(f, "# {key}: {value}")?;
        }
        writeln!(f, "{}", self.columns.join(","))?;
        for row in &self.rows {
            writeln!(f, "{}", row.join(","))?;
        }
        Ok(())
    }
}
