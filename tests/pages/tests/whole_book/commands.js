// Tells which commands are wider than a narrow page, and which of their words and
// flags are broken.
// All folds are open.

(() => {
    "use strict";

    const isWide = (box) => box.scrollWidth > box.clientWidth + 1;
    const told = (box) => `a command scrolls: ${box.textContent.slice(0, 40)}`;

    const blocks = [
        ...document.querySelectorAll(
            "main code.language-sh, main code.language-console",
        ),
    ].filter(isWide);
    const captured = [...document.querySelectorAll("main .command")].filter(
        (command) =>
            command.getBoundingClientRect().right >
            command.closest("code").getBoundingClientRect().right + 1,
    );
    // The two dashes of a flag are on one line.
    const broken = [];
    const texts = document.createTreeWalker(
        document.querySelector("main"), NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode;
        const isCommand = text.parentElement.closest(
            ":not(pre) > code, .language-sh, .command");
        for (const { index } of isCommand ? text.data.matchAll(/--/g) : []) {
            const [first, second] = [0, 1].map((at) => {
                const range = document.createRange();
                range.setStart(text, index + at);
                range.setEnd(text, index + at + 1);
                return range.getBoundingClientRect().top;
            });
            if (first !== second) {
                broken.push(`a flag is broken: ${text.data.slice(index, index + 20)}`);
            }
        }
    }
    // A line ends at a blank, and not at a hyphen: of what has room in a line. In a
    // table a column may be narrow.
    const codes = document.querySelectorAll(
        "main :not(pre) > code, main .language-sh, main .command");
    for (const code of codes) {
        if (code.closest("td") !== null) continue;
        const isCommand = code.matches(".language-sh, .command");
        const words = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
        while (words.nextNode()) {
            const text = words.currentNode;
            for (const [word, index] of [...text.data.matchAll(/\S+/g)].map(
                (it) => [it[0], it.index])) {
                if (word.length > (isCommand ? 38 : 24)) continue;
                const range = document.createRange();
                range.setStart(text, index);
                range.setEnd(text, index + word.length);
                const lines = new Set(
                    [...range.getClientRects()].map((it) => it.top));
                if (lines.size > 1) broken.push(`a word is broken: ${word}`);
            }
        }
        if (!isCommand && code.textContent.length <= 12) {
            const lines = new Set(
                [...code.getClientRects()].map((it) => it.top));
            if (lines.size > 1) {
                broken.push(`short code is broken: ${code.textContent}`);
            }
        }
    }
    return [...[...blocks, ...captured].map(told), ...broken];
})()
