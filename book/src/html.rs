//! The HTML that stands in a chapter for a directive.

/// Text as it stands between tags or in quotes.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A number of things, such as "1 line" or "2 lines".
pub fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Lines of HTML, for a `pre`: each in an element of its own, its line break
/// in it.
pub fn lines(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().map(|line| format!("<span>{line}\n</span>")).collect()
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
