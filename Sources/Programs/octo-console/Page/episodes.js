// The place of episodes: what the recorder does, what was recorded, and looking at it again.

import { h, fill, mark, say } from "./dom.js";
import { getJSON } from "./commands.js";
import { Replay } from "./replay.js";
import { age, bytes, clock, count, outcomeWords } from "./words.js";

const shapes = { open: "●", success: "✓", failure: "✕", discarded: "⌫", unknown: "?" };

/// An outcome as the bus or the list has it, without what is before its name.
const outcomeKey = (name) => String(name ?? "unknown").replace("OUTCOME_", "").toLowerCase();

/// What became of an episode: shape and word, with a colour as the third that says the same.
export function outcomeSign(name) {
    const key = outcomeKey(name);
    return h("span", { class: "outcome", "data-outcome": key },
        h("span", { "aria-hidden": "true" }, shapes[key] ?? "?"), ` ${outcomeWords(name)}`);
}

/// Builds the place in `root`. @returns `{shown, hidden}`, called as the person comes and goes.
export function makePlace(root, live, app) {
    const place = new EpisodesPlace(root, live, app);
    return { shown: () => place.shown(), hidden: () => place.hidden() };
}

class EpisodesPlace {
    #live;
    #app;
    #recorder;
    #list;
    #replay;
    #isShown = false;

