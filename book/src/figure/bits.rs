//! What stands in front of a block, byte by byte.
//!
//! The bytes are read from the memory of a real heap after each step. Where a
//! field lies is what the compiler says of the stage's own struct. What differs
//! from run to run is left out: the upper digits of an address, and the bytes
//! of a filler.

use std::mem::offset_of;

use play::stage3::Labelled;
use stage5_lifo_stack::SimBrk;
use stage5_lifo_stack::heap::Chunk;
use stage5_lifo_stack::per_thread::sim::SimMmap;
use stage5_lifo_stack::per_thread::stack::Stack;

use super::recorder::{Recorded, Tape, View};
use super::recording::{Field, Kind, RecordedHeap, Recording, address};
use super::region::Region;
use super::segments::{self, Memory, RECORD, SEGMENT};

#[allow(dead_code, reason = "a figure needs the structs alone")]
#[path = "../../../stage2-headers/src/block.rs"]
mod block2;

#[allow(dead_code, reason = "a figure needs the structs alone")]
#[path = "../../../stage3-freelist/src/block.rs"]
mod block3;

/// How far the heap can grow.
const ROOM: usize = 4096;

/// The flags in a record of a heap for each thread, by the names of their
/// constants there.
const FLAGS: [&str; 3] = ["MARK", "LISTED", "GROUND"];

/// Bytes that say something together.
struct Whole {
    /// What it is.
    of: String,
    kind: Kind,
    /// Where it starts.
    from: *const u8,
    /// Where the heap starts.
    start: usize,
    /// Whether it lies in the heap.
    is_inside: bool,
}

impl Whole {
    /// Bytes of the heap, in front of what starts at `from` or behind it.
    fn new(of: String, kind: Kind, from: *const u8, start: usize) -> Self {
        Self { of, kind, from, start, is_inside: true }
    }

    fn bytes(&self, at: usize, len: usize) -> Vec<u8> {
        let read = |index| {
            // SAFETY: a figure asks for what the heap has written, or the
            // break has filled.
            unsafe { self.from.add(at + index).read() }
        };
        (0..len).map(read).collect()
    }

    fn field(&self, name: &str, at: usize, value: String) -> Field {
        let from = self.from.addr().wrapping_sub(self.start) + at;
        Field {
            of: self.of.clone(),
            kind: self.kind,
            at: self.is_inside.then_some(from),
            name: name.to_owned(),
            bytes: Vec::new(),
            value,
            flags: Vec::new(),
        }
    }

