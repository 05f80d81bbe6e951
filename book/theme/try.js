// The page Try it: runs the program that lies in the page, which is the stages'
// own heaps, and shows what it answers. Every figure that can be opened there
// gets a link.

(() => {
    "use strict";

    for (const figure of document.querySelectorAll("[data-try][data-scenario]")) {
        const link = document.createElement("a");
        link.href = `${path_to_root}try.html#${figure.dataset.try}`;
        link.className = "try-link";
        link.textContent = "Try this heap";
        figure.querySelector("figcaption").append(" ", link);
    }

    const root = document.querySelector(".try");
    if (!root || location.pathname.endsWith("print.html")) {
        return;
    }

    const find = (selector) => root.querySelector(selector);
    const control = (name) => find(`[data-try="${name}"]`);
    const slider = find(".try-steps input");
    const complaint = find(".try-complaint");

    // What is asked for. The rest follows from it.
    let asked = {
        stages: [root.dataset.stage],
        room: Number(root.dataset.room),
        lines: split(root.dataset.program),
        step: Infinity,
    };
    const before = [];

    // ---- The program ----

    let compiled = null;
    let heaps = null;

    async function fresh() {
        if (!compiled) {
            const text = atob(find(".try-heaps").textContent);
            const bytes = Uint8Array.from(text, (it) => it.charCodeAt(0));
            const unpacking = new DecompressionStream("deflate-raw");
            const unpacked = new Blob([bytes]).stream().pipeThrough(unpacking);
            const program = await new Response(unpacked).arrayBuffer();
            compiled = await WebAssembly.compile(program);
        }
        return (await WebAssembly.instantiate(compiled)).exports;
    }

    function answer(length) {
        const { memory, answered } = heaps;
        const bytes = new Uint8Array(memory.buffer, answered(), length);
        return new TextDecoder().decode(bytes);
    }

    // Runs lines on a heap. If they end the program, `died` says at which line
    // and with which words, and the picture is the one in front of it.
    async function run(stage, room, step, lines) {
        heaps ??= await fresh();
        const request = `${stage} ${room} ${step}\n${lines.join("\n")}`;
        const bytes = new TextEncoder().encode(request);
        const at = heaps.room_for(bytes.length);
        new Uint8Array(heaps.memory.buffer, at, bytes.length).set(bytes);
        let parts;
        try {
            parts = answer(heaps.run()).split("\0");
        } catch {
            const line = heaps.at();
            const words = answer(heaps.last_words());
            // It has ended. The next one is another.
            heaps = null;
            if (line === 0) {
                return { wrong: words || "The heap has ended." };
            }
            const kept = lines.slice(0, line - 1);
            const came = await run(stage, room, Math.min(step, line - 1), kept);
            const written = [...came.written, ...lines.slice(line - 1)];
            return { ...came, written, died: { line, words } };
        }
        const [
            wrong, picture, said, legend, written, outcomes, names, header,
        ] = parts;
        if (wrong) {
            return { wrong };
        }
        return {
            picture,
            said,
            legend,
            written: split(written),
            outcomes: outcomes.split("\n"),
            names: names.split("\n").filter((name) => name),
            header: Number(header),
        };
    }

    // ---- What is asked ----

    function split(program) {
        const lines = program.split(/[;\n]/).map((line) => line.trim());
        return lines.filter((line) => line);
    }

    // As `3+5/8388608/a=malloc(100);free(a)`.
    function fragment({ stages, room, lines }) {
        const short = (line) => line.replace(/^.*: /, "").replace(/\s/g, "");
        return `${stages.join("+")}/${room}/${lines.map(short).join(";")}`;
    }

    function read(text) {
        const [stages, room, ...rest] = decodeURIComponent(text).split("/");
        if (rest.length === 0) {
            return null;
        }
        const lines = split(rest.join("/"));
        const two = stages.split("+").slice(0, 2);
        return { stages: two, room: Number(room), lines, step: Infinity };
    }

    // Goes on to what is asked now, if it can be done.
    async function go(next) {
        const was = asked;
        if (await show(next)) {
            before.push(was);
        }
    }

    async function undo() {
        const last = before.pop();
        if (last) {
            await show(last);
        }
    }

    // ---- What is shown ----

    async function show(next) {
        const step = Math.max(0, Math.min(next.step, next.lines.length));
        const came = [];
        for (const stage of next.stages) {
            came.push(await run(stage, next.room, step, next.lines));
        }
        const wrong = came.find((it) => it.wrong)?.wrong ?? "";
        complaint.textContent = wrong;
        complaint.hidden = !wrong;
        if (wrong) {
            return false;
        }
        asked = { ...next, step, lines: came[0].written };
        const panes = asked.stages.map((stage, at) => pane(stage, came[at]));
        find(".try-panes").replaceChildren(...panes);
        find(".try-meaning").innerHTML = legend(came);
        find(".hf-operations").replaceChildren(...operations(came));
        draw_controls(came[0]);
        return true;
    }

    // What the boxes of all pictures mean, each once.
    function legend(came) {
        const all = element("div", {});
        all.innerHTML = came.map((it) => it.legend).join("");
        const [first, ...others] = all.children;
        const has = (key) =>
            [...first.children].some((it) => it.outerHTML === key.outerHTML);
        for (const key of others.flatMap((list) => [...list.children])) {
            if (!has(key)) {
                first.lastElementChild.before(key);
            }
        }
        return first.outerHTML;
    }

    function element(name, properties, ...children) {
        const made = Object.assign(document.createElement(name), properties);
        made.append(...children);
        return made;
    }

    // What the page says of a heap. (The first letter is a capital: a title.)
    function heap(stage) {
        const all = [...control("first").options];
        const option = all.find((it) => it.value === stage);
        const text = option?.textContent ?? stage;
        const name = text[0].toUpperCase() + text.slice(1);
        return { name, header: Number(option?.dataset.header ?? 0) };
    }

    function pane(stage, came) {
        const has_died = came.died && asked.step >= came.died.line;
        const said = element("p", { className: "hf-said" });
        said.setAttribute("role", "status");
        if (has_died) {
            const { line, words } = came.died;
            const code = element("b", { className: "hf-code" });
            code.textContent = asked.lines[line - 1];
            const last = element("code", { className: "try-fault" });
            last.textContent = words;
            said.append(code, " ends the program: ", last);
        } else {
            said.innerHTML = came.said;
        }
        const picture = element("div", { className: "hf-picture is-still" });
        picture.innerHTML = came.picture;
        const { name, header } = heap(stage);
        const title = element("h2", {}, name);
        const parts = [title, picture, said];
        if (header && header !== came.header) {
            parts.push(element(
                "p", { className: "try-remark" },
                `Its header is ${came.header} bytes here, ` +
                    `${header} on a 64-bit machine.`,
            ));
        }
        return element("section", { className: "try-pane" }, ...parts);
    }

    function operations(came) {
        return asked.lines.map((code, index) => {
            const number = index + 1;
            const outcomes = came.map(({ died, outcomes }) => {
                if (died && number >= died.line) {
                    return number === died.line ? "ends here" : "never";
                }
                return outcomes[index];
            });
            const some = outcomes.some((it) => it);
            const parts = {
                "hf-number": number,
                "hf-code": code,
                "hf-result": some ? outcomes.join(" | ") : "",
            };
            const spans = Object.entries(parts).map(([className, text]) =>
                element("span", { className }, String(text)));
            const button = element(
                "button", { type: "button", className: "hf-step" }, ...spans,
            );
            if (number === asked.step) {
                button.setAttribute("aria-current", "step");
            }
            button.addEventListener("click", () => step_to(number));
            const className = number > asked.step ? "is-later" : "";
            return element("li", { className }, button);
        });
    }

    // The letters from a to z, and then a1, b1, …
    function new_name(names) {
        for (let round = 0; ; round += 1) {
            for (const letter of "abcdefghijklmnopqrstuvwxyz") {
                const name = round === 0 ? letter : `${letter}${round}`;
                if (!names.includes(name)) {
                    return name;
                }
            }
        }
    }

    function draw_controls({ names }) {
        const { stages, room, lines, step } = asked;
        control("first").value = stages[0];
        control("second").value = stages[1] ?? "";
        const rooms = control("room");
        if (![...rooms.options].some((it) => Number(it.value) === room)) {
            rooms.append(new Option(`${room} bytes`, room));
        }
        rooms.value = room;
        control("open").value = "";
        slider.max = lines.length;
        slider.value = step;
        slider.setAttribute("aria-valuetext", `${step} of ${lines.length}`);
        find(".try-steps output").textContent = `${step} / ${lines.length}`;
        find(".try-whole textarea").value = lines.join("\n");
        const address = `#${fragment(asked)}`;
        control("link").href = address;
        history.replaceState(null, "", address);

        const name = new_name(names);
        const last = names.slice(-8);
        const offers = [
            `${name} = malloc(24)`,
            `${name} = malloc(100)`,
            `${name} = malloc(5000)`,
            `${name} = memalign(256, 24)`,
            ...last.map((it) => `free(${it})`),
            ...last.slice(-1).map((it) => `${it} = realloc(${it}, 300)`),
            "sbrk(4096)",
            "refuse(1)",
        ];
        const buttons = offers.map((line) => {
            const button = element("button", { type: "button" }, line);
            button.addEventListener("click", () => add(line));
            return button;
        });
        // Whoever has just pressed a button presses the next one there.
        const quick = find(".try-quick");
        const old = [...quick.children].indexOf(document.activeElement);
        quick.replaceChildren(...buttons);
        if (old >= 0) {
            buttons[Math.min(old, buttons.length - 1)].focus();
        }
    }

    // ---- A recording in a file ----

    // A list of more lines is no list for a reader.
    const most_calls = 500;

    // The lines of a file: in the format of the malloc lab, or as this book
    // keeps its recordings.
    async function recording(file) {
        const bytes = new Uint8Array(await file.arrayBuffer());
        const text = new TextDecoder().decode(bytes);
        const calls = text.startsWith("# command: ")
            ? await calls_of_trace(bytes)
            : calls_of_rep(text);
        if (calls.length === 0) {
            throw new Error("there is no call in it");
        }
        return calls.map(({ kind, block, size, align }) => {
            const name = `p${block}`;
            if (kind === "f") {
                return `free(${name})`;
            }
            if (kind === "r") {
                return `${name} = realloc(${name}, ${size})`;
            }
            return align
                ? `${name} = memalign(${align}, ${size})`
                : `${name} = malloc(${size})`;
        });
    }

    // Four lines of numbers, which nobody needs, and then `a block bytes`,
    // `r block bytes`, `f block`, with a thread and an alignment behind them or
    // without.
    function calls_of_rep(text) {
        const lines = text.split("\n").map((line) => line.trim());
        const calls = [];
        const used = new Set();
        lines.forEach((line, index) => {
            const is_count = calls.length === 0 && /^\d+$/.test(line);
            if (!line || is_count) {
                return;
            }
            const form = /^(?:[ar] \d+ \d+|f \d+)( \d+)*$/;
            if (!form.test(line)) {
                throw new Error(`line ${index + 1}: \`${line}\` is no call`);
            }
            const [letter, block, size, , align] = line.split(/\s+/);
            // realloc(3) of null is malloc.
            const is_new = letter === "r" && !used.has(block);
            const kind = is_new ? "a" : letter;
            used[kind === "f" ? "delete" : "add"](block);
            calls.push({ kind, block, size, align: Number(align ?? 0) });
        });
        return calls;
    }

    // Some lines that say what it is, an empty one, and five columns, compressed:
    // kinds, threads, sizes, alignments, blocks. See tests/timing/src/trace.
    async function calls_of_trace(bytes) {
        const is_end = (it, at) => it === 10 && bytes[at + 1] === 10;
        const start = bytes.findIndex(is_end) + 2;
        const unpacking = new DecompressionStream("deflate-raw");
        const packed = new Blob([bytes.slice(start)]).stream();
        const unpacked = new Response(packed.pipeThrough(unpacking));
        const all = new Uint8Array(await unpacked.arrayBuffer());
        // Seven bits at a time, the lowest first. The eighth says that more come.
        const reader = (from, at = 0) => () => {
            let number = 0;
            for (let shift = 0; ; shift += 7) {
                const byte = from[at++];
                number += (byte & 127) * 2 ** shift;
                if (!(byte & 128)) {
                    return number;
                }
            }
        };
        let rest = all;
        const column = () => {
            const length = reader(rest)();
            const digits = rest.findIndex((it) => it < 128) + 1;
            const bytes = rest.slice(digits, digits + length);
            rest = rest.slice(digits + length);
            return bytes;
        };
        const kinds = column();
        const [, size, align, age] =
            [column(), column(), column(), column()].map((it) => reader(it));
        let blocks = 0;
        return [...kinds].map((kind) => {
            if ((kind & 3) === 2) {
                return { kind: "f", block: blocks - age() };
            }
            if ((kind & 3) === 1) {
                return { kind: "r", block: blocks - age(), size: size() };
            }
            const aligned = kind & 8 ? 2 ** align() : 0;
            const block = blocks++;
            return { kind: "a", block, size: size(), align: aligned };
        });
    }

    // ---- What the reader does ----

    function add(text) {
        const lines = [...asked.lines, ...split(text)];
        return go({ ...asked, lines, step: Infinity });
    }

    async function step_to(step) {
        await show({ ...asked, step });
        find(".hf-operations [aria-current]")?.focus();
    }

    find("form").addEventListener("submit", async (event) => {
        event.preventDefault();
        const input = find("form input");
        await add(input.value);
        if (complaint.hidden) {
            input.value = "";
        }
    });

    const whole = { step: Infinity };
    const clicks = {
        undo,
        reset: () => go({ ...asked, lines: [], ...whole }),
        back: () => show({ ...asked, step: asked.step - 1 }),
        step: () => show({ ...asked, step: asked.step + 1 }),
        whole: () => {
            const lines = split(find(".try-whole textarea").value);
            return go({ ...asked, lines, ...whole });
        },
    };
    for (const [name, does] of Object.entries(clicks)) {
        control(name).addEventListener("click", does);
    }

    function choose() {
        const stages = ["first", "second"].map((name) => control(name).value);
        const room = Number(control("room").value);
        return go({ ...asked, stages: stages.filter((it) => it), room });
    }
    for (const name of ["first", "second", "room"]) {
        control(name).addEventListener("change", choose);
    }
    control("open").addEventListener("change", () => {
        const opened = read(control("open").value);
        return opened && go(opened);
    });
    control("file").addEventListener("change", async () => {
        const [file] = control("file").files;
        if (!file) {
            return;
        }
        let recorded;
        try {
            recorded = await recording(file);
        } catch (why) {
            complaint.textContent = `${file.name}: ${why.message}`;
            complaint.hidden = false;
            return;
        }
        const lines = recorded.slice(0, most_calls);
        await go({ ...asked, lines, step: Infinity });
        if (complaint.hidden && recorded.length > lines.length) {
            const all = recorded.length.toLocaleString("en");
            complaint.textContent =
                `${file.name}: the first ${most_calls} of its ${all} calls.`;
            complaint.hidden = false;
        }
    });
    slider.addEventListener("input", () =>
        show({ ...asked, step: Number(slider.value) }));
    // The book turns its page on these keys. Not from in here.
    root.addEventListener("keydown", (event) => {
        if (["ArrowLeft", "ArrowRight"].includes(event.key)) {
            event.stopPropagation();
        }
    });
    window.addEventListener("hashchange", () => {
        const opened = read(location.hash.slice(1));
        return opened && go(opened);
    });

    for (const item of root.querySelectorAll("[hidden]")) {
        item.hidden = item === complaint;
    }
    show(read(location.hash.slice(1)) ?? asked);
})();
