// The page's frame: header, places, keys, what it says. Each place is a module of its own; one that cannot be loaded
// says so in its own section and takes nothing from the others, least of all the stop button.

import { $, $$, fill, h, mark, say } from "./dom.js";
import { command } from "./commands.js";
import { Live } from "./live.js";
import { StopButton, isTextField } from "./stop.js";
import { age, armMode, clock, count, fixed, goalVerdict } from "./words.js";

const places = ["scene", "goals", "arm", "episodes", "health"];
/// A fit or a state that is older says nothing of now.
const OLD_FIT_S = 3;
const OLD_ARM_S = 1;
const NOTICE_AFTER_S = 0.6;
const DROPPED_SHOWN_MS = 3000;

const live = new Live();
const stop = new StopButton(live);
const made = new Map();
let shown = null;
let droppedAt = -Infinity;
/// The viewer that moves the arm; null: nobody here does.
let driver = null;
let hasChosen = places.includes(location.hash.slice(1));

/// What places may ask of the frame.
const app = {
    /// Asks a person. `action` is the word on the button that does it. Resolves to whether it was pressed.
    confirm(text, action) {
        return confirmation(text, action);
    },

    /// Says something for a while. Kind: "good", "bad" (stays longer, until it is closed) or "" (in passing).
    toast(text, kind = "") {
        toast(text, kind);
    },

    /// Asks the owner, says what it answered, and returns that.
    async command(action, fields = {}, options = {}) {
        const answer = await command(action, fields, options);
        toast(answer.message, answer.accepted ? "good" : "bad");
        return answer;
    },

    /// Goes to a place by its name.
    show(place) {
        show(place);
    },

    /// Whether this person may do more than look and stop.
    get mayOperate() {
        return live.role === "operate";
    },
};

// Places ---------------------------------------------------------------------------------------------------------------

function show(place) {
    if (!places.includes(place)) return;
    if (shown !== place) {
        made.get(shown)?.hidden?.();
        shown = place;
        history.replaceState(null, "", `#${place}`);
        for (const button of $$("nav button")) {
            mark(button, "aria-current", button.dataset.place === place ? "page" : null);
        }
        for (const name of places) $(`#place-${name}`).hidden = name !== place;
        mark(document.body, "data-place", place);
        scrollTo(0, 0);
        made.get(place)?.shown?.();
    }
}

async function make(place) {
    const root = $(`#place-${place}`);
    try {
        const module = await import(`./${place}.js`);
        made.set(place, module.makePlace(root, live, app));
        if (shown === place) made.get(place).shown?.();
    } catch (error) {
        console.error(error);
        fill(root, h("p", { class: "problem" }, `This place could not be loaded: ${error.message}. Load the page again.`));
    }
}

function choose(place) {
    hasChosen = true;
    show(place);
}

// Header ---------------------------------------------------------------------------------------------------------------

function showHeader() {
    const run = live.run;
    say($("#robot"), run?.name ?? "Octo Console");
    mark($("#robot"), "title", run ? `run ${run.run_id} of ${run.manifest_path}, since ${run.started}` : null);
    document.title = run ? `${run.name} – Octo Console` : "Octo Console";
    mark(document.body, "data-connection", live.state);
    mark(document.body, "data-role", live.role);
    showConnection();
    showMode();
    showFit();
    showRecording();
    showPeople();
    stop.show();
}

function showConnection() {
    const awayS = (performance.now() - live.lostSince) / 1000;
    const away = `${fixed(awayS, 0)} s`;
    const isFirst = live.viewer === null;
    const texts = {
        live: performance.now() - droppedAt < DROPPED_SHOWN_MS ? "live, but slow" : "live", ended: "run has ended", none: "no run", lost: isFirst ? "connecting…" : `lost for ${away}`,
    };
    say($("#connection"), texts[live.state]);
    mark($("#connection"), "data-state", live.state);
    mark($("#connection"), "title", performance.now() - droppedAt < DROPPED_SHOWN_MS
        ? "this connection is slower than the cameras: some pictures are left out for you" : null);
    const notices = {
        live: "",
        ended: "This run has ended: what you see is how it was last. The next run of this robot comes up by itself.",
        none: "No run is alive. Recorded episodes can be looked at.",
        lost: isFirst
            ? "Connecting to the console…"
            : `No connection to the console for ${away}: what you see is old, and the stop button may not reach the arm. `
                + "Trying again.",
    };
    // The age would make a screen reader speak each second.
    say($("#notice"), notices[live.state]);
    mark($("#notice"), "aria-live", live.state === "lost" ? "off" : "polite");
    mark($("#notice"), "data-state", live.state);
    // A connection that is back at once is not worth moving the page under somebody's finger.
    const isBrief = live.state === "lost" && awayS < NOTICE_AFTER_S;
    $("#notice").hidden = notices[live.state] === "" || isBrief || (live.state === "none" && shown === "episodes");
}

