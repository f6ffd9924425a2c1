// What the page says of goals.

import { h } from "./dom.js";
import { goalVerdict } from "./words.js";

/// Letters that a goal's name may have, as the library has it.
const goodName = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;

/// The rule of goals' names, for people.
export const nameRule = "A name has 1 to 64 letters (a to z), digits, '-', '_' and '.', and does not begin with '.'.";

/// Whether the library takes a goal of this name.
export const isGoalName = (name) => goodName.test(name);

/// "PREFIX-1", or the next number that no goal has. @param {string[]} names of all goals.
export function freeName(prefix, names) {
    const known = new Set(names);
    let number = 1;
    while (known.has(`${prefix}-${number}`)) number += 1;
    return `${prefix}-${number}`;
}

const origins = {
    live: "taken from the cameras",
    teleop: "taken while driving the arm",
    console: "taken in the browser",
    episode: "a moment of an episode",
    files: "made of picture files",
    images: "made of picture files",
    library: "from the library",
    simulation: "from the simulated world",
    text: "a sentence",
};

/// Where a goal comes from, in words. @param {string | undefined} kind as the goal says it.
export function originWords(kind) {
    return origins[kind] ?? kind ?? "";
}

/// A verdict: shape and word, with a colour as the third that says the same.
export function verdictSign(key, shape, word) {
    return h("span", { class: "verdict", "data-verdict": key },
        h("span", { class: "verdict-shape", "aria-hidden": "true" }, shape), ` ${word}`);
}

/// The verdict of a fit. @param {string} name "green", "VERDICT_AMBER" …
export function fitSign(name) {
    const { key, word, mark } = goalVerdict(name);
    return verdictSign(key, mark, word);
}
