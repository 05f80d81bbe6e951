// What is wrong with a page on paper: what would scroll, what is wider, what
// should be open and is shut, and what is too small to be read.

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
    for (const it of document.querySelectorAll(".heap-figure, .plot")) {
        const height = it.getBoundingClientRect().height;
        if (height > SHEET) {
            const name = it.dataset.scenario ?? it.className;
            wrong.push(`it is higher than a sheet: ${name}, ${height} px`);
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
    return wrong;
})();
