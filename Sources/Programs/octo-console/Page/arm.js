// The place "Arm": what it does and why, its signals, its joints, and moving it by hand.

import { h, mark, say } from "./dom.js";
import { ArmPlot } from "./arm-plot.js";
import { JointTable } from "./arm-joints.js";
import { makeJogPad } from "./jog.js";
import { age, armMode } from "./words.js";

/// A state that is older says nothing of the present, s.
const staleAfter = 1;

/// What ends a hold, and when it is the way: `{id, action, word, reasons, consequence}`.
const recoveries = [
    {
        id: "reset", action: "reset", word: "Reset the stop", when: "after an emergency stop",
        reasons: ["EMERGENCY_STOP"],
        consequence: "The emergency stop is reset. The arm keeps holding, but it can be moved by hand again, and the "
            + "policy moves it once it is told to go on. Is nobody within its reach?",
    },
    {
        id: "resume", action: "resume", word: "Let the policy go on", when: "after a stop that was reset",
        reasons: ["AWAITING_RESUME"],
        consequence: "The policy moves the arm again, at once. Is nobody within its reach?",
    },
    {
        id: "clear-fault", action: "clear_fault", word: "Clear the fault", when: "after a fault of a servo",
        reasons: ["DRIVER_FAULT", "STALLED", "OVERLOADED", "OVERHEATED", "NOT_FOLLOWING", "BEYOND_LIMITS"],
        consequence: "The fault is taken as mended: the servos push again, and the policy may move the arm at once. Is "
            + "the joint free, cooled and plugged in, and nobody within reach?",
    },
    {
        id: "recover", action: "recover", word: "Move back into limits", when: "where a joint is beyond its limits",
        reasons: ["BEYOND_LIMITS"],
        consequence: "The arm moves by itself, slowly, until the joint is within its limits. Is its way free?",
    },
];

/// How people may be told who moves the arm.
const holders = { policy: "the policy", you: "you", another: "another operator", nobody: "nobody" };

export function makePlace(root, live, app) {
    const mode = h("p", { id: "arm-mode", "aria-live": "polite" });
    const why = h("p", { id: "arm-why" }), holder = h("p", { id: "arm-holder" });
    const says = h("p", { id: "arm-says", hidden: true });
    const unread = h("p", { class: "warning", hidden: true });
    const unconfirmed = h("p", { class: "warning", role: "alert", hidden: true },
        "A stop was asked for, and the arm has not said that it stands. If it moves, switch its power off.");
    const canvas = h("canvas", { id: "joint-chart", role: "img",
        "aria-label": "Joints over the last 20 seconds: measured, setpoint, and the chunk that is executed ahead" });
    const plot = new ArmPlot(canvas, live), table = new JointTable();
    const pad = makeJogPad(live, app);
    const buttons = recoveries.map((one) => makeRecovery(one, app));
    const nothing = h("p", { class: "empty" });
    const columns = h("div", { class: "arm-columns" },
        h("div", { class: "arm-main" },
            h("section", { class: "panel arm-status" }, mode, why, holder, says, unread, unconfirmed),
            h("section", { class: "panel", "aria-label": "Signals" }, plot.head, canvas, plot.legend, plot.note),
            h("section", { class: "panel", "aria-label": "Joints" }, h("div", { class: "wide" }, table.element))),
        h("div", { class: "arm-side" },
            pad.element,
            h("section", { class: "panel recovery", "aria-label": "After a hold" },
                h("h3", {}, "After a hold"), buttons.map((button) => button.element))));
    root.append(nothing, columns);

    let isShown = false, timer = null, runKey = null;

    function begin() {
        const key = JSON.stringify([live.run?.run_id, live.run?.arm]);
        if (key === runKey) return;
        runKey = key;
        columns.hidden = !live.run?.arm;
        plot.begin(live.run?.arm?.joints ?? []);
        table.begin(live.run?.arm ?? null);
        const last = live.topics.get("arm/state");
        if (last) plot.takeState(last);
    }

    function show() {
        if (!isShown) return;
        nothing.hidden = Boolean(live.run?.arm);
        say(nothing, live.viewer === null ? "Connecting…" : live.run ? "This run has no arm." : "There is no run.");
        const object = live.topics.get("arm/state");
        const state = object?.message ?? null;
        const old = object ? live.ageOf(object.publish_ns) : Infinity;
        const isStale = old > staleAfter || live.state !== "live";
        const now = armMode(state);
        mark(mode.parentElement, "data-mode", isStale ? "unknown" : now.key);
        say(mode, isStale ? "not known" : now.word);
        say(why, isStale ? silence(live, object, old) : reason(state, now, live.run?.arm));
        say(holder, isStale ? "" : whoHas(live));
        const status = live.last("node/arm/status");
        says.hidden = isStale || !["STATE_DEGRADED", "STATE_FAULT"].includes(status?.state);
        say(says, `Its node says: ${status?.headline ?? ""}`);
        const silent = isStale ? [] : unreadJoints(state, live.run?.arm);
        unread.hidden = silent.length === 0;
        say(unread, `No answer from ${silent.join(", ")}: the numbers are those of the last answer.`);
        unconfirmed.hidden = live.drive?.stop_unconfirmed !== true;
        table.show(state);
        for (const button of buttons) button.show(isStale ? null : state, live);
        pad.show();
    }

    live.on("arm/state", (object) => plot.takeState(object));
    live.on("policy/chunk", (object) => plot.takeChunk(object));
    live.on("arm/chunk", (object) => plot.takeReport(object));
    live.addEventListener("hello", begin);
    for (const event of ["hello", "state", "drive", "people"]) live.addEventListener(event, show);
    begin();

    return {
        shown() {
            isShown = true;
            pad.setShown(true);
            // Words change ten times a second at most: faster, nobody reads them.
            timer ??= setInterval(() => { plot.refresh(); show(); }, 100);
            show();
        },
        hidden() {
            isShown = false;
            pad.setShown(false);
            clearInterval(timer);
            timer = null;
        },
    };
}

