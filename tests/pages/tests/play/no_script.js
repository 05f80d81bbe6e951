// Counts what a reader sees of the page where no script runs.

setTimeout(() => {
    const page = document.getElementById("page").contentDocument;
    const root = page.querySelector(".try");
    const is_shown = (item) => item.checkVisibility();
    const count = (selector) =>
        [...root.querySelectorAll(selector)].filter(is_shown).length;
    const lines = count(".hf-operations li");
    const pictures = count(".hf-picture");
    const controls = count("button, input, select, textarea") || "no";
    document.getElementById("seen").textContent =
        `${lines} lines, ${pictures} picture, ${controls} control`;
}, 2000);
