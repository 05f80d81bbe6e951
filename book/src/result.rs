//! Numbers in the prose that were measured: `{{#result …}}`.
//!
//! ```text
//! The heap of ls grows to {{#result claim: ls: one_stack_heap as 0.1 MB}}.
//! It takes {{#result claim: median: walks / frees as 0.1}} walks for a free.
//! {{#result claim: count: newest_16 / frees > 0.5 as word}} programs do.
//! The loop takes {{#result queue: nothing: ns / ns of glibc as fraction}}.
//! {{#result captured/growth: 10 rounds: #2 as 1}} bytes.
//! ```
//!
//! First comes the file, below `tests/bench/results`. Then the row, by its
//! first cells (`nested,10,glibc`, where `*` is any cell), and behind it an
//! expression over the columns of that row, or of others (`ns of nothing`),
//! which is worked out from left to right. In front of the row may stand
//! `median`, `least` or `most`, of all rows that fit, or `count`, of those for
//! which a comparison holds.
//!
//! The last is how it is written: what it is rounded to, with a unit (`MB`,
//! `KB`, `%`) or without, `fraction` ("a third"), or `word`.
//!
//! The file `targets` is [the table of what was asked for](crate::targets): a
//! row is found by what it is about, without commas and colons, and has the
//! column `ours`, rounded as the table has it.
//!
//! ```text
//! {{#result targets: … memory of glibc’s the median: ours as 1 %}}
//! ```
//!
//! A captured output is no table. Its rows are lines, by their first words,
//! and `#2` is the second number of the line.

use std::fs;
use std::path::Path;

use crate::amount;
use crate::captured;
use crate::plot;
use crate::plot::table::Table;
use crate::targets;

/// What `claim: ls: one_stack_heap as 0.1 MB` stands for.
///
/// # Errors
///
/// What is wrong with it, or with the results.
pub fn value(root: &Path, arguments: &str) -> Result<String, String> {
    let number = || {
        let (question, form) = arguments.rsplit_once(" as ")?;
        let (file, question) = question.split_once(": ")?;
        let (rows, expression) = question.split_once(": ")?;
        Some((file.trim(), rows.trim(), expression.trim(), form.trim()))
    };
    let (file, rows, expression, form) = number().ok_or_else(|| {
        format!(
            "`{{{{#result {arguments}}}}}` has other arguments: `file: row: \
             column as 0.1`"
        )
    })?;
    let results = Results::read(root, file)?;
    let number = results
        .answer(rows, expression)
        .map_err(|error| format!("`{arguments}`: {error}"))?;
    written(number, form)
}

/// A file that a number can be taken from.
enum Results {
    Table(Table),
    /// The lines of an output.
    Lines(Vec<String>),
}

impl Results {
    fn read(root: &Path, file: &str) -> Result<Self, String> {
        if file == "targets" {
            return targets(root).map(Self::Table);
        }
        let Some(name) = file.strip_prefix("captured/") else {
            return plot::results(root, file).map(Self::Table);
        };
        let path = format!("book/captured/{name}.txt");
        let text = fs::read_to_string(root.join(&path))
            .map_err(|_| format!("{path} is not there"))?;
        let captured =
            captured::parse(&text).map_err(|it| format!("{path} {it}"))?;
        Ok(Self::Lines(captured.output.lines().map(str::to_owned).collect()))
    }

    /// The numbers of the rows that are asked for, made into one.
    fn answer(&self, rows: &str, expression: &str) -> Result<f64, String> {
        let (of_all, row) = rows.split_once(' ').unwrap_or((rows, ""));
        if !["median", "least", "most", "count"].contains(&of_all) {
            return self.calculated(self.row(rows)?, expression);
        }
        let rows = self.rows(row);
        if rows.is_empty() {
            return Err(format!("there is no row `{row}`"));
        }
        if of_all == "count" {
            let holds = rows.iter().map(|row| self.holds(*row, expression));
            let holds = holds.collect::<Result<Vec<_>, _>>()?;
            return Ok(holds.into_iter().filter(|it| *it).count() as f64);
        }
        let numbers = rows.iter().map(|row| self.calculated(*row, expression));
        let mut numbers = numbers.collect::<Result<Vec<_>, _>>()?;
        numbers.sort_by(f64::total_cmp);
        let last = numbers.len() - 1;
        Ok(match of_all {
            "least" => numbers[0],
            "most" => numbers[last],
            _ => f64::midpoint(numbers[last / 2], numbers[last.div_ceil(2)]),
        })
    }

