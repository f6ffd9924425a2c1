// Taking a goal now: a name, the arm out of the way, the pictures, and the person's word on what was taken.

import { h, fill, mark, say } from "./dom.js";
import { command } from "./commands.js";
import { freeName, isGoalName, nameRule } from "./goal-words.js";
import { LivePreview } from "./preview.js";
import { isStopped } from "./words.js";

/// How often the server is told that the person is still there, ms: after 300 ms of silence the arm stops.
const ALIVE_MS = 100;

export class GoalTaking {
    #live;
    #app;
    #goals;
    /// "idle", "taking", "taken" (to be looked at) or "kept".
    #state = "idle";
    #taken = "";
    #failure = "";
    #isGivenUp = false;
    #alive = null;
    #suggested = "";
    #name;
    #text;
    #replaces;
    #take;
    #form;
    #preview;
    #steps;
    #notice;
    #result;
    #abort;

    constructor(live, app, goals) {
        this.#live = live;
        this.#app = app;
        this.#goals = goals;
        this.#name = h("input", {
            id: "goal-name", type: "text", maxlength: "64", autocomplete: "off", spellcheck: "false",
            "aria-describedby": "goal-taking-notice", oninput: () => this.#edit(),
        });
        this.#text = h("input", { id: "goal-take-text", type: "text", maxlength: "400", autocomplete: "off" });
        this.#replaces = h("input", { id: "goal-replaces", type: "checkbox", onchange: () => this.refresh() });
        this.#take = h("button", { id: "goal-take", type: "submit", class: "primary" }, "Take it now");
        this.#form = h("form", { class: "goal-form", onsubmit: (event) => this.#submit(event) },
            h("label", { class: "label", for: "goal-name" }, "Name"), this.#name,
            h("label", { class: "label", for: "goal-take-text" }, "Sentence (optional)"), this.#text,
            h("label", { class: "check" }, this.#replaces, " replace the goal of that name"), this.#take);
        this.#preview = new LivePreview(live, "goals");
        this.#abort = h("button", { id: "goal-abort", type: "button", onclick: () => this.#giveUp() },
            "Let the arm stop");
        this.#steps = h("ol", { class: "taking-steps" });
        this.#notice = h("p", { id: "goal-taking-notice", class: "words", role: "status" });
        this.#result = h("div", { class: "taking-result" });
        this.node = h("section", { class: "panel taking", "aria-labelledby": "goals-taking-title" },
            h("h2", { id: "goals-taking-title" }, "Take a goal"),
            this.#preview.node, this.#form, this.#notice, this.#steps, this.#result);
        live.addEventListener("drive", () => this.#state === "taking" && this.#showSteps());
        addEventListener("pagehide", () => this.#endAlive());
    }

    shown() { this.#preview.show(true); }

    /// The person went to another place of the page: what is being taken goes on, since the page is still there.
    hidden() { this.#preview.show(false); }

    refresh() {
        this.#preview.refresh();
        const may = this.#goals.mayOperate();
        const isBusy = this.#state === "taking";
        this.#suggest();
        const name = this.#name.value.trim();
        const exists = this.#goals.names().includes(name);
        this.#replaces.parentElement.hidden = !exists;
        for (const input of [this.#name, this.#text, this.#replaces]) input.disabled = !may || isBusy;
        const isNamed = isGoalName(name) && (!exists || this.#replaces.checked);
        this.#take.disabled = !may || isBusy || !isNamed;
        this.#form.hidden = isBusy || this.#state === "taken";
        mark(this.#notice, "data-kind", this.#failure && !isBusy ? "bad" : null);
        say(this.#notice, this.#words(may, name, exists));
        this.#showSteps();
        this.#showResult();
    }

    #words(may, name, exists) {
        if (this.#state === "taking" || this.#state === "taken") return "";
        if (this.#live.state !== "live") return "The run is not there at present.";
        if (!may) return "You may look; taking a goal needs the operator's token.";
        if (name !== "" && !isGoalName(name)) {
            return nameRule;
        }
        if (this.#failure) return `Not taken: ${this.#failure}`;
        if (exists && !this.#replaces.checked) return "There is a goal of that name already.";
        const motion = this.#motion();
        if (motion && isStopped(this.#live.last("arm/state"))) return "The arm is stopped: reset the stop first (Arm).";
        return motion ? `First the arm ${motion}.` : "The arm stays where it is. Keep the scene still.";
    }

    /// What the arm does before the pictures are taken, in words; empty: nothing.
    #motion() {
        const before = this.#live.run?.before_goal;
        const parts = [];
        if (before?.open_gripper) parts.push("opens its gripper");
        if (before?.pose === "neutral") parts.push("moves to its neutral pose");
        if (before?.pose === "rest") parts.push("moves to its rest pose");
        return parts.join(" and ");
    }

    /// Puts a free name into the field unless the person wrote one.
    #suggest() {
        const known = this.#goals.names();
        const isOurs = this.#name.value === this.#suggested;
        // An empty field that the person is in was emptied by them.
        const isLeft = this.#suggested === "" ? document.activeElement !== this.#name : known.includes(this.#suggested);
        if (!isOurs || !isLeft) return;
        this.#suggested = this.#name.value = freeName("goal", known);
    }

    /// What went wrong with another name is of the past.
    #edit() {
        this.#failure = "";
        this.refresh();
    }

    // MARK: Taking

    async #submit(event) {
        event.preventDefault();
        const name = this.#name.value.trim();
        if (this.#take.disabled || !isGoalName(name)) return;
        await this.#run(name, this.#replaces.checked);
    }

    async #run(name, replaces) {
        const motion = this.#motion();
        if (motion) {
            const words = `The arm ${motion} before the pictures of '${name}' are taken. It stops when this page is `
                + "closed or hidden, and at the stop button. Is the way free?";
            if (!await this.#app.confirm(words, "Move the arm and take it")) return;
        }
        const text = this.#text.value.trim();
        this.#state = "taking";
        this.#failure = "";
        this.#isGivenUp = false;
        this.#taken = name;
        this.#beginAlive();
        this.refresh();
        const answer = await command("goal.take", {
            name, ...(text ? { text } : {}), ...(replaces ? { replaces: true } : {}), viewer: this.#live.viewer,
        });
        this.#endAlive();
        if (answer.accepted) {
            this.#state = "taken";
            await this.#goals.reload();
        } else {
            this.#state = "idle";
            this.#failure = this.#isGivenUp ? "you let the arm stop before the pictures were taken." : answer.message;
            // The name stands for the next attempt.
            this.#name.value = name;
        }
        this.refresh();
        if (this.#state === "taken") this.#result.querySelector("#goal-accept")?.focus();
    }

    /// The arm stops by itself as nobody speaks for it any more, and with it the taking.
    #giveUp() {
        this.#isGivenUp = true;
        this.#endAlive();
    }

    #beginAlive() {
        const tell = () => this.#live.send({ type: "alive" });
        tell();
        this.#alive = setInterval(tell, ALIVE_MS);
    }

    #endAlive() {
        clearInterval(this.#alive);
        this.#alive = null;
        this.#showSteps();
    }

    #showSteps() {
        const isTaking = this.#state === "taking";
        this.#steps.hidden = !isTaking;
        if (!isTaking) return;
        const phase = this.#live.drive?.taking;
        const motion = this.#motion();
        const steps = [
            ...(motion ? [["preparing", `the arm ${motion}`]] : []),
            ["taking", "the pictures settle and are taken: keep arm and scene still"],
            ["taken", "you look at them"],
        ];
        const known = steps.findIndex(([key]) => key === phase);
        const now = known >= 0 ? known : 0;
        // Drawn anew ten times a second, the button would be gone under the finger.
        const key = `${now} ${motion} ${this.#alive === null}`;
        if (this.#steps.dataset.key === key) return;
        this.#steps.dataset.key = key;
        this.#abort.disabled = this.#alive === null;
        fill(this.#steps, steps.map(([, words], index) => {
            const state = index < now ? "done" : index === now ? "now" : "later";
            const shape = { done: "✓", now: "▶", later: "○" }[state];
            return h("li", { "data-state": state, "aria-current": state === "now" ? "step" : null },
                h("span", { "aria-hidden": "true" }, `${shape} `), words);
        }), motion && now === 0 ? h("li", { class: "buttons" }, this.#abort) : null);
    }

    // MARK: What was taken

    #shownResult = "";

    #showResult() {
        const entry = this.#goals.find(this.#taken);
        const may = this.#goals.mayOperate();
        const key = `${this.#state} ${this.#taken} ${entry?.time ?? ""} ${may}`;
        if (key === this.#shownResult) return;
        this.#shownResult = key;
        if (this.#state !== "taken" && this.#state !== "kept") {
            fill(this.#result);
            return;
        }
        const name = this.#taken;
        const cameras = entry?.cameras ?? this.#live.run?.cameras ?? [];
        const version = encodeURIComponent(entry?.time ?? String(Date.now()));
        const pictures = h("div", { class: "goal-pictures" }, cameras.map((camera) => h("img", {
            class: "goal-picture", alt: `What was taken by camera ${camera}`, title: camera,
            src: `/picture/goals/${encodeURIComponent(name)}/${encodeURIComponent(camera)}.jpg?v=${version}`,
        })));
        const button = (id, words, action, isMain = false) => h("button", {
            id, type: "button", class: isMain ? "primary" : "", disabled: !may, onclick: action,
        }, words);
        if (this.#state === "taken") {
            fill(this.#result,
                h("p", { role: "status" }, `Taken as '${name}'. Is it what the robot shall reach?`), pictures,
                h("div", { class: "buttons" },
                    button("goal-accept", "Accept", () => this.#accept(), true),
                    button("goal-retake", "Take it again", () => this.#run(name, true)),
                    button("goal-take-back", "Take it back", () => this.#takeBack(name))));
        } else {
            fill(this.#result, h("p", { role: "status" }, `'${name}' is in the library.`),
                h("div", { class: "buttons" },
                    button("goal-set-taken", "Set it as the goal", () => this.#setTaken(name), true)));
        }
    }

    #accept() {
        this.#state = "kept";
        this.#name.value = this.#suggested = this.#text.value = "";
        this.#replaces.checked = false;
        this.refresh();
        this.#result.querySelector("#goal-set-taken")?.focus();
    }

    async #setTaken(name) {
        if (!await this.#goals.set(name)) return;
        this.#state = "idle";
        this.refresh();
    }

    async #takeBack(name) {
        if (!await this.#goals.remove(name)) return;
        this.#state = "idle";
        this.#replaces.checked = false;
        this.refresh();
        this.#name.focus();
    }
}