    /// A number, some of whose bits may be flags.
    fn number(
        &self,
        name: &str,
        at: usize,
        len: usize,
        flags: &[(u32, &'static str)],
    ) -> Field {
        let bytes = self.bytes(at, len);
        let mut number = bytes
            .iter()
            .rev()
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let mut value = String::new();
        for (bit, flag) in flags {
            if number >> bit & 1 == 1 {
                value += &format!(" + {flag}");
                number &= !(1 << bit);
            }
        }
        let field = self.field(name, at, format!("{number}{value}"));
        let bytes = bytes.into_iter().map(Some).collect();
        Field { bytes, flags: flags.to_vec(), ..field }
    }

    /// A byte that says yes or no.
    fn yes_or_no(&self, name: &str, flag: &'static str, at: usize) -> Field {
        let byte = self.bytes(at, 1)[0];
        let value = if byte == 1 { "true" } else { "false" };
        let field = self.field(name, at, value.to_owned());
        Field { bytes: vec![Some(byte)], flags: vec![(0, flag)], ..field }
    }

    /// An address. Its upper digits are left out.
    fn pointer(&self, name: &str, at: usize) -> Field {
        /// The bytes that are the same wherever the heap lies.
        const SAME: usize = 2;
        let bytes = self.bytes(at, size_of::<usize>());
        let whole = bytes.clone().try_into().expect("the bytes of an address");
        let (value, same) = match usize::from_le_bytes(whole) {
            0 => ("null".to_owned(), bytes.len()),
            there => (address(there.wrapping_sub(self.start)), SAME),
        };
        let shown = |(at, byte)| (at < same).then_some(byte);
        let bytes = bytes.into_iter().enumerate().map(shown).collect();
        Field { bytes, ..self.field(name, at, value) }
    }

    /// What the program has written, if it has: letters. Else what was there.
    fn letters(&self, at: usize) -> Field {
        let bytes = self.bytes(at, size_of::<usize>());
        let letter = char::from(bytes[0]);
        let is_filled = letter.is_ascii_alphabetic();
        if is_filled && bytes.iter().all(|byte| *byte == bytes[0]) {
            let value = format!("{} letters {letter}", bytes.len());
            let field = self.field("payload", at, value);
            return Field {
                bytes: bytes.into_iter().map(Some).collect(),
                ..field
            };
        }
        let left = self.pointer("payload", at);
        Field { value: "not written yet".to_owned(), ..left }
    }

    fn filler(&self, at: usize, end: usize) -> Field {
        let bytes = vec![None; end - at];
        Field { bytes, ..self.field("", at, String::new()) }
    }
}

/// A program of one line after the other, and what stands in the memory that it
/// is about.
struct Bits<H> {
    heap: H,
    /// The blocks that it ever got.
    blocks: Vec<(&'static str, *mut u8)>,
    start: usize,
    tape: Tape,
    /// What to show.
    look: fn(&Self) -> Vec<Field>,
}

impl<H: Recorded> Bits<H> {
    fn new(mut heap: H, look: fn(&Self) -> Vec<Field>) -> Self {
        let view = heap.view();
        let (start, blocks) = (view.start, Vec::new());
        Self { heap, blocks, start, tape: Tape::new(view), look }
    }

    fn get(&mut self, name: &'static str, size: usize) -> *mut u8 {
        let payload = self.heap.malloc(size);
        self.tape.give(name, payload, size);
        self.blocks.push((name, payload));
        payload
    }

    fn malloc(&mut self, name: &'static str, size: usize) {
        let payload = self.get(name, size);
        self.picture(format!("{name} = malloc({size})"), Some(payload));
    }

    /// As `malloc`, for each of these names, in one picture.
    fn malloc_each(&mut self, names: &[&'static str], size: usize) {
        for name in names {
            self.get(name, size);
        }
        self.picture(format!("{} = malloc({size})", names.join(", ")), None);
    }

    fn fill(&mut self, name: &str) {
        let code = self.tape.fill(name);
        self.picture(code, None);
    }

    fn free(&mut self, name: &str) {
        let payload = self.payload(name).expect("a block of this name");
        // SAFETY: it is a block that the program has.
        unsafe { self.heap.free(payload) };
        self.tape.take_back(name);
        self.picture(format!("free({name})"), None);
    }

    /// What a field says in the picture just taken.
    fn says(&self, of: &str, name: &str) -> String {
        let fields = (self.look)(self);
        let mut its = fields.iter().filter(|it| it.of == of);
        let field = its.find(|it| it.name == name);
        field.expect("a field of this name").value.clone()
    }

    /// How many bytes a block can hold.
    fn usable_size(&self, name: &str) -> usize {
        let payload = self.payload(name).expect("a block of this name");
        // SAFETY: it is a block that the program has.
        unsafe { self.heap.usable_size(payload) }
    }

    fn note(&mut self, text: impl Into<String>) {
        self.tape.note(text);
    }

    fn picture(&mut self, code: String, result: Option<*mut u8>) {
        let view = self.heap.view();
        self.tape.picture(0, code, result, view);
        let fields = (self.look)(self);
        self.tape.show(fields);
    }

    fn payload(&self, name: &str) -> Option<*mut u8> {
        let mut blocks = self.blocks.iter();
        blocks.find(|block| block.0 == name).map(|block| block.1)
    }

    /// The bytes in front of a block, if the program has had it.
    fn in_front(&self, name: &str, len: usize) -> Option<Whole> {
        let payload = self.payload(name)?;
        let (of, from) =
            (format!("the header of `{name}`"), payload.wrapping_sub(len));
        Some(Whole::new(of, Kind::Header, from, self.start))
    }
}

/// Stage 2: a size, a flag that has a byte for itself, and a link.
pub fn stage2() -> Recording {
    use block2::{HEADER, Header};
    let mut region = Region::new(ROOM);
    let heap =
        stage2_headers::Heap::new(stage2_headers::SimBrk::new(region.bytes()));
    let mut bits = Bits::new(heap, |bits| {
        let Some(header) = bits.in_front("a", HEADER) else {
            return Vec::new();
        };
        let [size, flag, next] = [
            offset_of!(Header, size),
            offset_of!(Header, is_free),
            offset_of!(Header, next),
        ];
        let word = size_of::<usize>();
        vec![
            header.number("size", size, word, &[]),
            header.yes_or_no("is_free", "is_free", flag),
            header.filler(flag + 1, next),
            header.pointer("next", next),
            header.filler(next + word, HEADER),
        ]
    });
    bits.malloc("a", 100);
    let size = bits.usable_size("a");
    bits.note(format!(
        "The header of `a`, byte by byte. The size was rounded up to {size}. \
         The lowest byte of a number comes first in memory: {size:x} in base \
         16 is {size}. There is no block above: `next` is null."
    ));
    bits.malloc("b", 40);
    bits.note(
        "`next` of `a` leads to the header of `b` now. (Of an address the \
         last digits are shown. The others are new in each run.)",
    );
    bits.free("a");
    bits.note(
        "One bit has turned, and nothing else: `is_free`. A whole byte is \
         there for it, and seven more, so that `next` starts at a multiple of \
         8.",
    );
    let whose = RecordedHeap::new("stage2-headers", ROOM).but(".");
    bits.tape.finish(whose, Vec::new())
}

type Stage3<'m> = Labelled<'m>;

/// Stage 3: two tags, and a flag among the bits of a size.
pub fn tags() -> Recording {
    let mut region = Region::new(ROOM);
    let mut bits = Bits::new(stage3_heap(&mut region), |bits| {
        [tags_of(bits, "a"), tags_of(bits, "b")].concat()
    });
    bits.malloc("a", 100);
    let size = bits.usable_size("a");
    bits.note(format!(
        "Two numbers of eight bytes. `size_and_flag` of `a` is {size}, the \
         size alone. There is no block below: `prev_size` is {}.",
        bits.says("the header of `a`", "prev_size")
    ));
    bits.malloc("b", 40);
    bits.note(format!(
        "{} stands twice now: in the header of `a`, and above its payload, in \
         `prev_size` of `b`.",
        bits.says("the header of `b`", "prev_size")
    ));
    bits.malloc("c", 40);
    bits.free("a");
    bits.note("The lowest bit of `size_and_flag` has turned: `FREE`.");
    bits.free("b");
    bits.note(
        "`a` and `b` are one block, and `a` says how long it is. What was the \
         header of `b` lies in the payload of a free block now, and nobody \
         reads it.",
    );
    bits.finish_stage3()
}

/// Stage 3: what a free block keeps in its own payload.
pub fn links() -> Recording {
    let mut region = Region::new(ROOM);
    let mut bits = Bits::new(stage3_heap(&mut region), |bits| {
        let mut fields = tags_of(bits, "a");
        if let Some(payload) = bits.payload("a") {
            fields.extend(start_of_payload(bits, payload));
        }
        fields
    });
    bits.malloc("a", 100);
    bits.fill("a");
    bits.note("The program has the payload, and writes what it likes.");
    bits.malloc_each(&["b", "c", "d"], 100);
    bits.free("c");
    bits.free("a");
    bits.note(
        "`FREE` is set, and the first bytes of the payload, which nobody uses \
         any more, are two links. `next` leads to the header of `c`, which was \
         freed before. There is none in front of `a`: `prev` is null.",
    );
    bits.malloc("e", 100);
    bits.note(
        "`e` has got the block of `a`. The links are gone from the list, and \
         their bytes are still there: what `malloc` returns is not zero.",
    );
    bits.finish_stage3()
}

fn stage3_heap(region: &mut Region) -> Stage3<'_> {
    let brk = stage3_freelist::SimBrk::new(region.bytes());
    let heap = stage3_freelist::Heap::new(brk);
    Labelled { heap, has_labels: false, is_small: true }
}

impl Bits<Stage3<'_>> {
    fn finish_stage3(self) -> Recording {
        let whose = RecordedHeap::new("stage3-freelist", ROOM)
            .smaller_than(stage3_freelist::heap::STEP);
        self.tape.finish(whose, Vec::new())
    }
}

/// The header of a block, if the program has had it.
fn tags_of(bits: &Bits<Stage3<'_>>, name: &str) -> Vec<Field> {
    use block3::{FREE, HEADER, Header};
    let Some(header) = bits.in_front(name, HEADER) else { return Vec::new() };
    let word = size_of::<usize>();
    let flag = [(FREE.trailing_zeros(), "FREE")];
    let below = offset_of!(Header, prev_size);
    let own = offset_of!(Header, size_and_flag);
    vec![
        header.number("prev_size", below, word, &[]),
        header.number("size_and_flag", own, word, &flag),
    ]
}

/// The first bytes of a payload: links if the block is free.
fn start_of_payload(bits: &Bits<Stage3<'_>>, payload: *mut u8) -> [Field; 2] {
    use block3::Links;
    let mut blocks = bits.heap.heap.blocks();
    let block = blocks.find(|it| it.payload == payload.addr());
    let is_free = block.is_some_and(|it| it.is_free);
    let (kind, of) = match is_free {
        true => (Kind::Free, "its payload: the links"),
        false => (Kind::Payload, "its payload"),
    };
    let whole = Whole::new(of.to_owned(), kind, payload, bits.start);
    let [next, prev] = [offset_of!(Links, next), offset_of!(Links, prev)];
    match is_free {
        true => [whole.pointer("next", next), whole.pointer("prev", prev)],
        false => [whole.letters(next), whole.letters(prev)],
    }
}

/// How many chunks there can be.
const CHUNKS: usize = 16;

/// Stage 5: a record in an array.
pub fn stage5() -> Recording {
    type Heap<'m> = stage5_lifo_stack::Heap<SimBrk<'m>, CHUNKS>;
    let mut region = Region::new(10 * ROOM);
    let heap = Heap::new(SimBrk::new(region.bytes()));
    let mut bits = Bits::new(heap, |bits| {
        let record = |(index, chunk): (usize, &Chunk)| {
            let owner = ["the ground", "`a`", "`b`"][index];
            let whole = Whole {
                of: format!("the record of {owner}"),
                kind: Kind::Header,
                from: std::ptr::from_ref(chunk).cast(),
                start: bits.start,
                is_inside: false,
            };
            let [start, end, free] = [
                offset_of!(Chunk, start),
                offset_of!(Chunk, end),
                offset_of!(Chunk, free),
            ];
            let mut flag = whole.yes_or_no("free", "free", free);
            if index == 0 {
                // It never turns.
                flag.flags.clear();
            }
            let mut fields = [
                (start, whole.pointer("start", start)),
                (end, whole.pointer("end", end)),
                (free, flag),
                (free + 1, whole.filler(free + 1, size_of::<Chunk>())),
            ];
            // As the compiler has put them.
            fields.sort_by_key(|field| field.0);
            fields.map(|field| field.1)
        };
        let chunks = bits.heap.chunks();
        // The ground is shown if there is nothing else.
        let skip = usize::from(chunks.len() > 1);
        chunks.iter().enumerate().skip(skip).flat_map(record).collect()
    });
    bits.malloc("a", 96);
    bits.note(
        "In front of `a` there is nothing. What the heap knows of it stands \
         elsewhere, in an array.",
    );
    bits.malloc("b", 96);
    bits.note("`start` of `b` is `end` of `a`: chunks lie side by side.");
    bits.free("a");
    bits.note("One bit has turned: `a` is marked as free, and waits for `b`.");
    bits.free("b");
    bits.note(
        "`b` is the top, and goes. Then `a` is the top, and free: it goes too.",
    );
    let but = format!(", with {CHUNKS} places for chunks.");
    let whose = RecordedHeap::new("stage5-lifo-stack", 10 * ROOM).but(&but);
    bits.tape.finish(whose, Vec::new())
}

/// The stack of a thread.
struct OneStack<'m>(Stack<Memory<'m>>);

impl Recorded for OneStack<'_> {
    fn malloc(&mut self, size: usize) -> *mut u8 {
        self.0.malloc(size)
    }

