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

    function player(figure) {
        const find = (selector) => figure.querySelector(selector);
        const steps = figure.querySelectorAll("[data-step]");
        const slider = find("input");
        const speed = find("select");
        const playButton = find("[data-do=play]");
        const last = Number(slider.max);
        const still = Number(find(".is-still").dataset.step);
        let now = still;
        let timer = null;
        // Until somebody touches the player it shows the still picture. From
        // there, a step leads to the beginning.
        let isUntouched = true;

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
            dim("step", now === last && !isUntouched);
            dim("last", now === last);
            return said;
        }

        // A dimmed button keeps the focus, which a disabled one would lose.
        function dim(action, isDimmed) {
            const button = find(`[data-do=${action}]`);
            button.setAttribute("aria-disabled", String(isDimmed));
        }

        function go(step) {
            isUntouched = false;
            find(".hf-aloud").textContent = show(step);
        }

        function pause() {
            clearTimeout(timer);
            timer = null;
            drawPlay("Play", PLAY);
        }

        function play() {
            if (now === last || isUntouched) {
                go(0);
            }
            drawPlay("Pause", PAUSE);
            wait();
        }

        function wait() {
            timer = setTimeout(() => {
                go(now + 1);
                if (now === last) {
                    pause();
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
            step: () => (isUntouched ? 0 : now + 1),
            last: () => last,
        };

        function act(action) {
            if (action === "play" && timer === null) {
                play();
                return;
            }
            pause();
            if (action !== "play") {
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
            } else if (button) {
                pause();
                go(Number(button.closest("[data-step]").dataset.step));
            }
        });

        slider.addEventListener("input", () => {
            pause();
            go(Number(slider.value));
        });

        figure.addEventListener("keydown", (event) => {
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
        show(still);
    }

    document.querySelectorAll(".heap-figure").forEach(player);
})();
