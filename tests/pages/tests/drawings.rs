//! Drawings of memory that nobody has recorded: they say so, and the models
//! behind them do what the allocators do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use book::constant::Constants;
use book::directive::Directive;
use book::drawing::glibc::{self, Place};
use book::drawing::mimalloc::Way;
use book::drawing::slots::{Model, Slot};
use book::drawing::{
    self, Buddies, Copying, Drawing, Kind, Piece, generations, huge, jemalloc,
    laid_out, lock, message, mimalloc, orders, snmalloc, tcmalloc,
};
use book::page::Page;
use timing::workspace::workspace;

/// All boxes of a drawing.
fn pieces(drawing: &Drawing) -> Vec<&Piece> {
    let floors = drawing.pictures.iter().flat_map(|it| &it.floors);
    let rows = floors.flat_map(|it| &it.parts).flat_map(|it| &it.rows);
    rows.flat_map(|it| &it.pieces).collect()
}

/// The files in a folder and those below it that are Markdown.
fn markdown(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            found.extend(markdown(&path));
        } else if path.extension().is_some_and(|end| end == "md") {
            let text = fs::read_to_string(&path).expect("a text");
            found.push((path, text));
        }
    }
    found
}

#[test]
fn a_drawing_is_one_line_without_an_id_and_one_picture_of_it_is_still() {
    for name in drawing::names() {
        let html = drawing::render(name).expect("its name is in the list");
        assert_eq!(html.lines().count(), 1, "{name}");
        assert_eq!(html.matches("is-still").count(), 1, "{name}: {html}");
        assert!(!html.contains(" id="), "{name}: {html}");
    }
}

#[test]
fn there_is_no_drawing_of_an_unknown_name() {
    assert_eq!(drawing::render("no-such-drawing"), None);
    assert_eq!(drawing::answers("no-such-drawing"), None);
}

#[test]
fn a_drawing_says_that_nobody_has_recorded_it() {
    for Drawing { name, told, pictures, .. } in drawing::all() {
        let start = match pictures.len() {
            1 => "Drawn, not recorded",
            _ => "Computed by a model of ",
        };
        assert!(told.starts_with(start), "{name} should say {start}: {told}");
    }
}

#[test]
fn the_kinds_of_boxes_are_those_that_the_legend_explains() {
    for drawing in drawing::all() {
        let kinds = pieces(&drawing).into_iter().filter_map(|it| it.kind);
        let used: BTreeSet<Kind> = kinds.collect();
        let explained = drawing.keys.iter().map(|key| key.0).collect();
        assert_eq!(used, explained, "{}", drawing.name);
    }
}

#[test]
fn a_drawing_with_steps_asks_and_one_choice_is_right() {
    for Drawing { name, pictures, .. } in drawing::all() {
        let asks: Vec<_> =
            pictures.iter().filter_map(|it| it.asks.as_ref()).collect();
        assert_eq!(asks.is_empty(), pictures.len() == 1, "{name}");
        for ask in asks {
            let choices: BTreeSet<_> = ask.choices.iter().collect();
            assert_eq!(choices.len(), ask.choices.len(), "{name}: {ask:?}");
            let right = format!("{}.", ask.choices[ask.right]);
            assert_eq!(right, ask.answer, "{name}");
        }
    }
}

#[test]
fn every_drawing_is_on_one_page() {
    let mut pages: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (path, text) in markdown(&workspace().join("book/chapters")) {
        for (_, line) in Page::new(&text).directives() {
            if let Ok(Directive::Drawing { name }) = Directive::parse(line) {
                pages.entry(name).or_default().push(path.clone());
            }
        }
    }
    for name in drawing::names() {
        let its = pages.get(name).map_or(0, Vec::len);
        assert_eq!(its, 1, "pages with {name}: {:?}", pages.get(name));
    }
}

// ---- No picture is made of characters ----

/// Whether a line of text is part of a picture: lines and arrows, or boxes side
/// by side.
fn draws(line: &str) -> bool {
    let is_drawn = |it: char| matches!(it, '\u{2190}'..='\u{21ff}' | '\u{2500}'..='\u{25ff}');
    let parts = ["][", "] [", "+--", "--+", "-->", "<--", "]|"];
    let strokes = line.trim();
    let only_strokes =
        !strokes.is_empty() && strokes.chars().all(|it| r"\/|_^ ".contains(it));
    line.contains(is_drawn)
        || parts.iter().any(|it| line.contains(it))
        || only_strokes
}