function showMode() {
    const chip = $("#mode");
    const last = live.topics.get("arm/state");
    const mode = armMode(last?.message);
    const old = last ? live.ageOf(last.publish_ns) : Infinity;
    const isOld = live.state !== "live" || old > OLD_ARM_S;
    chip.hidden = live.state === "none";
    if (!last) say(chip, mode.word);
    else if (isOld) say(chip, live.state === "ended" ? `last: ${mode.word}` : `${mode.word} · ${age(old)} ago`);
    else say(chip, mode.key === "holding" ? `holding: ${short(mode.why)}` : mode.word);
    mark(chip, "data-mode", isOld ? "unknown" : mode.key);
    mark(chip, "title", mode.why || "what the arm does, as it says itself");
}

/// A reason up to its advice, which the Arm place shows in full.
const short = (why) => why.split(":")[0];

function showFit() {
    const chip = $("#fit-chip");
    const goal = live.last("goal/current");
    const fit = live.topics.get("goal/fit");
    let verdict = goalVerdict("VERDICT_UNKNOWN");
    let text = "no goal";
    if (goal?.id) {
        const name = goal.name || goal.text || goal.id;
        const isOfGoal = fit?.message.goal_id === goal.id;
        const old = isOfGoal ? live.ageOf(fit.publish_ns) : Infinity;
        if (!isOfGoal) text = `${name}: not compared yet`;
        else if (live.state === "live" && old > OLD_FIT_S) text = `${name}: not compared for ${age(old)}`;
        else {
            if (live.state === "live") verdict = goalVerdict(fit.message.verdict);
            text = `${name}: ${goalVerdict(fit.message.verdict).word}`;
        }
    }
    chip.hidden = live.state === "none";
    say(chip, `${verdict.mark} ${text}`);
    mark(chip, "data-verdict", verdict.key);
}

function showRecording() {
    const chip = $("#recording");
    const state = live.last("episode/state");
    const isRecording = live.state === "live" && state?.is_recording === true;
    chip.hidden = !isRecording;
    if (isRecording) say(chip, `● ${clock(live.ageOf(state.start_ns ?? 0))}`);
}

function showPeople() {
    const chip = $("#people");
    const others = live.people.filter((person) => person.viewer !== live.viewer);
    const drives = driver === null ? "" : driver === live.viewer ? " · you move the arm" : " · another one moves the arm";
    const looking = live.role === "view" && live.viewer !== null ? " · you may look and stop" : "";
    chip.hidden = live.state === "lost" || (others.length === 0 && drives === "" && looking === "");
    say(chip, `${others.length === 0 ? "only you" : count(live.people.length, "person").replace("persons", "people")}`
        + drives + looking);
    const lines = live.people.map((person) => `${person.viewer === live.viewer ? "you" : `viewer ${person.viewer}`}: `
        + `${person.role}, from ${person.address}${person.drives ? ", moves the arm" : ""}`);
    mark(chip, "title", lines.join("\n"));
}

// Dialogs and toasts ---------------------------------------------------------------------------------------------------

let closeOpen = null;

/// Opens a dialog over the places and not over the header: a modal one would take the stop button away.
function openDialog(dialog, focus, onClose) {
    closeOpen?.();
    const before = document.activeElement;
    const covered = [$("main"), $("nav")];
    for (const element of covered) element.inert = true;
    $("#scrim").hidden = false;
    dialog.show();
    focus.focus();
    closeOpen = () => {
        closeOpen = null;
        dialog.close();
        for (const element of covered) element.inert = false;
        $("#scrim").hidden = true;
        before?.focus?.();
        onClose?.();
    };
    return closeOpen;
}

