//! Stage 5: a stack of chunks.

use super::Scenario;
use crate::figure::halving;
use crate::figure::question::Ask;
use crate::figure::recorder::Recorder;
use crate::figure::recording::Kind;
use crate::figure::stage5::record;

/// Room for the five pages that the heap takes, and five more.
const ROOM: usize = 10 * 4096;

pub const SCENARIOS: [Scenario; 7] = [
    Scenario {
        name: "nested-calls",
        title: "Five functions, each called by the one before",
        asks: &[(2, Ask::Kernel), (6, Ask::Chunks), (10, Ask::Break)],
        record: || record(ROOM, nested_calls),
    },
    Scenario {
        name: "out-of-order",
        title: "A chunk that is freed too early waits for the one above it",
        asks: &[(5, Ask::Chunks), (6, Ask::Chunks)],
        record: || record(ROOM, out_of_order),
    },
    Scenario {
        name: "a-foreign-chunk",
        title: "Somebody else’s memory is a chunk that is never free",
        asks: &[(3, Ask::Place), (4, Ask::Free), (5, Ask::Free)],
        record: || record(2 * ROOM, a_foreign_chunk),
    },
    Scenario {
        name: "the-ground",
        title: "What lies under the first chunk",
        asks: &[(2, Ask::Place), (4, Ask::Chunks)],
        record: || record(ROOM, the_ground),
    },
    Scenario {
        name: "halving",
        title: "A chunk that lies deep, and how it is found",
        asks: &[(2, Ask::Drawn), (3, Ask::Drawn), (4, Ask::Drawn)],
        record: halving::record,
    },
    Scenario {
        name: "a-chunk-that-stays",
        title: "One small chunk stays, and all below it waits",
        asks: &[(5, Ask::Chunks), (6, Ask::Place), (8, Ask::Chunks)],
        record: || record(ROOM, a_chunk_that_stays),
    },
    Scenario {
        name: "two-threads-on-one-stack",
        title: "Two threads, each in its own order, on one stack",
        asks: &[(5, Ask::Chunks), (6, Ask::Chunks), (7, Ask::Chunks)],
        record: || record(ROOM, two_threads_on_one_stack),
    },
];

/// How many chunks the heap knows of, but for the ground under the first.
fn chunks(r: &Recorder<'_>) -> usize {
    r.chunks().len() - 1
}

/// How many bytes wait for a chunk above them.
fn waiting(r: &Recorder<'_>) -> usize {
    r.spans(Kind::Free).iter().map(|span| span.len()).sum()
}

fn the_ground(r: &mut Recorder<'_>) {
    r.malloc("a", 96);
    r.note(
        "The first request lays the ground: it starts at null, and ends where \
         the break was. `a` starts at its end.",
    );
    r.malloc("b", 96);
    r.free("a");
    r.note("Marked, and not the top.");
    r.free("b");
    r.note(
        "The top is popped, then `a`, which is free. The next one is the \
         ground. It is not free, so the loop ends.",
    );
}

fn nested_calls(r: &mut Recorder<'_>) {
    r.enter("f1");
    r.malloc("a", 96);
    r.note(format!(
        "There was nothing below the break. It rises by five pages, {} bytes, \
         and `a` lies at the bottom.",
        r.moved()
    ));
    r.enter("f2");
    r.malloc("b", 208);
    r.note("`f1` has called `f2`. There is room: nobody asks the kernel.");
    r.enter("f3");
    r.malloc("c", 48);
    r.enter("f4");
    r.malloc("d", 320);
    r.enter("f5");
    r.malloc("e", 128);
    r.note(format!("{} chunks, each above the one before.", chunks(r)));
    r.still();
    r.free("e");
    r.note("`e` is the top. It is popped, and `f5` returns.");
    r.leave();
    r.free("d");
    r.note("Now `d` is the top.");
    r.leave();
    r.free("c");
    r.leave();
    r.free("b");
    r.leave();
    r.free("a");
    r.note("The stack is as it was before the first call.");
    r.leave();
}

fn out_of_order(r: &mut Recorder<'_>) {
    for name in ["a", "b", "c", "d"] {
        r.malloc(name, 96);
    }
    r.free("c");
    r.note("`c` is not the top. It is marked as free, and stays.");
    r.still();
    r.free("d");
    r.note(
        "`d` is the top and goes. Then `c` is the top, and it is free: it goes \
         too.",
    );
    r.free("b");
    r.free("a");
}

fn a_foreign_chunk(r: &mut Recorder<'_>) {
    r.malloc("a", 96);
    r.somebody_else_takes(4096);
    r.note("The heap is not told.");
    r.malloc("b", ROOM / 2);
    r.note(
        "The heap needs the break to rise, and finds that it is not where it \
         was. What came in between becomes a chunk that starts nowhere, and \
         `b` lies above it.",
    );
    r.free("a");
    r.note("`a` is marked.");
    r.free("b");
    r.note(
        "`b` is popped. The next one is not free, and never will be, so `a` \
         waits for ever.",
    );
}

fn a_chunk_that_stays(r: &mut Recorder<'_>) {
    r.malloc("file", 4096);
    r.malloc("work", 1024);
    r.malloc("name", 24);
    r.note("The one thing that the program will keep.");
    r.free("work");
    r.free("file");
    r.note(format!(
        "{} bytes are free, and {} are in use. The top is not free, so nothing \
         is popped.",
        waiting(r),
        r.in_use()
    ));
    r.still();
    r.malloc("next", 4096);
    r.note("The next file does not get the place of the first.");
    r.free("next");
    r.free("name");
    r.note("The last one goes, and with it all that waited.");
}

fn two_threads_on_one_stack(r: &mut Recorder<'_>) {
    r.threads(&["thread 1", "thread 2"]);
    r.malloc("a", 96);
    r.thread(1);
    r.malloc("b", 96);
    r.thread(0);
    r.malloc("c", 96);
    r.thread(1);
    r.malloc("d", 96);
    r.note("Thread 1 has `a` and `c`, thread 2 has `b` and `d`.");
    r.free("d");
    r.note("Thread 2 frees what it has allocated last.");
    r.free("b");
    r.note(
        "And what it has allocated before that. It keeps to the order, but \
         `c` of thread 1 lies above it.",
    );
    r.still();
    r.thread(0);
    r.free("c");
    r.note("Thread 1 keeps to the order too. With `c` goes what waited below.");
    r.free("a");
}
