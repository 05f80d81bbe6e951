//! What the tree promises: which crate holds what, and which files are the
//! same in several stages.

use std::collections::BTreeSet;
use std::fs;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::process::Command;

use book::diff::{Changes, Side, changes, hunks};
use serde_json::Value;
use syn::spanned::Spanned;
use syn::visit::Visit;
use timing::workspace::workspace;

/// Files that stages copy from each other to the byte, and from which stage to
/// which.
const SAME: [(&str, RangeInclusive<u32>); 13] = [
    ("src/brk.rs", 1..=5),
    ("src/fault.rs", 2..=3),
    ("src/fault.rs", 4..=5),
    ("src/block.rs", 3..=4),
    ("src/heap.rs", 3..=4),
    ("src/free_lists.rs", 3..=4),
    ("src/reserved.rs", 4..=5),
    ("src/extended.rs", 4..=5),
    ("src/fork.rs", 4..=5),
    ("src/sync.rs", 4..=5),
    ("src/locked.rs", 4..=5),
    ("tests/contract.rs", 1..=5),
    ("tests/scenarios/mod.rs", 3..=5),
];

/// The files of a stage that may name libc. All others can be compiled where
/// there is none.
const NAMES_LIBC: [&str; 8] = [
    "src/brk.rs",
    "src/fault.rs",
    "src/fork.rs",
    "src/reserved.rs",
    "src/sync.rs",
    "src/per_thread/maps.rs",
    "src/per_thread/slot.rs",
    "src/per_thread/threads.rs",
];

/// What cargo knows of the workspace.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(workspace())
        .output()
        .expect("cargo starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// A stage's number, name and folder.
struct Stage {
    number: u32,
    name: String,
    folder: PathBuf,
}

fn stages() -> Vec<Stage> {
    let packages = metadata()["packages"].take();
    let stage = |package: &Value| {
        let name = text(&package["name"]);
        let number = name.strip_prefix("stage")?.split('-').next()?;
        Some(Stage {
            number: number.parse().ok()?,
            name: name.to_owned(),
            folder: workspace().join(name),
        })
    };
    let mut stages: Vec<Stage> =
        list(&packages).iter().filter_map(stage).collect();
    assert!(!stages.is_empty(), "no stages in {packages:?}");
    stages.sort_by_key(|stage| stage.number);
    stages
}

/// The files in a folder and those below it that hold text. (What cargo built
/// is no file of ours: the targets of the fuzzer have a folder of their own.)
fn texts(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() && path.ends_with("target") {
            continue;
        }
        if path.is_dir() {
            texts.extend(self::texts(&path));
        } else if let Ok(text) = fs::read_to_string(&path) {
            texts.push((path, text));
        }
    }
    texts
}

/// The files of the workspace that hold text: those at the top, and those of
/// its members.
fn all_texts() -> Vec<(PathBuf, String)> {
    let mut texts = texts(&workspace().join(".ci"));
    for package in list(&metadata()["packages"]) {
        let manifest = Path::new(text(&package["manifest_path"]));
        texts.extend(self::texts(manifest.parent().expect("a folder")));
    }
    for entry in fs::read_dir(workspace()).expect("a folder") {
        let path = entry.expect("a file").path();
        // In a worktree this is a file that says where the repository is.
        if path.ends_with(".git") {
            continue;
        }
        if let Ok(text) = fs::read_to_string(&path) {
            texts.push((path, text));
        }
    }
    texts
}

#[test]
fn the_only_binary_is_the_book() {
    let metadata = metadata();
    let defaults = list(&metadata["workspace_default_members"]);
    let binaries: Vec<&str> = list(&metadata["packages"])
        .iter()
        .filter(|package| defaults.contains(&package["id"]))
        .flat_map(|package| list(&package["targets"]))
        .filter(|target| target["kind"] == serde_json::json!(["bin"]))
        .map(|target| text(&target["name"]))
        .collect();
    assert_eq!(binaries, ["book"]);
}

#[test]
fn a_stage_stands_alone() {
    let metadata = metadata();
    for stage in stages() {
        let package = list(&metadata["packages"])
            .iter()
            .find(|package| package["name"] == stage.name)
            .expect("a package");
        let dependencies: Vec<&str> = list(&package["dependencies"])
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| text(&dependency["name"]))
            .collect();
        let expected: &[&str] =
            if stage.number < 4 { &["libc"] } else { &["libc", "spin"] };
        assert_eq!(dependencies, expected, "{} depends on", stage.name);
    }
}

