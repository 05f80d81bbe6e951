//! Runs operations on a heap and takes a picture after each.

use std::slice;

use super::recording::{
    Chunk, Drawn, Field, Frame, Kind, Operation, Outcome, RecordedHeap,
    Recording, Run, Span, address, fragmentation,
};

/// A heap that can be recorded: what a stage must say about itself.
pub trait Recorded {
    /// See malloc(3).
    fn malloc(&mut self, size: usize) -> *mut u8;

    /// See free(3).
    ///
    /// # Safety
    ///
    /// `payload` is a block of this heap that nobody uses any more.
    unsafe fn free(&mut self, payload: *mut u8);

    /// See realloc(3).
    ///
    /// # Safety
    ///
    /// `payload` is a block of this heap that nobody else uses.
    unsafe fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8;

    /// See posix_memalign(3).
    fn memalign(&mut self, align: usize, size: usize) -> *mut u8;

    /// See malloc_usable_size(3).
    ///
    /// # Safety
    ///
    /// `payload` is a block of this heap.
    unsafe fn usable_size(&self, payload: *mut u8) -> usize;

    /// Raises the break as somebody else would.
    fn somebody_else_takes(&mut self, bytes: usize);

    /// What can be seen of the heap without knowing what the program did.
    fn view(&mut self) -> View;

    /// Bytes from the start of the heap to the break.
    fn used(&mut self) -> usize {
        self.view().used
    }
}

/// What can be seen of a heap from outside.
#[derive(Debug, Default)]
pub struct View {
    /// The address of its start.
    pub start: usize,
    /// Bytes from there to the break.
    pub used: usize,
    /// How often it has called the kernel. Nothing where that tells more of
    /// the figure than of the heap.
    pub calls: Option<usize>,
    /// How many bytes are mapped, if its memory comes in mappings.
    pub mapped: Option<usize>,
    /// Whether it keeps books: then it knows its free blocks, and a block that
    /// comes back is not lost.
    pub keeps_books: bool,
    /// What is neither payload nor padding: what somebody else took, and, if
    /// the heap keeps books, its headers and free blocks.
    pub spans: Vec<Span>,
    /// Its array of chunks, if it has one. Whose they are it does not know.
    pub chunks: Option<Vec<Chunk>>,
}

impl View {
    /// The spans that somebody else took, from their ends.
    pub fn foreign(ends: &[(usize, usize)]) -> Vec<Span> {
        let span = |&(start, end)| Span::new(Kind::Foreign, start, end);
        ends.iter().map(span).collect()
    }
}

/// Runs a program on a heap, line by line, and records it.
pub struct Recorder<'h> {
    heap: &'h mut dyn Recorded,
    tape: Tape,
    /// The functions of the program that have been called and not returned.
    functions: Vec<&'static str>,
    lanes: Vec<&'static str>,
    /// Which of them runs.
    lane: usize,
}

