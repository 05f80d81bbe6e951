// Long names in tables may break after an underscore, and not in mid-word.
for (const code of document.querySelectorAll("td code")) {
    const parts = code.textContent.split(/(?<=_)/);
    code.replaceChildren(
        ...parts.flatMap((part) => [part, document.createElement("wbr")]),
    );
}

// A table that is wider than the page scrolls. The keyboard reaches it, and a
// screen reader is told what it is. The keyboard reaches wide code too.
function markWhatScrolls() {
    for (const box of document.querySelectorAll(
        ".table-wrapper, main pre > code, .hunks",
    )) {
        const isTable = box.matches(".table-wrapper");
        const marks = isTable
            ? { role: "group", "aria-label": "Table, wider than the page" }
            : {};
        const scrolls =
            box.scrollWidth > box.clientWidth + 1 &&
            getComputedStyle(box).overflowX !== "visible";
        for (const [name, value] of Object.entries({ tabindex: 0, ...marks })) {
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
