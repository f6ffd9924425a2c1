// The place Scene: what the cameras see now, the goal over it, and whether it fits.

import { $$, fill, h, mark, say } from "./dom.js";
import { CameraView } from "./camera.js";
import { NetworkView } from "./network-view.js";
import { age, goalVerdict } from "./words.js";

const RATE_HZ = 30;
/// A fit that is older says nothing of now.
const OLD_FIT_S = 3;
const STEP = 10;
/// Where the key o puts the slider.
const HALF = 50;
const sentences = {
    green: "The goal fits the scene.",
    amber: "Look at it before you go on:",
    red: "The goal does not fit the scene:",
    unknown: "Nothing to compare:",
};

/// Builds the place in `root`. Returns `{shown, hidden, key}`.
export function makePlace(root, live, app) {
    const views = new Map();
    const networks = new Map();
    let mode = "overlay";
    let isShown = false;
    let showsNetwork = false;
    let timer = null;

    const overlay = h("input", {
        id: "overlay", type: "range", min: 0, max: 100, step: 1, value: 0, "aria-label": "Goal over the live picture",
        oninput: showModes,
    });
    const overlayNumber = h("output", { for: "overlay", class: "mono" });
    const modes = [["overlay", "Overlay", "o"], ["difference", "Difference", "d"], ["side", "Side by side", "b"]];
    const viewMode = h("div", { id: "view-mode", class: "choice", role: "group", "aria-label": "View" },
        modes.map(([name, word, key]) => h("button", {
            type: "button", "data-view": name, title: `key ${key}`, onclick: () => choose(name),
        }, word)));
    const networkToggle = h("button", {
        id: "network-toggle", type: "button", "aria-pressed": "false", onclick: toggleNetwork,
        title: "the picture as it goes into the network (key n)",
    }, "Network’s input");
    const slider = h("label", { class: "slider" }, h("span", { class: "quiet" }, "live"), overlay,
        h("span", { class: "quiet" }, "goal"), overlayNumber);
    const verdict = h("div", { id: "fit-verdict", "data-verdict": "unknown", role: "status" });
    const reasons = h("ul", { id: "fit-reasons" });
    const cameras = h("div", { id: "cameras" });
    const network = h("section", { id: "network", class: "panel", hidden: true, "aria-label": "The network’s input" });
    const empty = h("p", { class: "empty quiet", hidden: true });

    const bar = h("div", { class: "scene-bar" }, viewMode, slider, networkToggle);
    const fitPanel = h("div", { class: "scene-fit panel" }, verdict, reasons);

    fill(root, bar, fitPanel,
        empty, cameras, network);

    function showRun() {
        const names = live.run?.cameras ?? [];
        for (const [name, view] of views) {
            if (!names.includes(name)) {
                view.remove();
                views.delete(name);
            }
        }
        for (const name of names) {
            if (!views.has(name)) views.set(name, new CameraView(name, live));
            cameras.append(views.get(name).element);
        }
        mark(cameras, "data-count", names.length);
        empty.hidden = names.length > 0;
        bar.hidden = fitPanel.hidden = names.length === 0;
        say(empty, live.run === null ? "No run, no pictures. Start one with octo-launch." : "This run has no camera.");
        networks.clear();
        for (const name of names) networks.set(name, new NetworkView(name, live));
        fill(network,
            h("p", { class: "quiet" }, "The newest picture of each observation, as it went into the network."),
            h("div", { class: "row" }, [...networks.values()].map((view) => view.element)));
        showGoal();
        showModes();
        tellWatch();
        show();
    }

    function showGoal() {
        const goal = live.last("goal/current");
        const pictures = goal?.id ? goal.views ?? [] : [];
        const seen = new Set(pictures.map((view) => view.camera));
        const lacks = pictures.length > 0 ? "the goal has no picture of this camera" : "";
        for (const [name, view] of views) {
            view.setGoal(seen.has(name)
                ? `/picture/goal/${encodeURIComponent(name)}.jpg?id=${encodeURIComponent(goal.id)}` : null,
            seen.has(name) ? "" : lacks);
        }
        showFit();
    }

    function presentFit() {
        const goal = live.last("goal/current");
        const fit = live.topics.get("goal/fit");
        if (!goal?.id || fit?.message.goal_id !== goal.id) return null;
        return fit;
    }

    function showFit() {
        const goal = live.last("goal/current");
        const fit = presentFit();
        const old = fit ? live.ageOf(fit.publish_ns) : Infinity;
        const isNow = fit !== null && live.state === "live" && old <= OLD_FIT_S;
        const parts = new Map((isNow ? fit.message.cameras ?? [] : []).map((camera) => [camera.camera, camera]));
        for (const [name, view] of views) view.setFit(parts.get(name) ?? null);

        const name = goal?.name || goal?.text || goal?.id;
        const judged = goalVerdict(isNow ? fit.message.verdict : undefined);
        mark(verdict, "data-verdict", judged.key);
        const before = goalVerdict(fit?.message.verdict).word;
        let words;
        if (!goal?.id) words = ["No goal is set", "Choose or take one in Goals."];
        else if ((goal.views ?? []).length === 0) words = [name, "It has no pictures: nothing to compare."];
        else if (fit === null) words = [name, "Not compared with the scene yet."];
        else if (live.state === "ended") words = [name, `It was, when the run ended: ${before}.`];
        else if (!isNow) words = [name, `Not compared for ${age(old)}. It was: ${before}.`];
        else words = [name, sentences[judged.key]];
        const text = `${judged.mark}|${judged.word}|${words.join("|")}`;
        if (verdict.dataset.text !== text) {
            verdict.dataset.text = text;
            fill(verdict, h("span", { class: "sign", "aria-hidden": "true" }, judged.mark),
                h("span", {}, h("b", {}, words[0]), h("span", {}, words[1])));
        }
        showReasons(isNow ? fit.message.cameras ?? [] : []);
    }

    function showReasons(parts) {
        const severity = { red: 3, amber: 2, unknown: 1, green: 0 };
        const lines = parts.flatMap((part) => (part.reasons ?? []).map((reason) => ({
            verdict: goalVerdict(reason.verdict),
            text: parts.length > 1 ? `${part.camera}: ${reason.text}` : reason.text,
        })));
        lines.sort((a, b) => severity[b.verdict.key] - severity[a.verdict.key]);
        const text = lines.map((line) => line.verdict.key + line.text).join("\n");
        if (reasons.dataset.text === text) return;
        reasons.dataset.text = text;
        fill(reasons, lines.map((line) => h("li", { "data-verdict": line.verdict.key },
            h("span", { class: "sign", "aria-label": line.verdict.word }, line.verdict.mark), line.text)));
    }

    function choose(name) {
        mode = name;
        showModes();
    }

    function showModes() {
        const share = Number(overlay.value);
        say(overlayNumber, `${share} %`);
        overlay.disabled = mode !== "overlay";
        for (const button of $$("button", viewMode)) mark(button, "aria-pressed", String(button.dataset.view === mode));
        mark(cameras, "data-view", mode);
        for (const view of views.values()) view.setMode(mode, share / 100);
    }

    function slide(value) {
        mode = "overlay";
        overlay.value = Math.max(0, Math.min(100, value));
        showModes();
    }

    function toggleNetwork() {
        showsNetwork = !showsNetwork;
        mark(networkToggle, "aria-pressed", String(showsNetwork));
        network.hidden = !showsNetwork;
        tellWatch();
    }

    function tellWatch() {
        live.watch("scene", isShown
            ? { cameras: [...views.keys()], network: showsNetwork, rate_hz: RATE_HZ } : null);
    }

    function show() {
        for (const view of views.values()) view.show();
        if (showsNetwork) for (const view of networks.values()) view.show();
        showFit();
    }

    live.addEventListener("hello", (event) => {
        if (event.detail.isOtherRun) for (const view of [...views.values(), ...networks.values()]) view.reset();
        showRun();
    });
    live.addEventListener("state", show);
    live.on("goal/current", showGoal);
    live.on("goal/fit", showFit);
    live.onPicture((picture) => {
        if (!isShown) return;
        (picture.kind === "network" ? networks : views).get(picture.camera)?.picture.offer(picture);
    });
    showRun();

    return {
        /// What the frame lists under "?".
        keys: [
            ["o", "goal over the live picture, and off again"],
            ["[ ]", "less, more of the goal"],
            ["d", "difference of goal and live picture: bright is much"],
            ["b", "both, side by side"],
            ["n", "what goes into the network"],
        ],
        shown() {
            isShown = true;
            tellWatch();
            show();
            timer = setInterval(show, 250);
        },
        hidden() {
            isShown = false;
            tellWatch();
            clearInterval(timer);
        },
        key(event) {
            switch (event.key) {
            case "o": slide(mode === "overlay" && Number(overlay.value) > 0 ? 0 : HALF); break;
            case "[": slide(Number(overlay.value) - STEP); break;
            case "]": slide(Number(overlay.value) + STEP); break;
            case "d": choose(mode === "difference" ? "overlay" : "difference"); break;
            case "b": choose(mode === "side" ? "overlay" : "side"); break;
            case "n": toggleNetwork(); break;
            default: break;
            }
        },
    };
}