impl<'h> Recorder<'h> {
    /// Runs `program` on `heap`, which is empty. `whose` says which it is.
    pub fn run(
        whose: RecordedHeap,
        heap: &'h mut dyn Recorded,
        program: fn(&mut Recorder<'_>),
    ) -> Recording {
        let tape = Tape::new(heap.view());
        let (functions, lanes, lane) = Default::default();
        let mut recorder = Recorder { heap, tape, functions, lanes, lane };
        program(&mut recorder);
        recorder.tape.finish(whose, recorder.lanes)
    }

    /// The program has threads with these names. The first one runs.
    pub fn threads(&mut self, names: &[&'static str]) {
        self.lanes = names.to_vec();
    }

    /// From now on a certain thread runs.
    pub fn thread(&mut self, lane: usize) {
        self.lane = lane;
    }

    /// The program calls a function of its own.
    pub fn enter(&mut self, function: &'static str) {
        self.functions.push(function);
    }

    /// The function that was called last returns.
    pub fn leave(&mut self) {
        self.functions.pop();
    }

    /// `name = malloc(size)`
    pub fn malloc(&mut self, name: &str, size: usize) {
        let payload = self.heap.malloc(size);
        let code = format!("{name} = malloc({size})");
        self.tape.give(name, payload, size);
        self.picture(code, Some(payload));
    }

    /// `free(name)`
    pub fn free(&mut self, name: &str) {
        let payload = self.tape.block(name).payload;
        // SAFETY: the tape knows no other user of the block.
        unsafe { self.heap.free(payload) };
        self.tape.take_back(name);
        self.picture(format!("free({name})"), None);
    }

    /// As `malloc`, for each of these names, in one picture.
    pub fn malloc_each(&mut self, names: &[&str], size: usize) {
        for name in names {
            let payload = self.heap.malloc(size);
            self.tape.give(name, payload, size);
        }
        let (first, last) = (names[0], names[names.len() - 1]);
        self.picture(format!("{first}, …, {last} = malloc({size})"), None);
    }

    /// As `free`, for each of these names, the last first, in one picture.
    pub fn free_each(&mut self, names: &[&str]) {
        for name in names.iter().rev() {
            let payload = self.tape.block(name).payload;
            // SAFETY: the tape knows no other user of the block.
            unsafe { self.heap.free(payload) };
            self.tape.take_back(name);
        }
        let (first, last) = (names[0], names[names.len() - 1]);
        self.picture(format!("free({last}), …, free({first})"), None);
    }

    /// `new = realloc(old, size)`
    pub fn realloc(&mut self, new: &str, old: &str, size: usize) {
        let block = self.tape.block(old).clone();
        // SAFETY: the tape knows no other user of the block.
        let payload = unsafe { self.heap.realloc(block.payload, size) };
        let code = format!("{new} = realloc({old}, {size})");
        if !payload.is_null() {
            self.tape.take_back(old);
            self.tape.give(new, payload, size);
            self.tape.newest().is_filled = block.is_filled;
        }
        self.picture(code, Some(payload));
    }

    /// `name = memalign(align, size)`
    pub fn memalign(&mut self, name: &str, align: usize, size: usize) {
        let payload = self.heap.memalign(align, size);
        let code = format!("{name} = memalign({align}, {size})");
        self.tape.give(name, payload, size);
        self.picture(code, Some(payload));
    }

    /// Fills a block with the first letter of its name. From now on the
    /// pictures show what it holds.
    pub fn fill(&mut self, name: &str) {
        let code = self.tape.fill(name);
        self.picture(code, None);
    }

    /// Somebody else raises the break.
    pub fn somebody_else_takes(&mut self, bytes: usize) {
        self.heap.somebody_else_takes(bytes);
        self.picture(format!("somebody else: sbrk({bytes})"), None);
    }

    /// Says what to see in the picture just taken.
    pub fn note(&mut self, text: impl Into<String>) {
        self.tape.note(text);
    }

    /// Makes the picture just taken the one for paper, in place of the last.
    pub fn still(&mut self) {
        self.tape.still();
    }

    /// How many bytes lie below the break.
    pub fn used(&self) -> usize {
        self.tape.last().used
    }

    /// Where the break stood before the last operation.
    pub fn old_break(&self) -> String {
        address(self.tape.before().used)
    }

    /// By how many bytes the last operation has moved the break.
    pub fn moved(&self) -> usize {
        self.tape.last().used.abs_diff(self.tape.before().used)
    }

    /// How many bytes are mapped.
    pub fn mapped(&self) -> usize {
        self.tape.last().mapped.expect("a heap in mappings")
    }

    /// How many bytes the program holds.
    pub fn in_use(&self) -> usize {
        self.tape.last().in_use()
    }

    /// How many bytes a block has, in use by the program or not.
    pub fn usable_size(&self, name: &str) -> usize {
        let payload = self.tape.block(name).payload;
        // SAFETY: it is a block of this heap.
        unsafe { self.heap.usable_size(payload) }
    }

    /// What of a kind there is in the picture just taken, from the start of
    /// the heap up.
    pub fn spans(&self, kind: Kind) -> Vec<&Span> {
        let spans = &self.tape.last().spans;
        spans.iter().filter(|span| span.kind == kind).collect()
    }

    /// From here on the counters say how much of what is free is in small pieces.
    pub fn tell_fragmentation(&mut self) {
        self.tape.tell_fragmentation();
    }

    /// How much of what is free is not in the largest free block.
    pub fn fragmentation(&self) -> Option<String> {
        fragmentation(&self.tape.last().spans)
    }

    /// The heap's array of chunks in the picture just taken.
    pub fn chunks(&self) -> &[Chunk] {
        self.tape.last().chunks.as_deref().expect("a heap of chunks")
    }

    /// Where a block starts.
    pub fn address(&self, name: &str) -> String {
        address(self.tape.block(name).start(&self.tape))
    }

    /// What a block holds.
    pub fn holds(&self, name: &str) -> Vec<Run> {
        self.tape.block(name).runs()
    }

    fn picture(&mut self, code: String, result: Option<*mut u8>) {
        let view = self.heap.view();
        let code = match &self.functions[..] {
            [] => code,
            [callers @ .., now] => {
                format!("{}{now}: {code}", " ".repeat(callers.len()))
            }
        };
        self.tape.picture(self.lane, code, result, view);
    }
}

/// What was recorded so far, and whose the blocks are.
#[derive(Default)]
pub struct Tape {
    /// The address at which the heap starts.
    start: usize,
    blocks: Vec<Block>,
    frames: Vec<Frame>,
    still: Option<usize>,
    tells_fragmentation: bool,
}

/// A block that the heap gave out.
#[derive(Clone)]
struct Block {
    name: String,
    payload: *mut u8,
    size: usize,
    is_live: bool,
    is_filled: bool,
}

impl Tape {
    /// Takes the picture of an empty heap.
    pub fn new(view: View) -> Self {
        let mut tape = Self {
            start: view.start,
            blocks: Vec::new(),
            frames: Vec::new(),
            still: None,
            tells_fragmentation: false,
        };
        tape.push(None, view);
        tape
    }

    /// Notes that the heap gave out a block. Null is none.
    pub fn give(&mut self, name: &str, payload: *mut u8, size: usize) {
        if payload.is_null() {
            return;
        }
        let (is_live, is_filled) = (true, false);
        let name = name.to_owned();
        let new = Block { name, payload, size, is_live, is_filled };
        // What lay there before is not lost: it has been given out again.
        self.blocks.retain(|old| old.is_live || !old.overlaps(&new));
        self.blocks.push(new);
    }

    /// Notes that the program gave a block back.
    pub fn take_back(&mut self, name: &str) {
        let index = self.index(name);
        self.blocks[index].is_live = false;
    }

    /// Notes that the program gave back what starts at `payload`, if it holds
    /// a block there.
    pub fn take_back_at(&mut self, payload: *mut u8) {
        if let Some(block) = self.live_at(payload) {
            block.is_live = false;
        }
    }

    /// Notes that what starts at `old` has become another block.
    pub fn moved(
        &mut self,
        old: *mut u8,
        name: &str,
        payload: *mut u8,
        size: usize,
    ) {
        let is_filled = self.live_at(old).is_some_and(|old| old.is_filled);
        self.take_back_at(old);
        self.give(name, payload, size);
        self.newest().is_filled = is_filled;
    }

    /// Fills the block that starts at `payload` with the letter of its name.
    /// Nothing if the program holds no block there.
    pub fn fill_at(&mut self, payload: *mut u8) -> Option<()> {
        let block = self.live_at(payload)?;
        block.fill();
        Some(())
    }

    /// Whether the program holds a block that starts there.
    pub fn is_live(&self, payload: *mut u8) -> bool {
        self.blocks.iter().any(|it| it.is_live && it.payload == payload)
    }

    /// From here on the counters say how much of what is free is in small pieces.
    pub fn tell_fragmentation(&mut self) {
        self.tells_fragmentation = true;
        if let Some(last) = self.frames.last_mut() {
            last.tells_fragmentation = true;
        }
    }

    /// The names of the blocks that the program holds, the oldest first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let live = self.blocks.iter().filter(|block| block.is_live);
        live.map(|block| &block.name[..])
    }

    /// The pictures so far: the empty heap is the first.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Fills a block with its letter, and returns the line that did it.
    pub fn fill(&mut self, name: &str) -> String {
        let index = self.index(name);
        let letter = self.blocks[index].fill();
        format!("fill({name}, '{}')", char::from(letter))
    }

    /// Takes a picture after an operation.
    pub fn picture(
        &mut self,
        lane: usize,
        code: String,
        result: Option<*mut u8>,
        view: View,
    ) {
        let result = result.map(|address| match address.addr() {
            0 => Outcome::Null,
            address => Outcome::Address(address - self.start),
        });
        self.push(Some(Operation { lane, code, result }), view);
    }

    /// Takes a picture of a thread that waits in front of a line.
    pub fn wait(&mut self, lane: usize, code: String, view: View) {
        let result = Some(Outcome::Waits);
        self.push(Some(Operation { lane, code, result }), view);
    }

    /// Says what to see in the picture just taken.
    pub fn note(&mut self, text: impl Into<String>) {
        let frame = self.frames.last_mut().expect("there is a first frame");
        frame.note = text.into();
    }

    /// Has the picture just taken show some fields.
    pub fn show(&mut self, fields: Vec<Field>) {
        let frame = self.frames.last_mut().expect("there is a first frame");
        frame.fields = fields;
    }

    /// Has the picture just taken show a drawing in place of the heap.
    pub fn draw(&mut self, drawn: Drawn) {
        let frame = self.frames.last_mut().expect("there is a first frame");
        frame.drawn = Some(drawn);
    }

    /// Says what to see after a step.
    pub fn note_step(&mut self, step: usize, text: impl Into<String>) {
        self.frames[step].note = text.into();
    }

    /// Makes the picture just taken the one for paper, in place of the last.
    pub fn still(&mut self) {
        self.still = Some(self.frames.len() - 1);
    }

    /// The address that a step returned.
    pub fn result(&self, step: usize) -> String {
        let operation = self.frames[step].operation.as_ref();
        match operation.and_then(|operation| operation.result) {
            Some(Outcome::Address(offset)) => address(offset),
            other => panic!("step {step} returned no address: {other:?}"),
        }
    }

    /// Ends the recording of a heap.
    pub fn finish(
        self,
        heap: RecordedHeap,
        lanes: Vec<&'static str>,
    ) -> Recording {
        let still = self.still.unwrap_or(self.frames.len() - 1);
        Recording { heap, frames: self.frames, still, asks: Vec::new(), lanes }
    }

    fn push(&mut self, operation: Option<Operation>, view: View) {
        let View { used, calls, mapped, .. } = view;
        let chunks = view.chunks.clone().map(|chunks| self.owned(chunks));
        let spans = self.spans(view);
        let (note, fields, drawn) = Default::default();
        self.frames.push(Frame {
            operation,
            note,
            used,
            calls,
            mapped,
            spans,
            chunks,
            fields,
            drawn,
            tells_fragmentation: self.tells_fragmentation,
        });
    }

    /// The chunks, and whose they are.
    fn owned(&self, mut chunks: Vec<Chunk>) -> Vec<Chunk> {
        for chunk in &mut chunks {
            let is_it = |block: &&Block| {
                block.is_live && Some(block.start(self)) == chunk.start
            };
            if let Some(block) = self.blocks.iter().find(is_it) {
                chunk.owner = block.name.clone();
            }
        }
        chunks
    }

    /// What all memory below the break is.
    fn spans(&self, view: View) -> Vec<Span> {
        let counts = |block: &&Block| block.is_live || !view.keeps_books;
        let blocks = self.blocks.iter().filter(counts);
        let mut claims: Vec<Span> =
            blocks.map(|block| block.span(self)).collect();
        claims.extend(view.spans);
        tile(view.used, &claims)
    }

    /// The block that the program holds at an address.
    fn live_at(&mut self, payload: *mut u8) -> Option<&mut Block> {
        let is_it = |block: &&mut Block| {
            block.is_live && block.payload.addr() == payload.addr()
        };
        self.blocks.iter_mut().rev().find(is_it)
    }

    /// The youngest block of this name that the program holds.
    fn index(&self, name: &str) -> usize {
        let is_it = |block: &Block| block.is_live && block.name == name;
        let index = self.blocks.iter().rposition(is_it);
        index.unwrap_or_else(|| panic!("there is no block {name}"))
    }

    fn block(&self, name: &str) -> &Block {
        &self.blocks[self.index(name)]
    }

    fn newest(&mut self) -> &mut Block {
        self.blocks.last_mut().expect("a block was given out")
    }

    fn last(&self) -> &Frame {
        self.frames.last().expect("there is a first frame")
    }

    fn before(&self) -> &Frame {
        &self.frames[self.frames.len().saturating_sub(2)]
    }
}

impl Block {
    /// Where it starts, in bytes from the start of the heap.
    fn start(&self, tape: &Tape) -> usize {
        self.payload.addr() - tape.start
    }

