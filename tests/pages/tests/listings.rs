//! What listings, diffs and captured output look like as HTML.

use book::captured::{Captured, Compare, parse};
use book::diff::{Changes, Side, changes};
use book::{diff, highlight, html};

fn side(path: &str, first_line: usize, text: &str) -> Side {
    Side { path: path.into(), first_line, text: text.into() }
}

fn rust(source: &str) -> Vec<String> {
    let lines = highlight::lines("a.rs", source);
    lines.iter().map(|line| highlight::html(line, &[])).collect()
}

#[test]
fn rust_has_the_classes_of_highlight_js() {
    assert_eq!(
        rust("pub fn name<'a>() -> usize { \"<\" } // 1\n"),
        ["<span class=\"hljs-keyword\">pub fn</span> \
          <span class=\"hljs-title\">name</span>&lt;\
          <span class=\"hljs-symbol\">'a</span>&gt;() -&gt; \
          <span class=\"hljs-built_in\">usize</span> { \
          <span class=\"hljs-string\">&quot;&lt;&quot;</span> } \
          <span class=\"hljs-comment\">// 1</span>"]
    );
}

#[test]
fn an_attribute_is_one_colour_to_its_last_bracket() {
    let attribute = "<span class=\"hljs-meta\">#[a([1])]</span>";
    let number = "<span class=\"hljs-number\">2</span>";
    assert_eq!(rust("#[a([1])] 2"), [format!("{attribute} {number}")]);
}

#[test]
fn a_comment_of_two_lines_is_coloured_in_both() {
    assert_eq!(
        rust("/* a\n\n   b */"),
        [
            "<span class=\"hljs-comment\">/* a</span>",
            "",
            "<span class=\"hljs-comment\">   b */</span>"
        ]
    );
}

/// With the blanks between them. Fewer elements make a smaller page.
#[test]
fn what_has_one_colour_is_in_one_element() {
    assert_eq!(
        rust("pub const A: u8 = 1;")[0],
        "<span class=\"hljs-keyword\">pub const</span> A: \
         <span class=\"hljs-built_in\">u8</span> = \
         <span class=\"hljs-number\">1</span>;"
    );
}

#[test]
fn no_block_of_html_has_a_blank_line() {
    let lines = html::lines(["a".into(), String::new(), "b".into()]);
    let block = html::block(&format!("<pre>{lines}</pre>\n \n<p>"));
    assert_eq!(
        block,
        "\n<pre>a\n<span>\n</span>b\n</pre>\n\
         <p>\n\n"
    );
}

#[test]
fn comments_and_empty_lines_do_not_count_as_changes() {
    let old = side("a.rs", 1, "let a = 1;\n");
    let new = side("a.rs", 1, "// Two.\n\nlet a = 2;\nlet b = 3; // b\n");
    let expected = Changes { added: 2, removed: 1 };
    assert_eq!(changes(&old, &new), expected);
}

#[test]
fn a_diff_has_the_line_numbers_of_both_files() {
    let old = side("a.rs", 9, "a\nb\n");
    let new = side("a.rs", 20, "a\nc\n");
    assert_eq!(
        diff::html(&old, &new),
        "<pre><span data-n=\" 9 20\">a\n</span></pre>\n\
         <pre><del data-n=\"10   \">b\n</del>\
         <ins data-n=\"   21\">c\n</ins></pre>\n"
    );
}

#[test]
fn the_changed_words_of_a_line_are_marked() {
    let old = side("a.txt", 1, "self.memalign(ALIGN, size)\n");
    let new = side("a.txt", 1, "self.memalign(ALIGN, size + 16)\n");
    let html = diff::html(&old, &new);
    assert!(html.contains("size <b>+ 16</b>)\n</ins>"), "{html}");
}

#[test]
fn unchanged_lines_far_from_a_change_are_folded() {
    let same: String = (1..=10).map(|line| format!("{line}\n")).collect();
    let old = side("a.txt", 1, &same);
    let new = side("a.txt", 1, &format!("{same}new\n"));
    let html = diff::html(&old, &new);
    assert!(html.contains("<summary>… 7 unchanged lines</summary>"), "{html}");
    let (folded, open) = html.split_once("</details>").unwrap();
    assert!(folded.contains("\">7\n"), "7 is not in the fold: {folded}");
    assert!(open.contains("\">8\n"), "8 is in the fold: {open}");
}

#[test]
fn captured_output_is_read_as_it_is_written() {
    let captured = Captured {
        command: "ls -l".into(),
        system: "Debian 12: x86-64".into(),
        compare: Compare::Shape,
        notes: "needs=glibc takes=2min".into(),
        output: "total 0\n\n# not a header\n".into(),
    };
    assert_eq!(parse(&captured.to_string()), Ok(captured));
}

#[test]
fn captured_output_without_its_command_is_refused() {
    let file = "# system: x\n# compare: exact\n\nout\n";
    assert_eq!(parse(file), Err("has no line `# command: `".into()));
}

#[test]
fn captured_output_with_an_unknown_note_is_refused() {
    let file = "# command: x\n# system: x\n# compare: exact\n# notes: a\n\n";
    let error = parse(file).unwrap_err();
    assert!(error.starts_with("a command has no note `a`"), "{error}");
}

#[test]
fn captured_output_with_an_unknown_comparison_is_refused() {
    let file = "# compare: roughly\n\n";
    assert_eq!(
        parse(file),
        Err("compares `exact` or by `shape`, not by `roughly`".into())
    );
}

#[test]
fn what_is_folded_says_how_much_of_it_is_no_code() {
    let old = side("a.rs", 1, "// one\nlet a = 1;\n");
    let new = side("a.rs", 1, "// two\nlet a = 2;\nlet b = 2;\n");
    let told = |new: &Side| diff::changed(&diff::lines(&old, new, 1));
    assert_eq!(told(&new), "5 changed lines, 2 of them comments or empty");
    let one = side("a.rs", 1, "// one\nlet a = 1;\nlet b = 2;\n");
    assert_eq!(told(&one), "1 changed line");
}
