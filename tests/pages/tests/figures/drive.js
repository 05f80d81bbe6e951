// Works the figures' players as a reader would, and writes down what it sees.

const seen = document.getElementById("seen");

function check(name, got, wanted) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
    const text = a === b ? `ok ${name}` : `FAILED ${name}: ${a}, not ${b}`;
    seen.textContent += `${text}\n`;
}

function frame(id) {
    return document.getElementById(id).contentWindow;
}

function sleep(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// A figure, and what a reader can see and do with it.
class Player {
    constructor(figure) {
        this.figure = figure;
        this.view = figure.ownerDocument.defaultView;
        this.name = figure.dataset.scenario;
        this.slider = figure.querySelector("input[type=range]");
        this.asks = figure.querySelector(".hf-asks input");
        this.questions = [...figure.querySelectorAll(".hf-ask")];
        this.last = Number(this.slider.max);
    }

    // Whether the player asks.
    ask(isAsked) {
        if (this.asks.checked !== isAsked) {
            this.asks.click();
        }
    }

    isShown(item) {
        const style = this.view.getComputedStyle(item);
        return style.display !== "none" && style.visibility === "visible";
    }

    // The steps before which a question stands now.
    asked() {
        const shown = this.questions.filter((item) => this.isShown(item));
        return shown.map((item) => Number(item.dataset.ask));
    }

    // The steps whose pictures, words or lines are the ones to look at.
    now() {
        const isShown = (item) => this.isShown(item);
        const steps = (selector, test) =>
            [...this.figure.querySelectorAll(selector)]
                .filter(test)
                .map((item) => Number(item.dataset.step));
        const isCurrent = (item) => item.querySelector("[aria-current]");
        return {
            pictures: steps(".hf-picture", isShown),
            words: steps(".hf-said", isShown),
            lines: steps(".hf-operations > li", isCurrent),
            slider: Number(this.slider.value),
        };
    }

    isAt(what, step) {
        const lines = step === 0 ? [] : [step];
        const wanted =
            { pictures: [step], words: [step], lines, slider: step };
        check(`${this.name}: ${what}`, this.now(), wanted);
    }

    click(action) {
        this.figure.querySelector(`[data-do=${action}]`).click();
    }

    key(key, target = this.figure) {
        const event = { key, bubbles: true, cancelable: true };
        target.dispatchEvent(new this.view.KeyboardEvent("keydown", event));
    }

    scrub(step) {
        this.slider.value = step;
        this.slider.dispatchEvent(new this.view.Event("input"));
    }

    playLabel() {
        const button = this.figure.querySelector("[data-do=play]");
        return button.getAttribute("aria-label");
    }
}

function players(id) {
    const figures = frame(id).document.querySelectorAll(".heap-figure");
    return [...figures].map((figure) => new Player(figure));
}

function buttonsWork(player) {
    player.isAt("starts with the empty heap", 0);
    player.ask(false);
    player.click("back");
    player.isAt("nothing is before the first step", 0);
    player.click("step");
    player.isAt("step", 1);
    player.click("step");
    player.click("back");
    player.isAt("back", 1);
    player.click("last");
    player.isAt("last", player.last);
    player.click("step");
    player.isAt("nothing is after the last step", player.last);
    player.click("first");
    player.isAt("first", 0);
    player.scrub(2);
    player.isAt("scrub", 2);
    const lines = player.figure.querySelectorAll(".hf-operations button");
    check(`${player.name}: a line each`, lines.length, player.last);
    lines[2].click();
    player.isAt("a click on the third line", 3);
    const aloud = player.figure.querySelector("[aria-live=polite]");
    const said = player.figure.querySelector(".hf-said.is-now");
    check(`${player.name}: said`, aloud.textContent, said.textContent);
}

function keysWork(player) {
    const reached = [];
    const listen = (event) => reached.push(event.key);
    const { document } = player.view;
    document.addEventListener("keydown", listen);
    player.key("Home");
    player.isAt("Home", 0);
    player.key("ArrowRight");
    player.key("ArrowRight");
    player.isAt("right twice", 2);
    player.key("ArrowLeft");
    player.isAt("left", 1);
    player.key("ArrowRight", player.figure.querySelector("button"));
    player.isAt("right on a button", 2);
    player.key("ArrowRight", player.slider);
    player.isAt("right on the slider is the slider's own", 2);
    player.key("End");
    player.isAt("End", player.last);
    player.key(" ");
    check(`${player.name}: space plays`, player.playLabel(), "Pause");
    player.isAt("from the start if it was at the end", 0);
    player.key(" ");
    check(`${player.name}: space pauses`, player.playLabel(), "Play");
    check(`${player.name}: keys kept from the page`, reached, []);
    player.key("s");
    check(`${player.name}: other keys`, reached, ["s"]);
    document.removeEventListener("keydown", listen);
}

// At each question it stops, and goes on once there is an answer.
function questionsAreAsked(player) {
    player.click("first");
    player.ask(true);
    const { document } = player.view;
    player.questions.forEach((question, number) => {
        const step = Number(question.dataset.ask);
        const right = Number(question.dataset.right);
        const choices = question.querySelectorAll("button");
        player.scrub(step - 1);
        player.click("step");
        const stood = [player.asked(), Number(player.slider.value)];
        check(`${player.name}: asks`, stood, [[step], step - 1]);
        const aloud = player.figure.querySelector("[aria-live=polite]");
        const text = question.querySelector("p").textContent;
        const isTold = aloud.textContent.startsWith(text);
        check(`${player.name}: the question is read out`, isTold, true);
        const wrong = right === 0 ? 1 : 0;
        if (number % 2 === 0) {
            player.key(String(right + 1));
        } else {
            choices[wrong].focus();
            choices[wrong].click();
            const focused = document.activeElement.dataset.do;
            check(`${player.name}: the focus goes on`, focused, "step");
        }
        player.isAt("the answer is the next step", step);
        const verdict = [...player.figure.querySelectorAll(".hf-verdict")];
        const told = verdict.filter((item) => player.isShown(item))
            .map((item) => item.textContent).join("");
        const start = number % 2 === 0 ? "Right. " : "Not “";
        check(`${player.name}: verdict`, told.startsWith(start), true);
        const answer = question.querySelector(".hf-answer").textContent;
        check(`${player.name}: answer`, told.includes(answer), true);
        check(`${player.name}: nothing is asked`, player.asked(), []);
        player.click("back");
        player.click("step");
        player.isAt("a question is asked once", step);
    });
    player.ask(false);
}

// Who steps twice passes a question by.
function questionsCanBePassed(player) {
    const step = Number(player.questions[0].dataset.ask);
    player.ask(true);
    player.scrub(step - 1);
    player.key("ArrowRight");
    player.isAskedAt = [player.asked(), Number(player.slider.value)];
    check(`${player.name}: asks`, player.isAskedAt, [[step], step - 1]);
    player.key("ArrowRight");
    player.isAt("and is passed", step);
    player.ask(false);
    player.click("first");
}

async function playWorks(player) {
    const speed = player.figure.querySelector("select");
    speed.value = "2";
    player.click("first");
    player.click("play");
    await sleep(1300);
    player.isAt("a step while it plays", 1);
    player.click("play");
    await sleep(3000);
    player.isAt("none while it pauses", 1);
    player.click("play");
    await sleep(1300 * player.last);
    player.isAt("plays to the end", player.last);
    check(`${player.name}: then stops`, player.playLabel(), "Play");
}

function fitsAt(player, step) {
    player.scrub(step);
    const page = player.view.document.documentElement;
    const isWide = page.scrollWidth > page.clientWidth;
    const right = player.figure.getBoundingClientRect().right;
    const outside = [...player.figure.querySelectorAll("*")].filter(
        (item) => item.getBoundingClientRect().right > right + 0.5,
    );
    const over = outside.map((item) => item.className);
    check(`${player.name}: fits at step ${step}`, [isWide, over], [false, []]);
}

// Beside each other where there is room. Else each line says whose it is.
function columnsAreThereOrNamed(player, isWide) {
    const shown = (selector) =>
        [...player.figure.querySelectorAll(selector)].filter(
            (item) => item.getClientRects().length > 0,
        ).length;
    const hasLanes = player.figure.querySelector(".has-lanes") !== null;
    const lanes = player.figure.querySelectorAll(".hf-lane").length;
    check(`${player.name}: more than one column`, lanes > 1, hasLanes);
    const heads = hasLanes && isWide ? lanes : 0;
    const names = hasLanes && !isWide ? player.last : 0;
    const got = [shown(".hf-lane"), shown(".hf-who")];
    check(`${player.name}: columns and names`, got, [heads, names]);
}

// Whatever stands beside the heap, the heap can be read.
function heapHasRoom(player, least) {
    if (!player.figure.querySelector(".hf-chunks, .hf-fields")) {
        return;
    }
    const memory = player.figure.querySelector(".is-now .hf-memory");
    const { width } = memory.getBoundingClientRect();
    const isWide = width >= least ? "wide enough" : width;
    check(`${player.name}: its heap`, isWide, "wide enough");
}

function targetsAreLarge(player) {
    const targets = player.figure.querySelectorAll("button, select, input");
    const small = [...targets].filter((target) => {
        const { width, height } = target.getBoundingClientRect();
        // A box to tick is as large as its label.
        const isBox = target.type === "checkbox";
        return !isBox && Math.min(width, height) < 32;
    });
    check(`${player.name}: small targets`, small.length, 0);
}

function worksWithoutScript(player) {
    const isShown = (item) => item.getClientRects().length > 0;
    const shown = (selector) =>
        [...player.figure.querySelectorAll(selector)].filter(isShown);
    // A picture before each question, with the question under it.
    const stills = shown(".hf-picture");
    const before = stills.map((item) => Number(item.dataset.step) + 1);
    const steps = player.questions.map((item) => Number(item.dataset.ask));
    check(`${player.name}: stills`, before, steps);
    const alone = stills.filter((item) => !item.querySelector(".hf-asked"));
    check(`${player.name}: stills without a question`, alone.length, 0);
    const controls = shown("button, input, select, .hf-said").length;
    check(`${player.name}: dead controls`, controls, 0);
    check(`${player.name}: lines`, shown(".hf-step").length, player.last);
    const notes = player.figure.querySelectorAll(".hf-note").length;
    check(`${player.name}: notes`, shown(".hf-note").length, notes);
    const asked = player.questions.length;
    check(`${player.name}: asks`, shown(".hf-asked summary").length, asked);
    const folds = [...player.figure.querySelectorAll(".hf-asked")];
    check(`${player.name}: folds`, folds.some((fold) => fold.open), false);
    const results = [...player.figure.querySelectorAll(".is-asked .hf-result")]
        .filter((item) => player.isShown(item));
    check(`${player.name}: answers given away`, results.length, 0);
    const after = player.figure.querySelectorAll(".hf-after").length;
    check(`${player.name}: picture after`, after, 1);
}

async function drive() {
    const wide = players("wide");
    wide.forEach(buttonsWork);
    wide.forEach(keysWork);
    await Promise.all(wide.map(playWorks));
    wide.forEach(questionsAreAsked);
    wide.forEach((player) => player.click("first"));
    wide[0].click("step");
    wide[0].isAt("one figure moves", 1);
    wide.slice(1).forEach((player) => player.isAt("the others stay", 0));
    wide.forEach(targetsAreLarge);
    wide.forEach((player) => columnsAreThereOrNamed(player, true));
    wide.forEach((player) => heapHasRoom(player, 300));

    const narrow = players("narrow");
    narrow.forEach((player) => columnsAreThereOrNamed(player, false));
    narrow.forEach(targetsAreLarge);
    narrow.forEach((player) => heapHasRoom(player, 300));
    narrow.forEach(questionsCanBePassed);
    narrow.forEach((player) => player.ask(false));
    for (const player of narrow) {
        for (let step = 0; step <= player.last; step += 1) {
            fitsAt(player, step);
        }
    }

    const still = players("no-script");
    check("figures", [narrow.length, still.length], [wide.length, wide.length]);
    still.forEach(worksWithoutScript);
    check("everything was looked at", wide.length > 0, true);
}

window.addEventListener("load", () => {
    drive().catch((error) => check("no error", String(error), ""));
});