/// The lines of a page that draw, in its blocks of text.
fn drawn(markdown: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut language = None;
    for line in markdown.lines() {
        match line.trim_start_matches(['>', ' ']).strip_prefix("```") {
            Some(_) if language.is_some() => language = None,
            Some(its) => language = Some(its),
            None if matches!(language, Some("" | "text")) && draws(line) => {
                found.push(line);
            }
            None => {}
        }
    }
    found
}

#[test]
fn no_page_draws_with_characters() {
    for folder in ["book/chapters", "book/exercises", "book/milestones"] {
        for (path, text) in markdown(&workspace().join(folder)) {
            let found = drawn(&text);
            assert!(
                found.is_empty(),
                "{} draws with characters. Make it a drawing, see \
                 book/src/drawing: {found:#?}",
                path.display()
            );
        }
    }
}

#[test]
fn what_is_drawn_with_characters_is_found_and_pseudocode_is_not() {
    let picture = "[size|1][ payload ....][size|1]\n   \\    |    /\n\
                   ┌────┐\nb1 → b2\n+----+";
    let pseudocode = "free(p):\n    mark it free\n    while the top is free:\n\
                      message = 42";
    let block = |text: &str| format!("a → b\n\n```text\n{text}\n```\n");
    let count = picture.lines().count();
    assert_eq!(drawn(&block(picture)).len(), count, "{picture}");
    assert_eq!(drawn(&block(pseudocode)), Vec::<&str>::new());
}

// ---- The models ----

#[test]
fn what_is_given_back_last_is_joined_three_times() {
    let mut memory = Buddies::new(3);
    let [a, b, c] = [0, 1, 0].map(|order| memory.take(order, "x"));
    assert_eq!([a, b, c], [Some((0, 3)), Some((2, 0)), Some((1, 0))]);
    assert_eq!([1, 2, 0].map(|page| memory.give(page)), [0, 0, 3]);
    assert_eq!(memory.free(3), [0]);
}

#[test]
fn two_free_buddies_are_never_left_side_by_side() {
    const ORDERS: usize = 6;
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut memory = Buddies::new(ORDERS);
    let mut held = Vec::new();
    for _ in 0..2000 {
        if random.bool() && !held.is_empty() {
            memory.give(held.swap_remove(random.usize(..held.len())));
        } else if let Some((page, _)) = memory.take(random.usize(..4), "x") {
            held.push(page);
        }
        for order in 0..ORDERS {
            let free = memory.free(order);
            let both =
                free.iter().find(|it| free.contains(&(*it ^ (1 << order))));
            assert_eq!(both, None, "order {order}, seed {seed}");
        }
    }
    held.drain(..).for_each(|page| _ = memory.give(page));
    assert_eq!(memory.free(ORDERS), [0], "seed {seed}");
}

/// The same calls were made of glibc 2.36 in a C program, and these are the
/// places that it gave, in bytes from the first block on.
#[test]
fn the_model_of_glibc_gives_the_places_that_glibc_gives() {
    let mut heap = glibc::Model::default();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let _places = names.map(|name| heap.malloc(200, name));
    let went: Vec<_> = names[..9].iter().map(|name| heap.free(name)).collect();
    assert_eq!(went[..7], [Place::Tcache; 7]);
    assert_eq!(went[7..], [Place::Unsorted, Place::Joined]);
    let asked = [200, 300, 80, 200, 200, 200, 200, 200, 200, 200, 200];
    let given = asked.map(|size| heap.malloc(size, "x").0);
    let by_glibc = [1248, 1456, 1776, 1040, 832, 624, 416, 208, 0, 2080, 2288];
    assert_eq!(given, by_glibc);
}

#[test]
fn jemallocs_array_goes_back_by_halves_and_is_filled_from_the_oldest_slab() {
    let mut heap = jemalloc::Model::default();
    let blocks: Vec<_> = (0..20).map(|_| heap.malloc()).collect();
    let unlike: BTreeSet<_> = blocks.iter().collect();
    assert_eq!(unlike.len(), blocks.len(), "{blocks:?}");
    let freed = blocks[2..6].iter().chain(&blocks[8..12]);
    let back: Vec<_> = freed.map(|it| heap.free(*it)).collect();
    assert_eq!(back, [0; 8]);
    assert_eq!(heap.free(blocks[12]), jemalloc::HALF);
    assert_eq!([0, 1].map(|slab| heap.room(slab)), [4, 0]);
    let next: Vec<_> = (0..6).map(|_| heap.malloc()).collect();
    assert_eq!(next[..5], [12, 11, 10, 9, 8].map(|at| blocks[at]));
    assert_eq!(next[5], blocks[2]);
}

