//! How long a page takes: what is read and what is done are counted apart.

use std::path::Path;

use book::page::{Page, told_anew};
use book::sources::Sources;
use book::time::{Reading, of_tasks, told};

fn reading(markdown: &str) -> Reading {
    Reading::of(markdown)
}

#[test]
fn words_are_counted_where_they_are_read() {
    let page = "# Two words\n\nThree and `four` - here.\n\n- one more\n";
    assert_eq!(reading(page), Reading { words: 8, ..Reading::default() });
}

#[test]
fn lines_of_code_are_counted_and_blank_ones_are_not() {
    let page = "```rust\nlet a = 1;\n\nlet b = 2;\n```\n";
    let listing = "<figure class=\"listing\"><figcaption>heap.rs</figcaption>\
                   <pre><code><span>a <span>b</span>\n</span><span>\n</span>\
                   <span>c\n</span></code></pre></figure>\n";
    let two = Reading { lines: 2, ..Reading::default() };
    assert_eq!(reading(page), two);
    assert_eq!(reading(listing), Reading { words: 1, ..two });
}

#[test]
fn cells_of_tables_are_counted_beside_their_words() {
    let table = "| a | b |\n| --- | --- |\n| two words | |\n";
    let expected = Reading { words: 4, cells: 4, ..Reading::default() };
    assert_eq!(reading(table), expected);
}

#[test]
fn a_figure_counts_its_steps_and_a_plot_counts_once() {
    let figure = "<figure class='heap-figure'><table><tr><td>a</td></tr></table>\
                  <div class='hf-picture is-still'>words</div>\
                  <div class='hf-picture'>more words</div></figure>\n";
    let expected = Reading { steps: 2, ..Reading::default() };
    assert_eq!(reading(figure), expected);
    let plot = "<figure class=\"plot\"><svg><text>a</text></svg><svg></svg>\
                <table><tr><td>1</td></tr></table></figure>\n";
    let expected = Reading { plots: 1, ..Reading::default() };
    assert_eq!(reading(plot), expected);
}

#[test]
fn what_is_folded_is_not_read() {
    let page = "One.\n\n<details>\n<summary>Hint</summary>\n\nTwo.\n\n\
                ```rust\nlet a = 1;\n```\n\n</details>\n\nThree.\n";
    assert_eq!(reading(page), Reading { words: 2, ..Reading::default() });
}

#[test]
fn reading_code_takes_longer_than_nothing() {
    let minutes = |reading: Reading| reading.minutes();
    let nothing = Reading::default();
    assert_eq!(minutes(nothing), 1);
    assert_eq!(minutes(Reading { words: 201, ..nothing }), 2);
    assert_eq!(minutes(Reading { lines: 100, ..nothing }), 5);
    assert_eq!(minutes(Reading { cells: 120, ..nothing }), 2);
    assert_eq!(minutes(Reading { steps: 40, ..nothing }), 2);
    assert_eq!(minutes(Reading { plots: 5, ..nothing }), 3);
    let all = Reading { words: 200, lines: 20, cells: 60, steps: 20, plots: 2 };
    assert_eq!(minutes(all), 5);
}

#[test]
fn a_task_says_how_long_it_takes() {
    let page = "# T\n\n> **To do.** Ten minutes: a.\n\n\
                > **To do.** Twenty minutes: b.\n";
    assert_eq!(of_tasks(page), Ok(30));
    let page = "# T\n\n> **Before you go on.** Why?\n\n> **To do.** Guess.\n";
    assert_eq!(of_tasks(page), Err(5));

    let sources = Sources::new(Path::new("book"), "book/chapters".into());
    let mistakes = Page::new(page).expand(Path::new("one.md"), &sources);
    let (line, text) = &mistakes.unwrap_err()[0];
    assert_eq!(*line, Some(5), "{text}");
    assert!(text.contains("does not say how long it takes"), "{text}");
}

#[test]
fn minutes_are_told_in_hours_from_sixty_on() {
    let all = [1, 59, 60, 225].map(told);
    assert_eq!(all, ["1 min", "59 min", "1 h", "3 h 45 min"]);
}

#[test]
fn what_comes_to_a_page_later_counts_too() {
    let head =
        "<p class=\"length\"><a href=\"a\">Answers</a> · 1 min to read</p>";
    let page = format!("# T\n\n{head}\n\n1 min to read</p>\n");
    let told = told_anew(&page, 1, 22);
    assert_eq!(told, page.replacen("1 min", "22 min", 1));
}
