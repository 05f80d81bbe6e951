//! Numbers stand on one line with their units.

use book::units::kept;

#[test]
fn a_number_stays_with_its_unit() {
    for (page, expected) in [
        ("It has 128 KiB.", "It has 128\u{a0}KiB."),
        ("Some 5 % of 1,040 bytes", "Some 5\u{a0}% of 1,040\u{a0}bytes"),
        ("of 2 MiB, **4 MiB**", "of 2\u{a0}MiB, **4\u{a0}MiB**"),
        ("> It takes 5\n> min to read.", "> It takes 5\u{a0}min to read."),
        ("max(5 × 4,096 bytes, n)", "max(5\u{a0}×\u{a0}4,096\u{a0}bytes, n)"),
        ("In stage 3, in stage\n4", "In stage\u{a0}3, in stage\u{a0}4"),
        (
            "<p title=\"2 bytes\"><b>100 bytes</b> of <code>1 byte</code></p>\n",
            "<p title=\"2 bytes\"><b>100\u{a0}bytes</b> of \
             <code>1 byte</code></p>\n",
        ),
        (
            "<pre>\n1 byte\n</pre>\n<p>1 byte</p>\n",
            "<pre>\n1 byte\n</pre>\n<p>1\u{a0}byte</p>\n",
        ),
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
        "# Stage 3\n",
        "backstage 3 and 2 minuets",
        "There are 3\n\nbytes",
        "1. byte",
        "In 1 and `a` bytes",
    ] {
        assert_eq!(kept(page), page);
    }
}
