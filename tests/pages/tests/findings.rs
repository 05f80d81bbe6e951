//! Every script in `findings` has the form that its readers rely on. None is run
//! here: they download packages, and take minutes.

use std::fs;
use std::path::PathBuf;

use timing::workspace::workspace;

/// Folders of one machine.
const FOLDERS: [&str; 4] = ["home", "root", "work", "Users"];

/// So many lines a comment has that says what happens, what one would have
/// guessed, and what was seen.
const LINES: usize = 8;

fn scripts() -> Vec<PathBuf> {
    let folder = workspace().join("findings");
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<_> =
        entries.map(|it| it.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// Whether a word is the name of a host.
fn is_host(word: &str) -> bool {
    let ends = [".com", ".dev", ".io", ".net", ".org"];
    ends.iter()
        .any(|end| word.strip_suffix(end).is_some_and(|it| !it.is_empty()))
}

/// Where a folder of a machine stands, and not one of that name further down.
fn names_folder(script: &str) -> Option<&'static str> {
    FOLDERS.into_iter().find(|folder| {
        let path = format!("/{folder}");
        script.match_indices(&path).any(|(at, path)| {
            let is_part = |it: char| it.is_alphanumeric() || "_}.".contains(it);
            let after = script[at + path.len()..].chars().next();
            !script[..at].ends_with(is_part)
                && !after.is_some_and(|it| it.is_alphanumeric())
        })
    })
}

/// What is wrong with a script.
fn faults(script: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut claim = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    let has = |line: &str| script.lines().any(|it| it == line);
    claim(script.starts_with("#!/usr/bin/env bash\n"), "its first line");
    claim(has("set -euo pipefail"), "no `set -euo pipefail`");
    claim(has("dir=$(mktemp -d)"), "no `mktemp -d`");
    let clears = |it: &str| {
        it.starts_with("trap '")
            && it.contains("rm -rf \"$dir\"")
            && it.ends_with("' EXIT")
    };
    claim(script.lines().any(clears), "no `trap` that clears its folder");
    let comment: Vec<&str> =
        script.lines().skip(1).take_while(|it| it.starts_with('#')).collect();
    let count = comment.len();
    claim(count >= LINES, &format!("a comment of {count} lines, not {LINES}"));
    let begins = |word: &str| {
        comment.iter().find_map(|it| it.strip_prefix("# ")?.strip_prefix(word))
    };
    let version = begins("Version: ").or_else(|| begins("Versions: "));
    let has_number = |it: &str| it.contains(|it: char| it.is_ascii_digit());
    claim(version.is_some_and(has_number), "no line `# Version: ` with one");
    claim(begins("One would have guessed: ").is_some(), "no guess");
    claim(begins("Seen").is_some(), "nothing was seen");
    claim(!script.contains("://"), "an address");
    let is_edge = |it: char| !(it.is_alphanumeric() || ".-_".contains(it));
    for host in script.split(is_edge).filter(|it| is_host(it)) {
        claim(false, &format!("a host: {host}"));
    }
    if let Some(folder) = names_folder(script) {
        claim(false, &format!("a folder of one machine: {folder}"));
    }
    // A package is named to its last sign, and comes from the archive.
    let is_open = |it: &str| it.contains("deb12u*") || it.contains("deb13u*");
    claim(!is_open(script), "a version with a star");
    let asks = script.contains("dpkg-query");
    claim(!asks || script.contains("download"), "the machine's own package");
    faults
}

#[test]
fn every_finding_has_the_same_form() {
    let mut wrong = String::new();
    let scripts = scripts();
    for path in &scripts {
        let name = path.file_name().expect("a name").display().to_string();
        let text = fs::read_to_string(path).expect("a script");
        let mut faults = faults(&text);
        if !name.ends_with(".sh") {
            faults.push("no `.sh`".into());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(path).expect("a file").permissions().mode();
            if mode & 0o111 != 0o111 {
                faults.push(format!("not executable: {mode:o}"));
            }
        }
        if !faults.is_empty() {
            wrong += &format!("{name}: {}\n", faults.join("; "));
        }
    }
    assert!(wrong.is_empty(), "findings of another form:\n{wrong}");
    assert!(scripts.len() >= 12, "{}", scripts.len());
}

#[test]
fn another_form_is_found() {
    let good = "#!/usr/bin/env bash
# It does what nobody expects.
#
# Version: Debian's libc6 2.36-9+deb12u14.
# Behaviour: this,
#   and that.
# One would have guessed: something else, since
#   all others do it.
# Seen: \"7\".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf \"$dir\"' EXIT
cd \"$dir\"
apt-get -qq download libc6=2.36-9+deb12u14
ls ROOT/usr \"$dir/ROOT/usr\" \"$PWD/ROOT\" x.com.c
";
    let good = &good.replace("ROOT", "root");
    let [home, root] = ["home/me", "root"].map(|it| format!("\"/{it}\""));
    let (home, root) = (home.as_str(), root.as_str());
    assert_eq!(faults(good), Vec::<String>::new());
    for (from, to, found) in [
        ("bin/env bash", "bin/env sh", "its first line"),
        ("set -euo pipefail", "set -e", "no `set -euo pipefail`"),
        ("dir=$(mktemp -d)", "dir=/tmp/it", "no `mktemp -d`"),
        ("' EXIT", "' INT", "no `trap` that clears its folder"),
        ("#   all others do it.\n", "", "a comment of 7 lines, not 8"),
        (
            "libc6 2.36-9+deb12u14.\n",
            "libc.\n",
            "no line `# Version: ` with one",
        ),
        ("One would have guessed", "Guessed", "no guess"),
        ("# Seen", "# It was", "nothing was seen"),
        ("x.com.c", "ftp://x", "an address"),
        ("x.com.c", "files.example.org", "a host: files.example.org"),
        ("x.com.c", home, "a folder of one machine: home"),
        ("x.com.c", root, "a folder of one machine: root"),
        (
            "download libc6=2.36-9+deb12u14",
            "download libc6=2.36-9+deb12u*",
            "a version with a star",
        ),
        ("apt-get -qq download", "dpkg-query -W", "the machine's own package"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(&bad, good, "{from}");
        assert_eq!(faults(&bad), [found], "{from} → {to}");
    }
}