    unsafe fn free(&mut self, payload: *mut u8) {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.0.free(payload) }
    }

    unsafe fn realloc(&mut self, _payload: *mut u8, _size: usize) -> *mut u8 {
        unimplemented!("a stack has no realloc")
    }

    fn memalign(&mut self, align: usize, size: usize) -> *mut u8 {
        self.0.memalign(align, size)
    }

    unsafe fn usable_size(&self, payload: *mut u8) -> usize {
        // SAFETY: the caller says what this method asks for.
        unsafe { self.0.usable_size(payload) }
    }

    fn somebody_else_takes(&mut self, bytes: usize) {
        let taken = self.0.mmap().brk().somebody_else_takes(bytes);
        taken.expect("the region has room for somebody else");
    }

    fn view(&mut self) -> View {
        let chunks: Vec<_> = self.0.chunks().collect();
        segments::view(self.0.mmap(), &chunks)
    }
}

/// The flags of a record, and which bits they are, as the source has them.
fn flags() -> Vec<(u32, &'static str)> {
    let source =
        include_str!("../../../stage5-lifo-stack/src/per_thread/record.rs");
    let flag = |name: &'static str| {
        let (_, rest) = source.split_once(&format!("const {name}: u32 = "))?;
        let value: u32 = rest.split(';').next()?.parse().ok()?;
        Some((value.trailing_zeros(), name))
    };
    let flags = FLAGS.map(|name| flag(name).expect("a constant of a record"));
    flags.to_vec()
}

