// Whether the policy listens to the goal: its chunk for the goal, for a black picture and for "stay".

import { h, fill, mark, say } from "./dom.js";
import { Points, TimeChart } from "./chart.js";
import { verdictSign } from "./goal-words.js";
import { runJob } from "./jobs.js";
import { fixed } from "./words.js";

const verdicts = {
    listens: { key: "green", shape: "✓", word: "it listens" },
    hardly: { key: "amber", shape: "▲", word: "it hardly listens" },
    deaf: { key: "red", shape: "✕", word: "it does not listen" },
};

const curves = [
    { key: "goal", label: "goal", colour: 1, stroke: "solid", width: 2.5 },
    { key: "black", label: "black", colour: 2, stroke: "dashed", width: 2 },
    { key: "present", label: "stay", colour: 3, stroke: "dotted", width: 2.5 },
];

/// Names and units of an action's numbers. @returns one lane of a chart for each.
export function actionLanes(space, dimension) {
    const gripper = { label: "gripper", unit: "", digits: 2, minimumSpan: 1 };
    const tool = [
        ...["x", "y", "z"].map((axis) => ({ label: axis, unit: "mm", scale: 1000, digits: 2, minimumSpan: 1e-3 })),
        ...["roll", "pitch", "yaw"].map((axis) => ({
            label: axis, unit: "°", scale: 180 / Math.PI, digits: 2, minimumSpan: 0.01,
        })),
        gripper,
    ];
    const delta = (lane) => (lane === gripper ? lane : { ...lane, label: `Δ ${lane.label}` });
    const isOfTool = (space === "eef_delta" || space === "eef_absolute") && dimension === tool.length;
    const lanes = isOfTool ? tool : Array.from({ length: dimension }, (_, index) => (index === dimension - 1
        ? gripper : { label: `joint ${index}`, unit: "°", scale: 180 / Math.PI, digits: 2, minimumSpan: 0.01 }));
    return space?.endsWith("delta") ? lanes.map(delta) : lanes;
}

export class GoalProbe {
    #live;
    #goals;
    #isRunning = false;
    #words;
    #figure;
    #chart = null;

    constructor(live, goals) {
        this.#live = live;
        this.#goals = goals;
        this.button = h("button", {
            id: "goal-probe", type: "button", onclick: () => this.#start(),
            title: "Runs the policy aside with the goal, a black picture and the present view. Nothing moves.",
        }, "Does the policy listen?");
        this.#words = h("p", { class: "words", role: "status" });
        this.#figure = h("div", { class: "probe-figure" });
        this.node = h("div", { class: "probe" }, this.#words, this.#figure);
    }

    refresh() {
        const goal = this.#goals.current();
        const isOfPictures = goal?.id && (goal.views ?? []).length > 0;
        this.button.disabled = this.#isRunning || !this.#goals.mayOperate() || !isOfPictures;
    }

    async #start() {
        this.#isRunning = true;
        this.refresh();
        fill(this.#figure);
        mark(this.#words, "data-kind", null);
        const tell = (words) => say(this.#words, `Probing: ${words || "nothing moves"} …`);
        tell("");
        const job = await runJob(this.#live, "probe", {}, tell);
        this.#isRunning = false;
        this.refresh();
        const found = job.result;
        if (!found?.verdict) {
            mark(this.#words, "data-kind", "bad");
            say(this.#words, `Not probed: ${job.progress || "the program said nothing"}`);
            return;
        }
        const { key, shape, word } = verdicts[found.verdict] ?? { key: "unknown", shape: "?", word: found.verdict };
        const words = found.words ? `${found.words[0].toUpperCase()}${found.words.slice(1).replace(/\.$/, "")}.` : "";
        fill(this.#words, verdictSign(key, shape, word), ` to '${found.goal}'. `, words);
        this.#draw(found);
    }

    #draw(found) {
        const { goal } = found.chunks ?? {};
        const far = (distance) => `${fixed(distance, 2)} × the sampler's scatter`;
        const facts = h("dl", { class: "facts" },
            h("dt", {}, "away from a black picture"), h("dd", {}, far(found.against_black)),
            h("dt", {}, "away from “stay”"), h("dd", {}, far(found.against_present)),
            h("dt", {}, "noise seeds"), h("dd", {}, String(found.samples ?? "–")));
        if (!Array.isArray(goal) || goal.length === 0) {
            fill(this.#figure, facts);
            return;
        }
        const canvas = h("canvas", {
            class: "probe-chart", role: "img",
            "aria-label": "The actions of the chunk, step by step, for the goal, a black picture and the present view",
        });
        const legend = h("p", { class: "legend" }, curves.map(({ label, colour, stroke }) =>
            h("span", {}, h("i", { "data-colour": colour, "data-stroke": stroke }), ` ${label}`)));
        fill(this.#figure, facts, legend, canvas);
        const step = (found.step_s ?? 0.2) * 1e9;
        const times = goal.map((_, index) => index * step);
        const lanes = actionLanes(found.action_space, goal[0].length);
        this.#chart = new TimeChart(canvas, {
            laneHeight: 84, lanes, series: lanes.flatMap((_, lane) => curves
                .filter(({ key }) => found.chunks[key]?.length === goal.length)
                .map(({ key, ...look }) => ({
                    ...look, lane, points: Points.of(times, found.chunks[key].map((row) => row[lane])),
                }))),
        });
        this.#chart.view = [0, Math.max((goal.length - 1) * step, step)];
        this.#chart.invalidate();
    }
}
