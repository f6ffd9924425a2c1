// An episode looked at again: pictures of all cameras, joints, chunks and events at one moment.

import { h, fill, mark, say } from "./dom.js";
import { getJSON } from "./commands.js";
import { kindWords, outcomeSign } from "./episode-words.js";
import { ReplayChart } from "./replay-chart.js";
import { ReplayChunks } from "./replay-chunks.js";
import { MomentGoal, ReplayJobs } from "./replay-jobs.js";
import { ReplayPictures, lastAtOrBefore } from "./replay-pictures.js";
import { clock, fixed } from "./words.js";

const speeds = [0.1, 0.25, 0.5, 1, 2, 4];

/// Shows one episode; none at first.
export class Replay {
    #live;
    #closed;
    #title;
    #facts;
    #words;
    #body;
    #pictures;
    #play;
    #scrub;
    #time;
    #speed;
    #events;
    #chart;
    #chunks;
    #jobs;
    #goal;
    /// As the server gives it; null: none is open.
    #episode = null;
    #eventItems = [];
    #eventTimes = [];
    /// The moment that is shown, ns of the recording's clock.
    #now = 0;
    #isPlaying = false;
    #opening = 0;

    /// - closed: called when the person has seen enough.
    constructor(live, app, closed) {
        this.#live = live;
        this.#closed = closed;
        this.#title = h("h2", { id: "replay-title", tabindex: "-1" });
        this.#facts = h("p", { class: "meta" });
        this.#words = h("p", { class: "words", role: "status" });
        this.#pictures = new ReplayPictures();
        const button = (words, label, action) =>
            h("button", { type: "button", "aria-label": label, title: label, onclick: action }, words);
        this.#play = button("▶", "Play (P)", () => this.#toggle());
        this.#scrub = h("input", {
            id: "scrub", type: "range", min: "0", max: "0", step: "1", value: "0",
            "aria-label": "Moment of the episode",
            oninput: () => this.#seekByHand(this.#episode.start_ns + Number(this.#scrub.value) * 1e6),
        });
        this.#time = h("output", { class: "replay-time", for: "scrub" });
        this.#speed = h("select", { "aria-label": "Speed", title: "Speed" }, speeds.map((speed) =>
            h("option", { value: String(speed), selected: speed === 1 }, `${speed} ×`)));
        this.#events = h("ol", { class: "replay-events", "aria-label": "Events" });
        this.#chart = new ReplayChart((time) => this.#seekByHand(time));
        this.#chunks = new ReplayChunks();
        this.#jobs = new ReplayJobs(live);
        this.#goal = new MomentGoal(live, app);
        this.#body = h("div", { class: "replay-body" },
            this.#pictures.node,
            h("div", { class: "replay-bar" }, this.#play,
                button("◀|", "One picture back (←)", () => this.#stepBy(-1)),
                button("|▶", "One picture on (→)", () => this.#stepBy(1)), this.#scrub, this.#time, this.#speed),
            h("p", { class: "meta replay-keys" },
                "← → a picture, with Shift a second, Home and End, P to play. The curves can be dragged, too."),
            h("div", { class: "buttons" }, this.#goal.button, this.#jobs.buttons),
            this.#goal.node, this.#jobs.node,
            h("div", { class: "replay-columns" },
                this.#chart.node,
                h("div", { class: "replay-side" }, this.#chunks.node, h("h3", {}, "Events"), this.#events)));
        this.node = h("section", {
            id: "replay", class: "panel", "aria-labelledby": "replay-title", hidden: true,
            onkeydown: (event) => this.#press(event),
        },
        h("div", { class: "replay-head" }, this.#title, button("✕", "Close the episode", () => this.close())),
        this.#facts, this.#words, this.#body);
        this.#body.hidden = true;
    }

    // MARK: Opening

    /// Shows an episode from its beginning. @param entry as in the list of episodes.
    async open(entry) {
        this.#empty();
        const opening = ++this.#opening;
        this.node.hidden = false;
        say(this.#title, entry.name || entry.id);
        fill(this.#facts);
        say(this.#words, "Reading the episode …");
        this.node.scrollIntoView({ block: "start" });
        this.#title.focus({ preventScroll: true });
        let episode;
        try {
            episode = await getJSON(`/api/episodes/${encodeURIComponent(entry.id)}`);
        } catch (error) {
            if (opening === this.#opening) say(this.#words, `It cannot be looked at: ${error.message.replace(/\.$/, "")}.`);
            return;
        }
        if (opening !== this.#opening) return;
        this.#episode = episode;
        say(this.#words, episode.recording ? "It is being recorded: this is what was there when it was opened." : "");
        this.#showFacts(episode);
        this.#pictures.open(episode);
        this.#makeEvents(episode);
        this.#chart.open(episode);
        this.#chunks.open(episode);
        this.#jobs.open(episode);
        this.#goal.open(episode);
        const span = Math.max(0, episode.end_ns - episode.start_ns);
        this.#scrub.max = String(Math.ceil(span / 1e6));
        this.#body.hidden = false;
        this.#seek(episode.start_ns);
        this.#scrub.focus({ preventScroll: true });
    }

    close() {
        this.#opening += 1;
        this.#empty();
        this.node.hidden = true;
        this.#closed();
    }

    pause() {
        this.#isPlaying = false;
        say(this.#play, "▶");
        mark(this.#play, "aria-label", "Play (P)");
    }

    #empty() {
        this.pause();
        this.#pictures.close();
        this.#episode = null;
        this.#body.hidden = true;
    }

    #showFacts({ goal, seconds, missing = [], notes = [], outcome, problem }) {
        const parts = [clock(seconds ?? 0), goal ? `goal: ${goal}` : "", ...notes.map((note) => `“${note}”`),
            missing.length > 0 ? `▲ missing: ${missing.join(", ")}` : "", problem ? `▲ ${problem}` : ""];
        fill(this.#facts, outcomeSign(outcome), parts.filter((part) => part).map((part) => ` · ${part}`));
    }

    #makeEvents({ events = [], start_ns }) {
        const sorted = [...events].sort((a, b) => a.time_ns - b.time_ns);
        this.#eventTimes = sorted.map(({ time_ns }) => time_ns);
        this.#eventItems = sorted.map(({ time_ns, node, kind, text }) => h("li", {}, h("button", {
            type: "button", onclick: () => this.#seekByHand(time_ns),
        }, h("span", { class: "replay-event-time" }, `${fixed((time_ns - start_ns) / 1e9, 2)} s`),
        ` ${node}: ${text || kindWords(kind)}`)));
        fill(this.#events, this.#eventItems.length > 0 ? this.#eventItems : h("li", {}, "none"));
    }

    // MARK: The moment

    #seekByHand(time) {
        if (!this.#episode) return;
        this.pause();
        this.#seek(time);
    }

    /// - speed: with which it goes on from there; 0: a person looks for something.
    #seek(time, speed = 0) {
        const { start_ns: start, end_ns: end } = this.#episode;
        const isBackwards = time < this.#now;
        this.#now = Math.min(Math.max(time, start), end);
        this.#pictures.show(this.#now, speed, isBackwards);
        this.#scrub.value = String((this.#now - start) / 1e6);
        const since = (this.#now - start) / 1e9;
        mark(this.#scrub, "aria-valuetext", `${fixed(since, 1)} seconds`);
        say(this.#time, `${fixed(since, 2)} of ${fixed((end - start) / 1e9, 2)} s`);
        const last = lastAtOrBefore(this.#eventTimes, this.#now);
        this.#eventItems.forEach((item, index) =>
            mark(item, "data-when", index === last ? "now" : index < last ? "past" : "later"));
        this.#chunks.show(this.#now);
        this.#chart.show(this.#now, this.#chunks.active);
        this.#goal.show(this.#now);
    }

    /// Goes by pictures of the camera that has most of them.
    #stepBy(pictures) {
        if (!this.#episode) return;
        const times = this.#pictures.leadingTimes;
        if (times.length === 0) {
            this.#seekByHand(this.#now + pictures * 1e8);
            return;
        }
        const index = Math.min(Math.max(lastAtOrBefore(times, this.#now) + pictures, 0), times.length - 1);
        this.#seekByHand(times[index]);
    }

    #toggle() {
        if (!this.#episode) return;
        if (this.#isPlaying) {
            this.pause();
            return;
        }
        if (this.#now >= this.#episode.end_ns) this.#seek(this.#episode.start_ns);
        this.#isPlaying = true;
        say(this.#play, "❚❚");
        mark(this.#play, "aria-label", "Pause (P)");
        let last = performance.now();
        const turn = (at) => {
            if (!this.#isPlaying || !this.#episode) return;
            const speed = Number(this.#speed.value);
            // A page that was hidden goes on where it was.
            const passed = Math.min(Math.max(at - last, 0), 250) * 1e6 * speed;
            last = at;
            this.#seek(this.#now + passed, speed);
            if (this.#now >= this.#episode.end_ns) this.pause();
            else requestAnimationFrame(turn);
        };
        requestAnimationFrame(turn);
    }

    #press(event) {
        // There the keys do something else already.
        const isText = event.target.matches("input:not(#scrub), select, textarea, .chunk-scroll");
        if (isText || event.ctrlKey || event.altKey || event.metaKey || !this.#episode) return;
        const { start_ns: start, end_ns: end } = this.#episode;
        const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (direction && event.shiftKey) this.#seekByHand(this.#now + direction * 1e9);
        else if (direction) this.#stepBy(direction);
        else if (event.key === "Home") this.#seekByHand(start);
        else if (event.key === "End") this.#seekByHand(end);
        else if (event.key === "p" || event.key === "P") this.#toggle();
        else return;
        event.preventDefault();
        event.stopPropagation();
    }
}
