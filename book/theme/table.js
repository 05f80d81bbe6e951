// Long names in tables may break after an underscore, and not in mid-word.
for (const code of document.querySelectorAll("td code")) {
    const parts = code.textContent.split(/(?<=_)/);
    code.replaceChildren(
        ...parts.flatMap((part) => [part, document.createElement("wbr")]),
    );
}
