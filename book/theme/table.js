// Long names in tables may break after an underscore, and not in mid-word.
for (const code of document.querySelectorAll("td code")) {
    const parts = code.textContent.split(/(?<=_)/);
    code.replaceChildren(
        ...parts.flatMap((part) => [part, document.createElement("wbr")]),
    );
}

// A table that is wider than the page scrolls. The keyboard reaches it, and a
// screen reader is told what it is.
function markWideTables() {
    for (const table of document.querySelectorAll(".table-wrapper")) {
        const scrolls = table.scrollWidth > table.clientWidth + 1;
        for (const [name, value] of [
            ["tabindex", "0"],
            ["role", "region"],
            ["aria-label", "Table, wider than the page"],
        ]) {
            if (scrolls) table.setAttribute(name, value);
            else table.removeAttribute(name);
        }
    }
}

markWideTables();
addEventListener("load", markWideTables);
addEventListener("resize", markWideTables);
// A table may be behind a click.
addEventListener("toggle", markWideTables, true);
