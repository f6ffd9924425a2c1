// The processes of the run, each with what it says about itself.

import { fill, h, mark, say } from "./dom.js";
import { age, briefly, count, fixed, nodeState } from "./words.js";

/// Statuses come twice a second; a node that says nothing for longer may be gone, s.
const silentAfter = 2;
/// Rates are counted over so long, ns.
const rateWindowNs = 5e9;
/// Counters that ought to stay 0, in words; others that are not 0 are shown by their own name.
const troubles = {
    bus_lost: "lost on the bus", bus_superseded: "overtaken on the bus", bus_malformed: "malformed",
    dropped_events: "events dropped", overruns: "loop overruns", rejected_chunks: "chunks rejected",
    clamped_steps: "steps clamped", read_faults: "read faults", write_faults: "write faults",
    emergency_stops: "emergency stops", missed_ticks: "ticks missed", invalid_ticks: "invalid ticks",
    failed_inferences: "inferences failed", unreadable_frames: "frames unreadable", skipped: "frames skipped",
    failures: "failures", overtaken: "chunks overtaken", missing: "messages missing", withheld: "frames withheld",
};
/// Those of them that say that the run itself suffers.
const serious = new Set(["bus_lost", "bus_malformed", "dropped_events", "read_faults", "write_faults", "missing",
    "failed_inferences"]);

/// Cards of all nodes, in the run's order; those that have never spoken are there as well.
export class NodeCards {
    constructor(live) {
        this.live = live;
        this.cards = new Map();
        this.element = h("div", { class: "nodes" });
    }

    /// Begins anew for a run's nodes.
    begin(names) {
        this.cards.clear();
        fill(this.element);
        for (const name of names) this.#card(name);
    }

    /// Takes a status. Returns what changed: `{restarted, was, is}`; `was` is the state before, null at first.
    take(object) {
        const name = object.message.node ?? object.node;
        return this.#card(name).take(object);
    }

    show() {
        for (const card of this.cards.values()) card.show(this.live);
    }

    /// How many nodes are in which state: key → number.
    tally() {
        const counts = new Map();
        for (const { key } of this.cards.values()) counts.set(key, (counts.get(key) ?? 0) + 1);
        return counts;
    }

    #card(name) {
        let card = this.cards.get(name);
        if (!card) {
            card = new Card(name);
            this.cards.set(name, card);
            this.element.append(card.element);
        }
        return card;
    }
}

class Card {
    constructor(name) {
        this.object = null;
        this.key = "silent";
        this.restarts = 0;
        this.history = [];
        this.sign = h("span", { class: "node-mark", "aria-hidden": "true" });
        this.word = h("span", { class: "node-word" });
        this.headline = h("p", { class: "node-headline" });
        this.since = h("span", { class: "quiet" });
        this.rates = h("dl", { class: "numbers" });
        this.latencies = h("tbody");
        this.times = h("table", { class: "times", hidden: true },
            h("thead", {}, h("tr", {}, h("td"),
                ["median", "p99", "most"].map((word) => h("th", { scope: "col" }, word)))),
            this.latencies);
        this.trouble = h("ul", { class: "troubles" });
        this.element = h("article", { class: "panel node", "data-node": name, "data-state": "silent" },
            h("header", {}, h("h3", {}, name), h("span", { class: "node-state" }, this.sign, this.word)),
            this.headline, this.trouble, this.rates, this.times, h("footer", {}, this.since));
    }

    take(object) {
        const former = this.object;
        const { message, publish_ns } = object;
        const restarted = former !== null && (former.message.process_id ?? 0) !== (message.process_id ?? 0);
        if (restarted) {
            this.restarts += 1;
            this.history = [];
        }
        this.object = object;
        const totals = new Map((message.counters ?? []).map(({ name, value }) => [name, value ?? 0]));
        this.history.push({ publish_ns, totals });
        while (this.history.length > 2 && this.history[0].publish_ns < publish_ns - rateWindowNs) this.history.shift();
        this.isChanged = true;
        return { restarted, was: former?.message.state ?? null, is: message.state };
    }

    show(live) {
        const { object } = this;
        const old = object ? live.ageOf(object.publish_ns) : Infinity;
        const isSilent = old > silentAfter || live.state !== "live";
        const state = isSilent ? { key: "silent", word: "silent", mark: "○" } : nodeState(object.message.state);
        this.key = state.key;
        mark(this.element, "data-state", state.key);
        say(this.sign, state.mark);
        say(this.word, state.word);
        const restarts = this.restarts > 0 ? ` · ${count(this.restarts, "restart")} seen` : "";
        say(this.since, object ? `process ${object.message.process_id ?? "–"} · said ${age(old)} ago${restarts}`
            : "has said nothing yet");
        mark(this.since, "data-restarts", this.restarts || null);
        if (!object || !this.isChanged) return;
        this.isChanged = false;
        say(this.headline, object.message.headline ?? "");
        this.#showCounters();
        const latencies = (object.message.latencies ?? []).filter((one) => one.count);
        this.times.hidden = latencies.length === 0;
        fill(this.latencies, latencies.map((one) => h("tr", { title: `${one.count} measured` },
            h("th", { scope: "row" }, one.name.replaceAll("_", " ")),
            [one.p50_ns, one.p99_ns, one.maximum_ns].map((ns) => h("td", {}, briefly(ns))))));
    }

    #showCounters() {
        const first = this.history[0], last = this.history.at(-1);
        const span = (last.publish_ns - first.publish_ns) / 1e9;
        const rates = [], bad = [];
        for (const [name, value] of last.totals) {
            const topic = /^sent (.*)$/.exec(name)?.[1];
            const rate = span > 0.5 ? (value - (first.totals.get(name) ?? value)) / span : null;
            if (topic && !topic.endsWith("/status")) {
                // What is said once in a while has no rate.
                if (value === 0 || (rate !== null && rate < 0.05)) continue;
                rates.push(h("dt", {}, topic),
                    h("dd", {}, rate === null ? "–" : h("b", {}, fixed(rate, 1)), " a second"));
            } else if (troubles[name] && value > 0) {
                // What grows now is another matter than what once was.
                const isGrowing = rate !== null && rate > 0;
                const level = serious.has(name) ? "bad" : "warn";
                bad.push(h("li", { "data-level": level, "data-growing": isGrowing || null },
                    `${value} ${troubles[name]}${isGrowing ? ", growing" : ""}`));
            }
        }
        fill(this.rates, rates);
        fill(this.trouble, bad);
    }
}
