//! The free lists of a heap that has some.

use std::fmt::Write;

use super::recording::address;

/// What a heap's free lists hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Bit `class` is set if the list of that class has a block.
    pub bitmap: u128,
    /// How many lists there are.
    pub count: usize,
    /// Those that have a block, by their classes.
    pub lists: Vec<List>,
}

/// One list, from its front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    pub class: usize,
    /// Where each block's payload starts, from the start of the heap, and its
    /// bytes.
    pub blocks: Vec<(usize, usize)>,
}

impl Lists {
    /// The lists of a heap that starts at `start`: `list` has the payloads and
    /// the sizes of a class.
    pub fn new(
        start: usize,
        bitmap: u128,
        count: usize,
        list: impl Fn(usize) -> Vec<(usize, usize)>,
    ) -> Self {
        let lists = (0..count).map(|class| {
            let from_start = |(payload, size)| (payload - start, size);
            let blocks = list(class).into_iter().map(from_start).collect();
            List { class, blocks }
        });
        let lists = lists.filter(|list| !list.blocks.is_empty()).collect();
        Self { bitmap, count, lists }
    }

    /// The classes whose bits are set: `bits 3 and 17 of 128`.
    fn bits(&self) -> String {
        let is_set = |class: &usize| self.bitmap >> class & 1 == 1;
        let set: Vec<String> = (0..self.count)
            .filter(is_set)
            .map(|class| class.to_string())
            .collect();
        match &set[..] {
            [] => format!("none of {} bits is set", self.count),
            [one] => format!("bit {one} of {} is set", self.count),
            [some @ .., last] => {
                let some = some.join(", ");
                format!("bits {some} and {last} of {} are set", self.count)
            }
        }
    }

    /// As text, a line for each list.
    pub fn text(&self) -> String {
        let mut text = format!("the bitmap: {}\n", self.bits());
        for List { class, blocks } in &self.lists {
            let block = |(at, size): &(usize, usize)| {
                format!("{} ({size})", address(*at))
            };
            let blocks: Vec<String> = blocks.iter().map(block).collect();
            let blocks = blocks.join(" -> ");
            writeln!(text, "list {class}: {blocks}").expect("a string grows");
        }
        text
    }

    /// As HTML.
    pub fn html(&self) -> String {
        let bits: String = (0..self.count)
            .map(|class| match self.bitmap >> class & 1 {
                1 => "<i class='is-set'></i>",
                _ => "<i></i>",
            })
            .collect();
        let rows: String = self.lists.iter().map(row).collect();
        let empty = "<tr><td colspan='2'>none has a block</td></tr>";
        let rows = if rows.is_empty() { empty } else { &rows };
        let told = self.bits();
        format!(
            "<table class='hf-lists'><caption>the free lists</caption>\
             <thead><tr><th>list</th><th>its blocks, from the front</th></tr>\
             </thead><tbody>{rows}</tbody></table>\
             <p class='hf-bitmap'><span class='hf-bits' aria-hidden='true'>\
             {bits}</span> the bitmap: {told}</p>"
        )
    }
}

fn row(list: &List) -> String {
    let block = |(at, size): &(usize, usize)| {
        format!("<span>{} ({size} bytes)</span>", address(*at))
    };
    let blocks: Vec<String> = list.blocks.iter().map(block).collect();
    format!("<tr><th>{}</th><td>{}</td></tr>", list.class, blocks.join(" → "))
}
