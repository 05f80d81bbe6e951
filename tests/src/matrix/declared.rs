//! Which heap has which property, as we believe it: a row for each property,
//! and in it a cell for each heap, in this order:
//!
//! stage 1, stage 2, stage 3, stage 4, one stack, per thread
//!
//! (One stack is stage 5's heap behind its lock.) `fails` says how it shows, and
//! which page tells why. Whoever changes a heap so that a cell is not true any
//! more hears of it from `tests/tests/side_by_side.rs`.

use super::rows::Cell::DoesNotApply;
use super::rows::{Cell, Example, Group, Kind, example, fails, row};

const HOLDS: Cell = Cell::Holds;
const NOT_TWO: Cell = DoesNotApply("it is for one thread at a time");
const NO_BREAK: Cell = DoesNotApply("it moves no break");
const NO_PIECES: Cell = DoesNotApply("its simulated memory joins no pieces");

/// What threads do to a heap that is not for them: it may show in any way.
pub const DAMAGE: &str = "it is damaged in one way or another";

// The pages that tell why.
const LEAKS: &str = "stage1/it-leaks.md";
const TWO_THREADS: &str = "stage1/two-threads.md";
const HEADER: &str = "stage2/a-header.md";
const NOTICES: &str = "stage2/what-a-header-notices.md";
const GOES_BACK: &str = "stage2/what-can-go-back.md";
const TRUE_OF_2: &str = "stage2/what-is-true-now.md";
const LARGE: &str = "stage3/large-blocks.md";
const TRUE_OF_3: &str = "stage3/what-is-true-now.md";
const ONE_HEAP: &str = "stage4/two-threads.md";
const SIGNALS: &str = "stage4/fork.md";
const PINS: &str = "stage5/what-pins-memory.md";
const TRUE_OF_5: &str = "stage5/what-is-true-now.md";
const RUNS: &str = "beyond/holes/a-run-of-marked-chunks.md";
const HOLES_BACK: &str = "beyond/holes/what-goes-back.md";
const REMARK: &str = "beyond/holes/lists.md";

