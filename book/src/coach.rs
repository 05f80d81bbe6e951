//! What a reader who practises can ask: what there is to do, how far the copy
//! has come, and for a hint.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use crate::check::{self, Failure, Programs, Step};
use crate::exercise::{self, Exercise};
use crate::failure::{self, indented};
use crate::milestone::{self, Milestone};
use crate::practice::TO_WRITE;
use crate::problem::{did_you_mean, list};
use crate::progress::Progress;
use crate::sources::Sources;
use crate::stage::{Stage, test_command};

/// A stage, what there is to do in it, and a copy to do it in.
pub struct Coach<'a> {
    sources: &'a Sources,
    stage: &'a Stage,
    folder: PathBuf,
    milestones: Vec<Milestone>,
    exercises: Vec<Exercise>,
}

/// How far a copy has come.
enum Came {
    /// It does not compile.
    NotBuilt,
    /// So many tests pass, and this one does not.
    Stopped(usize, Step, Failure),
    /// They all pass. These exercises are not done; `None` if they do not
    /// compile.
    Through(Option<Vec<String>>),
}

impl<'a> Coach<'a> {
    /// The coach for a stage.
    ///
    /// # Errors
    ///
    /// What is wrong with its milestones or its exercises.
    pub fn new(sources: &'a Sources, stage: &'a Stage) -> Result<Self> {
        let milestones = milestone::of_stage(sources, stage);
        let milestones = milestones.map_err(|error| anyhow!(error))?;
        let exercises = exercise::of_stage(sources, stage);
        let exercises = exercises.map_err(|error| anyhow!(error))?;
        let name = format!("practice/stage{}", stage.number);
        let folder = sources.root.join(name);
        Ok(Self { sources, stage, folder, milestones, exercises })
    }

    /// What there is to do: the milestones and the exercises, with their
    /// minutes, their pages, and whether they are done.
    pub fn list(&self) -> String {
        let done = Progress::of(&self.folder).done;
        let row = |name: &str, minutes: usize, title: &str, page: &str| {
            let state = match &done {
                None => "",
                Some(done) if done.contains(name) => "done",
                Some(_) => "to do",
            };
            let row = format!(
                "  {state:>5}  {name:<10} {minutes:>4} minutes  {title}, after \
                 \"{page}\""
            );
            format!("{}\n", row.trim_end())
        };
        let mut told = String::new();
        if !self.milestones.is_empty() {
            told += &format!(
                "Milestones, for who writes the stage from nothing \
                 (cargo run -- practice {} --empty):\n",
                self.stage.number
            );
            for it in &self.milestones {
                told += &row(&it.name, it.minutes, &it.title, &it.page_title);
            }
            told.push('\n');
        }
        told += "Exercises, for who has the whole stage:\n";
        for it in &self.exercises {
            let text = &it.text;
            told += &row(&it.number, text.minutes, &text.title, &it.page_title);
        }
        told + "\n" + &self.told_of_states(done.is_some())
    }

    fn told_of_states(&self, is_known: bool) -> String {
        let number = self.stage.number;
        match (self.folder.is_dir(), is_known) {
            (false, _) => format!(
                "You have no copy yet. To make one: cargo run -- practice \
                 {number}\n"
            ),
            (true, false) => format!(
                "What is done in your copy says: cargo run -- practice \
                 {number} check\n"
            ),
            (true, true) => format!(
                "That is how it was at the last check. To look again: cargo \
                 run -- practice {number} check\n"
            ),
        }
    }

    /// Runs the tests of the copy up to the first that fails, and says what
    /// there is to know about that one. Returns whether the copy is a heap of
    /// this stage.
    ///
    /// # Errors
    ///
    /// That there is no copy, or that cargo cannot be run.
    pub fn check(&self) -> Result<(String, bool)> {
        self.expect_copy()?;
        let steps = check::steps(&self.folder, &self.milestones)?;
        let came = self.run(&steps)?;
        self.remember(&came, &steps)?;
        let changed = self.changed_tests();
        let told = match &came {
            Came::NotBuilt => format!(
                "It does not compile, so no test can be run. What the compiler \
                 says stands above.\n\nThe compiler alone: cargo check \
                 --manifest-path practice/stage{}/Cargo.toml\n",
                self.stage.number
            ),
            Came::Stopped(passed, step, failure) => {
                let first =
                    self.told_of_the_first(*passed, steps.len(), step, failure);
                self.told_of_what_broke() + &first
            }
            Came::Through(open) => {
                self.told_of_the_end(steps.len(), open.as_deref(), &changed)
            }
        };
        let is_stage = matches!(came, Came::Through(_))
            && (changed.is_empty() || self.milestones.is_empty());
        Ok((told, is_stage))
    }

