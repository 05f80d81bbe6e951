//! The plans of the page for teachers fill the time that they say.

use std::fs;

use book::build;

/// The minutes of each plan on the page.
fn plans(page: &str) -> Vec<(String, usize)> {
    let mut plans = Vec::new();
    for line in page.lines() {
        if line.starts_with("**Plan ") {
            plans.push((line.to_owned(), 0));
        } else if line.starts_with("## ") {
            plans.push((String::new(), 0));
        } else if let Some((minutes, _)) = line
            .strip_prefix("| ")
            .and_then(|row| row.split_once(" |"))
            .and_then(|(cell, rest)| Some((cell.parse().ok()?, rest)))
            && let Some((_, sum)) = plans.last_mut()
        {
            let minutes: usize = minutes;
            *sum += minutes;
        }
    }
    plans.retain(|(name, _)| !name.is_empty());
    plans
}

#[test]
fn each_of_four_plans_takes_ninety_minutes() {
    let page = build::folder().join("chapters/back/for-teachers.md");
    let plans = plans(&fs::read_to_string(page).expect("the page"));
    assert_eq!(plans.len(), 4, "{plans:?}");
    for (name, minutes) in plans {
        assert_eq!(minutes, 90, "{name}");
    }
}

#[test]
fn the_minutes_of_a_plan_are_added_up() {
    let page = "**Plan 1.**\n\n| minutes | what |\n| --- | --- |\n\
                | 10 | a |\n| 5 | b |\n\n## Other\n\n| 7 | c |\n";
    assert_eq!(plans(page), [("**Plan 1.**".to_owned(), 15)]);
}
