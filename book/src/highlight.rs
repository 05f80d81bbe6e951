//! Rust source in colours.
//!
//! The classes are those of highlight.js, which colours the snippets inside
//! the chapters: so a listing looks like a snippet, in every theme.

use std::ops::Range;

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};

use crate::html::escape;

/// A part of a line that has one colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The source.
    pub text: &'a str,
    /// The class of highlight.js, if it has a colour.
    pub class: Option<&'static str>,
}

/// One line of source, without its line break.
pub type Line<'a> = Vec<Piece<'a>>;

const COMMENT: &str = "hljs-comment";

/// Cuts a file into its lines, and colours them if it is Rust.
pub fn lines<'a>(path: &str, source: &'a str) -> Vec<Line<'a>> {
    if path.ends_with(".rs") {
        return rust(source);
    }
    source.lines().map(|text| vec![Piece { text, class: None }]).collect()
}

fn rust(source: &str) -> Vec<Line<'_>> {
    let mut lines = vec![Line::new()];
    for token in coloured(source) {
        let mut parts = token.text.split('\n');
        // `split` gives one part at least.
        let first = parts.next().unwrap_or_default();
        push(&mut lines, Piece { text: first, ..token });
        for text in parts {
            lines.push(Line::new());
            push(&mut lines, Piece { text, ..token });
        }
    }
    if source.ends_with('\n') {
        lines.pop();
    }
    lines
}

fn push<'a>(lines: &mut [Line<'a>], piece: Piece<'a>) {
    if let (false, Some(line)) = (piece.text.is_empty(), lines.last_mut()) {
        line.push(piece);
    }
}

/// The tokens of the source, each with its class.
fn coloured(source: &str) -> Vec<Piece<'_>> {
    let tokens = tokens(source);
    let mut attribute = 0..0;
    // The last token that is neither space nor comment.
    let mut before = "";
    let mut pieces = Vec::new();
    for (index, &(kind, text)) in tokens.iter().enumerate() {
        if kind == TokenKind::Pound && !attribute.contains(&index) {
            attribute = index..attribute_end(&tokens, index);
        }
        let after = tokens.get(index + 1).map_or("", |&(_, text)| text);
        let class = match class(kind, text, before, after) {
            Some(COMMENT) => Some(COMMENT),
            Some("hljs-string") if attribute.contains(&index) => {
                Some("hljs-meta-string")
            }
            _ if attribute.contains(&index) => Some("hljs-meta"),
            class => class,
        };
        if kind != TokenKind::Whitespace && class != Some(COMMENT) {
            before = text;
        }
        pieces.push(Piece { text, class });
    }
    pieces
}

fn tokens(source: &str) -> Vec<(TokenKind, &str)> {
    let mut rest = source;
    tokenize(source, FrontmatterAllowed::No)
        .map(|token| {
            let (text, after) = rest.split_at(token.len as usize);
            rest = after;
            (token.kind, text)
        })
        .collect()
}

/// Behind the `]` of the attribute that starts with the `#` at `start`;
/// `start` if it is no attribute.
fn attribute_end(tokens: &[(TokenKind, &str)], start: usize) -> usize {
    let mut depth = 0;
    for (index, (kind, _)) in tokens.iter().enumerate().skip(start + 1) {
        match kind {
            TokenKind::Bang if index == start + 1 => {}
            TokenKind::OpenBracket => depth += 1,
            TokenKind::CloseBracket => depth -= 1,
            _ if depth == 0 => return start,
            _ => {}
        }
        if depth == 0 && *kind == TokenKind::CloseBracket {
            return index + 1;
        }
    }
    start
}

fn class(
    kind: TokenKind,
    text: &str,
    before: &str,
    after: &str,
) -> Option<&'static str> {
    match kind {
        TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => {
            Some(COMMENT)
        }
        TokenKind::Literal { kind: LiteralKind::Int { .. }, .. }
        | TokenKind::Literal { kind: LiteralKind::Float { .. }, .. } => {
            Some("hljs-number")
        }
        TokenKind::Literal { .. } => Some("hljs-string"),
        TokenKind::Lifetime { .. } => Some("hljs-symbol"),
        TokenKind::Ident => word(text, before, after),
        _ => None,
    }
}

