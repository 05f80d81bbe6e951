//! What the recordings of real programs say: the plots of "Is the claim true?".

use super::draw::{
    self, Dots, Histogram, Scale, Shares, megabytes, percent, short, whole,
};
use super::table::Table;
use super::{Drawing, owned};

/// Which block frees hit, program by program.
pub fn shares(table: &Table) -> Result<Drawing, String> {
    shares_of(table, 1.0)
}

/// The same, with bars for those alone that have freed often enough for it to be
/// a habit. (More would not fit on a sheet of paper.)
pub fn habits(table: &Table) -> Result<Drawing, String> {
    shares_of(table, 5000.0)
}

/// With bars for programs of at least so many frees, and numbers of all that have
/// freed anything.
fn shares_of(table: &Table, least: f64) -> Result<Drawing, String> {
    let programs = table.column("program")?;
    let frees = table.numbers("frees")?;
    let columns = [
        table.numbers("newest")?,
        table.numbers("newest_4")?,
        table.numbers("newest_16")?,
        table.numbers("past_1000")?,
        table.numbers("by_others")?,
    ];
    let mut rows = Vec::new();
    for (index, program) in programs.iter().enumerate() {
        let all = frees[index];
        // Who frees nothing has no shares.
        if all == 0.0 {
            continue;
        }
        let [newest, four, sixteen, past, others] =
            columns.each_ref().map(|column| column[index] / all);
        let shares = vec![
            newest,
            four - newest,
            sixteen - four,
            1.0 - sixteen - past - others,
            past,
            others,
        ];
        let name = (*program).to_owned();
        let cells = [newest, four, sixteen, past, others].map(percent);
        let cells = [vec![name.clone(), whole(all)], cells.into()].concat();
        let bar = Shares { name, shares, label: percent(newest) };
        rows.push((bar, cells, all));
    }
    rows.sort_by(|(a, ..), (b, ..)| b.shares[0].total_cmp(&a.shares[0]));
    let cells = rows.iter().map(|(_, cells, _)| cells.clone()).collect();
    rows.retain(|(.., all)| *all >= least);
    let rows: Vec<Shares> = rows.into_iter().map(|(bar, ..)| bar).collect();
    let parts = [
        "the newest",
        "the next 3",
        "the next 12",
        "up to 1,000 below",
        "further down",
        "freed by another thread",
    ];
    Ok(Drawing {
        marks: draw::stacked(&parts, "the newest", &rows),
        columns: owned(&[
            "program",
            "frees",
            "the newest",
            "of the newest 4",
            "of the newest 16",
            "past 1,000",
            "by another thread",
        ]),
        rows: cells,
    })
}

/// How deep frees go, program by program.
pub fn depths(table: &Table) -> Result<Drawing, String> {
    let programs = table.column("program")?;
    let depths = table.numbers("depth")?;
    let frees = table.numbers("frees")?;
    let mut histograms: Vec<Histogram> = Vec::new();
    for (program, frees) in programs.iter().zip(&frees) {
        match histograms.last_mut() {
            Some(last) if last.name == *program => last.shares.push(*frees),
            _ => histograms.push(Histogram {
                name: (*program).to_owned(),
                shares: vec![*frees],
            }),
        }
    }
    for Histogram { shares, .. } in &mut histograms {
        let all: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= all);
    }
    // Bar 0 is depth 0, bar 1 depth 1, bar 5 starts at 16, and so on.
    let ticks = [(0, "0"), (5, "16"), (9, "256"), (13, "4,096")];
    let cells = programs.iter().zip(&depths).zip(&frees);
    let cells = cells.map(|((program, depth), frees)| {
        vec![(*program).to_owned(), range(*depth), whole(*frees)]
    });
    Ok(Drawing {
        marks: draw::histograms(
            "Across: how many lie above, each bar for twice as many as the \
             one before. Up: the share of the frees by the same thread",
            &ticks,
            &histograms,
        ),
        columns: owned(&["program", "lie above", "frees"]),
        rows: cells.collect(),
    })
}

/// The depths that are counted together: `0`, `1`, `2–3`, `4–7`.
fn range(start: f64) -> String {
    if start < 2.0 {
        whole(start)
    } else {
        format!("{}–{}", whole(start), whole(2.0 * start - 1.0))
    }
}

/// How long walks are, program by program.
pub fn walks(table: &Table) -> Result<Drawing, String> {
    let programs = table.column("program")?;
    let walks = table.numbers("walks")?;
    let steps = table.numbers("walk_steps")?;
    let p99 = table.numbers("walk_p99")?;
    let chunks = table.numbers("chunks")?;
    let mut rows = Vec::new();
    for (index, program) in programs.iter().enumerate() {
        let mean = steps[index] / walks[index];
        let name = (*program).to_owned();
        let cells = [walks[index], mean, p99[index], chunks[index]].map(whole);
        let cells = [vec![name.clone()], cells.into()].concat();
        let row = Dots {
            name,
            note: String::new(),
            values: vec![mean, p99[index]],
            label: whole(mean),
            is_strong: false,
        };
        rows.push((row, cells));
    }
    rows.sort_by(|(a, _), (b, _)| a.values[0].total_cmp(&b.values[0]));
    let (rows, cells): (Vec<_>, _) = rows.into_iter().unzip();
    // Every other power of ten, for narrow pages.
    let ticks = ["1", "", "100", "", "10,000", ""];
    Ok(Drawing {
        marks: draw::dots(
            &["mean", "99 of 100 are no longer"],
            "mean",
            &Scale::from_one(5.6, &ticks),
            &rows,
        ),
        columns: owned(&[
            "program",
            "walks",
            "mean",
            "99 of 100 are no longer",
            "most chunks",
        ]),
        rows: cells,
    })
}

/// How large heaps get, program by program.
pub fn memory(table: &Table) -> Result<Drawing, String> {
    let programs = table.column("program")?;
    let live = table.numbers("live_bytes")?;
    let heaps = [
        table.numbers("glibc_heap")?,
        table.numbers("stage3_heap")?,
        table.numbers("one_stack_heap")?,
        table.numbers("thread_stacks_heap")?,
    ];
    let mut rows = Vec::new();
    for (index, program) in programs.iter().enumerate() {
        let bytes = heaps.each_ref().map(|heap| heap[index]);
        let times = bytes.map(|bytes| bytes / live[index]);
        let name = (*program).to_owned();
        let cells = bytes.map(megabytes);
        let cells =
            [vec![name.clone(), megabytes(live[index])], cells.into()].concat();
        let row = Dots {
            name,
            note: megabytes(live[index]),
            values: times[..3].to_vec(),
            label: format!("× {}", short(times[2])),
            is_strong: false,
        };
        rows.push((row, cells));
    }
    rows.sort_by(|(a, _), (b, _)| a.values[2].total_cmp(&b.values[2]));
    let (rows, cells): (Vec<_>, _) = rows.into_iter().unzip();
    Ok(Drawing {
        marks: draw::dots(
            &["glibc", "stage 3", "one stack"],
            "one stack",
            &Scale::from_one(2.2, &["× 1", "× 10", "× 100"]),
            &rows,
        ),
        columns: owned(&[
            "program",
            "live at most",
            "glibc",
            "stage 3",
            "one stack",
            "per thread",
        ]),
        rows: cells,
    })
}
