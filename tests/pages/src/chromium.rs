//! Chromium, for what pages do in a browser.
//!
//! A page that drives itself is [opened](open) and [tells](seen) what it saw.
//! What needs real keys or paper is asked of a [`Browser`] that stays open.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// No window, no network, no questions.
const OPTIONS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
];

/// The page at an address as Chromium has it in the end.
pub fn open(address: &str, options: &[&str]) -> String {
    let profile = tempfile::tempdir().expect("a folder of our own");
    let output = Command::new("chromium")
        .args(OPTIONS)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=60000", "--dump-dom"])
        .args(options)
        .arg(address)
        .output()
        .expect("chromium starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a page has written into `<pre id=seen>`.
pub fn seen(page: &str) -> &str {
    let seen = page.split("<pre id=\"seen\">").nth(1);
    let seen = seen.and_then(|rest| rest.split("</pre>").next());
    seen.unwrap_or_else(|| panic!("the page is not there: {page}"))
}

/// The address of a file.
pub fn address(file: &Path) -> String {
    format!("file://{}", file.display())
}

/// A browser with one page, which does what it is asked for by the protocol of
/// its own tools.
pub struct Browser {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    session: String,
    last: u64,
    // The profile.
    _folder: TempDir,
}

impl Browser {
    /// Starts it.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder of our own");
        let log = File::create(folder.path().join("log")).expect("a file");
        // It reads requests from its file 3, and writes answers to its file 4.
        let mut process = Command::new("sh")
            .args(["-c", "exec chromium \"$@\" 3<&0 4>&1 </dev/null >&2", "sh"])
            .args(OPTIONS)
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .arg("--remote-debugging-pipe")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("chromium starts");
        let requests = process.stdin.take().expect("it is piped");
        let answers = process.stdout.take().expect("it is piped");
        let mut this = Self {
            process,
            requests,
            answers: BufReader::new(answers),
            session: String::new(),
            last: 0,
            _folder: folder,
        };
        let page =
            this.ask("Target.createTarget", json!({"url": "about:blank"}));
        let page = json!({"targetId": page["targetId"], "flatten": true});
        let session = this.ask("Target.attachToTarget", page);
        let session = session["sessionId"].as_str().expect("a session");
        this.session = session.to_owned();
        this.ask("Page.enable", json!({}));
        this.ask(
            "Emulation.setFocusEmulationEnabled",
            json!({"enabled": true}),
        );
        this
    }

    /// How large its window is.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size = json!({
            "width": width,
            "height": height,
            "deviceScaleFactor": 1,
            "mobile": false,
        });
        self.ask("Emulation.setDeviceMetricsOverride", size);
    }

    /// Whether it shows pages as they are on paper.
    pub fn on_paper(&mut self, is_so: bool) {
        let media = if is_so { "print" } else { "" };
        self.ask("Emulation.setEmulatedMedia", json!({"media": media}));
    }

    /// How many sheets of A4 the page takes on paper.
    pub fn sheets(&mut self) -> usize {
        const SHEET: &[u8] = b"/Type /Page";
        let paper = json!({
            "paperWidth": 210.0 / 25.4,
            "paperHeight": 297.0 / 25.4,
            "printBackground": true,
        });
        let printed = self.ask("Page.printToPDF", paper);
        let printed = printed["data"].as_str().expect("a document");
        let pdf = STANDARD.decode(printed).expect("base64");
        // The list of all pages has a name that begins like theirs.
        pdf.windows(SHEET.len() + 1)
            .filter(|it| it.starts_with(SHEET) && !it.ends_with(b"s"))
            .count()
    }

    /// Opens a page and waits until all of it is there.
    pub fn open(&mut self, address: &str) {
        let came = self.ask("Page.navigate", json!({"url": address}));
        assert_eq!(came["errorText"], Value::Null, "{address}");
        while self.message()["method"] != "Page.loadEventFired" {}
    }

    /// What an expression of JavaScript gives.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({
            "expression": expression,
            "returnByValue": true,
            "awaitPromise": true,
        });
        let mut came = self.ask("Runtime.evaluate", asked);
        let wrong = &came["exceptionDetails"];
        assert_eq!(*wrong, Value::Null, "{expression}");
        came["result"]["value"].take()
    }

    /// Presses a key so many times.
    pub fn press(&mut self, key: Key, times: u64) {
        for _ in 0..times {
            for kind in ["keyDown", "keyUp"] {
                let event = json!({
                    "type": kind,
                    "key": key.name,
                    "code": key.code,
                    "text": if kind == "keyDown" { key.text } else { "" },
                    "windowsVirtualKeyCode": key.number,
                });
                self.request("Input.dispatchKeyEvent", event);
            }
        }
        self.wait();
    }

    /// Presses the Tab key until what has the focus matches a selector.
    pub fn tab_to(&mut self, selector: &str) {
        let is_there = format!(
            "document.activeElement?.matches({})",
            Value::from(selector)
        );
        for _ in 0..300 {
            self.press(Key::TAB, 1);
            if self.evaluate(&is_there) == true {
                return;
            }
        }
        panic!("the Tab key does not reach {selector}");
    }

    /// Types some text.
    pub fn write(&mut self, text: &str) {
        self.ask("Input.insertText", json!({"text": text}));
    }

    /// Waits until an expression of JavaScript is true: half a minute, since a busy
    /// machine may be late with a frame.
    pub fn expect(&mut self, expression: &str) {
        for _ in 0..3000 {
            if self.evaluate(expression) == true {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let focus = self.evaluate("document.activeElement?.outerHTML");
        panic!("never so: {expression}. The focus is on {focus}");
    }

    /// Asks for something, and waits for it.
    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.request(method, parameters);
        self.wait()
    }

    fn request(&mut self, method: &str, parameters: Value) {
        self.last += 1;
        let mut request = json!({
            "id": self.last,
            "method": method,
            "params": parameters,
        });
        if !self.session.is_empty() {
            request["sessionId"] = self.session.clone().into();
        }
        write!(self.requests, "{request}\0").expect("chromium listens");
    }

    /// The answer to the last request.
    fn wait(&mut self) -> Value {
        loop {
            let mut message = self.message();
            if message["id"] == self.last {
                assert_eq!(message["error"], Value::Null, "{message}");
                return message["result"].take();
            }
        }
    }

    fn message(&mut self) -> Value {
        let mut message = Vec::new();
        self.answers.read_until(0, &mut message).expect("chromium answers");
        assert_eq!(message.pop(), Some(0), "chromium has ended");
        serde_json::from_slice(&message).expect("JSON")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session.clear();
        self.request("Browser.close", json!({}));
        let _ = self.process.wait();
    }
}

/// A key of the keyboard.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    name: &'static str,
    code: &'static str,
    text: &'static str,
    number: u32,
}

impl Key {
    pub const TAB: Self = Self::new("Tab", "Tab", "", 9);
    pub const ENTER: Self = Self::new("Enter", "Enter", "\r", 13);
    pub const SPACE: Self = Self::new(" ", "Space", " ", 32);
    pub const RIGHT: Self = Self::new("ArrowRight", "ArrowRight", "", 39);

    const fn new(
        name: &'static str,
        code: &'static str,
        text: &'static str,
        number: u32,
    ) -> Self {
        Self { name, code, text, number }
    }
}
