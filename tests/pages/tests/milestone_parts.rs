//! Milestones are put into a page with all their parts, and a part that is
//! missing or wrong stops the build.

use std::path::Path;

use book::page::Page;

mod small;

use small::Small;

const WALK: &str = "\
# Blocks that can be walked
minutes: 60
page: stage3/tags.md

## Task

Let `malloc` give *blocks*.

## Hint 1

One.

## Hint 2

Two.

## Hint 3

Three.

## Bodies
- Heap::malloc
- above

## Tests
- contract: blocks_do_not_overlap
- checkpoints: one_byte_costs_32
";

/// A repository with one stage, one page and one milestone.
fn repository() -> Small {
    Small::new(&[
        ("stage3-freelist/Cargo.toml", ""),
        ("book/chapters/stage3/tags.md", "# Boundary tags\n"),
        ("book/milestones/stage3/1-walk.md", WALK),
    ])
}

#[test]
fn milestones_show_their_parts_in_order_and_count_as_time_to_do() {
    let repository = repository();
    let second = WALK.replace("can be walked", "know both sides");
    repository.write("book/milestones/stage3/2-tags.md", &second);
    let text = "# T\n\nSome words.\n\n{{#milestones 3}}\n";
    let page = Page::new(text);
    let path = Path::new("stage3/from-nothing.md");
    let expanded = page.expand(path, &repository.sources()).unwrap();
    let mut rest = expanded.as_str();
    for part in [
        "\n## walk: Blocks that can be walked\n",
        "60 minutes, after [Boundary tags](../stage3/tags.md).",
        "\nLet `malloc` give *blocks*.\n",
        "<details class=\"hint\">\n<summary>Hint 1</summary>\n\nOne.\n\n</details>",
        "<summary>Hint 3</summary>\n\nThree.\n",
        "<summary>What to write</summary>\n\n- `Heap::malloc`\n- `above`\n",
        "<summary>2 tests</summary>\n\n- `blocks_do_not_overlap`\n",
        "\n## tags: Blocks that know both sides\n",
    ] {
        let Some((_, after)) = rest.split_once(part) else {
            panic!("{part:?} is missing, or in another place, in:\n{expanded}");
        };
        rest = after;
    }
    assert_eq!(page.length(path, &repository.sources()).to_do, 2 * 60);
}

#[test]
fn a_part_that_is_missing_or_wrong_is_named_with_its_file() {
    for (old, new, expected) in [
        (
            "## Hint 3",
            "## Hint",
            "has no line `## Hint 3`, or has it in another",
        ),
        ("Two.\n", "\n", "has nothing in front of `## Hint 3`"),
        ("minutes: 60", "minutes: long", "has `long` instead of whole minutes"),
        (
            "tags.md",
            "gone.md",
            "sends the reader to `stage3/gone.md`. There is",
        ),
        ("- above", "above", "has `above` instead of a line such as `- item`"),
        (
            "contract: b",
            "b",
            "has `blocks_do_not_overlap` instead of `contract",
        ),
    ] {
        let repository = repository();
        assert!(WALK.contains(old), "{old:?} is not in {WALK}");
        let text = WALK.replacen(old, new, 1);
        repository.write("book/milestones/stage3/1-walk.md", &text);
        let mistake = repository.mistake("{{#milestones 3}}");
        let start = format!("book/milestones/stage3/1-walk.md {expected}");
        assert!(mistake.starts_with(&start), "{start:?}: {mistake}");
    }
}

#[test]
fn a_stage_without_milestones_has_none_to_show() {
    let repository = repository();
    repository.write("stage4-threadsafe/Cargo.toml", "");
    let mistake = repository.mistake("{{#milestones 4}}");
    let start = "stage 4 has no milestones. Write ";
    assert!(mistake.starts_with(start), "{mistake}");
    let mistake = repository.mistake("{{#milestones 9}}");
    assert!(mistake.starts_with("there is no stage `9`"), "{mistake}");
    let mistake = repository.mistake("{{#milestones}}");
    assert!(mistake.starts_with("`milestones` has other"), "{mistake}");
}
