//! What the pages do in a browser, but for the figures: they have a test of their
//! own.

use std::fs;
use std::path::Path;

use book::build;
use pages::chromium::{self, Browser};

/// Blocks, and what is copied of each.
const PAGE: &str = "\
# One

```sh
cargo test -p stage1-bump
cargo run
```

```console
$ ls target \\
    book
one  two
$ echo 'costs $ 5'
costs $ 5
```

{{#captured ls}}

```rust,ignore
let price = \"$ 5\";
```
";

const CAPTURED: &str = "\
# command: ls --size
# system: Linux
# compare: exact

total 4
4 a.txt
";

/// What a button says, and what it copies.
const COPIED: [[&str; 2]; 4] = [
    ["Copy the commands", "cargo test -p stage1-bump\ncargo run"],
    ["Copy the commands", "ls target \\\n    book\necho 'costs $ 5'"],
    ["Copy the commands", "ls --size"],
    ["Copy to clipboard", "let price = \"$ 5\";"],
];

/// Presses every button, and writes down what it would have copied: clipboard.js
/// puts it into a text area, and asks the browser to copy that.
const DRIVE: &str = "<pre id=seen></pre><script>
const seen = [];
for (const button of document.querySelectorAll('.clip-button')) {
    document.execCommand = () => {
        const areas = document.querySelectorAll('body > textarea');
        const text = areas[areas.length - 1].value;
        seen.push([button.getAttribute('aria-label'), text]);
        return true;
    };
    button.click();
}
document.getElementById('seen').textContent = JSON.stringify(seen);
</script></body>";

/// A table that fits, and one that does not, which a reader has to open.
const TABLES: &str = "\
# One

| a | b |
| --- | --- |
| 1 | 2 |

<details>
<summary>More</summary>

| a | b |
| --- | --- |
| a_name_of_a_hundred_letters_and_more_which_is_much_longer_than_a_screen_of_600_pixels_is_wide_and_has_no_place_to_break | 2 |

</details>
";

/// Says of each table, once all is open, whether the keyboard reaches it, what
/// it is called, and what stands above it.
const LOOK: &str = "<pre id=seen></pre><script>
const look = () => [...document.querySelectorAll('.table-wrapper')].map(
    (table) => [
        table.getAttribute('tabindex') ?? '',
        table.getAttribute('aria-label') ?? '',
        getComputedStyle(table, '::before').content,
    ],
);
document.querySelector('details').open = true;
// What it is called comes when its size is known.
const wait = (times) => {
    if (look().every(([focus]) => focus === '') && times > 0) {
        setTimeout(() => wait(times - 1), 20);
        return;
    }
    document.getElementById('seen').textContent = JSON.stringify(look());
};
wait(500);
</script></body>";

/// A page with a figure that asks, and with the place to forget it all.
const ASKS: &str = "\
# One

{{#heap free-in-the-middle stage2-headers}}

<p class=\"progress-place\"></p>
";

/// Answers both questions of the figure by the keyboard, goes to the end of the
/// page, and has it all forgotten. Writes down the mark in the table of contents
/// each time, and whether it is stored. In front, storage may be refused.
const ANSWER: &str = "<pre id=seen></pre><script>
const seen = [];
const stored = () => {
    try {
        return localStorage.getItem('malloc-in-five-stages') !== null;
    } catch {
        return false;
    }
};
const look = () => seen.push([
    document.querySelector('.progress-mark')?.title ?? '',
    stored() ? 'stored' : '',
]);
const figure = document.querySelector('.heap-figure');
const key = (key) => figure.dispatchEvent(
    new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }),
);
addEventListener('load', () => setTimeout(() => {
    look();
    for (const step of ['ArrowRight', 'ArrowRight', 'ArrowRight', '2']) {
        key(step);
    }
    look();
    for (const step of ['ArrowRight', '1']) {
        key(step);
    }
    look();
    document.querySelector('.next-pages').scrollIntoView();
    // That it is in sight is told with a frame, which may be late.
    const isRead = () =>
        document.querySelector('.progress-mark').title.startsWith('read');
    const wait = (times) => {
        if (!isRead() && times > 0) {
            setTimeout(() => wait(times - 1), 20);
            return;
        }
        look();
        document.querySelector('.progress-forget').click();
        look();
        document.getElementById('seen').textContent = JSON.stringify(seen);
    };
    wait(500);
}, 100));
</script></body>";

/// Storage that is refused, as some browsers do.
const REFUSED: &str = "<script>
Object.defineProperty(window, 'localStorage', {
    get() { throw new DOMException('refused', 'SecurityError'); },
});
</script>";

/// What a page writes down, when it is opened in a browser with `script` at its
/// end. It lies in a book with our theme.
fn drive(page: &str, script: &str) -> String {
    drive_after("", page, script)
}

/// The same, with a script `before` all others.
fn drive_after(before: &str, page: &str, script: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let file = folder.path().join("out/one.html");
    let page = build(folder.path(), page).replace("</body>", script);
    let page = page.replacen("<head>", &format!("<head>{before}"), 1);
    fs::write(&file, page).expect("it can be written");
    let mut browser = Browser::start();
    browser.resize(600, 800);
    browser.open(&chromium::address(&file));
    let seen = "document.getElementById('seen').textContent";
    browser.expect(&format!("{seen} !== ''"));
    let seen = browser.evaluate(seen);
    seen.as_str().expect("what it has written").to_owned()
}

/// A book of one page.
fn build(root: &Path, page: &str) -> String {
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("it can be written");
    };
    for name in ["index.hbs", "progress.js", "figure.js", "copy.js", "table.js"]
        .into_iter()
        .chain(["book.css", "figure.css"])
    {
        let path = build::folder().join("theme").join(name);
        let text = fs::read_to_string(path).expect(name);
        write(&format!("book/theme/{name}"), &text);
    }
    write(
        "book/book.toml",
        "[book]\ntitle = \"T\"\nsrc = \"chapters\"\n\
         [build]\nuse-default-preprocessors = false\n\
         [output.html]\nadditional-css = [\"theme/book.css\", \
         \"theme/figure.css\"]\n\
         additional-js = [\"theme/progress.js\", \"theme/figure.js\", \
         \"theme/table.js\", \"theme/copy.js\"]\n",
    );
    write("book/chapters/SUMMARY.md", "- [One](one.md)\n");
    write("book/chapters/one.md", page);
    write("book/captured/ls.txt", CAPTURED);
    let out = root.join("out");
    build::build(&root.join("book"), &out).expect("it is built");
    fs::read_to_string(out.join("one.html")).expect("the page")
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn the_copy_button_takes_commands_and_no_output() {
    let seen = drive(PAGE, DRIVE);
    let copied: Vec<[String; 2]> = serde_json::from_str(&seen).expect("JSON");
    assert_eq!(copied, COPIED);
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn a_table_wider_than_the_page_can_be_reached_and_says_that_it_scrolls() {
    let seen = drive(TABLES, LOOK);
    let seen: [[String; 3]; 2] = serde_json::from_str(&seen).expect("JSON");
    let narrow = ["", "", "none"];
    let wide = [
        "0",
        "Table, wider than the page",
        "\"The table is wider than the page: scroll it.\"",
    ];
    assert_eq!(seen, [narrow, wide]);
}

/// What is in the table of contents at first, after one answer, after all,
/// at the end of the page, and when it is forgotten.
fn marks(stored: &str) -> [[String; 2]; 5] {
    let all = "all questions answered";
    let both = format!("read, {all}");
    let marks = ["", "", all, &both, ""];
    let mut seen = marks.map(|mark| [mark.to_owned(), stored.to_owned()]);
    // What says nothing is not stored.
    seen[0][1].clear();
    seen[4][1].clear();
    seen
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn what_was_answered_and_read_is_marked_stored_and_forgotten() {
    let seen = drive(ASKS, ANSWER);
    let seen: [[String; 2]; 5] = serde_json::from_str(&seen).expect("JSON");
    assert_eq!(seen, marks("stored"));
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn it_is_marked_where_nothing_may_be_stored() {
    let seen = drive_after(REFUSED, ASKS, ANSWER);
    let seen: [[String; 2]; 5] = serde_json::from_str(&seen).expect("JSON");
    assert_eq!(seen, marks(""));
}
