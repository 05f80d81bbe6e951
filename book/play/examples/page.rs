//! What the page *Try it* runs: the stages' heaps, for a browser.
//!
//! The page's script copies a request into the room that [`room_for`] makes,
//! calls [`run`] or [`run_and_log`], and reads the answer. A fault ends all of
//! it, by a trap. After that [`at`] and [`last_words`] still answer.

use std::panic;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use play::heap::Setup;
use play::program::Line;
use play::{run as running, web};

/// What the page asks, and what it is answered.
static REQUEST: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ANSWER: Mutex<String> = Mutex::new(String::new());
static LAST_WORDS: Mutex<String> = Mutex::new(String::new());

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes room for a request of `len` bytes.
#[unsafe(no_mangle)]
pub extern "C" fn room_for(len: usize) -> *mut u8 {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let words = info.payload_as_str().unwrap_or_default();
            let start = running::START.load(Ordering::Relaxed);
            *lock(&LAST_WORDS) = running::as_drawn(words, start);
        }));
    });
    let mut request = lock(&REQUEST);
    request.clear();
    request.resize(len, 0);
    request.as_mut_ptr()
}

/// Runs a program: its stage, the room for the break, and the step to draw
/// stand in front of its lines. Returns how long the answer is.
#[unsafe(no_mangle)]
pub extern "C" fn run() -> usize {
    answer(|setup, step, lines| web::answer(setup, step, &lines))
}

/// Runs a program, and answers with what each line has done.
#[unsafe(no_mangle)]
pub extern "C" fn run_and_log() -> usize {
    answer(|setup, _step, lines| {
        running::log(setup, &lines).unwrap_or_else(|why| why)
    })
}

fn answer(with: impl FnOnce(Setup, usize, Vec<Line>) -> String) -> usize {
    let request = lock(&REQUEST).clone();
    let request = String::from_utf8_lossy(&request);
    let answer = match web::read(&request) {
        Ok((setup, step, lines)) => with(setup, step, lines),
        Err(why) => why,
    };
    let len = answer.len();
    *lock(&ANSWER) = answer;
    len
}

/// Where the answer is.
#[unsafe(no_mangle)]
pub extern "C" fn answered() -> *const u8 {
    lock(&ANSWER).as_ptr()
}

/// The number of the line that ran last.
#[unsafe(no_mangle)]
pub extern "C" fn at() -> usize {
    running::AT.load(Ordering::Relaxed)
}

/// What was said before the end: it takes the place of the answer.
#[unsafe(no_mangle)]
pub extern "C" fn last_words() -> usize {
    let words = lock(&LAST_WORDS).clone();
    let len = words.len();
    *lock(&ANSWER) = words;
    len
}
