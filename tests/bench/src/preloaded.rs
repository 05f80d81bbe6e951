//! The same calls in a program written in C, with the allocators in front of it
//! as libraries: the time, and how many instructions it takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use timing::workspace::workspace;

use crate::allocators::beside;
use crate::measure::{Plan, in_turns};
use crate::results::{self, profile_folder};

const DEPTHS: [usize; 3] = [10, 100, 1000];

/// How many calls a run makes: about a twentieth of a second.
const CALLS: usize = 3_000_000;

/// What is in front of the program.
pub struct Library {
    pub name: &'static str,
    /// None for glibc, which is there anyway.
    pub path: Option<PathBuf>,
}

pub fn main(plan: Plan) {
    let folder = profile_folder().join("preloaded");
    fs::create_dir_all(&folder).expect("a folder of ours");
    let program = folder.join("nested");
    compile(&[], "nested.c", &program);
    let mut libraries = libraries(&folder);
    libraries.retain(|library| works(&program, library));
    let mut rows = Vec::new();
    let instructions: Vec<Option<f64>> =
        libraries.iter().map(|it| instructions(&program, it)).collect();
    for depth in DEPTHS {
        let calls = if plan.is_kept { CALLS } else { CALLS / 30 };
        let turns = plan.turns.min(9);
        let times = in_turns(turns, &mut libraries, |library| {
            let command = command(&program, library);
            let numbers = run(command, depth, calls / depth);
            numbers.unwrap_or_else(|why| panic!("{}: {why}", library.name)).0
        });
        assert_eq!(libraries[0].name, "nothing", "it is always measured");
        let alone = times[0].middle;
        let results = libraries.iter().zip(&times).zip(&instructions);
        for ((library, time), instructions) in results {
            let times = [time.middle, time.low, time.high, time.middle - alone];
            let [ns, low, high, net] = times.map(|it| format!("{it:.2}"));
            let instructions =
                instructions.map_or(String::new(), |it| format!("{it:.1}"));
            let name = library.name.to_owned();
            let depth = depth.to_string();
            rows.push(vec![depth, name, ns, low, high, net, instructions]);
        }
    }
    let columns =
        ["depth", "allocator", "ns", "low", "high", "net", "instructions"];
    results::keep(plan, "preloaded", &columns, &rows);
}

fn libraries(folder: &Path) -> Vec<Library> {
    let [nothing, bump] = ["nothing", "bump"].map(|name| {
        let library = folder.join(format!("lib{name}.so"));
        let flags = ["-shared", "-fPIC", "-ftls-model=initial-exec"];
        compile(&flags, &format!("{name}.c"), &library);
        library
    });
    let ours = vec![
        Library { name: "nothing", path: Some(nothing) },
        Library { name: "bump", path: Some(bump) },
        Library { name: "per thread", path: Some(example("malloc5")) },
        Library { name: "stage 4", path: Some(example("malloc4")) },
        Library { name: "glibc", path: None },
    ];
    ours.into_iter().chain(others()).collect()
}

/// The peers as Debian has them: a library, and the package that it is in.
const INSTALLED: [(&str, &str, &str); 3] = [
    ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
];

/// The newest of them, and an example of this package that is built from the
/// crate that other measurements have linked. What stands behind a name is the
/// version, or how it begins.
const NEWEST: [(&str, &str); 3] = [
    ("mimalloc 3", "newest_mimalloc"),
    ("jemalloc 5.3.1", "newest_jemalloc"),
    ("snmalloc", "newest_snmalloc"),
];

/// The peers, and what somebody wants to see beside them.
pub fn others() -> Vec<Library> {
    let mut libraries = Vec::new();
    for (name, file, package) in INSTALLED {
        let path = installed(file);
        if path.exists() {
            libraries.push(Library { name, path: Some(path) });
        } else {
            println!("{name} is left out: {package} is not installed");
        }
    }
    for (name, example) in NEWEST {
        let path = built(&["--package", "bench", "--example", example]);
        libraries.push(Library { name, path: Some(path) });
    }
    if let Some(path) = beside() {
        libraries.push(Library { name: "beside", path: Some(path) });
    }
    libraries
}

/// The packages of those that are installed, with their versions.
pub fn packages() -> Vec<String> {
    let packages = INSTALLED.map(|(_, _, package)| package);
    let format = "--showformat=${Package} ${Version}\n";
    let output =
        Command::new("dpkg-query").args(["-W", format]).args(packages).output();
    // Elsewhere than on Debian there are none.
    let text = output.map(|it| it.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::to_owned).collect()
}

/// Where Debian puts a library.
pub fn installed(file: &str) -> PathBuf {
    let folder = format!("{}-linux-gnu", std::env::consts::ARCH);
    Path::new("/usr/lib").join(folder).join(file)
}