function confirmation(text, action) {
    return new Promise((resolve) => {
        let isYes = false;
        say($("#confirm-text"), text);
        say($("#confirm-yes"), action ?? "Go on");
        const close = openDialog($("#confirm"), $("#confirm-no"), () => resolve(isYes));
        $("#confirm-yes").onclick = () => {
            isYes = true;
            close();
        };
        $("#confirm-no").onclick = close;
    });
}

function toggleHelp() {
    if ($("#help").open) {
        closeOpen?.();
        return;
    }
    const rows = [];
    for (const [place, { keys = [] }] of made) {
        if (keys.length > 0) rows.push(h("h3", {}, $(`nav [data-place="${place}"] span`).textContent));
        for (const [key, words] of keys) {
            rows.push(h("dt", {}, key.split(" ").map((part) => [h("kbd", {}, part), " "])), h("dd", {}, words));
        }
    }
    fill($("#help-places"), rows);
    openDialog($("#help"), $("#help-close"));
}

const MOST_TOASTS = 4;

function toast(text, kind) {
    if (!text) return;
    const mark = { good: "✓", bad: "✕" }[kind] ?? "·";
    const node = h("div", { class: `toast ${kind}`, role: kind === "bad" ? "alert" : null },
        h("span", { class: "sign", "aria-hidden": "true" }, mark),
        h("span", {}, text),
        h("button", { class: "quiet icon", type: "button", "aria-label": "Close", onclick: () => node.remove() }, "×"));
    const list = $("#toasts");
    list.append(node);
    while (list.children.length > MOST_TOASTS) list.firstChild.remove();
    setTimeout(() => node.remove(), kind === "bad" ? 12000 : 4000);
}

// Keys -----------------------------------------------------------------------------------------------------------------

function hearKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") {
        closeOpen?.();
        return;
    }
    // Letters choose in a list.
    if (isTextField(event.target) || event.target instanceof HTMLSelectElement) return;
    if (event.key === "?") {
        event.preventDefault();
        toggleHelp();
        return;
    }
    if (closeOpen) return;
    const index = Number(event.key) - 1;
    if (places[index] !== undefined) choose(places[index]);
    else made.get(shown)?.key?.(event);
}

// Start ----------------------------------------------------------------------------------------------------------------

for (const button of $$("nav button")) button.addEventListener("click", () => choose(button.dataset.place));
$("#fit-chip").addEventListener("click", () => choose("scene"));
$("#help-open").addEventListener("click", toggleHelp);
$("#help-close").addEventListener("click", () => closeOpen?.());
$("#scrim").addEventListener("click", () => closeOpen?.());
addEventListener("keydown", hearKey);
addEventListener("hashchange", () => choose(location.hash.slice(1)));

let wasLive = false;
live.addEventListener("hello", (event) => {
    if (event.detail.isOtherRun && wasLive && live.run !== null) toast(`another run has begun: ${live.run.name}`, "");
    wasLive ||= live.run !== null;
    // Without a run there is nothing to see but what is on disk.
    if (!hasChosen && live.run === null) show("episodes");
});
live.addEventListener("people", () => {
    const before = driver;
    driver = live.people.find((person) => person.drives)?.viewer ?? null;
    if (driver !== null && driver !== before && driver !== live.viewer) {
        toast(`viewer ${driver} moves the arm now`, "");
    }
});
live.addEventListener("dropped", () => {
    droppedAt = performance.now();
});
for (const name of ["hello", "state", "people"]) live.addEventListener(name, showHeader);
live.on("arm/state", showMode);
live.on("goal/current", showFit);
live.on("goal/fit", showFit);
live.on("episode/state", showRecording);
setInterval(showHeader, 250);

show(hasChosen ? location.hash.slice(1) : "scene");
showHeader();
// The places hear everything from the first message on; one that does not come is not waited for.
await Promise.race([Promise.all(places.map(make)), new Promise((resolve) => setTimeout(resolve, 3000))]);
live.start();