    /// Fills it with the first letter of its name, and returns that.
    fn fill(&mut self) -> u8 {
        let letter = self.name.as_bytes()[0];
        // SAFETY: the heap gave these bytes out, and the tape reads them only
        // between two operations.
        unsafe { self.payload.write_bytes(letter, self.size) };
        self.is_filled = true;
        letter
    }

    fn overlaps(&self, other: &Block) -> bool {
        let (mine, theirs) = (self.payload.addr(), other.payload.addr());
        mine < theirs + other.size && theirs < mine + self.size
    }

    /// What it holds, byte by byte.
    fn runs(&self) -> Vec<Run> {
        // SAFETY: the heap gave these bytes out, a simulated break has filled
        // them, and nothing writes to them meanwhile.
        let bytes = unsafe { slice::from_raw_parts(self.payload, self.size) };
        let same = bytes.chunk_by(|left, right| left == right);
        same.map(|run| Run { byte: run[0], count: run.len() }).collect()
    }

    fn span(&self, tape: &Tape) -> Span {
        let start = self.start(tape);
        let (kind, holds) = match (self.is_live, self.is_filled) {
            (true, true) => (Kind::Payload, self.runs()),
            (true, false) => (Kind::Payload, Vec::new()),
            (false, _) => (Kind::Leaked, Vec::new()),
        };
        let (end, owners) = (start + self.size, vec![self.name.clone()]);
        Span { owners, holds, ..Span::new(kind, start, end) }
    }
}

/// Cuts the memory below the break into spans, without gap or overlap.
///
/// Where several claim a byte, those of the first kind have it, together. What
/// nobody claims is padding.
fn tile(used: usize, claims: &[Span]) -> Vec<Span> {
    let mut edges: Vec<usize> =
        claims.iter().flat_map(|claim| [claim.start, claim.end]).collect();
    edges.extend([0, used]);
    edges.retain(|&edge| edge <= used);
    edges.sort_unstable();
    edges.dedup();

    let mut tiles: Vec<(Vec<&Span>, Span)> = Vec::new();
    for ends in edges.windows(2) {
        let (start, end) = (ends[0], ends[1]);
        let holders = holders(start, claims);
        match tiles.last_mut() {
            // The edge between them is of a claim that has no say here.
            Some((same, span)) if *same == holders => span.end = end,
            _ => {
                let span = shared(start, end, &holders);
                tiles.push((holders, span));
            }
        }
    }
    tiles.into_iter().map(|(_, span)| span).collect()
}

/// The claims to the byte at `at` that count: those of the first kind.
fn holders(at: usize, claims: &[Span]) -> Vec<&Span> {
    let here = |claim: &&Span| claim.start <= at && at < claim.end;
    let first = claims.iter().filter(here).map(|claim| claim.kind).min();
    let counts = |claim: &&Span| here(claim) && Some(claim.kind) == first;
    claims.iter().filter(counts).collect()
}

/// The span that its holders have together.
fn shared(start: usize, end: usize, holders: &[&Span]) -> Span {
    let mut owners: Vec<String> =
        holders.iter().flat_map(|holder| holder.owners.clone()).collect();
    owners.sort();
    let kind = holders.first().map_or(Kind::Padding, |holder| holder.kind);
    let last = holders.last();
    let holds = last.map_or(Vec::new(), |last| last.holds.clone());
    let label = last.map_or(String::new(), |last| last.label.clone());
    Span { start, end, kind, owners, holds, label }
}