    /// The places of the rows that start as it is said.
    fn rows(&self, start: &str) -> Vec<usize> {
        let fits = |row: usize| match self {
            Self::Table(table) => {
                let mut cells = start.split(',').zip(&table.rows[row]);
                start.is_empty()
                    || cells
                        .all(|(wanted, cell)| wanted == "*" || wanted == cell)
            }
            Self::Lines(lines) => {
                let mut words = lines[row].split_whitespace();
                start.split_whitespace().all(|it| words.next() == Some(it))
            }
        };
        let count = match self {
            Self::Table(table) => table.rows.len(),
            Self::Lines(lines) => lines.len(),
        };
        (0..count).filter(|row| fits(*row)).collect()
    }

    /// The place of the one row that starts as it is said.
    fn row(&self, start: &str) -> Result<usize, String> {
        match *self.rows(start) {
            [row] => Ok(row),
            [] => Err(format!("there is no row `{start}`")),
            _ => Err(format!("there is more than one row `{start}`")),
        }
    }

    /// Whether a comparison holds in a row.
    fn holds(&self, row: usize, comparison: &str) -> Result<bool, String> {
        let (left, right, is_more) = comparison
            .split_once(" > ")
            .map(|(left, right)| (left, right, true))
            .or_else(|| {
                let (left, right) = comparison.split_once(" < ")?;
                Some((left, right, false))
            })
            .ok_or("what is counted is a comparison, with `>` or `<`")?;
        let left = self.calculated(row, left)?;
        let right = self.calculated(row, right)?;
        Ok(if is_more { left > right } else { left < right })
    }

    /// What an expression comes to in a row, from left to right.
    fn calculated(&self, row: usize, expression: &str) -> Result<f64, String> {
        let operators = [" / ", " - ", " + "];
        let mut number = None;
        let mut by = "";
        let mut rest = expression;
        loop {
            let next = operators
                .iter()
                .filter_map(|it| Some((rest.find(it)?, *it)))
                .min();
            let end = next.map_or(rest.len(), |(end, _)| end);
            let term = self.term(row, rest[..end].trim())?;
            number = Some(match (number, by) {
                (Some(left), " / ") => left / term,
                (Some(left), " - ") => left - term,
                (Some(left), " + ") => left + term,
                _ => term,
            });
            let Some((end, operator)) = next else { break };
            by = operator;
            rest = &rest[end + operator.len()..];
        }
        number
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| format!("`{expression}` is no number"))
    }

    /// A number, a cell of the row, or a cell of another.
    fn term(&self, row: usize, term: &str) -> Result<f64, String> {
        if let Ok(number) = term.parse() {
            return Ok(number);
        }
        match term.split_once(" of ") {
            Some((column, other)) => self.cell(self.row(other)?, column),
            None => self.cell(row, term),
        }
    }

    fn cell(&self, row: usize, column: &str) -> Result<f64, String> {
        let cell = match self {
            Self::Table(table) => table.column(column)?[row].to_owned(),
            Self::Lines(lines) => number_of(&lines[row], column)?,
        };
        cell.parse().map_err(|_| {
            format!("there is `{cell}` in the column `{column}`, and no number")
        })
    }
}

