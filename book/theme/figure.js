// Makes the figures' pictures players. Each figure stands alone.

(() => {
    "use strict";

    // How long a picture stands at speed 1, in milliseconds.
    const STAY = 2400;

    const PLAY = "M4.5 2.5v11l8.5-5.5z";
    const PAUSE = "M4 3h3v10H4zM9 3h3v10H9z";

    // What a key does, if the control under it has no use for the key.
    const KEYS = {
        ArrowLeft: "back",
        ArrowRight: "step",
        Home: "first",
        End: "last",
        " ": "play",
    };

    // What the reader has answered, on any page. Without `progress.js` nobody
    // remembers.
    const progress = window.bookProgress ?? {
        asks: () => true,
        setAsks() {},
        answer() {},
    };

    function player(figure) {
        const find = (selector) => figure.querySelector(selector);
        const steps = figure.querySelectorAll("[data-step]");
        const slider = find("input[type=range]");
        const asks = find(".hf-asks input");
        const speed = find("select");
        const playButton = find("[data-do=play]");
        const last = Number(slider.max);
        const questions = new Map();
        for (const question of figure.querySelectorAll(".hf-ask")) {
            questions.set(Number(question.dataset.ask), question);
        }
        let now = 0;
        let timer = null;
        // The question that stands, and those that need not be asked again.
        let asked = null;
        const done = new Set();
        // Whether the player goes on by itself once there is an answer.
        let isHeld = false;

        function show(step) {
            now = Math.min(Math.max(step, 0), last);
            for (const item of steps) {
                const its = Number(item.dataset.step);
                item.classList.toggle("is-now", its === now);
                item.classList.toggle("is-later", its > now);
                const line = item.querySelector("button.hf-step");
                if (line && its === now) {
                    line.setAttribute("aria-current", "step");
                } else if (line) {
                    line.removeAttribute("aria-current");
                }
            }
            const said = find(".hf-said.is-now").textContent;
            slider.value = now;
            slider.setAttribute("aria-valuetext", `${now} of ${last}: ${said}`);
            find(".hf-count").textContent = `${now} / ${last}`;
            dim("first", now === 0);
            dim("back", now === 0);
            dim("step", now === last);
            dim("last", now === last);
            return said;
        }

        // A dimmed button keeps the focus, which a disabled one would lose.
        function dim(action, isDimmed) {
            const button = find(`[data-do=${action}]`);
            button.setAttribute("aria-disabled", String(isDimmed));
        }

        function go(step) {
            putAway();
            find(".hf-aloud").textContent = show(step);
        }

        // One step, if there is nothing to ask before it. Whoever steps past a
        // question is not asked again.
        function step() {
            const question = questions.get(now + 1);
            const isNew = question && !done.has(now + 1) && asks.checked;
            if (isNew && asked === null) {
                ask(question);
                return false;
            }
            if (asked !== null) {
                done.add(now + 1);
            }
            go(now + 1);
            return true;
        }

        function ask(question) {
            asked = question;
            question.classList.add("is-now");
            figure.classList.add("is-asking");
            const choices = [...question.querySelectorAll("button")];
            const read = choices.map((it, at) => `${at + 1}: ${it.textContent}`);
            const text = question.querySelector("p").textContent;
            find(".hf-aloud").textContent = `${text} ${read.join(", ")}`;
        }

        function putAway() {
            asked?.classList.remove("is-now");
            figure.classList.remove("is-asking");
            asked = null;
        }

        function answer(choice) {
            const chosen = asked.querySelector(`[data-choice="${choice}"]`);
            if (!chosen) {
                return;
            }
            const hadFocus = chosen.contains(document.activeElement);
            const isRight = asked.dataset.right === String(choice);
            const told = asked.querySelector(".hf-answer").textContent;
            const step = Number(asked.dataset.ask);
            const verdict = find(`.hf-said[data-step="${step}"] .hf-verdict`);
            verdict.textContent = isRight
                ? `Right. ${told} `
                : `Not “${chosen.textContent}”. ${told} `;
            done.add(step);
            progress.answer(`${figure.dataset.scenario}:${step}`);
            const goesOn = isHeld;
            go(step);
            if (hadFocus) {
                find("[data-do=step]").focus();
            }
            if (goesOn) {
                play();
            }
        }

        function pause() {
            clearTimeout(timer);
            timer = null;
            isHeld = false;
            drawPlay("Play", PLAY);
        }

        function play() {
            if (now === last) {
                go(0);
            }
            drawPlay("Pause", PAUSE);
            wait();
        }

        function wait() {
            timer = setTimeout(() => {
                const isAsked = !step();
                if (isAsked || now === last) {
                    pause();
                    isHeld = isAsked;
                } else {
                    wait();
                }
            }, STAY / Number(speed.value));
        }

        function drawPlay(label, path) {
            playButton.title = label;
            playButton.setAttribute("aria-label", label);
            playButton.querySelector("path").setAttribute("d", path);
        }

        const actions = {
            first: () => 0,
            back: () => now - 1,
            last: () => last,
        };

        function act(action) {
            if (action === "play" && timer === null) {
                play();
                return;
            }
            pause();
            if (action === "step" && now < last) {
                step();
            } else if (action in actions) {
                go(actions[action]());
            }
        }

        // The lines of the program become buttons.
        for (const line of figure.querySelectorAll("span.hf-step")) {
            const button = document.createElement("button");
            button.type = "button";
            button.className = line.className;
            button.append(...line.childNodes);
            line.replaceWith(button);
        }

        figure.addEventListener("click", (event) => {
            const button = event.target.closest("button");
            if (button?.dataset.do) {
                act(button.dataset.do);
            } else if (button?.dataset.choice) {
                answer(button.dataset.choice);
            } else if (button) {
                pause();
                go(Number(button.closest("[data-step]").dataset.step));
            }
        });

        slider.addEventListener("input", () => {
            pause();
            go(Number(slider.value));
        });

        asks?.addEventListener("change", () => {
            progress.setAsks(asks.checked);
            if (!asks.checked) {
                putAway();
            }
        });

        figure.addEventListener("keydown", (event) => {
            if (asked !== null && /^[1-9]$/.test(event.key)) {
                event.preventDefault();
                event.stopPropagation();
                answer(Number(event.key) - 1);
                return;
            }
            const action = KEYS[event.key];
            const isChord = event.altKey || event.ctrlKey || event.metaKey;
            if (!action || isChord || event.shiftKey) {
                return;
            }
            // The book turns its page on these keys. Not from in here.
            event.stopPropagation();
            const control = event.target.closest("input, select, button");
            const isMoving = event.key !== " ";
            if (!control || (isMoving && control.matches("button"))) {
                event.preventDefault();
                act(action);
            }
        });

        figure.tabIndex = 0;
        figure.classList.add("is-live");
        find(".hf-controls").hidden = false;
        find(".hf-words").hidden = false;
        if (asks) {
            asks.checked = progress.asks();
        }
        show(0);
    }

    // A drawing of one picture has nothing to play.
    const figures = document.querySelectorAll("figure.heap-figure");
    figures.forEach((figure) => {
        if (figure.querySelector(".hf-controls")) {
            player(figure);
        }
    });
})();
