// What other programs do with an episode: compute it again, write it as a data set, make a goal of a moment.

import { h, fill, mark, say } from "./dom.js";
import { getJSON } from "./commands.js";
import { freeName, isGoalName, nameRule } from "./goal-words.js";
import { runJob } from "./jobs.js";
import { count, fixed } from "./words.js";

/// Whether this person may have other programs work: who only looks on may not.
const mayStartJobs = (live) => live.role === "operate" && live.state !== "lost";

/// Verifying and exporting.
export class ReplayJobs {
    #live;
    #episode = null;
    #verify;
    #export;
    #format;
    /// Kinds of the jobs that run.
    #busy = new Set();

    constructor(live) {
        this.#live = live;
        this.#verify = h("button", {
            id: "replay-verify", type: "button", onclick: () => this.#startVerifying(),
            title: "Computes observations, chunks and setpoints again, and compares them bit by bit",
        }, "Verify");
        this.#format = h("select", { id: "replay-format", "aria-label": "Form of the data set" },
            h("option", { value: "rlds" }, "RLDS"), h("option", { value: "lerobot" }, "LeRobot"));
        this.#export = h("button", { id: "replay-export", type: "button", onclick: () => this.#startExport() },
            "Export as");
        this.buttons = h("span", { class: "buttons" }, this.#verify, this.#export, this.#format);
        this.node = h("div", { class: "replay-jobs", role: "status" });
        for (const name of ["hello", "state"]) live.addEventListener(name, () => this.#refresh());
        this.#refresh();
    }

    open(episode) {
        this.#episode = episode;
        fill(this.node);
    }

    #refresh() {
        const may = mayStartJobs(this.#live);
        this.#verify.disabled = !may || this.#busy.has("verify");
        this.#export.disabled = this.#format.disabled = !may || this.#busy.has("export");
    }

    async #start(title, kind, fields, words) {
        const episode = this.#episode;
        this.#busy.add(kind);
        this.#refresh();
        const line = h("p", { class: "words" }, `${title} …`);
        this.node.prepend(line);
        const job = await runJob(this.#live, kind, { episode: episode.id, ...fields },
            (progress) => say(line, `${title}: ${progress || "…"}`));
        this.#busy.delete(kind);
        this.#refresh();
        const { text, details = [], isBad } = words(job);
        mark(line, "data-kind", isBad ? "bad" : "good");
        say(line, `${isBad ? "✕" : "✓"} ${title}: ${text}`);
        if (details.length === 0) return;
        line.after(h("ul", { class: "reasons" }, details.map((detail) => h("li", {}, detail))));
    }

    #startVerifying() {
        return this.#start("Verify", "verify", {}, verifyWords);
    }

    #startExport() {
        const title = `Export as ${this.#format.selectedOptions[0].textContent}`;
        return this.#start(title, "export", { format: this.#format.value }, exportWords);
    }
}

/// What `octo-replay verify --json` found, in words.
function verifyWords({ state, result, progress }) {
    if (!result?.verdict) return { text: `not done: ${progress || "the program said nothing"}`, isBad: true };
    const details = [];
    for (const [key, did] of [["observations", "made"], ["chunks", "inferred"], ["setpoints", "computed"]]) {
        const part = result[key];
        if (!part) continue;
        const unchecked = part.unchecked ? `, ${part.unchecked} not checked` : "";
        details.push(`${part.identical} of ${count(part.count, key.slice(0, -1))} ${did} again alike${unchecked}`);
        for (const problem of [part.first_problem, part.first_difference, part.obstacle]) {
            if (problem) details.push(`${key}: ${problem}`);
        }
    }
    const isBad = result.identical === false || state === "failed" && result.identical !== true;
    return { text: result.verdict === "DIFFERENT" ? "something differs" : result.verdict, details, isBad };
}