    constructor(root, live, app) {
        this.#live = live;
        this.#app = app;
        this.#recorder = new RecorderPanel(live, app);
        this.#replay = new Replay(live, app, () => this.#list.showOpened(null));
        this.#list = new EpisodeList(live, (episode) => this.#open(episode));
        fill(root, this.#recorder.node, this.#replay.node, this.#list.node);
        root.classList.add("episodes");
        let last = "";
        live.on("episode/state", ({ message }) => {
            this.#recorder.refresh();
            // Its size grows all the time; the list is read again when an episode begins, ends or is judged.
            const key = `${message.path} ${message.is_recording} ${message.outcome}`;
            if (key !== last && this.#isShown) this.#list.reload();
            last = key;
        });
        live.on("episode/result", () => this.#isShown && this.#list.reload());
        for (const name of ["hello", "state"]) {
            live.addEventListener(name, () => {
                this.#recorder.refresh();
                if (this.#isShown && live.state !== "lost") this.#list.reload();
            });
        }
        setInterval(() => this.#isShown && this.#recorder.refresh(), 500);
        this.#recorder.refresh();
    }

    shown() {
        this.#isShown = true;
        this.#recorder.refresh();
        this.#list.reload();
    }

    hidden() {
        this.#isShown = false;
        this.#replay.pause();
    }

    async #open(episode) {
        this.#list.showOpened(episode.id);
        await this.#replay.open(episode);
    }
}

/// What the recorder is about, and what is asked of it.
class RecorderPanel {
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
        this.#withoutRun = h("p", { class: "goal-words" });
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
            h("div", { class: "goal-row" }, this.#name, start, stop),
            h("div", { class: "goal-row" }, success, failure, discard),
            h("div", { class: "goal-row" }, this.#note, note));
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
            return name ? `○ Not recording. The last one, '${name}': ${outcome}, ${size}${missing}.` : "○ Not recording.";
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
        if (!await this.#app.confirm(`Discard the episode '${name}'? It ends here, and is marked as of no use.`, "Discard")) {
            return;
        }
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

/// What is on disk.
class EpisodeList {
    #live;
    #open;
    #entries = [];
    #folder = "";
    #problem = "";
    #isRead = false;
    #isReading = false;
    #isDue = false;
    #opened = null;
    #search;
    #outcome;
    #words;
    #list;

    constructor(live, open) {
        this.#live = live;
        this.#open = open;
        this.#search = h("input", {
            type: "search", id: "episode-search", placeholder: "name, goal, note …", autocomplete: "off",
            oninput: () => this.#show(),
        });
        this.#outcome = h("select", { id: "episode-filter", onchange: () => this.#show() },
            h("option", { value: "" }, "all"),
            ["success", "failure", "discarded", "unknown", "open"].map((key) => h("option", { value: key }, key)),
            h("option", { value: "missing" }, "something is missing"));
        this.#words = h("p", { class: "goal-words", role: "status" });
        this.#list = h("div", { class: "episode-cards" });
        this.node = h("section", { class: "panel", "aria-labelledby": "episodes-title" },
            h("h2", { id: "episodes-title" }, "Recorded episodes"),
            h("div", { class: "goal-row goal-tools" },
                h("label", { class: "goal-label", for: "episode-search" }, "Search"), this.#search,
                h("label", { class: "goal-label", for: "episode-filter" }, "Outcome"), this.#outcome),
            this.#words, this.#list);
    }

    async reload() {
        if (this.#isReading) {
            this.#isDue = true;
            return;
        }
        this.#isReading = true;
        try {
            const { folder = "", episodes = [] } = await getJSON("/api/episodes");
            [this.#folder, this.#entries, this.#problem] = [folder, episodes, ""];
        } catch (error) {
            this.#problem = `The list cannot be read: ${error.message}.`;
        }
        this.#isRead = true;
        this.#isReading = false;
        this.#show();
        if (this.#isDue) {
            this.#isDue = false;
            this.reload();
        }
    }

    /// Marks the one that is being looked at. @param {string | null} id
    showOpened(id) {
        this.#opened = id;
        for (const card of this.#list.children) card.classList.toggle("is-open", card.dataset.id === id);
    }

    #show() {
        const wanted = this.#search.value.trim().toLowerCase();
        const outcome = this.#outcome.value;
        const found = this.#entries.filter((entry) => {
            const isOfIt = outcome === "" || (outcome === "missing"
                ? (entry.missing ?? []).length > 0 || entry.problem : outcomeKey(entry.outcome) === outcome);
            return isOfIt && [entry.name, entry.id, entry.goal, entry.started, ...(entry.notes ?? [])]
                .some((text) => text?.toLowerCase().includes(wanted));
        });
        const all = found.length === this.#entries.length
            ? count(found.length, "episode") : `${found.length} of ${count(this.#entries.length, "episode")}`;
        say(this.#words, this.#problem || (!this.#isRead ? "Reading …"
            : this.#folder ? `${all} in ${this.#folder}.` : `${all}.`));
        const focused = document.activeElement?.closest?.(".episode")?.dataset.id;
        fill(this.#list, found.map((entry) => this.#card(entry)));
        if (focused !== undefined) {
            [...this.#list.children].find((one) => one.dataset.id === focused)
                ?.querySelector("button")?.focus({ preventScroll: true });
        }
    }

    #card(entry) {
        const { id, name, goal, cameras = [], missing = [], notes = [], problem } = entry;
        const picture = cameras.length > 0 ? h("img", {
            class: "episode-picture", loading: "lazy", alt: "",
            src: `/picture/episodes/${encodeURIComponent(id)}/${encodeURIComponent(cameras[0])}/0.jpg?width=320`,
            onerror: (event) => { event.target.hidden = true; },
        }) : null;
        const facts = [entry.started?.replace("T", " "), bytes(entry.bytes ?? 0), count(entry.messages ?? 0, "message")];
        const isWhole = missing.length === 0 && !problem;
        return h("article", { class: id === this.#opened ? "episode is-open" : "episode", "data-id": id },
            h("div", { class: "episode-thumbnail" }, picture,
                h("span", { class: "episode-length" }, entry.recording ? "● recording" : clock(entry.seconds ?? 0))),
            h("div", { class: "episode-words" },
                h("h3", { class: "goal-title" }, name || id),
                h("p", {}, outcomeSign(entry.outcome), isWhole ? null : [" ", h("span", { class: "episode-missing" },
                    h("span", { "aria-hidden": "true" }, "▲ "), problem ? "damaged" : "not whole")]),
                goal ? h("p", {}, `goal: ${goal}`) : null,
                h("p", { class: "goal-meta" }, facts.filter((part) => part).join(" · ")),
                notes.map((note) => h("p", { class: "episode-note-line" }, `“${note}”`)),
                missing.length > 0 ? h("p", { class: "goal-problem" }, `missing: ${missing.join(", ")}`) : null,
                problem ? h("p", { class: "goal-problem" }, problem) : null),
            h("button", {
                type: "button", class: "episode-open", "aria-label": `Look at ${name || id}`,
                onclick: () => this.#open(entry),
            }, "Look at it"));
    }
}
