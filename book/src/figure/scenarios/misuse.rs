//! What misuse does: the heaps of the book under programs that break the rules.

use super::Scenario;
use crate::figure::misuse::{self, Misuse};
use crate::figure::question::Ask;
use crate::figure::{segments, steps3};

pub const SCENARIOS: [Scenario; 6] = [
    Scenario {
        name: "eaten-header",
        title: "A number too far, and a header that lies",
        asks: &[(6, Ask::Free), (7, Ask::Place)],
        record: || steps3::misuse_one_list(4096, eaten_header),
    },
    Scenario {
        name: "two-owners",
        title: "A block that is freed twice has two owners",
        asks: &[(4, Ask::Place), (7, Ask::Place)],
        record: || steps3::misuse_one_list(4096, two_owners),
    },
    Scenario {
        name: "bent-list",
        title: "A list that leads into a block in use",
        asks: &[(9, Ask::Place), (10, Ask::Place)],
        record: || steps3::misuse_one_list(4096, bent_list),
    },
    Scenario {
        name: "a-new-owner",
        title: "A block that is freed twice, with a new owner in between",
        asks: &[(4, Ask::Place), (6, Ask::Break), (7, Ask::Place)],
        record: || misuse::headers(4096, a_new_owner),
    },
    Scenario {
        name: "nothing-to-eat",
        title: "A write past the end meets no record",
        asks: &[(7, Ask::Used)],
        record: || misuse::one_stack(1 << 16, nothing_to_eat),
    },
    Scenario {
        name: "eaten-record",
        title: "A record in front of its chunk is eaten",
        asks: &[(7, Ask::Place)],
        record: || segments::misuse(4 * segments::SEGMENT, eaten_record),
    },
];

fn eaten_header(m: &mut Misuse<'_>) {
    for name in ["a", "b", "c", "d"] {
        m.malloc(name, 32);
    }
    let (room, header) = (m.room("a"), 16);
    let size = m.room("b") + header + m.room("c");
    m.write(&format!("a[5] = {size}"), "a", 5, &[size]);
    m.note(format!(
        "`a` has room for {} numbers of 8 bytes, `a[0]` to `a[3]`. `a[5]` is \
         the size in the header of `b`. The heap believes its headers: `b` now \
         reaches over `c`.",
        room / 8
    ));
    m.free("b");
    m.note(format!(
        "{size} bytes are free for the heap, with a block in the middle that \
         is in use."
    ));
    m.malloc("e", size);
    m.note("Nothing wrong with this line, nor with the next.");
    m.still();
    m.fill("c");
    m.fill("e");
    m.note("What `c` held is gone. The wrong line was four lines ago.");
}

fn two_owners(m: &mut Misuse<'_>) {
    m.malloc("a", 32);
    m.malloc("b", 32);
    m.free("a");
    m.malloc("c", 32);
    m.note("`c` has the place of `a`. All is well.");
    m.fill("c");
    m.free_again("a");
    m.note(
        "The program has kept the address, and frees it once more. It is the \
         block of `c` that becomes free. The heap has written its links into \
         it.",
    );
    m.malloc("d", 32);
    m.note(format!(
        "`c` and `d` both lie at {}. Neither part of the program has done \
         anything wrong.",
        m.address("d")
    ));
    m.still();
    m.fill("d");
    m.note("`c` has what `d` wrote.");
}

fn a_new_owner(m: &mut Misuse<'_>) {
    m.malloc("x", 32);
    m.malloc("a", 64);
    m.free("a");
    m.note("The last block, so it goes back, header and all.");
    m.malloc("b", 64);
    m.note("Another part of the program has the same address now.");
    m.fill("b");
    m.free_again("a");
    m.note(
        "The first part frees `a` once more. There is a header, and it says \
         that the block is in use. Nothing tells whose it is.",
    );
    m.malloc("c", 64);
    m.note("`b` was never freed by its owner, and `c` has its place.");
    m.still();
    m.fill("c");
    m.note("`b` has what `c` wrote.");
}

fn bent_list(m: &mut Misuse<'_>) {
    for name in ["a", "b", "c", "d"] {
        m.malloc(name, 32);
    }
    let looks_like_a_size = 32_usize;
    m.write("b = [0, 32, 0, 0]", "b", 0, &[0, looks_like_a_size, 0, 0]);
    m.free("c");
    m.free("a");
    m.note("The list leads from `a` to `c`. The link lies in `a`.");
    let b = m.payload("b");
    m.write("a.next = &b", "a", 0, &[b]);
    m.note(
        "The program still has a pointer to `a`, in which it had a link of its \
         own. Now the heap’s list leads into `b`, and `c` is on no list.",
    );
    m.malloc("e", 32);
    m.note("The first on the list, where `a` was. The next one is in `b`.");
    m.malloc("f", 32);
    m.note(format!(
        "What stands in `b` is taken for a header with a size of 32. So `f` \
         lies at {}, in the middle of `b`, and over the header of `c`.",
        m.address("f")
    ));
}

fn nothing_to_eat(m: &mut Misuse<'_>) {
    for name in ["a", "b", "c"] {
        m.malloc(name, 32);
    }
    m.fill("b");
    m.write("a[4] = a[5] = 0", "a", 4, &[0_usize, 0]);
    m.note(
        "Two numbers too far. They are in `b`, whose owner will wonder. The \
         records lie in an array of their own, and are as they were.",
    );
    m.still();
    m.free("b");
    m.note("The heap finds its record, and marks it.");
    m.free("c");
    m.free("a");
    m.note("Every chunk has come back. The heap was never in danger.");
}

fn eaten_record(m: &mut Misuse<'_>) {
    for name in ["a", "b", "c"] {
        m.malloc(name, 24);
    }
    let (room, record) = (m.room("a"), 8);
    let marked = (m.room("b") + record + 1) as u32;
    m.fill("b");
    m.write(&format!("a[7] = {marked}"), "a", 7, &[marked]);
    m.note(format!(
        "`a` has room for {} numbers of 4 bytes. `a[7]` is in the record of \
         `b`: its size, {}, and its mark. The stack takes `b` for free.",
        room / 4,
        marked - 1
    ));
    m.free("c");
    m.note("The top is freed, and what is marked below it goes too.");
    m.malloc("d", 24);
    m.note(format!(
        "`d` lies at {}. So does `b`, which nobody has freed.",
        m.address("d")
    ));
    m.still();
    m.fill("d");
    m.note("`b` has what `d` wrote.");
}
