// The place of goals: the one that is set, taking one, sentences, whether the policy listens, and the library.

import { h, fill, mark, say } from "./dom.js";
import { fitSign, originWords, verdictSign } from "./goal-words.js";
import { GoalLibrary } from "./library.js";
import { GoalProbe } from "./probe.js";
import { GoalTaking } from "./taking.js";
import { goalVerdict } from "./words.js";

/// Builds the place in `root`. @returns `{shown, hidden}`, called as the person comes and goes.
export function makePlace(root, live, app) {
    const place = new GoalsPlace(root, live, app);
    return { shown: () => place.shown(), hidden: () => place.hidden() };
}

class GoalsPlace {
    #live;
    #app;
    #present;
    #policy;
    #withoutRun;
    #runParts;
    #text;
    #textSet;
    #clear;
    #taking;
    #probe;
    #library;
    #isShown = false;

    constructor(root, live, app) {
        this.#live = live;
        this.#app = app;
        const goals = {
            current: () => this.current,
            mayOperate: () => live.role === "operate" && live.state === "live",
            names: () => this.#library.names,
            find: (name) => this.#library.find(name),
            reload: () => this.#library.reload(),
            changed: () => this.#taking.refresh(),
            set: (name) => this.set(name),
            remove: (name) => this.remove(name),
        };
        this.#library = new GoalLibrary(live, app, goals);
        this.#taking = new GoalTaking(live, app, goals);
        this.#probe = new GoalProbe(live, goals);
        this.#present = h("div", { class: "present-goal" });
        this.#policy = h("p", { class: "problem", role: "status", hidden: true });
        this.#clear = h("button", { id: "goal-clear", type: "button", onclick: () => this.clearGoal() },
            "Clear the goal");
        this.#text = h("input", {
            id: "goal-text", type: "text", maxlength: "400", autocomplete: "off",
            placeholder: "put the cup on the plate",
        });
        this.#textSet = h("button", { id: "goal-text-set", type: "submit" }, "Set the sentence");
        this.#withoutRun = h("p", { class: "words" },
            "There is no run: goals can be looked at, but neither taken nor set.");
        this.#runParts = h("div", { class: "goals-run" },
            h("section", { class: "panel", "aria-labelledby": "goals-present-title" },
                h("h2", { id: "goals-present-title" }, "The present goal"),
                this.#present, this.#policy,
                h("div", { class: "buttons" }, this.#clear, this.#probe.button),
                h("details", { class: "goal-sentence" },
                    h("summary", {}, "Ask with a sentence"),
                    h("p", { class: "words" },
                        "For checkpoints that read language; others hold the arm, and say why above."),
                    h("form", { class: "row", onsubmit: (event) => this.#setText(event) },
                        h("label", { for: "goal-text", class: "label" }, "Sentence"), this.#text, this.#textSet)),
                this.#probe.node),
            this.#taking.node);
        fill(root, this.#withoutRun, this.#runParts, this.#library.node);
        root.classList.add("goals");
        live.on("goal/current", () => this.#refresh({ reloads: true }));
        live.on("goal/fit", () => this.#showFit());
        live.on("node/policy/status", () => this.#showPolicy());
        live.on("goal/result", () => this.#isShown && this.#library.reload());
        for (const name of ["hello", "state"]) live.addEventListener(name, () => this.#refresh({ reloads: true }));
        this.#refresh({ reloads: false });
    }

    /// The goal that is set, without its pixels; null where nothing has been heard of one. An absent id: none is set.
    get current() { return this.#live.last("goal/current"); }

    shown() {
        this.#isShown = true;
        this.#library.reload();
        this.#taking.shown();
        this.#refresh({ reloads: false });
    }

    hidden() {
        this.#isShown = false;
        this.#taking.hidden();
    }

    // What is asked of the owner names the goal that the person saw: who sets another meanwhile is not overruled.
    async #ask(action, fields) {
        const expected = this.current ? { expected_goal_id: this.current.id ?? "" } : {};
        return this.#app.command(action, { ...fields, ...expected });
    }

    async set(name) {
        const answer = await this.#ask("goal.set", { name });
        return answer.accepted;
    }

    /// Takes a goal out of the library, behind a confirmation. @returns whether it has gone.
    async remove(name) {
        const isSet = this.current?.name === name;
        const words = `Delete the goal '${name}' and its pictures for good?`
            + (isSet ? " It stays the present goal until another is set." : "");
        if (!await this.#app.confirm(words, "Delete")) return false;
        const answer = await this.#app.command("goal.delete", { name });
        this.#library.reload();
        return answer.accepted;
    }

    async clearGoal() {
        const holds = this.#live.run?.require_goal
            ? "The arm holds until another is set." : "The policy goes on without a goal.";
        if (!await this.#app.confirm(`Take the goal away? ${holds}`, "Clear")) return;
        await this.#ask("goal.clear", {});
    }

    async #setText(event) {
        event.preventDefault();
        const text = this.#text.value.trim();
        if (text === "") {
            this.#text.focus();
            return;
        }
        const answer = await this.#ask("goal.text", { text });
        if (answer.accepted) this.#text.value = "";
    }

    #refresh({ reloads }) {
        const { run, role, state } = this.#live;
        this.#withoutRun.hidden = run !== null;
        this.#runParts.hidden = run === null;
        if (run) {
            const may = role === "operate" && state === "live";
            this.#textSet.disabled = this.#text.disabled = !may;
            this.#clear.disabled = !may || !this.current?.id;
            this.#showPresent();
            this.#taking.refresh();
            this.#probe.refresh();
        }
        this.#library.refresh();
        if (reloads && this.#isShown) this.#library.reload();
    }

    #fit;
    #fitReasons;
    #shownId = null;

    #showPresent() {
        const goal = this.current;
        const key = goal ? `${goal.id ?? ""} ${goal.text ?? ""} ${goal.name ?? ""}` : null;
        if (key !== this.#shownId || key === null) {
            this.#shownId = key;
            this.#fit = h("span", { class: "live-only" });
            this.#fitReasons = h("ul", { class: "reasons live-only" });
            if (!goal) {
                fill(this.#present, h("p", { class: "words" }, "Nothing has been heard of a goal yet."));
            } else if (!goal.id) {
                fill(this.#present, h("p", { class: "words" }, this.#live.run.require_goal
                    ? "No goal is set: the arm holds." : "No goal is set."));
            } else {
                const pictures = (goal.views ?? []).map(({ camera }) => h("img", {
                    class: "goal-picture", alt: `The goal for camera ${camera}`, title: camera, loading: "lazy",
                    src: `/picture/goal/${encodeURIComponent(camera)}.jpg?id=${encodeURIComponent(goal.id)}`,
                }));
                fill(this.#present,
                    h("div", { class: "goal-pictures" }, pictures),
                    h("div", { class: "present-words" },
                        h("p", { class: "present-name" },
                            h("strong", {}, goal.name || "without a name"), " ", this.#fit),
                        goal.text ? h("p", { class: "sentence" }, `“${goal.text}”`) : null,
                        goal.origin?.kind ? h("p", { class: "meta" }, originWords(goal.origin.kind)) : null,
                        this.#fitReasons));
            }
        }
        this.#showFit();
        this.#showPolicy();
    }

    /// A goal that was set may still be one that the policy cannot take: that is said here, where it was set.
    #showPolicy() {
        const status = this.#live.state === "live" ? this.#live.last("node/policy/status") : null;
        const isBad = Boolean(this.current?.id) && ["STATE_DEGRADED", "STATE_FAULT"].includes(status?.state);
        this.#policy.hidden = !isBad;
        say(this.#policy, isBad ? `The policy says: ${status.headline ?? ""}` : "");
    }

    #showFit() {
        const fit = this.#live.last("goal/fit");
        const goal = this.current;
        if (!this.#fit || !goal?.id) return;
        const isOfIt = fit && fit.goal_id === goal.id && (goal.views ?? []).length > 0;
        const isOfPictures = (goal.views ?? []).length > 0;
        const verdict = isOfIt ? goalVerdict(fit.verdict).key : isOfPictures ? "awaited" : "none";
        if (this.#fit.dataset.verdict !== verdict || !this.#fit.hasChildNodes()) {
            mark(this.#fit, "data-verdict", verdict);
            fill(this.#fit, isOfIt ? fitSign(verdict)
                : verdictSign("unknown", "?", isOfPictures ? "not compared yet" : "a sentence is not compared"));
        }
        const reasons = !isOfIt ? [] : (fit.cameras ?? []).flatMap(({ camera, reasons = [] }) =>
            reasons.map(({ text }) => `${camera}: ${text}`));
        const items = this.#fitReasons.children;
        while (items.length > reasons.length) items[items.length - 1].remove();
        reasons.forEach((text, index) => {
            if (!items[index]) this.#fitReasons.append(h("li", {}));
            say(items[index], text);
        });
    }
}