/// What `octo-replay export --json` wrote, in words.
function exportWords({ state, result, progress }) {
    if (state === "failed" || !result) {
        const why = result?.skipped?.map(({ path, why: reason }) => `${path}: ${reason}`).join("; ");
        return { text: `nothing was written: ${why || progress || "the program said nothing"}`, isBad: true };
    }
    const episodes = Array.isArray(result.episodes) ? result.episodes : [];
    const details = episodes.map(({ timesteps, period_s: period, outcome, cameras = [], gaps = [] }) =>
        [count(timesteps ?? 0, "timestep"), period ? `of ${fixed(period, 3)} s` : "", outcome ?? "",
            ...cameras.map((one) => `${one.camera}: ${one.used} of ${one.frames} frames`),
            gaps.length > 0 ? `▲ ${count(gaps.length, "gap")}` : ""].filter((part) => part).join(", "));
    return { text: result.folder ? `written to ${result.folder}` : progress || "written", details, isBad: false };
}

/// Makes a goal of the moment that is shown.
export class MomentGoal {
    #live;
    #app;
    #episode = null;
    #now = 0;
    #name;
    #make;
    #words;
    #form;
    #isRunning = false;

    constructor(live, app) {
        this.#live = live;
        this.#app = app;
        this.button = h("button", {
            id: "replay-goal", type: "button", "aria-expanded": "false", onclick: () => this.#toggle(),
        }, "Make this moment a goal");
        this.#name = h("input", {
            id: "replay-goal-name", type: "text", maxlength: "64", autocomplete: "off", spellcheck: "false",
            oninput: () => this.#check(),
        });
        this.#make = h("button", { id: "replay-goal-make", type: "submit", class: "primary" }, "Make it");
        this.#words = h("p", { class: "words", role: "status" });
        this.#form = h("form", { class: "row", onsubmit: (event) => this.#submit(event) },
            h("label", { class: "label", for: "replay-goal-name" }, "Name of the goal"), this.#name, this.#make);
        this.node = h("div", { class: "replay-moment" }, this.#form, this.#words);
        this.#form.hidden = true;
        for (const name of ["hello", "state"]) {
            live.addEventListener(name, () => { this.button.disabled = !mayStartJobs(live); });
        }
        this.button.disabled = !mayStartJobs(live);
    }

    open(episode) {
        this.#episode = episode;
        this.#form.hidden = true;
        mark(this.button, "aria-expanded", "false");
        say(this.#words, "");
    }

    show(now) { this.#now = now; }

    async #toggle() {
        this.#form.hidden = !this.#form.hidden;
        mark(this.button, "aria-expanded", String(!this.#form.hidden));
        say(this.#words, "");
        if (this.#form.hidden) return;
        this.#name.focus();
        if (this.#name.value === "") {
            let names = [];
            try {
                names = ((await getJSON("/api/goals")).goals ?? []).map(({ name }) => name);
            } catch {
                // A name is only suggested; whoever keeps the library says whether it is free.
            }
            if (this.#name.value === "") this.#name.value = freeName("moment", names);
            this.#name.select();
        }
        this.#check();
    }

    #check() {
        const name = this.#name.value.trim();
        this.#make.disabled = this.#isRunning || !isGoalName(name);
        say(this.#words, name === "" || isGoalName(name) ? "" : nameRule);
    }

    async #submit(event) {
        event.preventDefault();
        const name = this.#name.value.trim();
        if (!isGoalName(name) || this.#isRunning) return;
        const { id, start_ns: start } = this.#episode;
        const moment = `${fixed((this.#now - start) / 1e9, 2)} s`;
        this.#isRunning = true;
        this.#check();
        const tell = (words) => say(this.#words, `Making the goal '${name}' of ${moment}: ${words || "…"}`);
        tell("");
        const fields = { episode: id, time_ns: Math.round(this.#now), name };
        const job = await runJob(this.#live, "from_episode", fields, tell);
        this.#isRunning = false;
        this.#make.disabled = false;
        if (this.#episode?.id !== id) return;
        if (job.state !== "done") {
            fill(this.#words, `✕ No goal was made: ${job.progress || "the program said nothing"}`);
            return;
        }
        this.#form.hidden = true;
        mark(this.button, "aria-expanded", "false");
        this.#name.value = "";
        const maySet = this.#live.state === "live" && this.#live.role === "operate";
        const current = this.#live.last("goal/current");
        fill(this.#words, `✓ The goal '${name}' is in the library. `, maySet ? h("button", {
            type: "button", onclick: () => this.#app.command("goal.set", {
                name, ...(current ? { expected_goal_id: current.id ?? "" } : {}),
            }),
        }, "Set it as the goal") : null);
    }
}
