// Each joint in a row: where it is within its limits, how hard it pushes, how warm it is.

import { fill, h, mark, say } from "./dom.js";
import { degrees, fixed, percent } from "./words.js";

/// Degrees Celsius up to which a servo's bar goes; an XM430 switches itself off there.
const hottest = 80;

/// A table of joints, and the gripper as its last row. Bars have words beside them; what is not measured is left out.
export class JointTable {
    constructor() {
        this.rows = [];
        this.body = h("tbody");
        this.element = h("table", { class: "joints" },
            h("thead", {}, h("tr", {}, ["joint", "measured", "within its limits", "load", "temperature"].map((word) =>
                h("th", { scope: "col" }, word)))),
            this.body);
    }

    /// Begins anew with the joints of this run's arm (`run.arm`).
    begin(arm) {
        this.arm = arm;
        this.rows = [...(arm?.joints ?? []), "gripper"].map((name, index) => new Row(name, index));
        fill(this.body, this.rows.map((row) => row.element));
    }

    /// Shows a message of arm/state; null empties the table.
    show(state) {
        const joints = this.rows.length - 1;
        for (const [index, row] of this.rows.entries()) {
            const isGripper = index === joints;
            if (!state) { row.clear(); continue; }
            row.mark({
                isUnread: Math.floor((state.measured_unread ?? 0) / 2 ** index) % 2 === 1,
                // The number of joints is the gripper; a 0 that is there is joint 0.
                isBlamed: state.blamed_joint === index,
            });
            if (isGripper) {
                const opening = state.measured_gripper ?? 0;
                row.place(percent(opening), opening, state.setpoint_gripper ?? 0);
                row.load(state.measured_gripper_load);
                row.temperature(state.measured_gripper_temperature_celsius);
            } else {
                const angle = state.measured_positions_rad?.[index];
                const asked = state.setpoint_positions_rad?.[index];
                const low = this.arm.lower_rad?.[index], high = this.arm.upper_rad?.[index];
                const share = (value) => (value - low) / (high - low);
                row.place(angle === undefined ? "–" : degrees(angle), share(angle), share(asked),
                    high > low ? `${degrees(low, 0)} to ${degrees(high, 0)}` : "");
                row.load(state.measured_load?.[index]);
                row.temperature(state.measured_temperature_celsius?.[index]);
            }
        }
    }
}

class Row {
    constructor(name, index) {
        this.value = h("td", { class: "number" });
        this.bar = makeBar("place");
        this.loadBar = makeBar("load");
        this.heatBar = makeBar("heat");
        this.badge = h("span", { class: "badge", hidden: true });
        this.element = h("tr", { "data-joint": name },
            h("th", { scope: "row" }, h("span", { class: "swatch", "data-colour": index % 8 + 1 }), name, this.badge),
            this.value, [this.bar, this.loadBar, this.heatBar].map((bar) => h("td", {}, bar.element)));
    }

    clear() {
        say(this.value, "–");
        this.badge.hidden = true;
        for (const bar of [this.bar, this.loadBar, this.heatBar]) bar.hide("");
    }

    mark({ isUnread, isBlamed }) {
        const words = [isBlamed ? "it is about this one" : "", isUnread ? "no answer" : ""].filter((word) => word);
        this.badge.hidden = words.length === 0;
        say(this.badge, words.join(", "));
        mark(this.element, "data-blamed", isBlamed ? "true" : null);
        mark(this.element, "data-unread", isUnread ? "true" : null);
    }

    place(words, share, asked, limits) {
        say(this.value, words);
        if (!Number.isFinite(share)) { this.bar.hide(""); return; }
        const nearness = Math.min(share, 1 - share);
        const hasLimits = limits !== undefined;
        const word = !hasLimits ? "" : nearness < 0 ? "beyond its limit" : nearness < 0.03 ? "at its limit" : "";
        this.bar.show(share, word, hasLimits && nearness < 0 ? "bad" : "good");
        this.bar.tick(asked);
        if (limits) this.bar.element.title = limits;
    }

    /// A load is a share of the most that the servo may push, signed.
    load(share) {
        if (share === undefined) { this.loadBar.hide("not measured"); return; }
        const size = Math.abs(share);
        const word = size >= 1 ? "at its most" : size >= 0.8 ? "heavy" : "";
        const level = size >= 1 ? "bad" : size >= 0.8 ? "warn" : "good";
        this.loadBar.show(size, `${fixed(share * 100, 0)} %${word && ` ${word}`}`, level);
    }

    temperature(celsius) {
        if (celsius === undefined) { this.heatBar.hide("not measured"); return; }
        const word = celsius >= 65 ? "hot" : celsius >= 55 ? "warm" : "";
        this.heatBar.show((celsius - 20) / (hottest - 20), `${fixed(celsius, 0)} °C${word && ` ${word}`}`,
            celsius >= 65 ? "bad" : celsius >= 55 ? "warn" : "good");
    }
}

/// A bar with words, and a tick for what is asked for.
function makeBar(kind) {
    const filled = h("span", { class: "bar-fill" }), tick = h("span", { class: "bar-tick", hidden: true });
    const track = h("span", { class: "bar-track" }, filled, tick), words = h("span", { class: "bar-words" });
    const element = h("span", { class: "bar", "data-kind": kind }, track, words);
    const percentOf = (share) => `${(Math.min(Math.max(share, 0), 1) * 100).toFixed(1)}%`;
    return {
        element,
        show(share, text, level) {
            track.hidden = false;
            if (kind === "place") filled.style.left = percentOf(share); else filled.style.width = percentOf(share);
            say(words, text);
            mark(element, "data-level", level);
        },
        tick(share) {
            tick.hidden = !Number.isFinite(share);
            if (!tick.hidden) tick.style.left = percentOf(share);
        },
        hide(text) {
            track.hidden = true;
            say(words, text);
        },
    };
}
