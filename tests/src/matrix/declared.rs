//! Which heap has which property, as we believe it.
//!
//! A row of the first table is a property. It has a cell for each of our heaps,
//! then how it shows where it fails, then the fact. A cell is `OK`, or the page
//! that tells why it fails, or why the question makes no sense. Whoever changes a
//! heap so that a cell is not true any more hears of it from
//! `tests/tests/side_by_side.rs`.
//!
//! The second table is of other people's heaps, for which nothing is declared: it
//! has the pages that tell why one fails.

use super::rows::Cell::{DoesNotApply, Holds as OK};
use super::rows::{Cell, Example, Group, Kind, Row, because, row};

/// What threads do to a heap that is not for them: it may show in any way.
pub const DAMAGE: &str = "it is damaged in one way or another";

// Why a question makes no sense.
const NOT_2: Cell = DoesNotApply("it is for one thread at a time");
const NO_BRK: Cell = DoesNotApply("it moves no break");
const JOINS: Cell = DoesNotApply("its simulated memory joins no pieces");

// The pages that tell why a heap fails.
const LEAKS: Cell = because("stage1/it-leaks.md");
const TWO: Cell = because("stage1/two-threads.md");
const HEAD: Cell = because("stage2/a-header.md");
const SEES: Cell = because("stage2/what-a-header-notices.md");
const BACK: Cell = because("stage2/what-can-go-back.md");
const TRUE2: Cell = because("stage2/what-is-true-now.md");
const LARGE: Cell = because("stage3/large-blocks.md");
const TRUE3: Cell = because("stage3/what-is-true-now.md");
const ONE: Cell = because("stage4/two-threads.md");
const SIG: Cell = because("stage4/fork.md#signals");
const PINS: Cell = because("stage5/what-pins-memory.md");
const TRUE5: Cell = because("stage5/what-is-true-now.md");
const RUNS: Cell = because("beyond/holes/a-run-of-marked-chunks.md");
const HOLES: Cell = because("beyond/holes/what-goes-back.md");
const REMARK: Cell = because("beyond/holes/lists.md");

// Where two heaps fail in two ways.
const IT_40: Cell = TRUE5.shows("it takes 40");
const HURT: Cell = ONE.shows(DAMAGE);

/// One that all of our heaps have.
const fn sure(id: &'static str, fact: &'static str) -> Row {
    row(id, [OK; 6], "", fact)
}

