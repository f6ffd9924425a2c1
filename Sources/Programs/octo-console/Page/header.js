// The header: which robot, whether the page hears it, what the arm does, whether the goal fits, who else is here.

import { $, mark, say } from "./dom.js";
import { age, armMode, clock, count, fixed, goalVerdict } from "./words.js";

/// A fit or a state of the arm that is older says nothing of now.
const OLD_FIT_S = 3;
const OLD_ARM_S = 1;
/// A connection that is back sooner is not worth moving the page under somebody's finger.
const NOTICE_AFTER_S = 0.6;
const SLOW_SHOWN_MS = 3000;

/// Keeps the header true.
export class Header {
    #live;
    #droppedAt = -Infinity;

    constructor(live) {
        this.#live = live;
        for (const name of ["hello", "state", "people"]) live.addEventListener(name, () => this.show());
        live.addEventListener("dropped", () => {
            this.#droppedAt = performance.now();
        });
        live.on("arm/state", () => this.#showMode());
        live.on("goal/current", () => this.#showFit());
        live.on("goal/fit", () => this.#showFit());
        live.on("episode/state", () => this.#showRecording());
        // Silence changes what is true, too.
        setInterval(() => this.show(), 250);
        this.show();
    }

    /// Brings all of it up to date.
    show() {
        const run = this.#live.run;
        say($("#robot"), run?.name ?? "Octo Console");
        mark($("#robot"), "title", run ? `run ${run.run_id} of ${run.manifest_path}, since ${run.started}` : null);
        const title = run ? `${run.name} – Octo Console` : "Octo Console";
        if (document.title !== title) document.title = title;
        mark(document.body, "data-connection", this.#live.state);
        mark(document.body, "data-role", this.#live.role);
        this.#showConnection();
        this.#showMode();
        this.#showFit();
        this.#showRecording();
        this.#showPeople();
    }

    #showConnection() {
        const { state, viewer, lostSince } = this.#live;
        const awayS = (performance.now() - lostSince) / 1000;
        const away = `${fixed(awayS, 0)} s`;
        const isFirst = viewer === null;
        const isSlow = performance.now() - this.#droppedAt < SLOW_SHOWN_MS;
        const chip = $("#connection");
        say(chip, {
            live: isSlow ? "live, but slow" : "live",
            ended: "run has ended",
            none: "no run",
            lost: isFirst ? "connecting…" : `lost for ${away}`,
        }[state]);
        mark(chip, "data-state", state);
        mark(chip, "title", isSlow ? "the connection is slower than the cameras: pictures are left out for you" : null);

        const notice = $("#notice");
        const text = {
            live: "",
            ended: "This run has ended: what you see is how it was last. The next run comes up by itself.",
            none: "No run is alive. Recorded episodes can be looked at.",
            lost: isFirst
                ? "Connecting to the console…"
                : `No connection to the console for ${away}: what you see is old, and the stop button may not reach `
                    + "the arm. Trying again.",
        }[state];
        // The age would make a screen reader speak each second.
        mark(notice, "aria-live", state === "lost" ? "off" : "polite");
        mark(notice, "data-state", state);
        say(notice, text);
        notice.hidden = text === "" || (state === "lost" && awayS < NOTICE_AFTER_S)
            || (state === "none" && document.body.dataset.place === "episodes");
    }

    #showMode() {
        const chip = $("#mode");
        const live = this.#live;
        const last = live.topics.get("arm/state");
        const mode = armMode(last?.message);
        const old = last ? live.ageOf(last.publish_ns) : Infinity;
        const isOld = live.state !== "live" || old > OLD_ARM_S;
        chip.hidden = live.state === "none";
        // A reason up to its advice; the place Arm has all of it.
        const why = mode.why.split(":")[0];
        if (!last) say(chip, mode.word);
        else if (isOld) say(chip, live.state === "ended" ? `last: ${mode.word}` : `${mode.word} · ${age(old)} ago`);
        else say(chip, mode.key === "holding" ? `holding: ${why}` : mode.word);
        mark(chip, "data-mode", isOld ? "unknown" : mode.key);
        mark(chip, "title", mode.why || "what the arm does, as it says itself");
    }

    #showFit() {
        const chip = $("#fit-chip");
        const live = this.#live;
        const goal = live.last("goal/current");
        const fit = live.topics.get("goal/fit");
        let verdict = goalVerdict("VERDICT_UNKNOWN");
        let text = "no goal";
        if (goal?.id) {
            const name = goal.name || goal.text || goal.id;
            const isOfGoal = fit?.message.goal_id === goal.id;
            const old = isOfGoal ? live.ageOf(fit.publish_ns) : Infinity;
            if ((goal.views ?? []).length === 0) {
                text = `a sentence, nothing to compare: ${name}`;
            } else if (!isOfGoal) {
                text = `not compared yet: ${name}`;
            } else if (live.state === "live" && old > OLD_FIT_S) {
                text = `not compared for ${age(old)}: ${name}`;
            } else {
                if (live.state === "live") verdict = goalVerdict(fit.message.verdict);
                text = `${goalVerdict(fit.message.verdict).word}: ${name}`;
            }
        }
        chip.hidden = live.state === "none";
        say(chip, `${verdict.mark} ${text}`);
        mark(chip, "title", `whether the goal fits the scene: ${text}`);
        mark(chip, "data-verdict", verdict.key);
    }

    #showRecording() {
        const chip = $("#recording");
        const state = this.#live.last("episode/state");
        const isRecording = this.#live.state === "live" && state?.is_recording === true;
        chip.hidden = !isRecording;
        if (isRecording) say(chip, `● ${clock(this.#live.ageOf(state.start_ns ?? 0))}`);
    }

    #showPeople() {
        const chip = $("#people");
        const { people, viewer, role, state } = this.#live;
        const driver = people.find((person) => person.drives)?.viewer;
        const parts = [people.length > 1 ? count(people.length, "person").replace("persons", "people") : "only you"];
        if (driver !== undefined) parts.push(driver === viewer ? "you move the arm" : `viewer ${driver} moves the arm`);
        if (role === "view" && viewer !== null) parts.push("you may look and stop");
        chip.hidden = state === "lost" || (people.length <= 1 && parts.length === 1);
        say(chip, parts.join(" · "));
        mark(chip, "title", people.map((person) => {
            const who = person.viewer === viewer ? "you" : `viewer ${person.viewer}`;
            return `${who}: ${person.role}, from ${person.address}${person.drives ? ", moves the arm" : ""}`;
        }).join("\n"));
    }
}