#[test]
fn a_stage_does_without_the_standard_library() {
    for stage in stages() {
        let file = stage.folder.join("src/lib.rs");
        let source = fs::read_to_string(&file).expect("a library");
        assert!(
            source.lines().any(|line| line == "#![no_std]"),
            "{} is not no_std",
            file.display()
        );
        for (file, source) in texts(&stage.folder.join("src")) {
            assert!(
                !source.contains("extern crate"),
                "{} brings a crate back",
                file.display()
            );
        }
    }
}

#[test]
fn few_files_of_a_stage_name_libc() {
    for stage in stages() {
        for (file, source) in texts(&stage.folder.join("src")) {
            let path = file.strip_prefix(&stage.folder).expect("inside");
            if NAMES_LIBC.iter().any(|allowed| path == Path::new(allowed)) {
                continue;
            }
            let code = source
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                assert!(!line.contains("libc"), "{}: {line}", file.display());
            }
        }
    }
}

#[test]
fn what_stages_share_is_the_same_to_the_byte() {
    let stages = stages();
    for (file, range) in SAME {
        let mut sharing =
            stages.iter().filter(|stage| range.contains(&stage.number));
        let Some(first) = sharing.next() else {
            continue;
        };
        let read = |stage: &Stage| {
            let path = stage.folder.join(file);
            fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let expected = read(first);
        for other in sharing {
            assert!(
                read(other) == expected,
                "{file} differs: git diff --no-index {0}/{file} {1}/{file}",
                first.name,
                other.name
            );
        }
    }
}

/// Or it could not be the same in the next stage.
#[test]
fn what_stages_share_names_no_stage() {
    for stage in stages() {
        for (file, range) in SAME {
            if !range.contains(&stage.number) {
                continue;
            }
            let source = fs::read_to_string(stage.folder.join(file));
            let source = source.expect("a file of this stage").to_lowercase();
            for name in [
                stage.name.clone(),
                stage.name.replace('-', "_"),
                format!("stage {}", stage.number),
                format!("malloc{}", stage.number),
            ] {
                assert!(
                    !source.contains(&name),
                    "{}/{file} names {name:?}",
                    stage.name
                );
            }
        }
    }
}

/// How many lines of code of `src` may change from a stage to the next, in the
/// files that both have: added and removed together.
const CHANGES: [(u32, usize); 2] = [(1, 190), (2, 372)];

/// How many lines of code a file may have that is new in a stage.
fn most_lines(stage: &Stage) -> usize {
    if stage.number < 5 { 150 } else { 300 }
}

fn side(path: &Path) -> Option<Side> {
    let text = fs::read_to_string(path).ok()?;
    Some(Side { path: path.to_string_lossy().into(), first_line: 1, text })
}

/// The files of a stage's `src`, by their names there, and each as it is in the
/// stage before, if it is there.
fn with_the_stage_before(
    stage: &Stage,
    before: &Stage,
) -> Vec<(PathBuf, Side, Option<Side>)> {
    let src = stage.folder.join("src");
    let files = texts(&src).into_iter().map(|(path, _)| {
        let name = path.strip_prefix(&src).expect("inside").to_owned();
        let old = side(&before.folder.join("src").join(&name));
        (name, side(&path).expect("a file that was found"), old)
    });
    files.collect()
}

#[test]
fn a_stage_changes_few_lines_of_the_one_before() {
    let stages = stages();
    for pair in stages.windows(2) {
        let [before, stage] = pair else { unreachable!() };
        let Some((_, most)) =
            CHANGES.iter().find(|(number, _)| *number == before.number)
        else {
            continue;
        };
        let mut report = String::new();
        let mut sum = 0;
        for (name, new, old) in with_the_stage_before(stage, before) {
            let Some(old) = old else { continue };
            let Changes { added, removed } = changes(&old, &new);
            report += &format!("\n{}: +{added} -{removed}", name.display());
            sum += added + removed;
        }
        println!("{} to {}: {sum}{report}", before.name, stage.name);
        assert!(
            sum <= *most,
            "from {} to {} {sum} lines change, more than {most}:{report}",
            before.name,
            stage.name,
        );
    }
}

/// How many lines a hunk may have that takes some out and puts others in. It
/// changes one function: what is nowhere else is read for itself.
const LONGEST: usize = 40;

/// Files that start anew in a stage, and why. Their diff teaches nothing.
const ANEW: [(u32, &str, &str); 1] =
    [(5, "heap.rs", "a stack of chunks knows no blocks and no lists")];

/// A hunk: the lines that go and those that come, each from 0 on.
type Hunk = (Range<usize>, Range<usize>);

/// The hunks as git shows them, but without the lines around them. None where
/// there is no git.
fn hunks_of_git(old: &Side, new: &Side) -> Option<Vec<Hunk>> {
    let output = Command::new("git")
        .args(["diff", "--no-index", "--no-color", "--unified=0"])
        .args(["--diff-algorithm=default", &old.path, &new.path])
        .current_dir(workspace())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).expect("sources in UTF-8");
    let hunks = text.lines().filter_map(|line| {
        let (ranges, _) = line.strip_prefix("@@ -")?.split_once(" @@")?;
        let (old, new) = ranges.split_once(" +")?;
        Some((lines_of_git(old)?, lines_of_git(new)?))
    });
    Some(hunks.collect())
}

