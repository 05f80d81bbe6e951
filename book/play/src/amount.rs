//! Numbers as a page writes them.

/// A number with its thousands apart: `4,096`.
pub fn number(value: u128) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of bytes in the largest unit in which it is whole: `128 KiB`.
pub fn size(bytes: usize) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole =
        |shift: usize| bytes > 0 && bytes.trailing_zeros() as usize >= shift;
    match units.into_iter().find(|(shift, _)| whole(*shift)) {
        Some((shift, unit)) => {
            format!("{} {unit}", number((bytes >> shift) as u128))
        }
        None => format!("{} bytes", number(bytes as u128)),
    }
}

/// A small number as a word: `eight`.
pub fn word(number: usize) -> Option<&'static str> {
    let words = [
        "none",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
    ];
    words.get(number).copied()
}
