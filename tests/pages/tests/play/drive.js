// Works the page as a reader would, and writes down what it sees.

const seen = document.getElementById("seen");
const root = document.querySelector(".try");
const find = (selector) => root.querySelector(selector);
const all = (selector) => [...root.querySelectorAll(selector)];
const control = (name) => find(`[data-try="${name}"]`);
// A name and its number stand on one line: there is no common blank between them.
const plain = (text) => text.replace(/\u00a0/g, " ");
const text = (selector) => plain(find(selector)?.textContent ?? "");

function write(line) {
    seen.textContent += `${line.replace(/\s+/g, " ")}\n`;
}

function check(name, got, wanted) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
    write(a === b ? `ok ${name}` : `FAILED ${name}: ${a}, not ${b}`);
}

// Waits until something is so.
async function until(name, is_so) {
    for (let round = 0; round < 100; round += 1) {
        if (is_so()) {
            write(`ok ${name}`);
            return;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    write(`FAILED ${name}: ${text(".try-body")} ${text(".try-complaint")}`);
}

const lines = () => all(".hf-operations .hf-code").map((it) => it.textContent);
const now = () => text(".hf-operations [aria-current] .hf-code");
const result = () => text(".hf-operations [aria-current] .hf-result");
const address = () => decodeURIComponent(location.hash);

function type(line) {
    const input = find("form input");
    input.value = line;
    find("form").requestSubmit();
}

function choose(name, value) {
    control(name).value = value;
    control(name).dispatchEvent(new Event("change"));
}

async function open_at(hash, line) {
    location.hash = hash;
    await until(`${hash} is opened`, () => now() === line);
}

async function drive() {
    // Until the script has run there is the picture for paper.
    await until("it opens with four lines", () => now() === "c = malloc(40)");
    check("four lines", lines().length, 4);

    type("d=malloc( 10 )");
    await until("a line is typed", () => now() === "d = malloc(10)");
    check("it has a result", result().startsWith("0x…"), true);
    check("it is in the address", address().endsWith(";d=malloc(10)"), true);
    check("there is room for the next", find("form input").value, "");

    control("undo").click();
    await until("a line is taken back", () => lines().length === 4);

    const free = all(".try-quick button")
        .find((button) => button.textContent === "free(b)");
    free.focus();
    free.click();
    await until("a line is pressed", () => now() === "free(b)");
    check("the focus stays", document.activeElement.parentElement.className,
        "try-quick");

    type("free(b)");
    await until("a fault ends the program", () => result() === "ends here");
    check("with its line",
        /^malloc: (this is no block of the heap|this block is free already): 0x…[0-9a-f]{3,4}$/
            .test(text(".try-fault")), true);
    control("back").click();
    await until("the step before has none", () => !find(".try-fault"));
    check("and its line", find(".hf-said").textContent.includes("free(b)"), true);
    control("step").click();
    await until("one step on it is back", () => find(".try-fault"));

    type("nonsense");
    await until("no line", () => !find(".try-complaint").hidden);
    check("is said", text(".try-complaint"),
        "line 7: `nonsense` is no line of a program");
    check("and kept to be put right", find("form input").value, "nonsense");

    choose("second", "5");
    await until("two heaps", () => all(".try-pane").length === 2);
    check("side by side", all(".try-pane h2").map((it) => plain(it.textContent)),
        ["Stage 3", "Stage 5"]);
    check("and in the address", address().startsWith("#3+5/"), true);

    control("reset").click();
    await until("it starts again", () => lines().length === 0);
    check("on two empty heaps", all(".hf-said").map((it) => it.textContent),
        Array(2).fill(
            "The empty heap. The break stands at its start, 0x…\u2060000.",
        ));

    await open_at("#2/8388608/a=malloc(100)", "a = malloc(100)");
    check("a header of stage 2 is shorter here",
        text(".is-header .hf-size"), "16 bytes");
    check("which is said beside it", text(".try-remark"),
        `Its header is 16 bytes here, ${HEADER} on a 64-bit machine.`);
    choose("second", "3");
    await until("another beside it", () => all(".try-pane").length === 2);
    check("of which nothing is to be said", all(".try-remark").length, 1);

    await open_at("#3-3-one-list/4096/a=malloc(100);b=malloc(8);free(a)",
        "free(a)");
    check("a step on the way", text(".try-pane h2"),
        "The step One list of free blocks");
    type("free(a)");
    await until("believes what it is given", () =>
        text(".try-complaint").endsWith("and this is none"));
    type("b = realloc(b, 9)");
    await until("and has two functions", () =>
        text(".try-complaint").endsWith("`malloc` and `free` alone"));
    check("how much is in small pieces is told", /fragmentation 0 %: 1 − (\d+) \/ \1/
        .test(text(".hf-counters")), true);

    const file = control("file");
    file.focus();
    check("a file can be reached", document.activeElement, file);
    check("and is spoken of", file.labels[0].textContent.trim(),
        "or a recording of yours, .rep or .trace");
    const give = (name, parts) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File(parts, name));
        file.files = transfer.files;
        file.dispatchEvent(new Event("change"));
    };
    await open_at("#3/8388608/a=malloc(100)", "a = malloc(100)");
    give("short.rep", ["20\r\n2\r\n4\r\n1\r\na 7 512\r\na 2 9 0 64\r\n" +
        "r 7 600\r\nf 2\r\nr 2 5\r\n"]);
    await until("a recording of the malloc lab", () => now() === "p2 = malloc(5)");
    check("call by call", lines(), ["p7 = malloc(512)", "p2 = memalign(64, 9)",
        "p7 = realloc(p7, 600)", "free(p2)", "p2 = malloc(5)"]);
    give("bad.rep", ["0\n1\n1\n1\na 0 512\nb 0\n"]);
    await until("a line that is no call", () =>
        text(".try-complaint") === "bad.rep: line 6: `b 0` is no call");
    check("leaves what there was", lines().length, 5);
    give("kept.trace", [new Uint8Array(TRACE)]);
    await until("a recording of this book", () =>
        text(".try-complaint") === TRACE_TOLD);
    check("begins as it was made", lines().slice(0, 60), TRACE_BEGINS);

    const opened = [...control("open").options].at(-1).value;
    choose("open", opened);
    await until("a figure is opened", () => address() === `#${opened}`);

    const link = document.querySelector("figure.heap-figure .try-link");
    check("a figure leads here",
        link.getAttribute("href").startsWith("try.html#1/4096/a=malloc(24);"),
        true);

    find(".try-whole textarea").value = "x = malloc(1)\ny = malloc(2)";
    control("whole").click();
    await until("a whole program", () => now() === "y = malloc(2)");
    all(".hf-operations button")[0].click();
    await until("a click goes to its line", () => now() === "x = malloc(1)");

    let turned = 0;
    document.addEventListener("keydown", () => { turned += 1; });
    for (const key of ["ArrowLeft", "ArrowRight"]) {
        const event = new KeyboardEvent("keydown", { key, bubbles: true });
        find("form input").dispatchEvent(event);
    }
    check("the arrows turn no page", turned, 0);

    const nameless = all("button, input, select, textarea").filter((it) =>
        !it.textContent.trim() && !it.labels?.length &&
        !it.getAttribute("aria-label"));
    check("all can be named", nameless.length, 0);
    const wide = document.documentElement.scrollWidth;
    check("nothing is wider than the page", wide <= innerWidth, true);

    for (const stage of [1, 3, 4, 5]) {
        await open_at(`#${stage}/8388608/${SHOWN}`, "d = malloc(9)");
        await until(`stage ${stage}`, () =>
            text(".try-pane h2") === `Stage ${stage}`);
        write(`picture ${find(".hf-picture").textContent}`);
    }
    write("ok everything was looked at");
}

drive().catch((error) => write(`FAILED ${error} ${error.stack}`));
