// The arm's signals over the last seconds: joints or tool, apart in lanes or together.

import { TimeChart } from "./chart.js";
import { ArmHistory, gapNs, keptNs, longKeptNs } from "./arm-history.js";
import { fill, h, say } from "./dom.js";

const shownNs = 20e9;
const degreesPerRadian = 180 / Math.PI;

/// The chart and the choices above it. `canvas` is in the page already.
export class ArmPlot {
    constructor(canvas, live) {
        this.live = live;
        this.joints = [];
        this.chosen = new Set();
        this.isFrozen = false;
        this.space = "joints";
        this.layout = "apart";
        this.history = new ArmHistory(0);
        this.chart = new TimeChart(canvas, { laneHeight: 74 });
        this.note = h("p", { class: "quiet chart-note" });
        this.choices = h("div", { class: "chart-choices" });
        this.legend = h("p", { class: "chart-legend" });
        this.head = h("div", { class: "chart-head" }, this.#makeSwitches(), this.choices);
    }

    /// Begins anew with the joints of this run's arm.
    begin(joints) {
        this.joints = joints;
        this.chosen = new Set(joints.keys());
        this.history = new ArmHistory(joints.length);
        this.history.keptNs = this.isFrozen ? longKeptNs : keptNs;
        fill(this.choices, joints.map((name, joint) => h("label", {},
            h("input", { type: "checkbox", checked: true, onchange: (event) => {
                if (event.target.checked) this.chosen.add(joint); else this.chosen.delete(joint);
                this.#arrange();
            } }),
            h("span", { class: "swatch", "data-colour": joint % 8 + 1 }), name)));
        this.#arrange();
    }

    takeState(object) {
        this.history.takeState(object);
        this.refresh();
    }
    takeChunk(object) { this.history.takeChunk(object); }
    takeReport(object) { this.history.takeReport(object); }

    /// Moves the chart on to the present time.
    refresh() {
        if (this.isFrozen) return;
        // A run that has ended stays as it was last.
        const isOver = this.live.state === "ended" && this.history.lastTime > 0;
        const now = isOver ? this.history.lastTime : Math.max(this.live.nowNs(), this.history.lastTime);
        if (!Number.isFinite(now)) return;
        const ahead = Math.max(this.history.gripperAhead.lastTime, ...this.history.target.map((one) => one.lastTime));
        // As little room ahead as usual chunks need; it does not come and go with each chunk.
        this.room = Math.max(1e9, (this.room ?? 0) * 0.995, Math.min(ahead - now, 5e9));
        this.chart.view = [now - shownNs, now + this.room];
        this.chart.zero_ns = now;
        this.chart.now_ns = now;
        this.chart.marks = this.history.marks;
        this.chart.bands = this.history.bands;
        this.chart.invalidate();
        this.#tellNote();
    }

    #makeSwitches() {
        const group = (label, choices, key) => h("div", { class: "choice", role: "group", "aria-label": label },
            choices.map(([value, word]) => h("button", {
                type: "button", "data-value": value, "aria-pressed": String(this[key] === value), onclick: (event) => {
                    this[key] = value;
                    for (const button of event.target.parentElement.children) {
                        button.setAttribute("aria-pressed", String(button === event.target));
                    }
                    this.#arrange();
                },
            }, word)));
        const freeze = h("button", { type: "button", class: "freeze", "aria-pressed": "false", onclick: () => {
            this.isFrozen = !this.isFrozen;
            this.history.keptNs = this.isFrozen ? longKeptNs : keptNs;
            // What comes after is known by now.
            this.chart.now_ns = null;
            this.chart.invalidate();
            freeze.setAttribute("aria-pressed", String(this.isFrozen));
            say(freeze, this.isFrozen ? "Go on" : "Freeze");
            this.refresh();
        } }, "Freeze");
        this.layoutSwitch = group("Lanes", [["apart", "Apart"], ["together", "Together"]], "layout");
        return h("div", { class: "chart-switches" },
            group("What is shown", [["joints", "Joints"], ["tool", "Tool"]], "space"), this.layoutSwitch, freeze);
    }

    #arrange() {
        const { history } = this;
        const isTool = this.space === "tool", isApart = this.layout === "apart";
        this.layoutSwitch.hidden = isTool;
        this.choices.hidden = isTool;
        const one = (measured, asked, ahead, lane, colour, sign, askedWord, askedGap = gapNs) => [
            { label: sign || "measured", lane, colour, points: measured, width: 2, gap_ns: gapNs, sign },
            { label: askedWord, lane, isInk: true, points: asked, stroke: "dashed", width: 1.2, gap_ns: askedGap,
                isQuiet: sign !== "" },
            { label: "chunk", lane, colour, points: ahead, stroke: "dotted", width: 2.6, isQuiet: sign !== "" },
        ];
        const gripper = { label: "gripper", unit: "%", digits: 0, scale: 100, range: [-0.05, 1.05] };
        if (isTool) {
            const length = { unit: "mm", digits: 1, scale: 1000, minimumSpan: 0.004 };
            this.chart.lanes = [..."xyz"].map((label) => ({ ...length, label }));
            // A target for each step only.
            this.chart.series = [0, 1, 2].flatMap((axis) => one(history.tool[axis], history.target[axis],
                history.toolAhead[axis], axis, axis + 1, "", "target", 3 * gapNs));
        } else {
            const chosen = [...this.chosen].sort((first, second) => first - second);
            const angle = { unit: "°", digits: 2, scale: degreesPerRadian, minimumSpan: 0.5 / degreesPerRadian };
            this.chart.lanes = isApart ? chosen.map((joint) => ({ ...angle, label: this.joints[joint] }))
                : [{ ...angle, label: "joints", weight: 4 }];
            this.chart.series = chosen.flatMap((joint, index) => one(
                history.measured[joint], history.setpoint[joint], history.jointAhead[joint], isApart ? index : 0,
                joint % 8 + 1, isApart ? "" : this.joints[joint], "setpoint"));
        }
        this.chart.lanes.push(gripper);
        this.chart.series.push(...one(history.gripper, history.gripperSetpoint, history.gripperAhead,
            this.chart.lanes.length - 1, 8, "", "setpoint"));
        fill(this.legend, [["solid", "measured"], ["dashed", isTool ? "where the policy's steps lead" : "setpoint"],
            ["dotted", "the rest of the chunk"], ["mark", "a chunk begins"]].map(([stroke, word]) =>
            h("span", { class: "legend-item" }, h("span", { class: "stroke", "data-stroke": stroke }), word)));
        if (this.isFrozen) this.chart.invalidate(); else this.refresh();
    }

    #tellNote() {
        const { aheadIn } = this.history;
        const elsewhere = aheadIn !== null && aheadIn !== this.space;
        say(this.note, !elsewhere ? "" : aheadIn === "tool"
            ? "The policy's chunk says where the tool goes: it lies ahead in the view Tool."
            : "The policy's chunk says where the joints go: it lies ahead in the view Joints.");
        this.note.hidden = !elsewhere;
    }
}
