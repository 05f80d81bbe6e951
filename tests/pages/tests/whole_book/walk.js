// Gets a page ready to be walked through by the Tab key, and tells what came of
// it. Nothing moves, and all that is behind a click is open.

(() => {
    "use strict";

    const CONTROLS =
        "a[href], button, input, select, textarea, summary, [tabindex]";

    const style = document.createElement("style");
    style.textContent = "* { transition: none !important }";
    document.head.append(style);
    for (const fold of document.querySelectorAll("details")) {
        fold.open = true;
    }

    // As somebody finds it in the page's source.
    function name(element) {
        const text = element.getAttribute("aria-label") ?? element.textContent;
        const start = text.trim().replace(/\s+/g, " ").slice(0, 30);
        const classes = [element.localName, ...element.classList].join(".");
        return `${classes} “${start}”`;
    }

    const isShown = (element) =>
        element.matches("main .clip-button") ||
        element.checkVisibility({ visibilityProperty: true });
    const isOpaque = (element) =>
        element.checkVisibility({ opacityProperty: true });

    function look(element) {
        const { outlineStyle, outlineWidth, boxShadow } =
            getComputedStyle(element);
        const hasOutline =
            outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
        return { hasOutline, boxShadow };
    }

    function controls() {
        const all = [...document.querySelectorAll(CONTROLS)];
        return all.filter((it) => it.tabIndex >= 0 && !it.disabled && isShown(it));
    }

    // What scrolls here and is not said to.
    function nameless() {
        const all = [...document.querySelectorAll("main *, main")];
        const scrolls = (it, size, overflow) =>
            it[`scroll${size}`] > it[`client${size}`] + 1 &&
            ["auto", "scroll"].includes(getComputedStyle(it)[overflow]);
        const isNamed = (it) =>
            it.tabIndex >= 0 &&
            it.hasAttribute("aria-label") &&
            it.hasAttribute("role");
        return all.filter(
            (it) =>
                (scrolls(it, "Width", "overflowX") ||
                    scrolls(it, "Height", "overflowY")) &&
                !it.matches("textarea, select") &&
                !isNamed(it) &&
                !it.querySelector(CONTROLS),
        );
    }

    let expected, before, reached, wrong;

    document.addEventListener(
        "focusin",
        ({ target }) => {
            if (target.matches(".walk-start")) {
                return;
            }
            reached.push(target);
            const { hasOutline, boxShadow } = look(target);
            const isMarked = hasOutline || boxShadow !== before.get(target);
            if (!isMarked || !isOpaque(target)) {
                wrong.push(`no mark: ${name(target)}`);
            }
        },
        true,
    );

    window.walk = {
        // Goes to the start of the page, and says how many stops there are.
        start() {
            // Where no frame is shown, nobody sees that a scroll bar has come.
            dispatchEvent(new Event("resize"));
            const start = document.createElement("span");
            start.className = "walk-start";
            start.tabIndex = -1;
            document.body.prepend(start);
            start.focus();
            start.remove();
            expected = controls();
            before = new Map(expected.map((it) => [it, look(it).boxShadow]));
            reached = [];
            wrong = nameless().map((it) => `it scrolls unnamed: ${name(it)}`);
            return expected.length;
        },

        // What was wrong on the way.
        end() {
            for (const it of expected.filter((it) => !reached.includes(it))) {
                wrong.push(`never reached: ${name(it)}`);
            }
            for (const it of reached.filter((it) => !expected.includes(it))) {
                wrong.push(`no control, and reached: ${name(it)}`);
            }
            const isBehind = (it, at) =>
                at === 0 ||
                reached[at - 1].compareDocumentPosition(it) &
                    Node.DOCUMENT_POSITION_FOLLOWING;
            const jump = reached.find((it, at) => !isBehind(it, at));
            if (jump) {
                wrong.push(`out of order: ${name(jump)}`);
            }
            return wrong;
        },
    };
})();
