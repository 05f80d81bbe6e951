// Keeps on the reader's machine what they have read and answered, and marks it
// in the table of contents. Nothing of it leaves the browser. Where the browser
// refuses to keep anything, it lasts as long as the page.

(() => {
    "use strict";

    const KEY = "malloc-in-five-stages";

    // Where the book starts, and the page in it.
    const root = new URL(path_to_root || ".", location.href).href;
    const pageOf = (url) =>
        url.startsWith(root) ? url.slice(root.length).split("#")[0] : "";
    const page = pageOf(location.href) || "index.html";

    let known = load();

    function load() {
        try {
            const text = localStorage.getItem(KEY);
            const { pages = {}, asks = true } = JSON.parse(text ?? "{}");
            return { pages, asks };
        } catch {
            return { pages: {}, asks: true };
        }
    }

    function save() {
        try {
            localStorage.setItem(KEY, JSON.stringify(known));
        } catch {
            // It is kept for as long as the page is open.
        }
        mark();
    }

    // What is known of a page: whether it was read, how many questions it has,
    // and which of them were answered.
    function of(name) {
        known.pages[name] ??= { isRead: false, questions: 0, answered: [] };
        return known.pages[name];
    }

    function answer(question) {
        const { answered } = of(page);
        if (!answered.includes(question)) {
            answered.push(question);
        }
        save();
    }

    function mark() {
        const links = document.querySelectorAll("mdbook-sidebar-scrollbox a");
        for (const link of links) {
            // Headings of this page stand among them.
            if (link.hash !== "") {
                continue;
            }
            const its = known.pages[pageOf(link.href)];
            const count = its?.answered.length ?? 0;
            const isAll = its?.questions > 0 && count >= its.questions;
            const words = [
                its?.isRead ? "read" : "",
                isAll ? "all questions answered" : "",
            ].filter((word) => word !== "");
            let sign = link.querySelector(".progress-mark");
            if (words.length === 0) {
                sign?.remove();
                continue;
            }
            if (!sign) {
                sign = document.createElement("span");
                sign.className = "progress-mark";
                sign.setAttribute("role", "img");
                link.append(sign);
            }
            sign.textContent = isAll ? "✓" : "·";
            sign.title = words.join(", ");
            sign.setAttribute("aria-label", words.join(", "));
        }
    }

    // Once the end of the page is seen, it is read.
    function watch() {
        const end = document.querySelector(".next-pages");
        if (!end) {
            return;
        }
        const folds = document.querySelectorAll("details.answer");
        const asks = document.querySelectorAll(".hf-ask");
        of(page).questions = folds.length + asks.length;
        folds.forEach((fold, index) => {
            fold.addEventListener("toggle", () => {
                if (fold.open) {
                    answer(`answer:${index}`);
                }
            });
        });
        const observer = new IntersectionObserver((entries) => {
            if (entries.some((entry) => entry.isIntersecting)) {
                of(page).isRead = true;
                save();
                observer.disconnect();
            }
        });
        observer.observe(end);
    }

    // The one place to forget it all: wherever a page has room for it.
    function offer(place) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "progress-forget";
        button.textContent = "Forget what I have read and answered";
        const told = document.createElement("span");
        told.setAttribute("role", "status");
        button.addEventListener("click", () => {
            known = { pages: {}, asks: true };
            try {
                localStorage.removeItem(KEY);
            } catch {
                // Then there is nothing to remove.
            }
            mark();
            told.textContent = "Forgotten.";
        });
        place.append(button, " ", told);
    }

    window.bookProgress = {
        asks: () => known.asks,
        setAsks(asks) {
            known.asks = asks;
            save();
        },
        answer,
    };

    if (page !== "print.html") {
        watch();
    }
    document.querySelectorAll(".progress-place").forEach(offer);
    mark();
    // The contents may come later than this script.
    window.addEventListener("load", mark);
})();
