//! The HTML that stands in a chapter for a directive, and what is read of it.

use html5ever::tokenizer::Tag;

/// Text as it stands between tags or in quotes.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The same of what is read as prose: an apostrophe is one.
pub fn escape_prose(text: &str) -> String {
    escape(&text.replace('\'', "’"))
}

/// A number of things, such as "1 line" or "2 lines".
pub fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Lines of HTML, for a `pre`. The line break of one that is empty stands in an
/// element: a blank line would end the block of HTML.
pub fn lines(lines: impl IntoIterator<Item = String>) -> String {
    let line = |line: String| match line.trim() {
        "" => "<span>\n</span>".to_owned(),
        _ => line + "\n",
    };
    lines.into_iter().map(line).collect()
}

/// How many letters of an output fit beside each other on most screens.
pub const COLUMNS: usize = 78;

/// Lines of an output, each with its HTML. One that is too long goes on below
/// where its words begin, and not at the edge.
pub fn output<'a>(
    lines: impl IntoIterator<Item = (&'a str, String)>,
) -> String {
    let line = |(plain, html): (&str, String)| match plain.chars().count() {
        0..=COLUMNS => self::lines([html]),
        // The line break in it is its own.
        _ => format!(
            "<span class=\"hung\" style=\"--hang:{}ch\">{html}\n</span>",
            hang(plain)
        ),
    };
    lines.into_iter().map(line).collect()
}

/// Where the words of a line of output begin: behind numbers and signs, and
/// behind what stands in front of several blanks.
fn hang(line: &str) -> usize {
    const LEAST: usize = 4;
    const MOST: usize = 40;
    let is_sign = |it: &char| !it.is_alphabetic() && !"/(\"'`[".contains(*it);
    let signs = line.chars().take_while(is_sign).count();
    let letters: Vec<char> = line.chars().take(MOST).collect();
    let gap = letters
        .windows(3)
        .rposition(|it| it[..2] == [' ', ' '] && it[2].is_alphabetic());
    let words = gap.map_or(signs, |gap| signs.max(gap + 2));
    words.clamp(LEAST, MOST)
}

/// A block of lines under a caption. `class` says of which kind.
pub fn listing(class: &str, caption: &str, code: &str) -> String {
    format!(
        "<figure class=\"{class}\">\n\
         <figcaption>{caption}</figcaption>\n\
         <pre><code class=\"nohighlight hljs\">{code}</code></pre>\n\
         </figure>"
    )
}

/// HTML as a block of Markdown.
///
/// Every directive ends up here. A blank line would end the block, and the
/// rest would be read as Markdown: so there is none. In HTML it means nothing
/// outside a `pre`, and [`lines`] leaves none in there.
pub fn block(html: &str) -> String {
    let mut block = String::from("\n");
    for line in html.lines().filter(|line| !line.trim().is_empty()) {
        block += &format!("{line}\n");
    }
    block + "\n"
}

/// Elements without an end.
pub(crate) const EMPTY: [&str; 6] = ["br", "hr", "img", "input", "wbr", "col"];

/// What an attribute of an element says.
pub(crate) fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    let mut all = tag.attrs.iter();
    let found = all.find(|attribute| &*attribute.name.local == name);
    found.map(|attribute| &*attribute.value)
}

pub(crate) fn has_class(tag: &Tag, class: &str) -> bool {
    let classes = attribute(tag, "class").unwrap_or_default();
    classes.split_whitespace().any(|it| it == class)
}
