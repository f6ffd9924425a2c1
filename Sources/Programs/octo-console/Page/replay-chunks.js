// The chunks of a recorded episode: which one was being executed, and what it says.

import { h, fill, mark, say } from "./dom.js";
import { chunkOutcome } from "./episode-words.js";
import { actionLanes } from "./probe.js";
import { fixed } from "./words.js";

export class ReplayChunks {
    #title;
    #table;
    #rows = [];
    #executed = [];
    #space;
    #start = 0;
    #shown = null;
    #step = -1;
    /// The chunk that was executed at the moment shown, with `until_ns`, when the next one took over; null: none.
    active = null;

    constructor() {
        this.#title = h("p", { class: "chunk-title" });
        this.#table = h("table", { class: "chunk-actions" });
        this.node = h("div", { class: "replay-chunk" }, h("h3", {}, "The chunk being executed"), this.#title,
            h("div", { class: "chunk-scroll", tabindex: "0", role: "group", "aria-label": "Actions of the chunk" },
                this.#table));
    }

    open({ chunks = [], action_space, start_ns, end_ns }) {
        this.#space = action_space;
        this.#start = start_ns;
        // No setpoint came of the others: they were superseded or too late.
        const executed = chunks.filter(({ first_setpoint_ns: first }) => first > 0)
            .sort((a, b) => a.first_setpoint_ns - b.first_setpoint_ns);
        this.#executed = executed.map((chunk, index) => ({
            ...chunk, until_ns: executed[index + 1]?.first_setpoint_ns ?? end_ns,
        }));
        [this.#shown, this.#step, this.active] = [undefined, -1, null];
    }

    /// Shows what was executed at that moment.
    show(now) {
        let active = null;
        for (const chunk of this.#executed) {
            if (chunk.first_setpoint_ns > now) break;
            active = chunk;
        }
        if (active) {
            // What has ended long ago is not executed any more.
            const length = (active.actions?.length ?? 0) * (active.step_ns ?? 0);
            const end = Math.max(active.observation_ns + length, active.first_setpoint_ns + (active.step_ns ?? 0));
            if (now > end) active = null;
        }
        this.active = active;
        if (active !== this.#shown) this.#fill(active);
        if (!active) return;
        const passed = Math.floor((now - active.observation_ns) / active.step_ns);
        const step = Math.min(Math.max(passed, 0), this.#rows.length - 1);
        if (step === this.#step) return;
        this.#step = step;
        this.#rows.forEach((row, index) => {
            mark(row, "aria-current", index === step ? "step" : null);
            say(row.firstChild, index === step ? `▶ ${index}` : `${index}`);
        });
    }

    #fill(chunk) {
        this.#shown = chunk;
        this.#step = -1;
        this.#rows = [];
        this.#table.hidden = !chunk;
        if (!chunk) {
            say(this.#title, this.#executed.length === 0 ? "No chunk was executed." : "None at this moment.");
            return;
        }
        const delay = fixed((chunk.first_setpoint_ns - chunk.observation_ns) / 1e6, 0);
        say(this.#title, `Chunk ${chunk.id}: ${chunkOutcome(chunk.outcome)}; seen at `
            + `${fixed((chunk.observation_ns - this.#start) / 1e9, 2)} s, first setpoint ${delay} ms later.`);
        const actions = chunk.actions ?? [];
        const dimension = actions[0]?.length ?? 0;
        const space = chunk.action_space ?? this.#space;
        const lanes = space ? actionLanes(space, dimension)
            : Array.from({ length: dimension }, (_, index) => ({ label: String(index), unit: "", digits: 4 }));
        this.#rows = actions.map((action) => h("tr", {}, h("th", { scope: "row" }),
            action.map((value, index) =>
                h("td", {}, fixed(value * (lanes[index]?.scale ?? 1), lanes[index]?.digits ?? 4)))));
        fill(this.#table,
            h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "step"),
                lanes.map(({ label, unit }) => h("th", { scope: "col" }, unit ? `${label} ${unit}` : label)))),
            h("tbody", {}, this.#rows));
    }
}