fn compile(flags: &[&str], source: &str, output: &Path) {
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-fno-builtin-malloc", "-fno-builtin-free"]);
    cc.args(flags).arg("-o").arg(output);
    cc.arg(workspace().join("tests/bench/c").join(source));
    let output = cc.output().expect("there is a C compiler");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{cc:?} failed:\n{errors}");
}

/// A stage as a library for C programs, as `--release` makes it.
pub fn example(name: &str) -> PathBuf {
    built(&["--example", name])
}

/// The library that an example is. Its name comes last in `args`.
fn built(args: &[&str]) -> PathBuf {
    let folder = profile_folder();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace()).args(["build", "--release", "--quiet"]);
    cargo.args(args).arg("--target-dir");
    cargo.arg(folder.parent().expect("a profile's folder is in `target`"));
    let status = cargo.status().expect("cargo starts");
    assert!(status.success(), "{cargo:?} failed");
    let name = args.last().expect("an example has a name");
    folder.join("examples").join(format!("lib{name}.so"))
}

/// The program, with a library in front of it.
fn command(program: &Path, library: &Library) -> Command {
    let mut command = Command::new(program);
    command.env_remove("LD_PRELOAD");
    if let Some(path) = &library.path {
        command.env("LD_PRELOAD", path);
    }
    command
}

/// Whether the program runs with a library in front of it. If not, says why.
fn works(program: &Path, library: &Library) -> bool {
    let result = run(command(program, library), 10, 1);
    if let Err(why) = &result {
        println!("{}: no result: {why}", library.name);
    }
    result.is_ok()
}

/// The nanoseconds for a pair, and how many pairs there were, or why there are
/// none.
fn run(
    mut command: Command,
    depth: usize,
    rounds: usize,
) -> Result<(f64, f64), String> {
    command.arg(depth.to_string()).arg(rounds.to_string());
    let output = command.output().map_err(|error| error.to_string())?;
    // The loader only warns of a library that it cannot use.
    let errors = String::from_utf8_lossy(&output.stderr);
    let error = errors.lines().next().unwrap_or_default();
    if !output.status.success() || errors.contains("ld.so") {
        return Err(format!("{}; {error}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(|it| it.parse());
    let mut number = || numbers.next()?.ok();
    match (number(), number()) {
        (Some(time), Some(pairs)) => Ok((time, pairs)),
        _ => Err(format!("the program prints {text:?}")),
    }
}

/// How many instructions a pair takes, if valgrind can count them: those of a
/// long run less those of a short one.
fn instructions(program: &Path, library: &Library) -> Option<f64> {
    let (some, few) = counted(program, library, 100)?;
    let (more, many) = counted(program, library, 400)?;
    Some((more - some) / (many - few))
}

/// The program linked with a library, which comes to the same as having it
/// preloaded: then it is not in front of valgrind too.
fn linked(program: &Path, library: &Library) -> PathBuf {
    let Some(path) = &library.path else {
        return program.to_owned();
    };
    let linked = program.with_extension(library.name.replace(' ', "-"));
    let path = path.to_str().expect("a path in UTF-8");
    compile(&["-Wl,--no-as-needed", path], "nested.c", &linked);
    linked
}

/// How many instructions a run takes, and how many pairs there were.
fn counted(
    program: &Path,
    library: &Library,
    rounds: usize,
) -> Option<(f64, f64)> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(linked(program, library));
    valgrind.args(["100", &rounds.to_string()]);
    let output = match valgrind.output() {
        Ok(output) if output.status.success() => output,
        Ok(output) => {
            let status = output.status;
            println!("{}: valgrind ended with {status}", library.name);
            return None;
        }
        Err(error) => {
            println!("{}: no valgrind: {error}", library.name);
            return None;
        }
    };
    let report = String::from_utf8_lossy(&output.stderr);
    let count = report
        .lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    let text = String::from_utf8_lossy(&output.stdout);
    let pairs = text.split_whitespace().nth(1)?.parse().ok();
    if count.is_none() || pairs.is_none() {
        println!("{}: valgrind counts no instructions", library.name);
    }
    Some((count?, pairs?))
}

#[cfg(test)]
mod tests {
    use super::NEWEST;
    use crate::peers;

    #[test]
    fn a_name_says_the_version_that_is_built() {
        let said = peers::versions();
        for (name, version) in
            NEWEST.iter().filter_map(|(it, _)| it.split_once(' '))
        {
            let is_it = |it: &&(&str, String)| it.0 == name;
            let (_, said) = said.iter().find(is_it).expect("it was asked");
            let parts = |it: &str| it.split('.').map(str::to_owned).collect();
            let [version, said]: [Vec<_>; 2] = [version, said].map(parts);
            assert!(said.starts_with(&version), "{name}: {said:?}");
        }
    }
}
