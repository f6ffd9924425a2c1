// Curves of a recorded episode: what was commanded and what was measured, with the chunks' boundaries.

import { h } from "./dom.js";
import { Points, TimeChart } from "./chart.js";
import { kindWords } from "./episode-words.js";
import { lastAtOrBefore } from "./replay-pictures.js";

const DEGREES = 180 / Math.PI;
/// More marks than that in view would be a grey wall.
const MOST_MARKS = 60;

export class ReplayChart {
    #chart;
    #what;
    #span;
    #episode = null;
    #chunks = [];
    /// What is drawn whatever is executed; the chunk's own curves come behind.
    #curves = [];
    #active = null;
    /// Where the playhead is drawn.
    #pixel = NaN;

    /// - seek: called with the time at which the person points, ns.
    constructor(seek) {
        this.#what = h("select", { "aria-label": "Curves", onchange: () => this.#makeCurves() },
            h("option", { value: "joints" }, "joints"), h("option", { value: "tool" }, "tool point"));
        this.#span = h("select", { "aria-label": "Stretch of time", onchange: () => this.#refresh() },
            h("option", { value: "0" }, "all of it"), h("option", { value: "20" }, "20 s"),
            h("option", { value: "5" }, "5 s"), h("option", { value: "2" }, "2 s"));
        const canvas = h("canvas", {
            class: "replay-chart", role: "img", "aria-label": "Setpoints and what was measured, over the episode",
        });
        this.#chart = new TimeChart(canvas, { laneHeight: 78, onSeek: seek });
        this.node = h("div", { class: "replay-curves" },
            h("div", { class: "row" }, this.#what, this.#span,
                h("p", { class: "legend" },
                    h("span", {}, h("i", { "data-colour": "1", "data-stroke": "solid" }), " measured"),
                    h("span", {}, h("i", { "data-colour": "2", "data-stroke": "dashed" }), " setpoint"),
                    h("span", {}, h("i", { "data-colour": "3", "data-stroke": "dotted" }), " the chunk"))),
            canvas);
    }

    open(episode) {
        this.#episode = episode;
        this.#active = null;
        this.#pixel = NaN;
        this.#chunks = (episode.chunks ?? []).filter(({ first_setpoint_ns: first }) => first > 0);
        this.#what.options[1].disabled = !(episode.states?.tool_m?.length > 0);
        if (this.#what.options[1].disabled) this.#what.value = "joints";
        // A long episode is a blur at once.
        this.#span.value = episode.end_ns - episode.start_ns > 40e9 ? "20" : "0";
        this.#chart.zero_ns = episode.start_ns;
        this.#makeCurves();
    }

    /// Puts the playhead there. @param active the chunk that is being executed, with `until_ns`; or null.
    show(now, active) {
        // A playhead that would stand on the same pixel is no reason to draw thousands of points anew.
        const [from, to] = this.#chart.view;
        const { left, right } = this.#chart.plot;
        const pixel = Math.round(now / ((to - from) / Math.max(right - left, 1)));
        if (pixel === this.#pixel && active === this.#active) return;
        this.#pixel = pixel;
        this.#chart.cursor_ns = now;
        if (active !== this.#active) {
            this.#active = active;
            this.#layChunk();
        }
        this.#chart.bands = active ? [{
            from_ns: active.first_setpoint_ns, to_ns: active.until_ns, label: `chunk ${active.id}`,
        }] : [];
        this.#refresh();
    }

    #makeCurves() {
        const { states = {}, joints = [], end_ns, start_ns } = this.#episode;
        const times = states.time_ns ?? [];
        // The states are thinned evenly: three of their steps without one is a gap.
        const gap = Math.max((end_ns - start_ns) / Math.max(times.length, 1) * 4, 2e8);
        const pair = (lane, measured, setpoint) => [
            { label: "measured", lane, colour: 1, stroke: "solid", gap_ns: gap, points: Points.of(times, measured) },
            ...(setpoint ? [{
                label: "setpoint", lane, colour: 2, stroke: "dashed", gap_ns: gap, points: Points.of(times, setpoint),
            }] : []),
        ];
        const column = (rows, index) => (rows ?? []).map((row) => row?.[index] ?? NaN);
        if (this.#what.value === "tool") {
            this.#chart.lanes = ["x", "y", "z"].map((axis) => ({
                label: axis, unit: "mm", scale: 1000, digits: 1, minimumSpan: 0.005,
            }));
            this.#curves = ["x", "y", "z"].flatMap((_, lane) => pair(lane, column(states.tool_m, lane), null));
        } else {
            this.#chart.lanes = joints.map((joint) => ({
                label: joint, unit: "°", scale: DEGREES, digits: 1, minimumSpan: 0.02,
            }));
            this.#curves = joints.flatMap((_, lane) =>
                pair(lane, column(states.measured_rad, lane), column(states.setpoint_rad, lane)));
            if (states.measured_gripper?.length > 0) {
                this.#curves.push(...pair(joints.length, states.measured_gripper, states.setpoint_gripper));
                this.#chart.lanes.push({ label: "gripper", unit: "", digits: 2, range: [-0.05, 1.05] });
            }
        }
        this.#layChunk();
        this.#refresh();
    }

    /// Lays the chunk that is executed over the curves of the same kind, as far as it reaches.
    #layChunk() {
        const { states = {}, joints = [] } = this.#episode;
        const space = this.#active?.action_space ?? this.#episode.action_space ?? "";
        const actions = this.#active?.actions ?? [];
        const isOfTool = space.startsWith("eef_");
        this.#chart.series = this.#curves;
        if (space === "" || actions.length === 0 || isOfTool !== (this.#what.value === "tool")) return;
        const lanes = isOfTool ? 3 : joints.length;
        const { observation_ns: seen, step_ns: step } = this.#active;
        // Increments go on from where the arm was when the picture was taken.
        const state = Math.max(lastAtOrBefore(states.time_ns ?? [], seen), 0);
        const start = (isOfTool ? states.tool_m : states.measured_rad)?.[state];
        if (!start || actions[0].length !== (isOfTool ? 7 : lanes + 1)) return;
        const times = [seen, ...actions.map((_, index) => seen + (index + 1) * step)];
        const laid = Array.from({ length: lanes }, (_, lane) => {
            const values = [start[lane]];
            for (const action of actions) values.push(action[lane] + (space.endsWith("delta") ? values.at(-1) : 0));
            return { label: "chunk", lane, colour: 3, stroke: "dotted", width: 2.5, points: Points.of(times, values) };
        });
        this.#chart.series = [...this.#curves, ...laid];
    }

    #refresh() {
        if (!this.#episode) return;
        const { start_ns: start, end_ns: end, events = [] } = this.#episode;
        const now = this.#chart.cursor_ns ?? start;
        const span = Number(this.#span.value) * 1e9;
        let view = [start, Math.max(end, start + 1e8)];
        if (span > 0 && span < end - start) {
            const from = Math.min(Math.max(now - span / 2, start), end - span);
            view = [from, from + span];
        }
        this.#chart.view = view;
        const inView = this.#chunks.filter(({ first_setpoint_ns: first }) => first >= view[0] && first <= view[1]);
        this.#chart.marks = [
            ...(inView.length <= MOST_MARKS ? inView.map(({ first_setpoint_ns: first }) => ({ time_ns: first })) : []),
            ...events.map(({ time_ns, kind }) => ({ time_ns, label: `◆ ${kindWords(kind)}` })),
        ];
        this.#chart.invalidate();
    }
}