#[test]
fn tcmallocs_list_learns_its_length_and_a_whole_handful_is_handed_on() {
    let mut heap = tcmalloc::Model::default();
    let fetched: Vec<_> = (0..10).map(|_| heap.malloc(0).1).collect();
    assert_eq!(fetched, [1, 2, 0, 3, 0, 0, 4, 0, 0, 0]);
    assert_eq!(heap.threads[0].most, 2 * tcmalloc::HANDFUL);
    let carried: Vec<_> = (1..=9).map(|it| heap.free(1, it)).collect();
    assert_eq!(carried, [0, 2, 0, 0, 3, 0, 0, 0, 4]);
    assert_eq!(heap.transfer.len(), 1, "{:?}", heap.transfer);
    assert_eq!(heap.malloc(0), (9, 4));
    assert_eq!(heap.transfer.len(), 0, "{:?}", heap.transfer);
}

#[test]
fn mimallocs_malloc_collects_when_its_list_runs_out_and_then_opens_more() {
    let mut slab = mimalloc::Model::default();
    let short = |block| Some((block, Way::Short));
    assert_eq!([1, 2, 3].map(|_| slab.malloc()), [1, 2, 3].map(short));
    for (block, is_owner) in [(1, true), (3, false), (2, true)] {
        slab.free(block, is_owner);
    }
    assert_eq!(slab.malloc(), short(4));
    assert_eq!(slab.malloc(), Some((3, Way::Collected)));
    assert_eq!([2, 1].map(|_| slab.malloc()), [2, 1].map(short));
    assert_eq!(slab.malloc(), Some((5, Way::Extended)));
    assert_eq!([6, 7, 8].map(|_| slab.malloc()), [6, 7, 8].map(short));
    assert_eq!(slab.malloc(), None);
}

#[test]
fn six_blocks_go_home_in_two_parcels_and_each_to_its_owner() {
    let mut threads = snmalloc::Model::default();
    let freed = [("b1", 1), ("c1", 3), ("b2", 1), ("b3", 1), ("c2", 3)];
    for (block, owner) in freed {
        assert!(!threads.free(block, owner), "{block} sends");
    }
    assert!(threads.free("b4", 1), "the last one sends");
    assert_eq!(threads.exchanges, 2);
    assert_eq!([1, 3].map(|owner| threads.open(owner)), [4, 2]);
    assert_eq!(threads.lists[&1], ["b1", "b2", "b3", "b4"]);
    assert_eq!(threads.lists[&3], ["c1", "c2"]);
}

#[test]
fn what_can_be_reached_is_copied_once_and_nothing_else() {
    // Two hold each other, two hold the same, and two are garbage.
    let blocks = [
        ('a', 1, "bc"),
        ('b', 1, "d"),
        ('c', 1, "d"),
        ('d', 1, "a"),
        ('e', 1, "fa"),
        ('f', 1, "e"),
    ];
    let mut heap = Copying::new(&blocks, "a");
    assert_eq!(heap.roots(), "a");
    while heap.scan().is_some() {}
    assert_eq!(heap.copied, ['a', 'b', 'c', 'd']);
    assert_eq!(heap.scanned, 4);
}

#[test]
fn the_bits_of_an_address_are_those_of_the_table() {
    let source = workspace().join("stage5-lifo-stack/src/per_thread");
    let constants = Constants::read(&source).expect("constants");
    let number = |name: &str| constants.evaluate(name).expect("a number");
    let bits = laid_out::BITS.map(|(_, bits)| 1_u128 << bits);
    assert_eq!(bits[1..], [number("ENTRIES"), number("UNIT")]);
    assert_eq!(laid_out::BITS.iter().map(|it| it.1).sum::<usize>(), 47);
}