/// Our heaps. (One stack is stage 5's heap behind its lock.)
#[rustfmt::skip]
pub const GROUPS: &[Group] = &[
    Group { title: "What C promises", file: "contract.rs", kind: Kind::Malloc, rows: &[
        //                           stage 1 stage 2 stage 3 stage 4 one     per
        //                                                           stack   thread
        sure("aligned", "a block starts at a multiple of 16 whatever its size"),
        sure("apart", "live blocks lie apart and keep their bytes"),
        sure("of_no_bytes", "malloc(0) gives a block of its own or null each time"),
        sure("null_is_freed", "null may be freed"),
        sure("calloc_clears", "calloc clears memory that was used"),
        sure("calloc_checks_its_product", "calloc gives null where the product overflows"),
        sure("too_large_is_null", "what is larger than half of all addresses is null with ENOMEM"),
        sure("realloc_keeps", "realloc keeps the bytes from any size to any other"),
        sure("realloc_of_null", "realloc of null is malloc"),
        sure("realloc_that_fails", "a realloc that fails leaves the old block"),
        row("realloc_to_nothing",     [LEAKS,  OK,     OK,     OK,     OK,     OK    ], "the memory is lost",
            "realloc to no bytes loses no block"),
        sure("any_alignment", "every power of two up to 4 MiB can be had as an alignment"),
        sure("wrong_alignment", "an alignment that is none is EINVAL and leaves errno alone"),
        sure("usable_bytes", "malloc_usable_size is 0 or bytes that may all be used"),
        sure("errno_is_kept", "free leaves errno alone"),
        row("limited",                [LEAKS,  OK,     OK,     OK,     OK,     OK    ], "what was freed is not to be had again",
            "at a limit of addresses come null and ENOMEM: and memory again after free"),
        row("many_at_a_time",         [OK,     OK,     OK,     OK,     PINS,   OK    ], "there is no memory for them",
            "more than a million blocks can live at a time").asked_by(TOO_MANY),
    ] },
    Group { title: "Memory that comes back", file: "memory.rs", kind: Kind::Malloc, rows: &[
        //                           stage 1 stage 2 stage 3 stage 4 one     per
        //                                                           stack   thread
        row("used_again",             [LEAKS,  BACK,   OK,     OK,     PINS,   OK    ], "every block has a new place",
            "a freed block under a live one is used again"),
        row("split",                  [LEAKS,  BACK,   OK,     OK,     PINS,   OK    ], "what was freed is no use",
            "what was freed in large blocks serves small ones"),
        row("joined",                 [LEAKS,  BACK,   OK,     OK,     PINS,   OK    ], "what was freed is no use",
            "what was freed in small blocks serves large ones"),
        row("padding_is_kept",        [LEAKS,  OK,     OK,     OK,     OK,     OK    ], "each round takes more memory",
            "the padding in front of an aligned block is not lost"),
        row("end_goes_back",          [LEAKS,  OK,     OK,     OK,     OK,     OK    ], "most of it stays",
            "what is freed newest first goes back to the system"),
        row("end_in_any_order",       [LEAKS,  OK,     OK,     OK,     OK,     OK    ], "most of it stays",
            "so does what is freed in any order when all of it is"),
        row("large_goes_back",        [LEAKS,  BACK,   LARGE,  LARGE,  PINS,   OK    ], "it stays",
            "a large block goes back while younger ones live"),
        row("second_nest",            [LEAKS,  OK,     OK,     OK,     OK,     OK    ], "each time takes more memory",
            "calls that nest as deep again take no more memory"),
        row("queue",                  [LEAKS,  BACK,   OK,     OK,     PINS,   OK    ], "the heap grows with every turn",
            "a queue that is never empty does not grow the heap"),
        row("random_orders",          [LEAKS,  BACK,   OK,     OK,     PINS,   OK    ], "the heap grows with every turn",
            "blocks freed in any order do not grow the heap"),
        row("around_survivors",       [LEAKS,  BACK,   OK,     OK,     PINS,   OK    ], "the freed memory is lost",
            "what was freed around survivors serves another size"),
        row("back_around_survivors",  [LEAKS,  BACK,   TRUE3,  TRUE3,  PINS,   HOLES ], "most of it stays",
            "what was freed around survivors goes back to the system"),
        row("shrinking_gives_back",   [LEAKS,  TRUE2,  OK,     OK,     OK,     OK    ], "each small block keeps all it had",
            "a block that shrinks gives back what it had"),
    ] },
    Group { title: "What it costs", file: "costs.rs", kind: Kind::Malloc, rows: &[
        //                           stage 1 stage 2 stage 3 stage 4 one     per
        //                                                           stack   thread
        row("one_byte",               [OK,     HEAD,   OK,     OK,     IT_40,  OK    ], "it takes 48",
            "malloc(1) takes at most 32 bytes with all that goes with it"),
        row("grows_in_place",         [LEAKS,  TRUE2,  OK,     OK,     OK,     OK    ], "it moves each time or nearly",
            "a block that grows by and by is seldom moved"),
        sure("malloc_steps", "the steps of malloc do not grow with the live blocks"),
        sure("malloc_among_free", "nor with the free ones that are too small"),
        row("free_newest",            [OK,     TRUE2,  OK,     OK,     OK,     OK    ], "the steps grow with the blocks",
            "the steps of free do not grow with the live blocks: the newest"),
        sure("free_oldest", "the same for the oldest"),
        sure("free_middle", "the same for one in the middle"),
        row("pairs_ask_nobody",       [LEAKS,  TRUE2,  OK,     OK,     OK,     OK    ], "each pair asks the system",
            "a block that comes and goes asks the system for nothing"),
        row("frees_ask_nobody",       [OK,     TRUE2,  OK,     OK,     OK,     OK    ], "each free asks the system",
            "the break is left alone between two frees"),
        row("mallocs_ask_seldom",     [LEAKS,  TRUE2,  OK,     OK,     OK,     OK    ], "each block asks the system",
            "small blocks come from memory that was asked for in one go"),
    ] },
    Group { title: "Threads and processes", file: "threads.rs", kind: Kind::Threads, rows: &[
        //                           stage 1 stage 2 stage 3 stage 4 one     per
        //                                                           stack   thread
        row("two_threads",            [TWO,    TWO,    HURT,   OK,     OK,     OK    ], "both get the same bytes",
            "two threads that ask at the same moment get two blocks"),
        row("threads_at_work",        [TWO,    TWO,    ONE,    OK,     OK,     OK    ], DAMAGE,
            "four threads at work find the bytes that they wrote"),
        row("freed_by_another",       [LEAKS,  OK,     OK,     OK,     OK,     OK    ], "the heap grows with every batch",
            "what another thread frees is used again"),
        row("between_threads",        [NOT_2,  NOT_2,  NOT_2,  OK,     PINS,   OK    ], "the heap grows with every block",
            "a queue between two threads does not grow the heap"),
        row("ended_threads",          [LEAKS,  OK,     OK,     OK,     OK,     OK    ], "each thread takes more memory",
            "what ended threads had is used again"),
        row("many_lives",             [NOT_2,  NOT_2,  NOT_2,  OK,     OK,     OK    ], "",
            "a thousand short threads have memory to their end").asked_by(LIVES),
        row("fork_when_busy",         [NOT_2,  NOT_2,  NOT_2,  OK,     OK,     OK    ], "",
            "the child of a fork has memory while other threads allocate").asked_by(FORKS),
        row("urgent_thread",          [NOT_2,  NOT_2,  NOT_2,  OK,     OK,     OK    ], "",
            "an urgent thread does not wait for ever").asked_by(REAL_TIME),
        row("handler_in_malloc",      [OK,     OK,     OK,     SIG,    SIG,    NO_BRK], "it hangs",
            "a signal handler that interrupts malloc gets memory").asked_by(SIGNAL),
        row("report_of_a_crash",      [SEES,   OK,     OK,     OK,     OK,     OK    ], "nobody has noticed",
            "a handler that reports a crash of the heap gets memory").asked_by(CRASH_REPORT),
    ] },
    Group { title: "Wrong frees that are noticed", file: "wrong.rs", kind: Kind::Crime, rows: &[
        //                           stage 1 stage 2 stage 3 stage 4 one     per
        //                                                           stack   thread
        row("twice",                  [SEES,   OK,     OK,     OK,     OK,     OK    ], "nobody has noticed",
            "a block freed twice"),
        row("twice_later",            [SEES,   OK,     OK,     OK,     OK,     OK    ], "nobody has noticed",
            "twice with other frees in between"),
        row("twice_joined",           [SEES,   OK,     OK,     OK,     OK,     OK    ], "nobody has noticed",
            "twice with free neighbours"),
        row("twice_by_another",       [SEES,   OK,     OK,     OK,     OK,     OK    ], "nobody has noticed",
            "twice by two threads"),
        row("twice_large",            [SEES,   OK,     OK,     OK,     OK,     OK    ], "nobody has noticed",
            "twice where the block was large"),
        row("no_block",               [SEES,   OK,     OK,     OK,     OK,     OK    ], "nobody has noticed",
            "the address of a variable"),
        row("of_another_heap",        [SEES,   OK,     OK,     OK,     OK,     OK    ], "nobody has noticed",
            "a block of another heap"),
        row("middle",                 [SEES,   OK,     OK,     OK,     OK,     OK    ], "nobody has noticed",
            "an address in the middle of a block"),
        row("odd",                    [SEES,   OK,     OK,     OK,     OK,     OK    ], "nobody has noticed",
            "an address that is no multiple of 16"),
        row("realloc_of_freed",       [SEES,   OK,     OK,     OK,     OK,     OK    ], "nobody has noticed",
            "realloc of a freed block"),
        row("new_owner",              [SEES,   SEES,   TRUE3,  TRUE3,  SEES,   REMARK], "nobody has noticed",
            "a freed block that is somebody else's by now"),
    ] },
    Group { title: "The break and its surprises", file: "breaks.rs", kind: Kind::Break, rows: &[
        //                           stage 1 stage 2 stage 3 stage 4 one     per
        //                                                           stack   thread
        sure("others_raise", "what somebody else takes of the break is left alone"),
        sure("others_raise_and_lower", "what somebody else wrote and gave back is cleared by calloc"),
        sure("refused_at_every_call", "whichever request the system refuses nothing is lost"),
        sure("refused_steps", "where the break cannot rise by a step it rises by less"),
        row("all_comes_back",         [LEAKS,  OK,     OK,     OK,     OK,     OK    ], "something stays",
            "newest first all memory comes back"),
        row("neighbours_join",        [LEAKS,  BACK,   OK,     OK,     PINS,   RUNS  ], "it lies elsewhere",
            "free neighbours become one block at once"),
        row("room_is_used",           [LEAKS,  BACK,   OK,     OK,     PINS,   JOINS ], "no memory where most of it is free",
            "room for four times what lives is room enough"),
    ] },
];

