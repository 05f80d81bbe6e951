// Long names in tables may break after an underscore, and not in mid-word.
for (const code of document.querySelectorAll("td code")) {
    const parts = code.textContent.split(/(?<=_)/);
    code.replaceChildren(
        ...parts.flatMap((part) => [part, document.createElement("wbr")]),
    );
}

// A table that is wider than the page scrolls. The keyboard reaches it, and a
// screen reader is told what it is.
const wide = new ResizeObserver((entries) => {
    for (const { target } of entries) {
        const scrolls = target.scrollWidth > target.clientWidth + 1;
        if (scrolls === target.hasAttribute("tabindex")) continue;
        for (const [name, value] of [
            ["tabindex", "0"],
            ["role", "region"],
            ["aria-label", "Table, wider than the page"],
        ]) {
            if (scrolls) target.setAttribute(name, value);
            else target.removeAttribute(name);
        }
    }
});
for (const wrapper of document.querySelectorAll(".table-wrapper")) {
    wide.observe(wrapper);
}