    fn expect_copy(&self) -> Result<()> {
        if !self.folder.is_dir() {
            let number = self.stage.number;
            bail!(
                "there is no practice/stage{number} yet. To make it: cargo run \
                 -- practice {number}, or with --empty to write it from \
                 nothing"
            );
        }
        Ok(())
    }

    fn run(&self, steps: &[Step]) -> Result<Came> {
        let files: BTreeSet<_> =
            steps.iter().map(|step| step.file.as_str()).collect();
        let Some(programs) = Programs::build(&self.folder, files)? else {
            return Ok(Came::NotBuilt);
        };
        for (passed, step) in steps.iter().enumerate() {
            if let Some(failure) = programs.run(&step.file, &step.test)? {
                return Ok(Came::Stopped(passed, step.clone(), failure));
            }
        }
        let exercises = Programs::build(&self.folder, ["exercises"])?;
        let Some(programs) = exercises else { return Ok(Came::Through(None)) };
        let mut open = Vec::new();
        for it in &self.exercises {
            if programs.run("exercises", &it.test)?.is_some() {
                open.push(it.number.clone());
            }
        }
        Ok(Came::Through(Some(open)))
    }

    /// Keeps which milestones and exercises are done. A copy that does not
    /// compile says nothing about that.
    fn remember(&self, came: &Came, steps: &[Step]) -> Result<()> {
        let passed = match came {
            Came::NotBuilt => return Ok(()),
            Came::Stopped(passed, ..) => *passed,
            Came::Through(_) => steps.len(),
        };
        let is_done = |index: usize| {
            steps[passed..].iter().all(|step| step.milestone != Some(index))
        };
        let milestones = self.milestones.iter().enumerate();
        let mut done: BTreeSet<_> = milestones
            .filter(|(index, _)| is_done(*index))
            .map(|(_, it)| it.name.clone())
            .collect();
        if let Came::Through(Some(open)) = came {
            let numbers = self.exercises.iter().map(|it| it.number.clone());
            done.extend(numbers.filter(|number| !open.contains(number)));
        }
        let mut progress = Progress::of(&self.folder);
        progress.once.extend(done.iter().cloned());
        progress.done = Some(done);
        progress.keep(&self.folder)
    }

    fn told_of_the_first(
        &self,
        passed: usize,
        all: usize,
        step: &Step,
        failure: &Failure,
    ) -> String {
        let Step { file, test, .. } = step;
        let number = self.stage.number;
        let mut told =
            format!("{passed} of {all} tests pass, taken in order.\n");
        if let Some(milestone) = step.milestone {
            told += &self.told_of_the_place(milestone, passed);
        }
        told += &format!(
            "\nThe next one does not. It should hold that\n\n    {}\n\n{}",
            test.replace('_', " "),
            failure::told(&self.folder, step, failure),
        );
        told += &format!(
            "\nTo read:   {}\nThis test: {} --test {file} {test}\n",
            self.page(step),
            test_command(number)
        );
        told + &format!("A hint:    cargo run -- practice {number} hint\n")
    }

    /// Which milestones were done at another check and are not now, and which
    /// one came behind them.
    fn told_of_what_broke(&self) -> String {
        let Progress { done, once, .. } = Progress::of(&self.folder);
        let now = done.unwrap_or_default();
        let milestones = self.milestones.iter().map(|it| it.name.as_str());
        let (done, open): (Vec<_>, Vec<_>) =
            milestones.partition(|name| once.contains(*name));
        let is_broken = |name: &&str| !now.contains(*name);
        let broken: Vec<_> = done.into_iter().filter(is_broken).collect();
        if broken.is_empty() {
            return String::new();
        }
        let mut told = format!(
            "At an earlier check {} done. Something that was changed since \
             breaks the test\nbelow, and those behind it have not been run.\n",
            match broken.as_slice() {
                [one] => format!("{one} was"),
                all => format!("these were: {},", all.join(", ")),
            }
        );
        if let Some(next) = open.first() {
            told += &format!(
                "Was it for {next}? Its hints: cargo run -- practice {} hint \
                 {next}\n",
                self.stage.number
            );
        }
        told + "\n"
    }

    /// Which milestone it is, and how far one has come in it.
    fn told_of_the_place(&self, index: usize, passed: usize) -> String {
        let count = |before: bool| {
            let milestones = self.milestones.iter().enumerate();
            let tests = milestones.filter(|(other, _)| match before {
                true => *other < index,
                false => *other == index,
            });
            tests.map(|(_, it)| it.tests.len()).sum::<usize>()
        };
        let place = index + 1;
        let of = self.milestones.len();
        format!(
            "You are at milestone {place} of {of}, {} ({}): {} of its {} tests \
             pass.\n",
            self.milestones[index].name,
            self.milestones[index].title,
            passed - count(true),
            count(false),
        )
    }

