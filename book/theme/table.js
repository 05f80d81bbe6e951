// Long names in tables may break after an underscore or a slash, and not in
// mid-word.
for (const code of document.querySelectorAll("td code")) {
    const parts = code.textContent.split(/(?<=[_/])/);
    code.replaceChildren(
        ...parts.flatMap((part) => [part, document.createElement("wbr")]),
    );
}

// No line ends inside of a flag, or behind the sign of an attribute.
const WHOLE = /(?<=^|\s)--?[\w-]*|#!?\[\w*/g;

function keepWhole(code) {
    const all = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (all.nextNode()) {
        texts.push(all.currentNode);
    }
    for (const text of texts) {
        const words = [...text.data.matchAll(WHOLE)].reverse();
        for (const word of words) {
            const part = text.splitText(word.index);
            part.splitText(word[0].length);
            const whole = document.createElement("span");
            whole.className = "whole";
            part.replaceWith(whole);
            whole.append(part);
        }
    }
}

const COMMANDS = "main :not(pre) > code, main .language-sh, main .command";
document.querySelectorAll(COMMANDS).forEach(keepWhole);

// What may be wider than the page, and what a screen reader calls it.
const WIDE = [
    [".table-wrapper", "Table"],
    [".hunks", "Changes"],
    ["main .captured pre > code", "Terminal"],
    ["main pre > .language-text", "Text"],
    ["main pre > code", "Code"],
];
const wide = WIDE.map(([selector]) => selector).join(", ");

// What is wider than the page scrolls. The keyboard reaches it.
function markWhatScrolls() {
    for (const box of document.querySelectorAll(wide)) {
        const [, kind] = WIDE.find(([selector]) => box.matches(selector));
        const scrolls =
            box.scrollWidth > box.clientWidth + 1 &&
            getComputedStyle(box).overflowX !== "visible";
        const marks = {
            tabindex: 0,
            role: "group",
            "aria-label": `${kind}, wider than the page`,
        };
        for (const [name, value] of Object.entries(marks)) {
            if (scrolls) box.setAttribute(name, value);
            else box.removeAttribute(name);
        }
    }
}

markWhatScrolls();
addEventListener("load", markWhatScrolls);
addEventListener("resize", markWhatScrolls);
// It may be behind a click.
addEventListener("toggle", markWhatScrolls, true);

// The book turns its page on these keys. Not where they scroll.
document.querySelector("main")?.addEventListener("keydown", (event) => {
    if (
        ["ArrowLeft", "ArrowRight"].includes(event.key) &&
        event.target.matches(wide)
    ) {
        event.stopPropagation();
    }
});
