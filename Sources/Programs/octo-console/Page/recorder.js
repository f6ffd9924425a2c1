// What the recorder is about, and what is asked of it.

import { h, mark, say } from "./dom.js";
import { bytes, clock, count, outcomeWords } from "./words.js";

export class RecorderPanel {
    #live;
    #app;
    #withoutRun;
    #parts;
    #state;
    #name;
    #note;
    #buttons;

    constructor(live, app) {
        this.#live = live;
        this.#app = app;
        this.#withoutRun = h("p", { class: "words" });
        this.#state = h("p", { id: "episode-state" });
        this.#name = h("input", {
            id: "episode-name", type: "text", maxlength: "60", autocomplete: "off", placeholder: "name (optional)",
            "aria-label": "Name of the next episode (optional)",
            onkeydown: (event) => event.key === "Enter" && !this.#buttons.start.disabled && this.#start(),
        });
        this.#note = h("input", {
            id: "episode-note-text", type: "text", maxlength: "400", autocomplete: "off",
            placeholder: "what is worth knowing of it", "aria-label": "Note on the episode",
            onkeydown: (event) => event.key === "Enter" && !this.#buttons.note.disabled && this.#addNote(),
        });
        const button = (id, words, action) => h("button", { id, type: "button", onclick: action }, words);
        this.#buttons = {
            start: button("episode-start", "● Start", () => this.#start()),
            stop: button("episode-stop", "■ Stop", () => this.#app.command("episode.stop")),
            success: button("episode-success", "✓ Success", () => this.#app.command("episode.success")),
            failure: button("episode-failure", "✕ Failure", () => this.#app.command("episode.failure")),
            discard: button("episode-discard", "⌫ Discard", () => this.#discard()),
            note: button("episode-note", "Add the note", () => this.#addNote()),
        };
        const { start, stop, success, failure, discard, note } = this.#buttons;
        this.#parts = h("div", { class: "recorder" }, this.#state,
            h("div", { class: "recorder-controls" },
                h("div", { class: "row" }, this.#name, start, stop),
                h("div", { class: "row" }, success, failure, discard),
                h("div", { class: "row" }, this.#note, note)));
        this.node = h("section", { class: "panel", "aria-labelledby": "recorder-title" },
            h("h2", { id: "recorder-title" }, "The recorder"), this.#withoutRun, this.#parts);
    }

    refresh() {
        const { run, role, state } = this.#live;
        const why = run === null ? "There is no run: what is on disk can be looked at, but nothing recorded."
            : run.records ? "" : "This run records nothing: its manifest has no recorder.";
        say(this.#withoutRun, why);
        this.#withoutRun.hidden = why === "";
        this.#parts.hidden = why !== "";
        if (why) return;
        const episode = this.#live.last("episode/state");
        const may = role === "operate" && state === "live";
        const isRecording = episode?.is_recording === true;
        // What has just ended can still be judged and noted.
        const isJudged = may && Boolean(episode?.name);
        const { start, stop, success, failure, discard, note } = this.#buttons;
        start.disabled = this.#name.disabled = !may || isRecording;
        stop.disabled = !may || !isRecording;
        for (const one of [success, failure, discard, note, this.#note]) one.disabled = !isJudged;
        mark(this.#state, "data-recording", String(isRecording));
        say(this.#state, this.#words(episode));
    }

    #words(episode) {
        if (!episode) return "Nothing has been heard of the recorder yet.";
        const name = episode.name ?? "";
        const outcome = outcomeWords(episode.outcome);
        const size = `${bytes(episode.bytes ?? 0)}, ${count(episode.messages ?? 0, "message")}`;
        const missing = episode.missing ? `, ▲ ${count(episode.missing, "message")} missing` : ", none missing";
        if (!episode.is_recording) {
            return `○ Not recording.${name ? ` The last one, '${name}': ${outcome}, ${size}${missing}.` : ""}`;
        }
        const end = this.#live.state === "live" ? this.#live.nowNs() : episode.time_ns;
        const judged = outcome === "open" || outcome === "unknown" ? "" : `, marked ${outcome}`;
        return `● Recording '${name}': ${clock((end - (episode.start_ns ?? end)) / 1e9)}, ${size}${missing}${judged}`;
    }

    async #start() {
        const text = this.#name.value.trim();
        const answer = await this.#app.command("episode.start", text ? { text } : {});
        if (answer.accepted) this.#name.value = "";
    }

    async #discard() {
        const name = this.#live.last("episode/state")?.name ?? "";
        const words = `Discard the episode '${name}'? It ends here, and is marked as of no use.`;
        if (!await this.#app.confirm(words, "Discard")) return;
        await this.#app.command("episode.discard");
    }

    async #addNote() {
        const text = this.#note.value.trim();
        if (text === "") {
            this.#note.focus();
            return;
        }
        const answer = await this.#app.command("episode.note", { text });
        if (answer.accepted) this.#note.value = "";
    }
}