/// What was asked for, and what has come of it.
fn targets(root: &Path) -> Result<Table, String> {
    let row = |row: targets::Row| {
        let ours = row.ours.split(' ').next().unwrap_or_default().to_owned();
        vec![row.what.replace([',', ':'], ""), ours]
    };
    Ok(Table {
        columns: vec!["what".to_owned(), "ours".to_owned()],
        rows: targets::rows(root)?.into_iter().map(row).collect(),
        ..Table::default()
    })
}

/// The number of this place in a line: `#2` is the second. What stands behind
/// `±` is none.
fn number_of(line: &str, place: &str) -> Result<String, String> {
    let at = place.strip_prefix('#').and_then(|it| it.parse::<usize>().ok());
    let at = at.filter(|at| *at > 0).ok_or_else(|| {
        format!("`{place}` is no number of a line, such as `#2`")
    })?;
    let words = line
        .split_whitespace()
        .map(|word| word.trim_matches(['×', ',', '%']).replace(',', ""));
    let numbers: Vec<_> = words
        .filter(|word| word.ends_with(|it: char| it.is_ascii_digit()))
        .filter(|word| word.parse::<f64>().is_ok())
        .collect();
    let count = numbers.len();
    numbers
        .into_iter()
        .nth(at - 1)
        .ok_or_else(|| format!("the line has {count} numbers, and no {place}"))
}

/// A number in one of the ways in which a page writes it.
fn written(number: f64, form: &str) -> Result<String, String> {
    match form {
        "word" => {
            let word = amount::word(number.max(0.0) as usize);
            let whole = number >= 0.0 && number.fract() == 0.0;
            let word = word.filter(|_| whole).map(str::to_owned);
            word.ok_or_else(|| format!("{number} has no word here"))
        }
        "fraction" => fraction(number)
            .map(str::to_owned)
            .ok_or_else(|| format!("{number} is near no fraction")),
        _ => rounded(number, form),
    }
}

/// `0.1 MB` is in tenths of a megabyte.
fn rounded(number: f64, form: &str) -> Result<String, String> {
    let (step, unit) = form.split_once(' ').unwrap_or((form, ""));
    let wrong = || {
        format!(
            "a number is written `as word`, `as fraction` or as what it is \
             rounded to: `as 10`, `as 0.1`, `as 0.1 MB`, `as 1 %`, not as \
             `{form}`"
        )
    };
    let of_one = match unit {
        "" => 1.0,
        "%" => 0.01,
        "KB" => 1e3,
        "MB" => 1e6,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    let places = step.split_once('.').map_or(0, |(_, places)| places.len());
    let step: f64 = step.parse().map_err(|_| wrong())?;
    if step.is_nan() || step <= 0.0 {
        return Err(wrong());
    }
    let number = (number / of_one / step).round() * step;
    let digits = format!("{:.places$}", number.abs());
    let (whole, rest) =
        digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let whole = whole.parse().map(amount::number).map_err(|_| wrong())?;
    let sign = if number < 0.0 { "−" } else { "" };
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    Ok(format!("{sign}{whole}{rest}{unit}"))
}

/// The nearest of the fractions that have a name.
fn fraction(number: f64) -> Option<&'static str> {
    let named = [
        (1.0 / 10.0, "a tenth"),
        (1.0 / 8.0, "an eighth"),
        (1.0 / 6.0, "a sixth"),
        (1.0 / 5.0, "a fifth"),
        (1.0 / 4.0, "a quarter"),
        (1.0 / 3.0, "a third"),
        (2.0 / 5.0, "two fifths"),
        (1.0 / 2.0, "half"),
        (3.0 / 5.0, "three fifths"),
        (2.0 / 3.0, "two thirds"),
        (3.0 / 4.0, "three quarters"),
        (4.0 / 5.0, "four fifths"),
        (5.0 / 6.0, "five sixths"),
        (9.0 / 10.0, "nine tenths"),
    ];
    let off = |of: f64| (of - number).abs();
    let nearest =
        named.into_iter().min_by(|a, b| off(a.0).total_cmp(&off(b.0)));
    nearest.filter(|it| off(it.0) <= 0.05).map(|(_, name)| name)
}
