//! `{{#table queue allocator ns}}`: some columns of the results of a measurement,
//! as a table.

use std::path::Path;

use crate::amount;
use crate::html::escape;
use crate::plot::results;

/// The table, in Markdown, and where its numbers come from.
///
/// # Errors
///
/// That there are no such results, or no such column.
pub fn markdown(
    root: &Path,
    name: &str,
    columns: &[String],
) -> Result<String, String> {
    let table = results(root, name)?;
    let error = |error| format!("{name}.csv {error}");
    let cells = columns.iter().map(|column| table.column(column));
    let cells: Vec<_> = cells.collect::<Result<_, _>>().map_err(error)?;
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let heads = columns.iter().map(|it| it.replace('_', " "));
    let mut text = format!("\n{}", line(heads.collect()));
    // Numbers stand with their ends below each other.
    let is_number = |cell: &&str| cell.parse::<f64>().is_ok();
    let sides = cells.iter().map(|cells| {
        let side = if cells.iter().all(is_number) { "---:" } else { "---" };
        side.to_owned()
    });
    text += &line(sides.collect());
    for row in 0..table.rows.len() {
        let row = cells.iter().map(|cells| written(cells[row]));
        text += &line(row.collect());
    }
    let about = ["machine", "system", "date"];
    let about: Vec<_> =
        about.iter().filter_map(|key| table.about(key)).map(escape).collect();
    Ok(text + &format!("\nMeasured on: {}.\n", about.join(". ")))
}

/// A cell: a whole number has its thousands apart.
fn written(cell: &str) -> String {
    cell.parse().map_or_else(|_| escape(cell), amount::number)
}
