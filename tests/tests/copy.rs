//! The copy button takes what one would type.

use std::fs;
use std::path::Path;
use std::process::Command;

use book::build;

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

/// A book of that page, with our theme.
fn build(root: &Path) -> String {
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("it can be written");
    };
    let theme = |name: &str| {
        let path = build::folder().join("theme").join(name);
        write(
            &format!("book/theme/{name}"),
            &fs::read_to_string(path).expect(name),
        );
    };
    theme("index.hbs");
    theme("copy.js");
    write(
        "book/book.toml",
        "[book]\ntitle = \"T\"\nsrc = \"chapters\"\n\
         [build]\nuse-default-preprocessors = false\n\
         [output.html]\nadditional-js = [\"theme/copy.js\"]\n",
    );
    write("book/chapters/SUMMARY.md", "- [One](one.md)\n");
    write("book/chapters/one.md", PAGE);
    write("book/captured/ls.txt", CAPTURED);
    let out = root.join("out");
    build::build(&root.join("book"), &out).expect("it is built");
    fs::read_to_string(out.join("one.html")).expect("the page")
}

#[test]
#[ignore = "needs Chromium: .ci/run runs it"]
fn the_copy_button_takes_commands_and_no_output() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let page = build(folder.path()).replace("</body>", DRIVE);
    let file = folder.path().join("out/driven.html");
    fs::write(&file, page).expect("it can be written");
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking"])
        .args(["--disable-component-update"])
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .args(["--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("chromium starts");
    let page = String::from_utf8_lossy(&output.stdout);
    let seen = page.split("<pre id=\"seen\">").nth(1);
    let seen = seen.and_then(|rest| rest.split("</pre>").next());
    let seen = seen.unwrap_or_else(|| panic!("it is not there: {page}"));
    let copied: Vec<[String; 2]> = serde_json::from_str(seen).expect("JSON");
    assert_eq!(copied, COPIED);
}
