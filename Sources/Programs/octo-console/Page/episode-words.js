// What the page says of recordings.

import { h } from "./dom.js";
import { eventWords, outcomeWords } from "./words.js";

const shapes = { open: "●", success: "✓", failure: "✕", discarded: "⌫", unknown: "?" };

/// A name of the runtime as the bus spells it: "tooLate" and "too late" are "too_late".
const busName = (name) => String(name ?? "").replace(/([a-z])([A-Z])/g, "$1_$2").replaceAll(" ", "_").toLowerCase();

/// An outcome without what the bus has before its name: "success".
export function outcomeKey(name) {
    return busName(name || "unknown").replace("outcome_", "");
}

/// What became of a chunk, as a recording spells it, in words.
export function chunkOutcome(name) {
    return outcomeWords(busName(name).replace("outcome_", ""));
}

/// The kind of an event, as a recording spells it, in words.
export function kindWords(kind) {
    return eventWords(busName(kind).replace("kind_", ""));
}

/// What became of an episode: shape and word, with a colour as the third that says the same.
export function outcomeSign(name) {
    const key = outcomeKey(name);
    return h("span", { class: "outcome", "data-outcome": key },
        h("span", { "aria-hidden": "true" }, shapes[key] ?? "?"), ` ${outcomeWords(key)}`);
}