/// Beyond stage 5: two numbers of four bytes, and flags among the bits of one.
pub fn per_thread() -> Recording {
    let mut region = Region::new(SEGMENT);
    let mmap = SimMmap::new(SimBrk::new(region.bytes()));
    let mut bits = Bits::new(OneStack(Stack::new(mmap)), |bits| {
        const HALF: usize = RECORD / 2;
        let record = |of: &str, chunk: *mut u8, is_whole| {
            let from = chunk.wrapping_sub(RECORD);
            let of = of.to_owned();
            let whole = Whole::new(of, Kind::Header, from, bits.start);
            let mut fields = vec![whole.number("below", 0, HALF, &[])];
            if is_whole {
                fields.push(whole.number("state", HALF, HALF, &flags()));
            }
            fields
        };
        let mut chunks = bits.heap.0.chunks().map(|chunk| chunk.start);
        let names = ["the record of `a`", "the record of `b`"];
        let first = chunks.next().expect("there is room");
        let mut fields = Vec::new();
        let mut at = first;
        for name in names {
            let Some(next) = chunks.next() else { break };
            fields.extend(record(name, at, true));
            at = next;
        }
        fields.extend(record("where the next record goes", at, false));
        fields
    });
    bits.malloc("a", 24);
    let state = bits.says("the record of `a`", "state");
    let below = bits.says("the record of `a`", "below");
    bits.note(format!(
        "With its record `a` has {state} bytes. The ground below has {below}. \
         And above `a`, where nobody looks yet, half of the next record is \
         there: how far it is down to `a`."
    ));
    bits.malloc("b", 40);
    bits.note("The other half has come: `state` of `b`.");
    bits.free("a");
    bits.note(
        "`a` is not the top, so it is marked: `MARK`, one bit, in one store of \
         four bytes. `b` says how far down it is to `a`.",
    );
    bits.free("b");
    bits.note(
        "`b` was the top. One step down from it the mark stood, so `a` has \
         gone too. The next chunk comes above the ground.",
    );
    bits.tape.finish(segments::whose(), Vec::new())
}