/// The table.
pub const GROUPS: &[Group] = &[
    Group {
        title: "What C promises",
        file: "contract.rs",
        kind: Kind::Malloc,
        rows: &[
            row(
                "aligned",
                "a block starts at a multiple of 16 whatever its size",
                [HOLDS; 6],
            ),
            row(
                "apart",
                "live blocks lie apart and keep their bytes",
                [HOLDS; 6],
            ),
            row(
                "of_no_bytes",
                "malloc(0) gives a block of its own or null each time",
                [HOLDS; 6],
            ),
            row("null_is_freed", "null may be freed", [HOLDS; 6]),
            row(
                "calloc_clears",
                "calloc clears memory that was used",
                [HOLDS; 6],
            ),
            row(
                "calloc_checks_its_product",
                "calloc gives null where the product overflows",
                [HOLDS; 6],
            ),
            row(
                "too_large_is_null",
                "what is larger than half of all addresses is null with ENOMEM",
                [HOLDS; 6],
            ),
            row(
                "realloc_keeps",
                "realloc keeps the bytes from any size to any other",
                [HOLDS; 6],
            ),
            row("realloc_of_null", "realloc of null is malloc", [HOLDS; 6]),
            row(
                "realloc_that_fails",
                "a realloc that fails leaves the old block",
                [HOLDS; 6],
            ),
            row(
                "realloc_to_nothing",
                "realloc to no bytes loses no block",
                [
                    fails("the memory is lost", LEAKS),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "any_alignment",
                "every power of two up to 4 MiB can be had as an alignment",
                [HOLDS; 6],
            ),
            row(
                "wrong_alignment",
                "an alignment that is none is EINVAL and leaves errno alone",
                [HOLDS; 6],
            ),
            row(
                "usable_bytes",
                "malloc_usable_size is 0 or bytes that may all be used",
                [HOLDS; 6],
            ),
            row("errno_is_kept", "free leaves errno alone", [HOLDS; 6]),
            row(
                "limited",
                "at a limit of addresses come null and ENOMEM: and memory again after free",
                [
                    fails("what was freed is not to be had again", LEAKS),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            example(
                "many_at_a_time",
                "more than a million blocks can live at a time",
                Example {
                    command: &["too_many", "1100000"],
                    expects: "\n1100000 blocks",
                    or_else: "there is no memory for them",
                    asks_sbrk: false,
                },
                [
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    fails("there is no memory for them", PINS),
                    HOLDS,
                ],
            ),
        ],
    },
    Group {
        title: "Memory that comes back",
        file: "memory.rs",
        kind: Kind::Malloc,
        rows: &[
            row(
                "used_again",
                "a freed block under a live one is used again",
                [
                    fails("every block has a new place", LEAKS),
                    fails("every block has a new place", GOES_BACK),
                    HOLDS,
                    HOLDS,
                    fails("every block has a new place", PINS),
                    HOLDS,
                ],
            ),
            row(
                "split",
                "what was freed in large blocks serves small ones",
                [
                    fails("what was freed is no use", LEAKS),
                    fails("what was freed is no use", GOES_BACK),
                    HOLDS,
                    HOLDS,
                    fails("what was freed is no use", PINS),
                    HOLDS,
                ],
            ),
            row(
                "joined",
                "what was freed in small blocks serves large ones",
                [
                    fails("what was freed is no use", LEAKS),
                    fails("what was freed is no use", GOES_BACK),
                    HOLDS,
                    HOLDS,
                    fails("what was freed is no use", PINS),
                    HOLDS,
                ],
            ),
            row(
                "padding_is_kept",
                "the padding in front of an aligned block is not lost",
                [
                    fails("each round takes more memory", LEAKS),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "end_goes_back",
                "what is freed newest first goes back to the system",
                [
                    fails("most of it stays", LEAKS),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "end_in_any_order",
                "so does what is freed in any order when all of it is",
                [
                    fails("most of it stays", LEAKS),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "large_goes_back",
                "a large block goes back while younger ones live",
                [
                    fails("it stays", LEAKS),
                    fails("it stays", GOES_BACK),
                    fails("it stays", LARGE),
                    fails("it stays", LARGE),
                    fails("it stays", PINS),
                    HOLDS,
                ],
            ),
            row(
                "second_nest",
                "calls that nest as deep again take no more memory",
                [
                    fails("each time takes more memory", LEAKS),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "queue",
                "a queue that is never empty does not grow the heap",
                [
                    fails("the heap grows with every turn", LEAKS),
                    fails("the heap grows with every turn", GOES_BACK),
                    HOLDS,
                    HOLDS,
                    fails("the heap grows with every turn", PINS),
                    HOLDS,
                ],
            ),
            row(
                "random_orders",
                "blocks freed in any order do not grow the heap",
                [
                    fails("the heap grows with every turn", LEAKS),
                    fails("the heap grows with every turn", GOES_BACK),
                    HOLDS,
                    HOLDS,
                    fails("the heap grows with every turn", PINS),
                    HOLDS,
                ],
            ),
            row(
                "around_survivors",
                "what was freed around survivors serves another size",
                [
                    fails("the freed memory is lost", LEAKS),
                    fails("the freed memory is lost", GOES_BACK),
                    HOLDS,
                    HOLDS,
                    fails("the freed memory is lost", PINS),
                    HOLDS,
                ],
            ),
            row(
                "back_around_survivors",
                "what was freed around survivors goes back to the system",
                [
                    fails("most of it stays", LEAKS),
                    fails("most of it stays", GOES_BACK),
                    fails("most of it stays", TRUE_OF_3),
                    fails("most of it stays", TRUE_OF_3),
                    fails("most of it stays", PINS),
                    fails("most of it stays", HOLES_BACK),
                ],
            ),
            row(
                "shrinking_gives_back",
                "a block that shrinks gives back what it had",
                [
                    fails("each small block keeps all it had", LEAKS),
                    fails("each small block keeps all it had", TRUE_OF_2),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
        ],
    },
    Group {
        title: "What it costs",
        file: "costs.rs",
        kind: Kind::Malloc,
        rows: &[
            row(
                "one_byte",
                "malloc(1) takes at most 32 bytes with all that goes with it",
                [
                    HOLDS,
                    fails("it takes 48", HEADER),
                    HOLDS,
                    HOLDS,
                    fails("it takes 40", TRUE_OF_5),
                    HOLDS,
                ],
            ),
            row(
                "grows_in_place",
                "a block that grows by and by is seldom moved",
                [
                    fails("it moves each time or nearly", LEAKS),
                    fails("it moves each time or nearly", TRUE_OF_2),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "malloc_steps",
                "the steps of malloc do not grow with the live blocks",
                [HOLDS; 6],
            ),
            row(
                "malloc_among_free",
                "nor with the free ones that are too small",
                [HOLDS; 6],
            ),
            row(
                "free_newest",
                "the steps of free do not grow with the live blocks: the newest",
                [
                    HOLDS,
                    fails("the steps grow with the blocks", TRUE_OF_2),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row("free_oldest", "the same for the oldest", [HOLDS; 6]),
            row("free_middle", "the same for one in the middle", [HOLDS; 6]),
            row(
                "pairs_ask_nobody",
                "a block that comes and goes asks the system for nothing",
                [
                    fails("each pair asks the system", LEAKS),
                    fails("each pair asks the system", TRUE_OF_2),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "frees_ask_nobody",
                "the break is left alone between two frees",
                [
                    HOLDS,
                    fails("each free asks the system", TRUE_OF_2),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "mallocs_ask_seldom",
                "small blocks come from memory that was asked for in one go",
                [
                    fails("each block asks the system", LEAKS),
                    fails("each block asks the system", TRUE_OF_2),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
        ],
    },
    Group {
        title: "Threads and processes",
        file: "threads.rs",
        kind: Kind::Threads,
        rows: &[
            row(
                "two_threads",
                "two threads that ask at the same moment get two blocks",
                [
                    fails("both get the same bytes", TWO_THREADS),
                    fails("both get the same bytes", TWO_THREADS),
                    fails(DAMAGE, ONE_HEAP),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "threads_at_work",
                "four threads at work find the bytes that they wrote",
                [
                    fails(DAMAGE, TWO_THREADS),
                    fails(DAMAGE, TWO_THREADS),
                    fails(DAMAGE, ONE_HEAP),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "freed_by_another",
                "what another thread frees is used again",
                [
                    fails("the heap grows with every batch", LEAKS),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "between_threads",
                "a queue between two threads does not grow the heap",
                [
                    NOT_TWO,
                    NOT_TWO,
                    NOT_TWO,
                    HOLDS,
                    fails("the heap grows with every block", PINS),
                    HOLDS,
                ],
            ),
            row(
                "ended_threads",
                "what ended threads had is used again",
                [
                    fails("each thread takes more memory", LEAKS),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            example(
                "many_lives",
                "a thousand short threads have memory to their end",
                Example {
                    command: &["lives"],
                    expects: "there is memory after main",
                    or_else: "a thread had no memory",
                    asks_sbrk: false,
                },
                [NOT_TWO, NOT_TWO, NOT_TWO, HOLDS, HOLDS, HOLDS],
            ),
            example(
                "fork_when_busy",
                "the child of a fork has memory while other threads allocate",
                Example {
                    command: &["forks", "100"],
                    expects: "children asked for memory and ended",
                    or_else: "a child hangs",
                    asks_sbrk: false,
                },
                [NOT_TWO, NOT_TWO, NOT_TWO, HOLDS, HOLDS, HOLDS],
            ),
            example(
                "urgent_thread",
                "an urgent thread does not wait for ever",
                Example {
                    command: &["real_time"],
                    expects: "50 turns",
                    or_else: "it does",
                    asks_sbrk: false,
                },
                [NOT_TWO, NOT_TWO, NOT_TWO, HOLDS, HOLDS, HOLDS],
            ),
            example(
                "handler_in_malloc",
                "a signal handler that interrupts malloc gets memory",
                Example {
                    command: &["signal"],
                    expects: "malloc has returned",
                    or_else: "it does not",
                    asks_sbrk: true,
                },
                [
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    fails("it hangs", SIGNALS),
                    fails("it hangs", SIGNALS),
                    NO_BREAK,
                ],
            ),
            example(
                "report_of_a_crash",
                "a handler that reports a crash of the heap gets memory",
                Example {
                    command: &["crash_report"],
                    expects: "a report in 100 blocks",
                    or_else: "nobody has noticed",
                    asks_sbrk: false,
                },
                [
                    fails("nobody has noticed", NOTICES),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
        ],
    },
    Group {
        title: "Wrong frees that are noticed",
        file: "wrong.rs",
        kind: Kind::Crime,
        rows: &[
            row(
                "twice",
                "a block freed twice",
                [
                    fails("nobody has noticed", NOTICES),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "twice_later",
                "twice with other frees in between",
                [
                    fails("nobody has noticed", NOTICES),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "twice_joined",
                "twice with free neighbours",
                [
                    fails("nobody has noticed", NOTICES),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "twice_by_another",
                "twice by two threads",
                [
                    fails("nobody has noticed", NOTICES),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "twice_large",
                "twice where the block was large",
                [
                    fails("nobody has noticed", NOTICES),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "no_block",
                "the address of a variable",
                [
                    fails("nobody has noticed", NOTICES),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "middle",
                "an address in the middle of a block",
                [
                    fails("nobody has noticed", NOTICES),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "odd",
                "an address that is no multiple of 16",
                [
                    fails("nobody has noticed", NOTICES),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "realloc_of_freed",
                "realloc of a freed block",
                [
                    fails("nobody has noticed", NOTICES),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "new_owner",
                "a freed block that is somebody else's by now",
                [
                    fails("nobody has noticed", NOTICES),
                    fails("nobody has noticed", NOTICES),
                    fails("nobody has noticed", TRUE_OF_3),
                    fails("nobody has noticed", TRUE_OF_3),
                    fails("nobody has noticed", NOTICES),
                    fails("nobody has noticed", REMARK),
                ],
            ),
        ],
    },
    Group {
        title: "The break and its surprises",
        file: "breaks.rs",
        kind: Kind::Break,
        rows: &[
            row(
                "others_raise",
                "what somebody else takes of the break is left alone",
                [HOLDS; 6],
            ),
            row(
                "others_raise_and_lower",
                "what somebody else wrote and gave back is cleared by calloc",
                [HOLDS; 6],
            ),
            row(
                "refused_at_every_call",
                "whichever request the system refuses nothing is lost",
                [HOLDS; 6],
            ),
            row(
                "refused_steps",
                "where the break cannot rise by a step it rises by less",
                [HOLDS; 6],
            ),
            row(
                "all_comes_back",
                "newest first all memory comes back",
                [
                    fails("something stays", LEAKS),
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                    HOLDS,
                ],
            ),
            row(
                "neighbours_join",
                "free neighbours become one block at once",
                [
                    fails("it lies elsewhere", LEAKS),
                    fails("it lies elsewhere", GOES_BACK),
                    HOLDS,
                    HOLDS,
                    fails("it lies elsewhere", PINS),
                    fails("it lies elsewhere", RUNS),
                ],
            ),
            row(
                "room_is_used",
                "room for four times what lives is room enough",
                [
                    fails("no memory where most of it is free", LEAKS),
                    fails("no memory where most of it is free", GOES_BACK),
                    HOLDS,
                    HOLDS,
                    fails("no memory where most of it is free", PINS),
                    NO_PIECES,
                ],
            ),
        ],
    },
];