fn word(text: &str, before: &str, after: &str) -> Option<&'static str> {
    if ["fn", "struct", "enum", "trait", "union", "type"].contains(&before) {
        Some("hljs-title")
    } else if KEYWORDS.contains(&text) {
        Some("hljs-keyword")
    } else if LITERALS.contains(&text) {
        Some("hljs-literal")
    } else if TYPES.contains(&text) || after == "!" && MACROS.contains(&text) {
        Some("hljs-built_in")
    } else {
        None
    }
}

// The words that highlight.js knows.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const",
    "continue", "crate", "do", "dyn", "else", "enum", "extern", "final", "fn",
    "for", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "self", "Self",
    "static", "struct", "super", "trait", "try", "type", "typeof", "unsafe",
    "unsized", "use", "virtual", "where", "while", "yield",
];

const LITERALS: &[&str] = &["true", "false", "Some", "None", "Ok", "Err"];

const TYPES: &[&str] = &[
    "drop",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "f32",
    "f64",
    "str",
    "char",
    "bool",
    "Box",
    "Option",
    "Result",
    "String",
    "Vec",
    "Copy",
    "Send",
    "Sized",
    "Sync",
    "Drop",
    "Fn",
    "FnMut",
    "FnOnce",
    "ToOwned",
    "Clone",
    "Debug",
    "PartialEq",
    "PartialOrd",
    "Eq",
    "Ord",
    "AsRef",
    "AsMut",
    "Into",
    "From",
    "Default",
    "Iterator",
    "Extend",
    "IntoIterator",
    "DoubleEndedIterator",
    "ExactSizeIterator",
    "ToString",
];

const MACROS: &[&str] = &[
    "assert",
    "assert_eq",
    "assert_ne",
    "cfg",
    "concat",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "env",
    "file",
    "format",
    "format_args",
    "include_str",
    "line",
    "macro_rules",
    "module_path",
    "option_env",
    "panic",
    "print",
    "println",
    "try",
    "unimplemented",
    "unreachable",
    "vec",
    "write",
    "writeln",
];

/// Whether there is more on the line than space and comments.
pub fn is_code(line: &Line<'_>) -> bool {
    line.iter().any(|piece| {
        piece.class != Some(COMMENT) && !piece.text.trim().is_empty()
    })
}

/// The line as HTML, with `<b>` around the bytes in `marks`, which are in
/// order.
pub fn html(line: &Line<'_>, marks: &[Range<usize>]) -> String {
    let mut html = String::new();
    let mut at = 0;
    let mut rest = &line[..];
    while let Some(first) = rest.first() {
        // Pieces of one class in a row are in one element.
        let (row, others) = rest.split_at(row(rest));
        rest = others;
        let mut inside = String::new();
        for piece in row {
            inside += &marked(piece.text, at, marks);
            at += piece.text.len();
        }
        html += &match first.class {
            Some(class) => format!("<span class=\"{class}\">{inside}</span>"),
            None => inside,
        };
    }
    html
}

/// How many pieces at the start are of one class, with the blanks between them.
fn row(pieces: &[Piece<'_>]) -> usize {
    let Some(first) = pieces.first() else { return 0 };
    let other = pieces.iter().position(|piece| {
        piece.class != first.class && !piece.text.trim().is_empty()
    });
    let row = &pieces[..other.unwrap_or(pieces.len())];
    let last = row.iter().rposition(|piece| piece.class == first.class);
    last.map_or(1, |last| last + 1)
}

/// The text, which starts at byte `at` of its line, with its marks.
fn marked(text: &str, at: usize, marks: &[Range<usize>]) -> String {
    let mut html = String::new();
    let mut done = 0;
    for mark in marks {
        let start = mark.start.saturating_sub(at).min(text.len());
        let end = mark.end.saturating_sub(at).min(text.len());
        if start < end {
            html += &escape(&text[done..start]);
            html += &format!("<b>{}</b>", escape(&text[start..end]));
            done = end;
        }
    }
    html + &escape(&text[done..])
}
