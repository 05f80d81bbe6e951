// What is wrong with a page on paper: what would scroll, what is wider, what
// should be open and is shut, what is too small to be read, what lies on
// something else, and what takes a sheet for nothing.

(() => {
    "use strict";
    // How small letters may be, in pixels of which an inch of paper has 96.
    const SMALLEST = 9;
    const wrong = [];
    const sizeOf = (it) => {
        const size = parseFloat(getComputedStyle(it).fontSize);
        const svg = it.closest("svg");
        return size * (svg ? it.getScreenCTM().a : it.currentCSSZoom);
    };
    const holdsText = (it) => [...it.childNodes].some(
        (child) => child.nodeType === Node.TEXT_NODE && child.data.trim());
    const shown = [...document.querySelectorAll("body, body *")];
    for (const it of shown.filter((it) => it.checkVisibility())) {
        const { overflowX, overflowY } = getComputedStyle(it);
        const scrolls = [overflowX, overflowY].some((overflow) =>
            ["auto", "scroll"].includes(overflow));
        const isWide =
            it.getBoundingClientRect().right > innerWidth + 1 &&
            it.closest("main") && !it.closest("svg");
        const classes = [it.localName, ...it.classList].join(".");
        const text = it.textContent.trim().slice(0, 30);
        if (scrolls) {
            wrong.push(`it scrolls: ${classes} “${text}”`);
        }
        if (isWide) {
            wrong.push(`it is cut off: ${classes} “${text}”`);
        }
        const isRead = it.closest("main") && holdsText(it);
        if (isRead && sizeOf(it) < SMALLEST - 0.01) {
            const size = sizeOf(it).toFixed(1);
            wrong.push(`it is small, ${size} px: ${classes} “${text}”`);
        }
    }
    // What must not be cut in two has to fit: a sheet of A4, less its margins.
    const SHEET = 1045;
    for (const it of document.querySelectorAll(".hf-picture, .hf-step, .plot")) {
        const height = it.getBoundingClientRect().height;
        if (height > SHEET) {
            const figure = it.closest(".heap-figure");
            const name = figure?.dataset.scenario ?? it.className;
            wrong.push(`it is higher than a sheet: ${name}, ${height} px`);
        }
    }
    for (const it of document.querySelectorAll(".map")) {
        const bottom = it.getBoundingClientRect().bottom + scrollY;
        if (bottom > SHEET) {
            wrong.push(`the first sheet ends in it: ${it.className}, ${bottom} px`);
        }
    }
    for (const it of document.querySelectorAll("details.plain")) {
        const inside = [...it.children].filter((it) => it.localName !== "summary");
        if (!inside.length || !inside.every((it) => it.checkVisibility({
            contentVisibilityAuto: true,
        }) && it.getBoundingClientRect().height > 0)) {
            wrong.push(`it is shut: “${it.textContent.trim().slice(0, 30)}”`);
        }
    }
    // What is shut and stays shut says so, and hints say nothing.
    for (const it of document.querySelectorAll(
        "details:is(.hint, .runtimes, .faults, .whole-script), .plot details",
    )) {
        const summary = it.querySelector("summary");
        const says = getComputedStyle(summary, "::after").content;
        const isTold = says.includes("not printed") && !it.matches(".hint");
        if (it.checkVisibility() && !isTold) {
            wrong.push(`an empty box: “${it.textContent.trim().slice(0, 30)}”`);
        }
    }
    // Bars lie in their rows, and letters in their boxes.
    for (const bar of document.querySelectorAll(".plot-rows rect")) {
        const [{ top, bottom }, row] = [bar, bar.closest("svg")].map((it) =>
            it.getBoundingClientRect());
        if (bar.checkVisibility() && (top < row.top || bottom > row.bottom)) {
            wrong.push("a bar sticks out of its row");
        }
    }
    for (const box of document.querySelectorAll(".hf-memory .hf-box")) {
        const { lineHeight, fontSize } = getComputedStyle(box);
        if (parseFloat(lineHeight) < 1.1 * parseFloat(fontSize)) {
            wrong.push(`letters touch the frame: “${box.textContent.trim()}”`);
        }
    }
    // No line of a structure is broken that has room beside it.
    for (const code of document.querySelectorAll(".po-structures code.hljs")) {
        const style = getComputedStyle(code);
        const height = code.clientHeight -
            parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
        const lines = Math.round(height / parseFloat(style.lineHeight));
        const room = code.closest("section").clientWidth - code.clientWidth;
        if (lines > code.textContent.trimEnd().split("\n").length && room > 1) {
            wrong.push(`a line is broken: “${code.textContent.slice(0, 30)}”`);
        }
    }
    // Room below the last line could be a sheet of its own.
    const ends = [...document.querySelectorAll("main > *")].map((it) =>
        it.getBoundingClientRect().bottom);
    const end = Math.max(...ends);
    const room = document.documentElement.scrollHeight - end - scrollY;
    if (document.documentElement.scrollHeight > innerHeight && room > 4) {
        wrong.push(`there is room below its end: ${room} px`);
    }
    // Each answer is there once.
    for (const it of document.querySelectorAll(".hf-answers + .hf-answers")) {
        if (it.innerHTML === it.previousElementSibling.innerHTML) {
            wrong.push(`it is answered twice: “${it.textContent.slice(0, 30)}”`);
        }
    }
    return wrong;
})();