#[test]
fn a_thread_whose_end_is_not_heard_of_keeps_no_stack() {
    let mut threads = Model::new(3);
    assert_eq!((threads.malloc(0), threads.malloc(0)), (0, 0));
    threads.end(0);
    assert_eq!(threads.malloc(1), 0, "it was left behind");
    threads.has_key = false;
    assert_eq!(threads.malloc(2), 1);
    assert_eq!(threads.slots[2], Slot::Borrows);
    assert_eq!(threads.parked, [1]);
    assert_eq!(threads.malloc(2), 1, "it borrows the same again");
}

#[test]
fn the_two_words_rule_out_a_flag_without_its_message_and_nothing_else() {
    let (any, in_order) = (message::found(false), message::found(true));
    let ruled_out: Vec<_> =
        any.iter().filter(|it| !in_order.contains(it)).collect();
    let without = message::Found { message: 0, is_there: true };
    assert_eq!(ruled_out, [&without], "{any:?}, {in_order:?}");
    assert!(in_order.iter().all(|it| any.contains(it)), "{in_order:?}");
}

#[test]
fn whoever_gets_in_at_the_lock_finds_the_heap_in_order() {
    const THREADS: usize = 3;
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut model = lock::Model::new(THREADS);
    let mut inside = None;
    for _ in 0..200 {
        let thread = random.usize(..THREADS);
        match inside {
            Some(its) if its == thread && model.is_in_order() => {
                model.leave(thread);
                inside = None;
            }
            Some(its) if its == thread => model.note(),
            others => {
                let (came, was) = (model.look(thread), model.is_in_order());
                assert_eq!(came, others.is_none(), "seed {seed}: {model:?}");
                if came {
                    assert!(was, "seed {seed}: {model:?}");
                    model.raise();
                    inside = Some(thread);
                }
            }
        }
        let count = model.threads.iter().filter(|it| **it == lock::At::Inside);
        assert!(count.count() <= 1, "seed {seed}: {model:?}");
    }
}

#[test]
fn a_stack_asks_for_huge_pages_as_soon_as_it_has_its_small_segments() {
    let source = workspace().join("stage5-lifo-stack/src/per_thread");
    let constants = Constants::read(&source).expect("constants");
    let number = |name: &str| {
        let number = constants.evaluate(name).expect("a number");
        usize::try_from(number).expect("a small one")
    };
    let (small, segment) = (number("SMALL"), number("SEGMENT"));
    let mut stack = huge::Model::default();
    let asks: Vec<bool> = (0..2 * small).map(|_| stack.map()).collect();
    let expected = [vec![false; small], vec![true; small]].concat();
    assert_eq!(asks, expected);
    let all = small * (segment / huge::PAGE) + small;
    assert_eq!(stack.all_visits(), all);
}

#[test]
fn glibcs_cache_keeps_as_many_in_the_model_as_in_the_answers() {
    let [old, new] = generations::answers();
    assert_eq!(old.kept, glibc::SEVEN, "{old:?}");
    // What the page says of the two: the older one's next list begins with the
    // last that was freed, and calloc takes from that.
    assert_eq!([old.then, old.by_calloc], [generations::BLOCKS; 2], "{old:?}");
    assert_eq!([new.then, new.by_calloc], [new.kept + 1, new.kept], "{new:?}");
    let page = "book/chapters/back/real-allocators/dlmalloc-and-glibc.md";
    let page = fs::read_to_string(workspace().join(page)).expect("a page");
    assert!(page.contains(&format!("glibc {}", old.version)), "{old:?}");
}

#[test]
fn two_threads_of_two_steps_have_six_orders_and_each_is_tried_once() {
    let orders = orders::orders();
    let unlike: BTreeSet<_> = orders.iter().collect();
    assert_eq!((orders.len(), unlike.len()), (6, 6), "{orders:?}");
    assert!(orders.is_sorted(), "where they part, thread 0 came first");
    for order in &orders {
        let first = order.iter().filter(|it| **it == 0).count();
        assert_eq!(first, orders::STEPS, "{order:?}");
        // Both have counted if one was done before the other began.
        let in_turn = order[0] == order[1];
        let expected = if in_turn { 2 } else { 1 };
        assert_eq!(orders::counter(order), expected, "{order:?}");
    }
    let parts: Vec<usize> =
        orders.windows(2).map(|it| orders::part(&it[0], &it[1])).collect();
    assert_eq!(parts, [1, 2, 0, 2, 1]);
}
