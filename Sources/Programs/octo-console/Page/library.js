// The library of goals as pictures: searched, ranked by how they fit the present scene, set and deleted.

import { h, fill, say } from "./dom.js";
import { getJSON } from "./commands.js";
import { fitSign, originWords } from "./goal-words.js";
import { runJob } from "./jobs.js";
import { age, count, percent } from "./words.js";

/// One panel with a card for each goal.
export class GoalLibrary {
    #live;
    #app;
    #goals;
    #entries = [];
    #folder = "";
    #problem = "";
    #loading = null;
    #isDue = false;
    #readAt = 0;
    /// Goal name → `{place, fit}` of the last ranking.
    #ranks = new Map();
    /// How far the ranking is, in words; null: none runs.
    #ranking = null;
    #rankedAt = "";
    #search;
    #order;
    #rank;
    #words;
    #list;

    /// - goals: what the place gives: `current()`, `mayOperate()`, `set(name)`, `remove(name)`, and
    ///   `changed()`, called when the library was read.
    constructor(live, app, goals) {
        this.#live = live;
        this.#app = app;
        this.#goals = goals;
        this.#search = h("input", {
            type: "search", id: "goal-search", placeholder: "name, sentence, camera …", autocomplete: "off",
            oninput: () => this.#show(),
        });
        this.#order = h("select", { id: "goal-order", onchange: () => this.#show() },
            h("option", { value: "newest" }, "newest first"), h("option", { value: "name" }, "by name"),
            h("option", { value: "fit", disabled: true }, "best fit first"));
        this.#rank = h("button", {
            id: "goal-rank", type: "button", onclick: () => this.#startRanking(),
            title: "Compares each goal with what the cameras see now. Nothing moves.",
        }, "Rank by fit now");
        this.#words = h("p", { class: "words", role: "status" });
        this.#list = h("div", { class: "goal-cards" });
        this.node = h("section", { class: "panel", "aria-labelledby": "goals-library-title" },
            h("h2", { id: "goals-library-title" }, "The library"),
            h("div", { class: "row" },
                h("label", { class: "label", for: "goal-search" }, "Search"), this.#search,
                h("label", { class: "label", for: "goal-order" }, "Order"), this.#order, this.#rank),
            this.#words, this.#list);
        this.#show();
    }

    /// Names of all goals, whole or damaged.
    get names() { return this.#entries.map(({ name }) => name); }

    /// The goal of that name, as the server lists it.
    find(name) { return this.#entries.find((entry) => entry.name === name); }

    /// Reads the library again; calls that come meanwhile lead to one more reading.
    async reload() {
        if (this.#loading) {
            this.#isDue = true;
            return this.#loading;
        }
        this.#loading = this.#read();
        await this.#loading;
        this.#loading = null;
        if (this.#isDue) {
            this.#isDue = false;
            await this.reload();
        }
    }

    async #read() {
        try {
            const { folder = "", goals = [] } = await getJSON("/api/goals");
            this.#entries = goals;
            this.#folder = folder;
            this.#problem = "";
            this.#readAt = performance.now();
            this.#goals.changed();
        } catch (error) {
            this.#problem = `The library cannot be read: ${error.message}.`;
        }
        this.refresh();
    }

    refresh() {
        const hasRun = this.#live.run !== null;
        this.#rank.hidden = !hasRun;
        this.#rank.disabled = this.#ranking !== null || !this.#goals.mayOperate() || this.#entries.length === 0;
        this.#show();
    }

    // MARK: Ranking

    async #startRanking() {
        this.#ranking = "comparing with the cameras";
        this.refresh();
        const job = await runJob(this.#live, "rank", {}, (words) => {
            this.#ranking = words || this.#ranking;
            say(this.#words, this.#state(this.#list.children.length));
        });
        this.#ranking = null;
        // Goals that cannot be read make the program say so with its exit code; the others are ranked all the same.
        if (Array.isArray(job.result)) {
            this.#ranks = new Map(job.result.map((fit, index) => [fit.goal, { place: index + 1, fit }]));
            this.#rankedAt = new Date().toLocaleTimeString();
            this.#order.options[2].disabled = false;
            this.#order.value = "fit";
        } else {
            this.#app.toast(`Not ranked: ${job.progress || "the program said nothing"}`, "bad");
        }
        this.refresh();
    }

    // MARK: Cards

    #show() {
        const wanted = this.#search.value.trim().toLowerCase();
        const found = this.#sorted(this.#entries.filter((entry) => [
            entry.name, entry.text, originWords(entry.origin), entry.origin, ...(entry.cameras ?? []),
        ].some((text) => text?.toLowerCase().includes(wanted))));
        say(this.#words, this.#state(found.length));
        const held = document.activeElement?.closest?.(".goal");
        const focused = held && [held.dataset.name, document.activeElement.className];
        fill(this.#list, found.map((entry) => this.#card(entry)));
        if (!focused || !this.#list.isConnected) return;
        // A card that was drawn anew under the person's hand keeps the focus.
        const card = [...this.#list.children].find((one) => one.dataset.name === focused[0]);
        card?.getElementsByClassName(focused[1])[0]?.focus({ preventScroll: true });
    }

    #state(found) {
        if (this.#ranking !== null) return `Ranking: ${this.#ranking} …`;
        if (this.#problem) return this.#problem;
        if (this.#entries.length === 0) return this.#folder ? `No goal in ${this.#folder} yet.` : "No goal yet.";
        const all = found === this.#entries.length
            ? count(found, "goal") : `${found} of ${count(this.#entries.length, "goal")}`;
        const ranked = this.#ranks.size > 0
            ? `; ranked at ${this.#rankedAt} against the scene of then` : "";
        return `${all} in ${this.#folder}${ranked}.`;
    }

    #sorted(entries) {
        const byName = (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true });
        const place = ({ name }) => this.#ranks.get(name)?.place ?? Infinity;
        const old = ({ age_s: s, problem }) => (problem ? Infinity : s ?? Infinity);
        const by = (key) => (a, b) => (key(a) === key(b) ? byName(a, b) : key(a) - key(b));
        return entries.sort({ newest: by(old), name: byName, fit: by(place) }[this.#order.value]);
    }

    #card(entry) {
        const { name, text, cameras = [], origin, problem, time } = entry;
        const rank = this.#ranks.get(name);
        const isSet = this.#live.run !== null && this.#goals.current()?.id && this.#goals.current().name === name;
        const may = this.#goals.mayOperate();
        // Of what cannot be read nobody knows when it was taken.
        const since = problem ? NaN : (entry.age_s ?? NaN) + (performance.now() - this.#readAt) / 1e3;
        const pictures = cameras.map((camera) => {
            const address = `/picture/goals/${encodeURIComponent(name)}/${encodeURIComponent(camera)}.jpg`;
            const version = encodeURIComponent(time ?? "");
            return h("a", { href: `${address}?v=${version}`, target: "_blank", rel: "noopener", title: camera },
                h("img", {
                    class: "goal-picture", loading: "lazy", alt: `${name}, camera ${camera}`,
                    src: `${address}?width=320&v=${version}`,
                }));
        });
        return h("article", { class: isSet ? "goal is-set" : "goal", "data-name": name },
            h("div", { class: "goal-pictures" },
                pictures.length > 0 ? pictures
                    : h("p", { class: "goal-nothing" }, problem ? "cannot be read" : "no picture")),
            h("h3", { class: "card-title" }, name),
            isSet ? h("p", { class: "goal-badge" },
                h("span", { "aria-hidden": "true" }, "◆ "), "the present goal") : null,
            rank ? this.#rankLine(rank) : null,
            text ? h("p", { class: "sentence" }, `“${text}”`) : null,
            h("p", { class: "meta", title: time ?? "" },
                [Number.isFinite(since) ? `${age(since)} old` : "", originWords(origin), cameras.join(", ")]
                    .filter((part) => part).join(" · ")),
            problem ? h("p", { class: "problem" }, problem) : null,
            this.#live.run === null ? null : h("div", { class: "buttons" },
                h("button", {
                    class: "goal-set", type: "button", disabled: !may || Boolean(problem),
                    "aria-label": `Set the goal ${name}`, onclick: () => this.#goals.set(name),
                }, isSet ? "Set again" : "Set"),
                h("button", {
                    class: "goal-delete", type: "button", disabled: !may, "aria-label": `Delete the goal ${name}`,
                    onclick: () => this.#goals.remove(name),
                }, "Delete")));
    }

    #rankLine({ place, fit }) {
        const reasons = (fit.cameras ?? []).flatMap(({ camera, reasons: all = [] }) =>
            all.map((reason) => `${camera}: ${reason}`));
        const agreement = Math.min(...(fit.cameras ?? []).map((one) => one.agreement ?? 0));
        const figure = Number.isFinite(agreement) && fit.verdict !== "unknown" ? `, ${percent(agreement)} agrees` : "";
        return h("div", { class: "goal-rank-line" },
            h("p", {}, h("strong", {}, `${place}. `), fitSign(fit.verdict), figure),
            reasons.length > 0 ? h("ul", { class: "reasons" }, reasons.map((text) => h("li", {}, text))) : null);
    }
}