/// `4..6` for `5,2`; `4..5` for `5`; for `5,0` it is behind line 5.
fn lines_of_git(range: &str) -> Option<Range<usize>> {
    let (first, len) = range.split_once(',').unwrap_or((range, "1"));
    let (first, len): (usize, usize) = (first.parse().ok()?, len.parse().ok()?);
    let start = if len == 0 { first } else { first - 1 };
    Some(start..start + len)
}

/// The functions of a file: their names, and their lines with the comments
/// above them, from 0 on.
struct Functions(Vec<(String, Range<usize>)>);

impl Functions {
    fn of(side: &Side) -> Self {
        let mut functions = Self(Vec::new());
        let file = syn::parse_file(&side.text);
        functions.visit_file(&file.expect("Rust"));
        functions
    }

    fn note(&mut self, name: &syn::Ident, item: &impl Spanned) {
        let span = item.span();
        let lines = span.start().line - 1..span.end().line;
        self.0.push((name.to_string(), lines));
    }

    /// Those that have some of the lines.
    fn among(&self, lines: &Range<usize>) -> Vec<&str> {
        let meets =
            |its: &Range<usize>| its.start < lines.end && lines.start < its.end;
        let found = self.0.iter().filter(|(_, its)| meets(its));
        found.map(|(name, _)| name.as_str()).collect()
    }
}

