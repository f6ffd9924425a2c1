// What happened: events of the nodes, and changes of their states that somebody ought to see.

import { fill, h } from "./dom.js";
import { eventWords } from "./words.js";

const kept = 500;
const marks = { bad: "✕", warn: "▲", good: "✓", info: "·" };
const words = { bad: "error", warn: "warning", good: "mended", info: "event" };
/// Kinds of events that hold the robot up.
const levels = {
    KIND_EMERGENCY_STOP: "bad", KIND_POLICY_HELD: "warn", KIND_ARM_HELD: "warn", KIND_INTERVENTION_BEGAN: "warn",
    KIND_POLICY_RELEASED: "good", KIND_ARM_RELEASED: "good", KIND_EMERGENCY_STOP_RESET: "good",
};

/// What the fit is now, of "the fit of 'mug': green -> red: camera moved …".
function newVerdict(text) {
    return /(?:': | -> )(red|amber|green|unknown)(?=:|$)/.exec(text)?.[1];
}

/// The log with its filter. Newest first.
export class EventLog {
    constructor(live) {
        this.live = live;
        this.entries = [];
        this.list = h("ol", { id: "events", "aria-label": "Events and warnings, newest first" });
        this.nothing = h("p", { class: "quiet" }, "nothing has happened yet");
        this.word = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter the log by words",
            oninput: () => this.#refill() });
        this.level = h("select", { "aria-label": "Which entries are shown", onchange: () => this.#refill() },
            h("option", { value: "all" }, "everything"), h("option", { value: "warn" }, "warnings and errors"));
        this.node = h("select", { "aria-label": "Whose entries are shown", onchange: () => this.#refill() },
            h("option", { value: "" }, "all nodes"));
        this.nodes = new Set();
        this.element = h("section", { class: "panel log", "aria-label": "Log" },
            h("header", {}, h("h3", {}, "Log"), h("div", { class: "filters" }, this.word, this.level, this.node)),
            this.list, this.nothing);
    }

    clear() {
        this.entries = [];
        this.#refill();
    }

    /// Takes an event (event/*).
    takeEvent({ message, node, publish_ns }) {
        const kind = message.kind ?? "";
        const text = message.text || [eventWords(kind), message.subject].filter((word) => word).join(": ");
        const fit = kind === "KIND_FIT_CHANGED" ? { red: "bad", amber: "warn", green: "good" }[
            newVerdict(text)] : undefined;
        const level = fit ?? levels[kind] ?? "info";
        this.add(message.time_ns ?? publish_ns, message.node ?? node, level, text, eventWords(kind));
    }

    /// Adds an entry. Level: "bad", "warn", "good" or "info"; time: server's CLOCK_MONOTONIC, ns.
    add(time_ns, node, level, text, kind = "") {
        const entry = { time_ns, node, level, text, kind };
        // Old ones come late after a connection was made.
        let index = this.entries.findIndex((one) => one.time_ns <= time_ns);
        if (index < 0) index = this.entries.length;
        this.entries.splice(index, 0, entry);
        if (!this.nodes.has(node)) {
            this.nodes.add(node);
            this.node.append(h("option", { value: node }, node));
        }
        if (this.entries.length > kept) this.entries.pop().item?.remove();
        if (index < kept && this.#isWanted(entry)) {
            entry.item = this.#item(entry);
            const next = this.entries.slice(index + 1).find((one) => one.item);
            this.list.insertBefore(entry.item, next?.item ?? null);
        }
        this.nothing.hidden = this.entries.length > 0;
    }

    #isWanted({ node, level, text, kind }) {
        const word = this.word.value.trim().toLowerCase();
        return (this.node.value === "" || node === this.node.value)
            && (this.level.value === "all" || level === "bad" || level === "warn")
            && (word === "" || `${node} ${kind} ${text}`.toLowerCase().includes(word));
    }

    #refill() {
        for (const entry of this.entries) entry.item = this.#isWanted(entry) ? this.#item(entry) : null;
        fill(this.list, this.entries.map((entry) => entry.item).filter((item) => item));
        this.nothing.hidden = this.entries.length > 0;
    }

    #item({ time_ns, node, level, text, kind }) {
        // By the clock of who reads it: the robot's own has no date.
        const at = new Date(Date.now() - (this.live.nowNs() - time_ns) / 1e6);
        return h("li", { "data-level": level },
            h("time", { datetime: at.toISOString() }, at.toLocaleTimeString([], { hour12: false })),
            h("span", { class: "log-mark", title: words[level] }, marks[level]),
            h("span", { class: "log-node" }, node), h("span", { class: "log-text", title: kind }, text));
    }
}