    /// The page that helps with a test.
    fn page(&self, step: &Step) -> String {
        let shown = |title: &str, page: &str| {
            let page = Path::new(page).with_extension("html");
            format!("\"{title}\" (target/book/{})", page.display())
        };
        if let Some(index) = step.milestone {
            let it = &self.milestones[index];
            return shown(&it.page_title, &it.page);
        }
        let chapter = format!("stage{}", self.stage.number);
        let entries = fs::read_dir(self.sources.chapters.join(&chapter));
        let mut pages: Vec<_> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| {
                let page = format!("{chapter}/{name}");
                let file = self.sources.chapters.join(&page);
                Some((page, fs::read_to_string(file).ok()?))
            })
            .collect();
        pages.sort();
        let names_it = pages.iter().find(|(_, text)| text.contains(&step.test));
        let index = format!("{chapter}/index.md");
        let page =
            names_it.or_else(|| pages.iter().find(|(page, _)| *page == index));
        let Some((page, text)) = page else { return chapter };
        let shown = shown(&exercise::title(text).unwrap_or_default(), page);
        match section(text, &step.test) {
            Some(section) => format!("{shown}, under \"{section}\""),
            None => shown,
        }
    }

    fn told_of_the_end(
        &self,
        all: usize,
        open: Option<&[String]>,
        changed: &[String],
    ) -> String {
        let name = &self.stage.name;
        let mut told = match changed {
            [] => format!(
                "{all} of {all} tests pass. What is in your copy is {name}.\n"
            ),
            changed => format!(
                "{all} of {all} tests pass, but they are not those of {name}: \
                 {} {} changed. As they were they stand in {name}/tests.\n",
                changed.join(", "),
                if changed.len() == 1 { "is" } else { "are" }
            ),
        };
        let is_as_it_was_made = self.is_as_it_was_made();
        if is_as_it_was_made {
            told += &self.told_of_a_whole_copy();
        }
        told += "\n";
        let Some(open) = open else {
            return told + "The tests of the exercises do not compile.\n";
        };
        for it in &self.exercises {
            let state =
                if open.contains(&it.number) { "to do" } else { "done" };
            told +=
                &format!("  {state:>5}  {}  {}\n", it.number, it.text.title);
        }
        if !is_as_it_was_made {
            told += &self.told_of_the_tools();
        }
        told
    }

    /// What has not looked at the copy: tests find what somebody thought of.
    fn told_of_the_tools(&self) -> String {
        let number = self.stage.number;
        let copy = format!("practice/stage{number}");
        let manifest = format!("--manifest-path {copy}/Cargo.toml");
        let library = format!("target/debug/examples/libmalloc{number}.so");
        format!(
            "\nThe tests are not all that can look at a heap. These have not \
             looked yet.\n\nRecordings of real programs, and marks:\n\n    \
             cargo run -- score {copy}\n\nA real program (on Linux with \
             glibc):\n\n    cargo build {manifest} --example malloc{number}\n    \
             LD_PRELOAD={copy}/{library} ls\n\nThe shadow heap, which plays \
             random games and looks at everything after each\nstep:\n\n    \
             cargo test --config 'paths=[\"{copy}\"]' -p tests --test shadow \
             stage_{number}\n\nMiri, which looks at each use of \
             a pointer (the page \"When it goes wrong\"\nsays how to get \
             it):\n\n    cargo +nightly miri test {manifest} --test contract \
             box\n"
        )
    }

    /// Whether the heap in the copy is that of the stage, to the byte.
    fn is_as_it_was_made(&self) -> bool {
        TO_WRITE.iter().all(|path| {
            let [stage, copy] = [&self.stage.folder, &self.folder]
                .map(|folder| fs::read(folder.join(path)).ok());
            stage == copy
        })
    }

    /// That tests which pass on what nobody has written say nothing yet.
    fn told_of_a_whole_copy(&self) -> String {
        format!(
            "\nThat is no wonder: its heap is the one of {}, to the byte. So \
             this is no empty\ncopy, and green says nothing yet. To write the \
             heap yourself, make an empty one:\n\n    cargo run -- practice {} \
             --empty --force\n\nThat puts this copy aside. If you do exercises, \
             stay here.\n",
            self.stage.name, self.stage.number
        )
    }

    /// The files of tests that are not as they are in the stage, but for the
    /// exercises'.
    fn changed_tests(&self) -> Vec<String> {
        let mut changed = Vec::new();
        differing(&self.stage.folder, &self.folder, "tests", &mut changed);
        changed.sort();
        changed
    }

    /// A hint for `what`, the name of a milestone, an exercise or a test, or for
    /// what fails first: the next one, or the one that has the number `which`.
    /// How many came as the next one is remembered in the copy.
    ///
    /// # Errors
    ///
    /// That there is no copy, that it does not compile, that nothing is called
    /// so, or that there are fewer hints.
    pub fn hint(
        &self,
        what: Option<&str>,
        which: Option<usize>,
    ) -> Result<String> {
        self.expect_copy()?;
        let what = match what {
            Some(what) => self.milestone_of(what).unwrap_or(what).to_owned(),
            None => match self.first_to_do()? {
                Ok(name) => name,
                Err(told) => return Ok(told),
            },
        };
        let (title, page, hints) = self.hints(&what)?;
        let all = hints.len();
        let mut progress = Progress::of(&self.folder);
        let shown = progress.hints.entry(what.clone()).or_default();
        let next = all.min(*shown + 1);
        let number = which.unwrap_or(next);
        let Some(hint) = number.checked_sub(1).and_then(|at| hints.get(at))
        else {
            bail!("`{what}` has no hint {number}. It has {all}: 1 to {all}");
        };
        let is_new = *shown < all;
        if which.is_none() {
            *shown = next;
            progress.keep(&self.folder)?;
        }
        let mut told = format!("{what} ({title}), hint {number} of {all}:\n\n");
        told += &indented(hint, "  ");
        if which.is_none() && !is_new {
            told += &format!(
                "\nThat was the last one. To read: {page}\nTo see the first \
                 one again: cargo run -- practice {} hint {what} 1\n",
                self.stage.number
            );
        }
        Ok(told)
    }

    /// The name of the milestone that a test belongs to.
    fn milestone_of(&self, test: &str) -> Option<&str> {
        let has_it = |it: &&Milestone| it.tests.iter().any(|(_, t)| t == test);
        self.milestones.iter().find(has_it).map(|it| it.name.as_str())
    }

    /// What comes next: its name; or what to tell if there is no hint for it.
    fn first_to_do(&self) -> Result<Result<String, String>> {
        let steps = check::steps(&self.folder, &self.milestones)?;
        let came = self.run(&steps)?;
        self.remember(&came, &steps)?;
        Ok(match came {
            Came::NotBuilt => Err(format!(
                "It does not compile. What the compiler says stands above.\n\n\
                 A hint all the same: cargo run -- practice {} hint NAME\n",
                self.stage.number
            )),
            Came::Stopped(_, step, failure) => match step.milestone {
                Some(index) => Ok(self.milestones[index].name.clone()),
                // Nobody has written one.
                None => {
                    let hint = failure::hint(&self.folder, &step, &failure);
                    Err(format!(
                        "What fails first is {}.\n\n{}\nTo read: {}\n",
                        step.test,
                        hint.unwrap_or_default(),
                        self.page(&step)
                    ))
                }
            },
            Came::Through(open) => {
                let open = open.unwrap_or_default().into_iter().next();
                open.ok_or_else(|| "All is done.\n".to_owned())
            }
        })
    }

    /// The title of a milestone or an exercise, its page and its hints.
    fn hints(&self, name: &str) -> Result<(&str, String, Vec<&str>)> {
        let page = |title: &str| format!("\"{title}\"");
        if let Some(it) = self.milestones.iter().find(|it| it.name == name) {
            let hints = it.hints.iter().map(String::as_str).collect();
            return Ok((&it.title, page(&it.page_title), hints));
        }
        if let Some(it) = self.exercises.iter().find(|it| it.number == name) {
            let hints = it.text.hints.iter().map(String::as_str).collect();
            return Ok((&it.text.title, page(&it.page_title), hints));
        }
        let milestones = self.milestones.iter().map(|it| it.name.as_str());
        let exercises = self.exercises.iter().map(|it| it.number.as_str());
        let names: Vec<_> = milestones.chain(exercises).collect();
        bail!(
            "there is nothing called `{name}` in stage {}.{} There is: {}",
            self.stage.number,
            did_you_mean(name, &names),
            list(&names)
        )
    }
}

/// The heading in front of what a page first says of a test.
fn section<'t>(text: &'t str, test: &str) -> Option<&'t str> {
    let before = &text[..text.find(test)?];
    before.lines().rev().find_map(|it| it.strip_prefix("## "))
}

/// Adds the files of tests below `path` that are not the same in two folders.
fn differing(stage: &Path, copy: &Path, path: &str, into: &mut Vec<String>) {
    for entry in fs::read_dir(stage.join(path)).into_iter().flatten().flatten()
    {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{path}/{name}");
        if stage.join(&path).is_dir() {
            differing(stage, copy, &path, into);
        } else if path != "tests/exercises.rs"
            && fs::read(stage.join(&path)).ok()
                != fs::read(copy.join(&path)).ok()
        {
            into.push(path);
        }
    }
}
