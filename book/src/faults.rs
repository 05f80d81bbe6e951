//! `{{#faults}}`: faults that were planted in the stages, each with the test that
//! sees it first, as a table that is drawn from what a run has seen.

use std::fs;
use std::path::Path;

use crate::html::{escape, escape_prose};
use crate::plot::table::Table;

/// What was seen, from the root of the repository. The tests' crate writes it.
const SEEN: &str = "tests/results/faults.csv";

/// Where the faults lie.
const FAULTS: &str = "tests/faults";

/// In front of the address of a page that tells of a fault.
const SEEN_IN: &str = "seen in: ";

/// How the address of an answer to the malloc lab ends: the file has the same name
/// for all who take the course.
const ANSWER: &str = "mm.c";

/// Who waits longer for a test does something else meanwhile.
const SOON: f64 = 10.0;

/// How a fault's name begins, and what it is planted in. The longest beginnings
/// come first.
const GROUPS: [(&str, &str); 6] = [
    ("5-pt-", "Stage 5, a stack for each thread"),
    ("5-", "Stage 5, one stack"),
    ("4-", "Stage 4"),
    ("3-", "Stage 3"),
    ("2-", "Stage 2"),
    ("1-", "Stage 1"),
];

/// A row of the file, and what the fault says of itself.
struct Fault {
    /// Its place in [`GROUPS`].
    group: usize,
    what: String,
    seen_in: Option<String>,
    package: String,
    program: String,
    test: String,
    seconds: f64,
}

impl Fault {
    fn read(root: &Path, row: &[String]) -> Result<Self, String> {
        let [name, package, program, test, seconds] = row else {
            return Err(format!("{SEEN} has other columns"));
        };
        let path = format!("{FAULTS}/{name}.fault");
        let text = fs::read_to_string(root.join(&path))
            .map_err(|_| format!("{path} is not there"))?;
        let mut lines = text.lines();
        let what = lines.next().unwrap_or_default().to_owned();
        let seen_in = lines.find_map(|line| line.strip_prefix(SEEN_IN));
        let group = GROUPS.iter().position(|(it, _)| name.starts_with(it));
        Ok(Self {
            group: group.ok_or(format!("{name} is of no stage"))?,
            what,
            seen_in: seen_in.map(str::to_owned),
            package: package.clone(),
            program: program.clone(),
            test: test.clone(),
            seconds: seconds
                .parse()
                .map_err(|_| format!("{SEEN}: {seconds} is no number"))?,
        })
    }

    fn is_seen_by_its_stage(&self) -> bool {
        self.package.starts_with("stage")
    }

    fn row(&self) -> String {
        let what = told(&self.what);
        let elsewhere = self.seen_in.as_ref().map(|address| {
            let address = escape(address);
            format!(" (<a href=\"{address}\">Somebody made it.</a>)")
        });
        let elsewhere = elsewhere.unwrap_or_default();
        // So that a line may end within a long name.
        let test = escape(&self.test).replace('_', "_<wbr>");
        let program = escape(&self.program);
        format!(
            "<tr><th scope=\"row\">{what}{elsewhere}<small>{program}: \
             <code>{test}</code></small></th><td>{}</td></tr>\n",
            duration(self.seconds)
        )
    }
}

/// What a sentence says, with the name of a function at its start as code.
pub fn told(what: &str) -> String {
    let end = what.find(' ').unwrap_or(what.len());
    let (first, rest) = what.split_at(end);
    let name = first.to_lowercase();
    let function = name.split('(').next().unwrap_or_default();
    if ["malloc", "free", "calloc", "realloc"].contains(&function) {
        return format!("<code>{}</code>{}", escape(&name), escape_prose(rest));
    }
    escape_prose(what)
}

/// How long a test has run: nothing takes no time.
fn duration(seconds: f64) -> String {
    let least = 0.01;
    if seconds < least {
        format!("&lt; {least} s")
    } else {
        format!("{seconds:.2} s")
    }
}

/// The table, and what it says as a whole.
///
/// # Errors
///
/// That nothing was seen yet, or what is wrong with the files.
pub fn table(root: &Path) -> Result<String, String> {
    let text = fs::read_to_string(root.join(SEEN))
        .map_err(|_| format!("{SEEN} is not there"))?;
    let table =
        Table::parse(&text).map_err(|error| format!("{SEEN} {error}"))?;
    let faults = table.rows.iter().map(|row| Fault::read(root, row));
    let mut faults = faults.collect::<Result<Vec<_>, _>>()?;
    // The stages in their order, and together what one test sees.
    faults.sort_by(|a, b| {
        let place =
            |it: &Fault| (!it.is_seen_by_its_stage(), it.program.clone());
        let key = |it: &Fault| (place(it), it.test.clone(), it.what.clone());
        b.group.cmp(&a.group).then_with(|| key(a).cmp(&key(b)))
    });
    let mut rows = String::new();
    let mut group = None;
    for fault in &faults {
        if group != Some(fault.group) {
            group = Some(fault.group);
            let (_, title) = GROUPS[fault.group];
            rows += &format!(
                "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"2\">\
                 {title}</th></tr>\n"
            );
        }
        rows += &fault.row();
    }
    Ok(format!(
        "<p>{}</p>\n<div class=\"faults\">\n<table>\n\
         <thead><tr><th scope=\"col\">What goes wrong, and which test sees it \
         first</th><th scope=\"col\">after</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n<p>{}</p>\n</div>",
        summary(root, &faults)?,
        escape(table.about("system").unwrap_or_default()),
    ))
}

fn summary(root: &Path, faults: &[Fault]) -> Result<String, String> {
    let own = faults.iter().filter(|it| it.is_seen_by_its_stage()).count();
    let soon = faults
        .iter()
        .filter(|it| it.is_seen_by_its_stage() && it.seconds < SOON)
        .count();
    let planted = fs::read_dir(root.join(FAULTS))
        .map_err(|error| format!("{FAULTS}: {error}"))?
        .count();
    let more = match planted.saturating_sub(faults.len()) {
        0 => String::new(),
        1 => " (One more is planted and found. Which test is the first to see \
              it was not looked for yet.)"
            .to_owned(),
        more => format!(
            " ({more} more are planted and found. Which test is the first to \
             see them was not looked for yet.)"
        ),
    };
    let elsewhere = faults.iter().filter_map(|it| it.seen_in.as_deref());
    let answers = elsewhere.clone().filter(|it| it.ends_with(ANSWER)).count();
    let elsewhere = elsewhere.count();
    let soon = if soon == own { "all".to_owned() } else { soon.to_string() };
    Ok(format!(
        "There are {} faults in the table. {elsewhere} of them have a link to \
         somebody who made it in public, {answers} of these in an answer to the \
         malloc lab. Of {own} the first to see them is a \
         test of the stage itself, and {soon} of those are seen in less than \
         {SOON} seconds.{more}",
        faults.len()
    ))
}
