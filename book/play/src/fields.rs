//! Draws what stands in memory byte by byte, and the bits of a flag.

use super::draw::{class_of, escape};
use super::recording::{Field, address};

/// The fields, the lowest address at the bottom as in the heap. `before` has
/// those of the picture before. Nothing if there are none.
pub fn html(fields: &[Field], before: &[Field]) -> String {
    if fields.is_empty() {
        return String::new();
    }
    let wholes: String = fields
        .chunk_by(|one, next| one.of == next.of)
        .map(|whole| part(whole, before))
        .collect();
    format!(
        "<ol class='hf-fields' aria-label='The bytes, from the lowest address \
         up'>{wholes}</ol>"
    )
}

/// The fields of one whole, with its name above them.
fn part(fields: &[Field], before: &[Field]) -> String {
    let class = class_of(fields[0].kind);
    let of = escape(&fields[0].of).replace('`', "");
    let rows: String = fields.iter().map(|field| row(field, before)).collect();
    format!(
        "<li class='{class}'><span class='hf-of'>{of}</span>\
         <ol>{rows}</ol></li>"
    )
}

fn row(field: &Field, before: &[Field]) -> String {
    let was = before.iter().find(|was| {
        (&was.of, &was.name, was.at) == (&field.of, &field.name, field.at)
    });
    let at = field.at.map_or(String::new(), address);
    if field.name.is_empty() {
        let bytes = field.bytes.len();
        return format!(
            "<li class='hf-filler'><span class='hf-at'>{at}</span> \
             <span>{bytes} bytes of filler</span></li>"
        );
    }
    let is_new = was.is_some_and(|was| was.bytes != field.bytes);
    let class = if is_new { " class='is-new'" } else { "" };
    let (name, value) = (escape(&field.name), escape(&field.value));
    let bytes: Vec<String> = (0..field.bytes.len())
        .map(|index| {
            let (byte, is_same) = (field.bytes[index], |was: &Field| {
                was.bytes.get(index) == Some(&field.bytes[index])
            });
            let text = match byte {
                Some(byte) => format!("{byte:02x}"),
                None => "··".to_owned(),
            };
            match was.is_none_or(is_same) {
                true => text,
                false => format!("<b>{text}</b>"),
            }
        })
        .collect();
    let bytes = bytes.join(" ");
    let bits = bits(field);
    format!(
        "<li{class}><span class='hf-at'>{at}</span> <code>{name}</code> \
         <span class='hf-value'>{value}</span> \
         <span class='hf-bytes'>{bytes}</span>{bits}</li>"
    )
}

/// The bits of the first byte, the highest first, with the names of the flags.
fn bits(field: &Field) -> String {
    let Some(Some(byte)) = field.bytes.first() else { return String::new() };
    if field.flags.is_empty() {
        return String::new();
    }
    let bit = |bit: u32| {
        let value = byte >> bit & 1;
        let flag = field.flags.iter().find(|(its, _)| *its == bit);
        match flag {
            Some((_, name)) if value == 1 => {
                format!("<b class='is-set'>{value}<i>{name}</i></b>")
            }
            Some((_, name)) => format!("<b>{value}<i>{name}</i></b>"),
            None => value.to_string(),
        }
    };
    let bits: Vec<String> = (0..8).rev().map(bit).collect();
    let bits = bits.join(" ");
    format!(" <span class='hf-bit-row'>{byte:02x} in bits: {bits}</span>")
}