impl<'a> Visit<'a> for Functions {
    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.note(&item.sig.ident, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.note(&item.sig.ident, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        self.note(&item.sig.ident, item);
    }
}

/// What makes a hunk hard to read, if anything does.
fn complaint(old: &Side, new: &Side, (out, into): &Hunk) -> Option<String> {
    if out.is_empty() || into.is_empty() {
        return None;
    }
    let (old, new) = (Functions::of(old), Functions::of(new));
    let (from, to) = (old.among(out), new.among(into));
    let is_readable =
        from.len() <= 1 && to.len() <= 1 && out.len() + into.len() <= LONGEST;
    (!is_readable).then(|| {
        format!(
            "-{},{} +{},{}: {from:?} becomes {to:?}",
            out.start + 1,
            out.len(),
            into.start + 1,
            into.len()
        )
    })
}

/// Whether a hunk changes nothing but comments and empty lines.
fn is_comment(old: &Side, new: &Side, (out, into): &Hunk) -> bool {
    let lines = |side: &Side, lines: &Range<usize>| {
        let all = side.text.lines().skip(lines.start).take(lines.len());
        all.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let all = [lines(old, out), lines(new, into)].concat();
    all.iter().all(|line| line.is_empty() || line.starts_with("//"))
}

#[test]
fn a_hunk_of_a_stage_changes_one_function() {
    let stages = stages();
    let mut complaints = String::new();
    for pair in stages.windows(2) {
        let [before, stage] = pair else { unreachable!() };
        let mut by_git = 0;
        let (mut all, mut comments, mut hard) = (0, 0, 0);
        for (name, new, old) in with_the_stage_before(stage, before) {
            let Some(old) = old else { continue };
            let hunks = hunks(&old, &new);
            let git = hunks_of_git(&old, &new).unwrap_or_else(|| {
                println!("skipped: there is no git");
                Vec::new()
            });
            all += hunks.len();
            by_git += git.len();
            let comment = |hunk: &&Hunk| is_comment(&old, &new, hunk);
            comments += hunks.iter().filter(comment).count();
            let wrong = hunks.iter().chain(&git);
            let wrong = wrong.filter_map(|hunk| complaint(&old, &new, hunk));
            let wrong: BTreeSet<String> = wrong.collect();
            hard += wrong.len();
            let is_anew = ANEW.iter().any(|&(number, file, _)| {
                number == stage.number && name == Path::new(file)
            });
            if !is_anew {
                for wrong in wrong {
                    complaints += &format!(
                        "\n{} to {}, {}: {wrong}",
                        before.name,
                        stage.name,
                        name.display()
                    );
                }
            }
        }
        println!(
            "{} to {}: {all} hunks ({by_git} by git), {comments} of comments \
             alone, {hard} hard to read",
            before.name, stage.name
        );
    }
    assert!(
        complaints.is_empty(),
        "a hunk changes one function in at most {LONGEST} lines, unless all \
         of it is new or all is gone:{complaints}"
    );
}

#[test]
fn a_hunk_that_changes_two_functions_is_found() {
    let side = |text: &str| Side {
        path: "a.rs".into(),
        first_line: 1,
        text: text.into(),
    };
    let old = side("fn a() {\n    one();\n}\n\nfn b() {\n    two();\n}\n");
    let new = side("fn a() {\n    three();\n}\n\nfn c() {\n    four();\n}\n");
    let whole = (1..6, 1..6);
    assert!(complaint(&old, &new, &whole).is_some(), "two functions");
    assert_eq!(complaint(&old, &new, &(1..2, 1..2)), None, "one line");
    assert_eq!(complaint(&old, &new, &(7..7, 0..7)), None, "all is new");
    let long = "    a();\n".repeat(LONGEST);
    let [old, new] = ["a", "b"]
        .map(|name| side(&format!("fn f() {{\n    {name}();\n{long}}}\n")));
    let whole = (1..LONGEST, 1..LONGEST);
    assert!(complaint(&old, &new, &whole).is_some(), "too long");
}

#[test]
fn a_new_file_of_a_stage_is_short() {
    let stages = stages();
    for pair in stages.windows(2) {
        let [before, stage] = pair else { unreachable!() };
        for (name, new, old) in with_the_stage_before(stage, before) {
            if old.is_some() {
                continue;
            }
            let empty = Side { text: String::new(), ..new.clone() };
            let lines = changes(&empty, &new).added;
            println!("{}/src/{}: {lines}", stage.name, name.display());
            let most = most_lines(stage);
            assert!(
                lines <= most,
                "{}/src/{} has {lines} lines of code, more than {most}",
                stage.name,
                name.display(),
            );
        }
    }
}

#[test]
fn no_file_holds_a_path_of_one_machine() {
    // Put together here, so that this file does not hold them.
    let paths = ["root", "work"].map(|folder| format!("/{folder}/"));
    for (file, text) in all_texts() {
        for path in &paths {
            let line = text.lines().find(|line| line.contains(path.as_str()));
            assert_eq!(line, None, "{} holds {path}", file.display());
        }
    }
}

#[test]
fn all_dependencies_come_from_crates_io() {
    let lock = fs::read_to_string(workspace().join("Cargo.lock"));
    let lock = lock.expect("Cargo.lock is part of the workspace");
    let sources = lock.lines().filter(|line| line.starts_with("source ="));
    for source in sources {
        assert_eq!(
            source,
            "source = \"registry+https://github.com/rust-lang/\
             crates.io-index\""
        );
    }
}

#[test]
fn every_test_that_is_ignored_says_why() {
    // Put together here, so that this file does not hold them.
    let attributes =
        [("#[ignore", "]"), (", ignore", ")")].map(|(a, b)| [a, b].concat());
    for (file, source) in all_texts() {
        if file.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        for attribute in &attributes {
            let line = source.lines().find(|line| line.contains(attribute));
            assert_eq!(line, None, "{} does not say why", file.display());
        }
    }
}