/// Other people's heaps: where one fails, the heading below which a page tells
/// why. (Where it does not, nothing stands here.)
#[rustfmt::skip]
pub const PEERS_FAIL: &[(&str, [&str; 4])] = &[
    //                         glibc     mimalloc  jemalloc  tcmalloc
    ("aligned",               [NONE,     MI_SMALL, JE_SMALL, TC_SMALL]),
    ("too_large_is_null",     [NONE,     MI_NULL,  NONE,     NONE    ]),
    ("any_alignment",         [NONE,     MI_ALIGN, NONE,     NONE    ]),
    ("joined",                [NONE,     NONE,     NONE,     TC_BACK ]),
    ("end_goes_back",         [NONE,     MI_BACK,  JE_DECAY, TC_BACK ]),
    ("end_in_any_order",      [NONE,     MI_BACK,  JE_DECAY, TC_BACK ]),
    ("large_goes_back",       [NONE,     NONE,     NONE,     TC_BACK ]),
    ("around_survivors",      [NONE,     MI_ONE,   JE_ONE,   NONE    ]),
    ("back_around_survivors", [GL_BACK,  MI_ONE,   JE_ONE,   TC_BACK ]),
    ("fork_when_busy",        [NONE,     NONE,     FORK,     FORK    ]),
    ("report_of_a_crash",     [NONE,     TWICE,    TWICE,    TWICE   ]),
    ("twice",                 [NONE,     TWICE,    TWICE,    TWICE   ]),
    ("twice_later",           [LATER,    TWICE,    TWICE,    TWICE   ]),
    ("twice_joined",          [NONE,     TWICE,    TWICE,    TWICE   ]),
    ("twice_by_another",      [THREAD,   TWICE,    TWICE,    TWICE   ]),
    ("twice_large",           [UNMAPPED, TWICE,    TWICE,    TWICE   ]),
    ("no_block",              [NONE,     NO_BLOCK, NO_BLOCK, NONE    ]),
    ("of_another_heap",       [NO_BLOCK, NO_BLOCK, NO_BLOCK, NONE    ]),
    ("middle",                [NONE,     NO_BLOCK, NO_BLOCK, NO_BLOCK]),
    ("odd",                   [NONE,     NO_BLOCK, NO_BLOCK, NO_BLOCK]),
    ("realloc_of_freed",      [NONE,     REALLOC,  REALLOC,  REALLOC ]),
    ("new_owner",             [OWNER,    OWNER,    OWNER,    OWNER   ]),
];

