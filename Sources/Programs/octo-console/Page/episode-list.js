// The recorded episodes: searched, filtered, and chosen to be looked at.

import { h, fill, say } from "./dom.js";
import { getJSON } from "./commands.js";
import { outcomeKey, outcomeSign } from "./episode-words.js";
import { bytes, clock, count } from "./words.js";

/// One panel with a card for each episode on disk.
export class EpisodeList {
    #live;
    #open;
    #entries = [];
    #folder = "";
    #problem = "";
    #isRead = false;
    #isReading = false;
    #isDue = false;
    #opened = null;
    #search;
    #outcome;
    #words;
    #list;

    constructor(live, open) {
        this.#live = live;
        this.#open = open;
        this.#search = h("input", {
            type: "search", id: "episode-search", placeholder: "name, goal, note …", autocomplete: "off",
            oninput: () => this.#show(),
        });
        this.#outcome = h("select", { id: "episode-filter", onchange: () => this.#show() },
            h("option", { value: "" }, "all"),
            ["success", "failure", "discarded", "unknown", "open"].map((key) => h("option", { value: key }, key)),
            h("option", { value: "missing" }, "something is missing"));
        this.#words = h("p", { class: "words", role: "status" });
        this.#list = h("div", { class: "episode-cards" });
        this.node = h("section", { class: "panel", "aria-labelledby": "episodes-title" },
            h("h2", { id: "episodes-title" }, "Recorded episodes"),
            h("div", { class: "row" },
                h("label", { class: "label", for: "episode-search" }, "Search"), this.#search,
                h("label", { class: "label", for: "episode-filter" }, "Outcome"), this.#outcome),
            this.#words, this.#list);
    }

    async reload() {
        if (this.#isReading) {
            this.#isDue = true;
            return;
        }
        this.#isReading = true;
        try {
            const { folder = "", episodes = [] } = await getJSON("/api/episodes");
            [this.#folder, this.#entries, this.#problem] = [folder, episodes, ""];
        } catch (error) {
            this.#problem = `The list cannot be read: ${error.message}.`;
        }
        this.#isRead = true;
        this.#isReading = false;
        this.#show();
        if (this.#isDue) {
            this.#isDue = false;
            this.reload();
        }
    }

    /// The one that was looked at was closed: the person is back where they opened it.
    leaveOpened() {
        const card = [...this.#list.children].find((one) => one.dataset.id === this.#opened);
        this.showOpened(null);
        card?.querySelector("button").focus();
    }

    /// Marks the one that is being looked at. @param {string | null} id
    showOpened(id) {
        this.#opened = id;
        for (const card of this.#list.children) card.classList.toggle("is-open", card.dataset.id === id);
    }

    #show() {
        const wanted = this.#search.value.trim().toLowerCase();
        const outcome = this.#outcome.value;
        const found = this.#entries.filter((entry) => {
            const isOfIt = outcome === "" || (outcome === "missing"
                ? (entry.missing ?? []).length > 0 || entry.problem : outcomeKey(entry.outcome) === outcome);
            return isOfIt && [entry.name, entry.id, entry.goal, entry.started, ...(entry.notes ?? [])]
                .some((text) => text?.toLowerCase().includes(wanted));
        });
        const all = found.length === this.#entries.length
            ? count(found.length, "episode") : `${found.length} of ${count(this.#entries.length, "episode")}`;
        say(this.#words, this.#problem || (!this.#isRead ? "Reading …"
            : this.#folder ? `${all} in ${this.#folder}.` : `${all}.`));
        const focused = document.activeElement?.closest?.(".episode")?.dataset.id;
        fill(this.#list, found.map((entry) => this.#card(entry)));
        if (focused !== undefined) {
            [...this.#list.children].find((one) => one.dataset.id === focused)
                ?.querySelector("button")?.focus({ preventScroll: true });
        }
    }

    #card(entry) {
        const { id, name, goal, cameras = [], missing = [], notes = [], problem } = entry;
        const picture = cameras.length > 0 ? h("img", {
            class: "episode-picture", loading: "lazy", alt: "",
            src: `/picture/episodes/${encodeURIComponent(id)}/${encodeURIComponent(cameras[0])}/0.jpg?width=320`,
            onerror: (event) => { event.target.hidden = true; },
        }) : null;
        const size = [bytes(entry.bytes ?? 0), count(entry.messages ?? 0, "message")];
        const facts = [entry.started?.replace("T", " "), ...size];
        const isWhole = missing.length === 0 && !problem;
        return h("article", { class: id === this.#opened ? "episode is-open" : "episode", "data-id": id },
            h("div", { class: "episode-thumbnail" }, picture,
                h("span", { class: "episode-length" }, entry.recording ? "● recording" : clock(entry.seconds ?? 0))),
            h("div", { class: "episode-words" },
                h("h3", { class: "card-title" }, name || id),
                h("p", {}, outcomeSign(entry.outcome), isWhole ? null : [" ", h("span", { class: "episode-missing" },
                    h("span", { "aria-hidden": "true" }, "▲ "), problem ? "damaged" : "not whole")]),
                goal ? h("p", {}, `goal: ${goal}`) : null,
                h("p", { class: "meta" }, facts.filter((part) => part).join(" · ")),
                notes.map((note) => h("p", { class: "episode-note-line" }, `“${note}”`)),
                missing.length > 0 ? h("p", { class: "problem" }, `missing: ${missing.join(", ")}`) : null,
                problem ? h("p", { class: "problem" }, problem) : null),
            h("button", {
                type: "button", class: "episode-open", "aria-label": `Look at ${name || id}`,
                onclick: () => this.#open(entry),
            }, "Look at it"));
    }
}
