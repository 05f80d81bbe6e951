// Tells which commands are wider than a narrow page, and which flags are broken.
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
    return [...[...blocks, ...captured].map(told), ...broken];
})()
