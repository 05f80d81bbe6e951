// Tells which commands are wider than a narrow page. All folds are open.

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
    return [...blocks, ...captured].map(told);
})()