/// It does not fail.
const NONE: &str = "";
const GL_BACK: &str =
    "back/real-allocators/dlmalloc-and-glibc.md#what-goes-back";
const MI_SMALL: &str =
    "back/real-allocators/mimalloc.md#small-blocks-and-aligned-ones";
const MI_ALIGN: &str = MI_SMALL;
const MI_NULL: &str = "back/real-allocators/mimalloc.md#null-without-a-reason";
const MI_BACK: &str =
    "back/real-allocators/mimalloc.md#what-goes-back-and-when";
const MI_ONE: &str = MI_BACK;
const JE_SMALL: &str =
    "back/real-allocators/jemalloc.md#blocks-without-headers";
const JE_DECAY: &str = "back/real-allocators/jemalloc.md#decay";
const JE_ONE: &str = "back/real-allocators/jemalloc.md#which-slab";
const TC_SMALL: &str = "back/real-allocators/tcmalloc.md#three-floors";
const TC_BACK: &str =
    "back/real-allocators/tcmalloc.md#what-goes-back-and-when";
const FORK: &str = "stage4/fork.md#others-at-a-fork";
const TWICE: &str = "back/misuse/freed-twice.md#who-does-not-look";
const LATER: &str = "back/misuse/freed-twice.md#later";
const THREAD: &str = "back/misuse/freed-twice.md#from-another-thread";
const UNMAPPED: &str = "back/misuse/freed-twice.md#a-large-block";
const OWNER: &str = "back/misuse/freed-twice.md#why-the-heap-cannot-know";
const NO_BLOCK: &str = "back/misuse/not-a-block.md#what-others-ask";
const REALLOC: &str = "back/misuse/used-after-free.md#realloc";

// The programs of others that ask, too.
const TOO_MANY: Example = Example {
    command: &["too_many", "1100000"],
    expects: "\n1100000 blocks",
    or_else: "there is no memory for them",
    asks_sbrk: false,
};

const LIVES: Example = Example {
    command: &["lives"],
    expects: "there is memory after main",
    or_else: "a thread had no memory",
    asks_sbrk: false,
};

const FORKS: Example = Example {
    command: &["forks", "100"],
    expects: "children asked for memory and ended",
    or_else: "a child hangs",
    asks_sbrk: false,
};

const REAL_TIME: Example = Example {
    command: &["real_time"],
    expects: "50 turns",
    or_else: "it does",
    asks_sbrk: false,
};

const SIGNAL: Example = Example {
    command: &["signal"],
    expects: "malloc has returned",
    or_else: "it does not",
    asks_sbrk: true,
};

const CRASH_REPORT: Example = Example {
    command: &["crash_report"],
    expects: "a report in 100 blocks",
    or_else: "nobody has noticed",
    asks_sbrk: false,
};
