// The texts in a piece of code.
function textsOf(code) {
    const all = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (all.nextNode()) {
        texts.push(all.currentNode);
    }
    return texts;
}

// How many letters a name may have in a sentence without a break, and a word of a
// command: most lines of a phone have room for them.
const LONG = 24;
const LONG_WORD = 38;

// What has no more letters than this is one word, blanks and all.
const SHORT = 12;

// Of what is longer, no line ends inside of a flag, or behind the sign of an
// attribute.
const START = /^(--?[\w-]*|#!?\[\w*)/;

// A part of a text that is on one line.
function wholeOf(part) {
    const whole = document.createElement("span");
    whole.className = "whole";
    whole.append(part);
    return whole;
}

// Lines end between words, and not at the hyphens in them. A column of a table may
// have room for less.
function keepWhole(code) {
    const isCommand = code.matches(".language-sh, .command");
    const isCell = code.closest("td") !== null;
    const isShort = !isCommand && !isCell && code.textContent.length <= SHORT;
    const most = isCell ? 0 : isCommand ? LONG_WORD : LONG;
    for (const text of textsOf(code)) {
        const found = text.data.matchAll(isShort ? /^.+$/gs : /\S+/g);
        for (const word of [...found].reverse()) {
            const kept =
                word[0].length <= most
                    ? word[0]
                    : (word[0].match(START)?.[0] ?? "");
            if (kept === "") continue;
            const part = text.splitText(word.index);
            part.splitText(kept.length);
            part.replaceWith(wholeOf(kept));
        }
    }
}

const COMMANDS = "main :not(pre) > code, main .language-sh, main .command";
document.querySelectorAll(COMMANDS).forEach(keepWhole);

// Long names may break after an underscore, a slash or two colons, and not in
// mid-word: every name in a table, and what is long in a sentence or a command.
function breakNames(code) {
    if (code.closest("td") === null && code.textContent.length <= LONG) return;
    for (const text of textsOf(code)) {
        if (text.parentElement.matches(".whole")) continue;
        const parts = text.data.split(/(?<=[_/\s]|::)/);
        // Of a path no part is broken at a hyphen, where there is room.
        const isKept = (part) =>
            part.includes("-") &&
            part.length <= LONG &&
            code.closest("td") === null;
        const broken = parts.flatMap((part) => [
            document.createElement("wbr"),
            isKept(part) ? wholeOf(part) : part,
        ]);
        text.replaceWith(...broken.slice(1));
    }
}

document
    .querySelectorAll(`${COMMANDS}, figure.listing figcaption > span`)
    .forEach(breakNames);

// What may be wider than the page, and what a screen reader calls it.
const WIDE = [
    [".table-wrapper", "Table"],
    [".hunks", "Changes"],
    ["main .captured pre > code", "Terminal"],
    ["main pre > .language-text", "Text"],
    ["main pre > code", "Code"],
];
const wide = WIDE.map(([selector]) => selector).join(", ");

// What is wider than the page scrolls. The keyboard reaches it. (The words that say
// so take room: it is measured without them.)
function markWhatScrolls() {
    const boxes = [...document.querySelectorAll(wide)];
    const NAMES = ["tabindex", "role", "aria-label"];
    boxes.forEach((box) => NAMES.forEach((name) => box.removeAttribute(name)));
    const scrolls = (box) =>
        box.scrollWidth > box.clientWidth &&
        getComputedStyle(box).overflowX !== "visible";
    for (const box of boxes.filter(scrolls)) {
        const [, kind] = WIDE.find(([selector]) => box.matches(selector));
        const values = [0, "group", `${kind}, wider than the page`];
        NAMES.forEach((name, at) => box.setAttribute(name, values[at]));
    }
}

markWhatScrolls();
addEventListener("load", markWhatScrolls);
// Letters may come later than the page, and be wider.
document.fonts?.ready.then(markWhatScrolls);
addEventListener("resize", markWhatScrolls);
// A scroll bar makes the page narrower, and nothing is said of it.
new ResizeObserver(markWhatScrolls).observe(document.querySelector("main"));
// It may be behind a click.
addEventListener("toggle", markWhatScrolls, true);

// A line does not begin with what ends a word of code.
const ENDS = /^[.,:;!?)’”]+/;

for (const code of document.querySelectorAll("main :not(pre) > code")) {
    let word = code;
    while (word.nextSibling === null && word.parentElement.matches("a, em")) {
        word = word.parentElement;
    }
    const next = word.nextSibling;
    if (next?.nodeType !== Node.TEXT_NODE || !ENDS.test(next.data)) continue;
    next.splitText(next.data.match(ENDS)[0].length);
    const kept = document.createElement("span");
    kept.className = "kept";
    word.replaceWith(kept);
    kept.append(word, next);
}

// The book turns its page on these keys. Not where they scroll.
document.querySelector("main")?.addEventListener("keydown", (event) => {
    if (
        ["ArrowLeft", "ArrowRight"].includes(event.key) &&
        event.target.matches(wide)
    ) {
        event.stopPropagation();
    }
});
