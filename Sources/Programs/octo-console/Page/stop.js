// The stop button: what it says is what the arm says.

import { $, mark, say } from "./dom.js";
import { command } from "./commands.js";
import { isStopped } from "./words.js";

/// Within this time after the press the arm itself must have said that it stands.
const PATIENCE_MS = 1000;
/// Presses closer to one another than this ask only once.
const BETWEEN_REQUESTS_MS = 200;
/// A state of the arm that is older says nothing of now.
const FRESH_S = 1;

const SWITCH_OFF = "switch the arm's power off";

/// Asks for the emergency stop and tells what became of it.
///
/// It shows "stopping…" from the press on, "stopped" once the request was accepted and the arm's own state, sent after
/// the press, says that it holds for the emergency stop, and an error that stays where either is missing after 1 s. It
/// is never a toggle: no press ends a stop.
export class StopButton {
    #live;
    /// The press that is being answered: `{sinceNs, isAccepted, hasStopped, problem}`; null: none. Since: by the clock
    /// of the arm's states.
    #attempt = null;
    /// Why the last press did not stop the arm; null: it did, or a person has seen it.
    #failure = null;
    #askedAt = -Infinity;

    constructor(live) {
        this.#live = live;
        live.on("arm/state", (object) => this.#hearArm(object));
        live.addEventListener("hello", (event) => {
            if (event.detail.isOtherRun && this.#attempt === null) this.#failure = null;
            this.show();
        });
        live.addEventListener("state", () => this.show());
        // Silence changes what is true, too.
        setInterval(() => this.show(), 250);
        // pointerdown and not click: a finger that slides off the button meant it all the same.
        $("#stop").addEventListener("pointerdown", (event) => {
            if (event.button === 0) this.press();
        });
        // Enter, assistive technology and scripts give a click without a pointer.
        $("#stop").addEventListener("click", (event) => {
            if (event.detail === 0) this.press();
        });
        $("#stop-dismiss").addEventListener("click", () => {
            this.#failure = null;
            this.show();
        });
        // Before all other listeners, and for all buttons: wherever the focus is, the space bar stops.
        addEventListener("keydown", (event) => this.#hearKey(event, true), { capture: true });
        addEventListener("keyup", (event) => this.#hearKey(event, false), { capture: true });
    }

    /// Stops the arm.
    press() {
        if (this.#live.state === "none") return;
        // Whatever this page keeps moving ends here and now, whoever answers.
        this.#live.dispatchEvent(new CustomEvent("stop"));
        const now = performance.now();
        if (this.#attempt === null) {
            this.#attempt = { sinceNs: this.#live.nowNs(), isAccepted: false, hasStopped: false, problem: null };
            this.#failure = null;
            this.#askedAt = -Infinity;
            const attempt = this.#attempt;
            setTimeout(() => this.#giveUp(attempt), PATIENCE_MS);
        }
        if (now - this.#askedAt >= BETWEEN_REQUESTS_MS) {
            this.#askedAt = now;
            this.#ask(this.#attempt);
        }
        this.show();
    }

    /// Brings the page up to date.
    show() {
        const hasFailed = this.#failure !== null;
        const state = hasFailed ? "failed" : this.#attempt !== null ? "stopping" : this.#standsNow() ? "stopped" : "";
        const text = {
            failed: `NOT STOPPED: ${this.#failure}; ${SWITCH_OFF}`, stopping: "stopping…", stopped: "stopped", "": "",
        }[state];
        say($("#stop-state"), text);
        mark($("#stop-says"), "data-state", state);
        $("#stop-dismiss").hidden = !hasFailed;
        $("#stop").disabled = this.#live.state === "none";
    }

    #standsNow() {
        const last = this.#live.topics.get("arm/state");
        return this.#live.state === "live" && isStopped(last?.message) && this.#live.ageOf(last.publish_ns) < FRESH_S;
    }

    async #ask(attempt) {
        const answer = await command("stop");
        if (answer.accepted) attempt.isAccepted = true;
        else attempt.problem = answer.status === 0 ? "the console did not answer" : answer.message;
        this.#settle(attempt);
    }

    #hearArm(object) {
        const hasStopped = isStopped(object.message);
        if (this.#attempt !== null) {
            // After a reconnection the server tells of the past as well.
            if (object.publish_ns < this.#attempt.sinceNs) return;
            this.#attempt.hasStopped = hasStopped;
            this.#settle(this.#attempt);
        } else if (!hasStopped) {
            return;
        } else if (this.#failure !== null && this.#standsNow()) {
            this.#failure = null;
            this.show();
        }
    }

    #settle(attempt) {
        if (attempt !== this.#attempt || !attempt.isAccepted || !attempt.hasStopped) return;
        this.#attempt = null;
        this.show();
    }

    #giveUp(attempt) {
        if (attempt !== this.#attempt) return;
        this.#attempt = null;
        this.#failure = attempt.problem
            ?? (attempt.isAccepted ? "the arm has not said within 1 s that it stands" : "no answer within 1 s");
        // What the arm says counts for more than an answer that was lost on the way.
        if (attempt.hasStopped && this.#standsNow()) this.#failure = null;
        this.show();
    }

    #hearKey(event, isDown) {
        if (event.code !== "Space" && event.key !== " ") return;
        if (this.#live.state === "none") return;
        if (!event.ctrlKey && isTextField(event.target)) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        if (isDown && !event.repeat) this.press();
    }
}

const textTypes = new Set(["text", "search", "password", "email", "url", "tel", "number", "date", "time"]);

/// Whether keys that are pressed here write text.
export function isTextField(element) {
    if (element instanceof HTMLTextAreaElement) return true;
    if (element instanceof HTMLInputElement) return textTypes.has(element.type);
    return element instanceof HTMLElement && element.isContentEditable;
}
