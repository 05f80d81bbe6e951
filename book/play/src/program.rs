//! The lines of a program that a reader writes: `a = malloc(100)`.

use std::fmt;

/// A line that does something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// `name = malloc(size)`
    Malloc { name: String, size: usize },
    /// `name = calloc(count, size)`
    Calloc { name: String, count: usize, size: usize },
    /// `name = realloc(old, size)`
    Realloc { name: String, old: String, size: usize },
    /// `name = memalign(align, size)`
    Memalign { name: String, align: usize, size: usize },
    /// `free(name)`, or `free(name + offset)`.
    Free { name: String, offset: usize },
    /// `fill(name)`
    Fill { name: String },
    /// `sbrk(bytes)`: somebody else raises the break.
    Sbrk { bytes: usize },
    /// `refuse(calls)`: the next calls of the heap to `sbrk` fail.
    Refuse { calls: usize },
}

/// The lines that there are, for who asks for help.
pub const HELP: &str = "\
a = malloc(100)
a = calloc(10, 8)
b = realloc(a, 200)
c = memalign(64, 100)
free(a)           free(a + 16) is a pointer that is no block's
fill(a)           writes its letter into a block, and shows what it holds
sbrk(4096)        somebody else raises the break
refuse(1)         the next call to move the break fails
";

/// A name has no more letters than this.
const LONGEST_NAME: usize = 16;

/// The lines of a text, which end with the line or with a semicolon. Each has
/// the number of its line.
///
/// # Errors
///
/// Which line is none, and why.
pub fn parse(text: &str) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for part in line.split(';').filter(|part| !part.trim().is_empty()) {
            let line = parse_line(part);
            let line = line.map_err(|why| format!("line {}: {why}", index + 1));
            lines.push(line?);
        }
    }
    Ok(lines)
}

/// One line.
///
/// # Errors
///
/// A sentence that says what is wrong with it.
pub fn parse_line(line: &str) -> Result<Line, String> {
    let line = line.trim();
    let unknown = || format!("`{line}` is no line of a program");
    // The figures say who does what.
    let code = line.rsplit_once(':').map_or(line, |(_, code)| code);
    let (name, call) = match code.split_once('=') {
        Some((name, call)) => (Some(self::name(name)?), call),
        None => (None, code),
    };
    let (function, rest) = call.split_once('(').ok_or_else(unknown)?;
    let arguments = rest.trim().strip_suffix(')').ok_or_else(unknown)?;
    let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
    Ok(match (name, function.trim(), &arguments[..]) {
        (Some(name), "malloc", [size]) => {
            Line::Malloc { name, size: number(size)? }
        }
        (Some(name), "calloc", [count, size]) => {
            let (count, size) = (number(count)?, number(size)?);
            Line::Calloc { name, count, size }
        }
        (Some(name), "realloc", [old, size]) => {
            let (old, size) = (self::name(old)?, number(size)?);
            Line::Realloc { name, old, size }
        }
        (Some(name), "memalign", [align, size]) => {
            let (align, size) = (number(align)?, number(size)?);
            Line::Memalign { name, align, size }
        }
        (None, "free", [pointer]) => {
            let (name, offset) =
                pointer.split_once('+').unwrap_or((pointer, "0"));
            Line::Free { name: self::name(name)?, offset: number(offset)? }
        }
        (None, "fill", [name] | [name, _]) => {
            Line::Fill { name: self::name(name)? }
        }
        (None, "sbrk", [bytes]) => Line::Sbrk { bytes: number(bytes)? },
        (None, "refuse", [calls]) => Line::Refuse { calls: number(calls)? },
        _ => return Err(unknown()),
    })
}

fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_letter = |letter: char| letter.is_ascii_alphanumeric();
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
    if begins && text.chars().all(is_letter) && text.len() <= LONGEST_NAME {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is no name: it has up to {LONGEST_NAME} letters and digits, \
         a letter first"
    ))
}

/// A number, which is as large as one can be if it is larger.
fn number(text: &str) -> Result<usize, String> {
    let digits = text.trim().replace('_', "");
    let (digits, radix) = match digits.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (&digits[..], 10),
    };
    let is_number =
        !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    if !is_number {
        return Err(format!("`{}` is no number", text.trim()));
    }
    Ok(usize::from_str_radix(digits, radix).unwrap_or(usize::MAX))
}

impl Line {
    /// As it stands in an address: without blanks.
    pub fn short(&self) -> String {
        match self {
            Self::Fill { name } => format!("fill({name})"),
            Self::Sbrk { bytes } => format!("sbrk({bytes})"),
            _ => self.to_string().replace(' ', ""),
        }
    }
}

impl fmt::Display for Line {
    /// As the figures write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malloc { name, size } => write!(f, "{name} = malloc({size})"),
            Self::Calloc { name, count, size } => {
                write!(f, "{name} = calloc({count}, {size})")
            }
            Self::Realloc { name, old, size } => {
                write!(f, "{name} = realloc({old}, {size})")
            }
            Self::Memalign { name, align, size } => {
                write!(f, "{name} = memalign({align}, {size})")
            }
            Self::Free { name, offset: 0 } => write!(f, "free({name})"),
            Self::Free { name, offset } => write!(f, "free({name} + {offset})"),
            Self::Fill { name } => {
                let letter = name.chars().next().unwrap_or('?');
                write!(f, "fill({name}, '{letter}')")
            }
            Self::Sbrk { bytes } => write!(f, "somebody else: sbrk({bytes})"),
            Self::Refuse { calls } => write!(f, "refuse({calls})"),
        }
    }
}
