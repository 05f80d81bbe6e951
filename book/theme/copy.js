// Of a terminal one wants the commands: the copy button, which is mdBook's,
// leaves out what they print, and the prompts in front of them. It takes the
// `innerText` of the code. (No line break at the end: it would start the last.)
const prompt = /^\$ /;
const continued = /\\$/;

function commandsOf(code) {
    const marked = code.querySelectorAll(".command");
    if (marked.length > 0) {
        return Array.from(marked, (command) => command.textContent);
    }
    const lines = code.textContent.split("\n");
    if (!lines.some((line) => prompt.test(line))) {
        return lines;
    }
    // A command goes on below a line that ends with `\`.
    return lines.filter((line, index) => {
        let first = index;
        while (first > 0 && continued.test(lines[first - 1])) first -= 1;
        return prompt.test(lines[first]);
    });
}

for (const code of document.querySelectorAll(
    ".captured code, code.language-sh, code.language-console",
)) {
    Object.defineProperty(code, "innerText", {
        get: () =>
            commandsOf(code)
                .map((line) => line.trimEnd().replace(prompt, ""))
                .join("\n")
                .trim(),
    });
    const button = code.parentElement.querySelector(".clip-button");
    if (button) {
        button.title = "Copy the commands";
        button.setAttribute("aria-label", button.title);
    }
}
