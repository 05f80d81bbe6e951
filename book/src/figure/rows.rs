//! A column of memory that is drawn and not recorded, in the figures' own look:
//! the lowest address is at the bottom.

use std::fmt::Write;

use crate::html::escape;

/// A column, from its lowest row up.
#[derive(Default)]
pub struct Column {
    html: String,
}

/// A stretch of memory.
#[derive(Default)]
pub struct Row<'t> {
    /// The address at which it starts.
    pub at: &'t str,
    /// How it looks, as a class of the style sheet.
    pub class: &'t str,
    pub name: &'t str,
    /// What stands at its right end.
    pub size: &'t str,
    /// What has just happened to it, in a word or two.
    pub tag: &'t str,
    /// In pixels.
    pub height: usize,
}

impl Column {
    pub fn row(&mut self, row: &Row<'_>) {
        let Row { class, height, .. } = row;
        let [at, name, size] = [row.at, row.name, row.size].map(escape);
        let new = if row.tag.is_empty() { "" } else { " is-new" };
        let tag = tag(row.tag);
        write!(
            self.html,
            "<li class='hf-span {class}{new}' style='--height:{height}'>\
             <span class='hf-at'>{at}</span> <span class='hf-box'>\
             <span>{name}</span>{tag} <span class='hf-size'>{size}</span>\
             </span></li>"
        )
        .expect("a string grows");
    }

    /// Addresses at which nothing is.
    pub fn gap(&mut self, text: &str) {
        let text = escape(text);
        write!(
            self.html,
            "<li class='hf-gap'><span class='hf-at'></span> \
             <span>{text}</span></li>"
        )
        .expect("a string grows");
    }

    /// The break, with what has happened to it.
    pub fn the_break(&mut self, at: &str, happened: &str) {
        let (at, tag) = (escape(at), tag(happened));
        write!(
            self.html,
            "<li class='hf-break'><span class='hf-at'>{at}</span> \
             <span class='hf-line'>the break{tag}</span></li>"
        )
        .expect("a string grows");
    }

    /// The whole, with a class of its own and a name for those who do not see
    /// it.
    pub fn finish(self, class: &str, label: &str) -> String {
        let (label, rows) = (escape(label), self.html);
        format!(
            "<ol class='hf-memory {class}' aria-label='{label}'>{rows}</ol>"
        )
    }
}

fn tag(text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!(" <span class='hf-tag'>{}</span>", escape(text)),
    }
}