/// What is known when the arm says nothing.
function silence(live, object, old) {
    if (live.state === "ended") return "the run has ended";
    if (live.state === "none") return "there is no run";
    if (live.state === "lost") return "the connection is lost: what is shown is of the past";
    if (!object) return "the arm has said nothing yet";
    return `the arm has said nothing for ${age(old)}. If it moves, switch its power off`;
}

/// Why it does what it does, with the joint that it is about.
function reason(state, now, arm) {
    const joint = jointName(state.blamed_joint, arm);
    return joint ? `${now.why} (${joint})` : now.why;
}

function jointName(index, arm) {
    if (index === undefined || !arm) return null;
    return index === arm.joints.length ? "gripper" : arm.joints[index] ?? `joint ${index + 1}`;
}

function unreadJoints(state, arm) {
    const count = (arm?.joints.length ?? 0) + 1;
    return Array.from({ length: count }, (_, index) => index)
        .filter((index) => Math.floor((state?.measured_unread ?? 0) / 2 ** index) % 2 === 1)
        .map((index) => jointName(index, arm));
}

/// Who has the arm, by what the console and the arm's own node say.
function whoHas(live) {
    const { drive } = live;
    const headline = live.last("node/arm/status")?.headline ?? "";
    const mover = /^moved by (.*?)(;|$)/.exec(headline)?.[1];
    if (drive?.holder === "you" && drive.viewer !== live.viewer) {
        return (drive.viewer ?? null) === null ? "this console has the arm" : `${viewerName(live, drive.viewer)} has the arm`;
    }
    if (drive?.holder === "another" && mover) return `${mover} has the arm`;
    const word = holders[drive?.holder];
    if (!word) return mover ? `${mover} has the arm` : "";
    const taking = { preparing: ", on the way to take a goal", taking: ", taking a goal" }[drive.taking] ?? "";
    return `${word} ${word === "you" ? "have" : "has"} the arm${taking}`;
}

/// A person who looks on, in words.
function viewerName(live, viewer) {
    const address = live.people.find((one) => one.viewer === viewer)?.address;
    return `viewer ${viewer}${address ? ` (${address})` : ""}`;
}

/// One button that ends a hold, behind a confirmation; where it is not the way, it says when it is.
function makeRecovery({ id, action, word, when, reasons, consequence }, app) {
    const hint = h("span", { class: "hint", id: `${id}-hint` });
    let isBusy = false;
    const button = h("button", { id, type: "button", "aria-describedby": hint.id, disabled: true, onclick: async () => {
        if (!await app.confirm(consequence, word)) return;
        isBusy = true;
        button.disabled = true;
        await app.command(action);
        isBusy = false;
    } }, word);
    return {
        element: h("div", { class: "recovery-row" }, button, hint),
        show(state, live) {
            const isTheWay = reasons.some((name) => state?.holding === `HOLD_REASON_${name}`);
            const hindrance = live.role !== "operate" ? "you may look and stop, not operate"
                : !state ? "no word from the arm" : isTheWay ? "" : `only ${when}`;
            button.disabled = isBusy || hindrance !== "";
            mark(button, "data-due", isTheWay ? "true" : null);
            say(hint, isBusy ? "asked…" : hindrance);
        },
    };
}
