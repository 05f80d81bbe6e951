// Long names in tables may break after an underscore or a slash, and not in
// mid-word.
for (const code of document.querySelectorAll("td code")) {
    const parts = code.textContent.split(/(?<=[_/])/);
    code.replaceChildren(
        ...parts.flatMap((part) => [part, document.createElement("wbr")]),
    );
}

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
