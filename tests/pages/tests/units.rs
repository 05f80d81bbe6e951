//! Numbers stand on one line with their units.

use book::units::kept;

#[test]
fn a_number_stays_with_its_unit() {
    for (page, expected) in [
        ("It has 128 KiB.", "It has 128\u{a0}KiB."),
        ("Some 5 % of 1,040 bytes", "Some 5\u{a0}% of 1,040\u{a0}bytes"),
        ("of 2 MiB, **4 MiB**", "of 2\u{a0}MiB, **4\u{a0}MiB**"),
        ("> It takes 5\n> min to read.", "> It takes 5\u{a0}min to read."),
    ] {
        assert_eq!(kept(page), expected, "{page}");
    }
}

#[test]
fn code_and_what_is_no_unit_stay_as_they_are() {
    for page in [
        "`malloc(1 byte)` and 2 bytesize",
        "```text\n100 bytes\n```\n",
        "    100 bytes\n",
        "<p>100 bytes</p>\n",
        "There are 3\n\nbytes",
        "1. byte",
        "In 1 and `a` bytes",
    ] {
        assert_eq!(kept(page), page);
    }
}
