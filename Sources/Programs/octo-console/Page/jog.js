// Moving the arm by hand: buttons on the screen, keys, a gamepad. Nothing moves unless a hand holds.

import { DeadMan } from "./dead-man.js";
import { $, h, mark, say } from "./dom.js";
import { PadReader, gamepadHelp } from "./gamepad.js";
import { percent } from "./words.js";

/// Ways to move: `[name, axis, sign, sign on the button, word, key]`; axes 0 to 2 go along, 3 to 5 turn about forward,
/// left and up. The keys are octo-teleop's.
const ways = [
    ["+x", 0, 1, "↑", "forward", "w"], ["-x", 0, -1, "↓", "back", "s"],
    ["+y", 1, 1, "←", "left", "a"], ["-y", 1, -1, "→", "right", "d"],
    ["+z", 2, 1, "⇑", "up", "r"], ["-z", 2, -1, "⇓", "down", "f"],
    ["-roll", 3, -1, "↶", "tip left", "u"], ["+roll", 3, 1, "↷", "tip right", "o"],
    ["-pitch", 4, -1, "⤒", "nose up", "i"], ["+pitch", 4, 1, "⤓", "nose down", "k"],
    ["+yaw", 5, 1, "↺", "turn left", "j"], ["-yaw", 5, -1, "↻", "turn right", "l"],
];
const still = { linear: [0, 0, 0], angular: [0, 0, 0] };
/// A button of the gamepad is looked at so often, ms.
const padPeriodMs = 50;
/// States come 30 times a second. Without one for so long the connection stalls: what is said now would arrive late.
const silenceMs = 300;

/// Makes the pad: `{element, show(), setShown(bool)}`. Only while its place is shown anything can be moved.
export function makeJogPad(live, app) {
    let isShown = false, endedWhy = "", heardAt = -Infinity;
    const reader = new PadReader();
    const deadMan = new DeadMan((object) => live.send(object), (why) => {
        endedWhy = why;
        reader.disarm();
        keys.clear();
        show();
    }, () => hindrance() || (performance.now() - heardAt > silenceMs ? "nothing is heard of the arm" : ""));
    const keys = new HeldKeys(deadMan);
    const who = h("p", { id: "jog-state", "aria-live": "polite" }), lines = h("pre", { class: "jog-lines" });
    const padState = h("span", { id: "gamepad-state" }, "no gamepad");
    const speed = h("span", { class: "jog-speed" }, "–");
    const tap = (button) => () => live.send({ type: "drive_button", button });
    const slower = h("button", { type: "button", "aria-label": "slower", onclick: tap("slower") }, "−");
    const faster = h("button", { type: "button", "aria-label": "faster", onclick: tap("faster") }, "+");
    const frame = h("button", { type: "button", id: "jog-frame", onclick: tap("changeFrame") }, "axes of the base");
    const gripper = h("button", { type: "button", id: "gripper-toggle" }, "Gripper", h("small", {}, "hold"));
    const home = h("button", { type: "button", id: "jog-home" }, "Home", h("small", {}, "hold"));
    const arrows = ways.map(([name, axis, sign, glyph, word, key]) => {
        const button = h("button", { type: "button", "data-jog": name, "aria-label": word, title: `hold: ${word}` },
            h("span", { class: "glyph", "aria-hidden": "true" }, glyph), h("span", { class: "word" }, word),
            h("kbd", { "aria-hidden": "true" }, key));
        holdable(button, () => motionOf(axis, sign));
        return button;
    });
    holdable(gripper, () => still, tap("toggleGripper"));
    holdable(home, () => still, tap("home"));

    const element = h("section", { id: "jog-pad", class: "panel", tabindex: "0", role: "group",
        "aria-label": "Move by hand. Hold Shift and a letter while this has the focus" },
    h("div", { class: "jog-head" }, h("h3", {}, "Move by hand"), who),
    h("div", { class: "jog-grids" },
        h("div", { class: "jog-grid", "data-kind": "move" }, arrows.slice(0, 6)),
        h("div", { class: "jog-grid", "data-kind": "turn" }, arrows.slice(6))),
    h("div", { class: "jog-row" }, h("span", { class: "jog-speeds" }, slower, speed, faster), frame, gripper, home),
    lines,
    h("p", { class: "quiet" }, h("span", { class: "pad-mark", "aria-hidden": "true" }, "🎮"), " ", padState),
    makeHelp());
    const all = [...arrows, slower, faster, frame, gripper, home];

    /// Holds as long as a finger or the mouse's button stays down on it.
    function holdable(button, motion, begin = () => {}) {
        const source = Symbol(button.textContent);
        let pointer = null;
        const end = (event) => {
            if (event.pointerId !== pointer) return;
            pointer = null;
            deadMan.release(source);
            show();
        };
        button.addEventListener("pointerdown", (event) => {
            if (event.button !== 0 || deadMan.holds(source) || hindrance() !== "") return;
            event.preventDefault();
            element.focus({ preventScroll: true });
            try {
                button.setPointerCapture(event.pointerId);
            } catch {
                return;  // It is up again already.
            }
            pointer = event.pointerId;
            endedWhy = "";
            deadMan.hold(source, motion());
            // The server takes what needs a dead man only after it has heard of one.
            if (deadMan.holds(source)) begin();
            show();
        });
        for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(name, end);
        button.addEventListener("contextmenu", (event) => event.preventDefault());
        button.heldSource = source;
    }

    /// Why nobody can move the arm from here; empty where one can.
    function hindrance() {
        if (live.role !== "operate") return "you may look and stop, not move the arm";
        if (live.state !== "live") return "no connection to a live run";
        if (!live.run?.arm) return "this run has no arm";
        const driver = live.drive?.viewer ?? null;
        if (driver !== null && driver !== live.viewer) {
            const address = live.people.find((one) => one.viewer === driver)?.address;
            return `viewer ${driver}${address ? ` (${address})` : ""} moves the arm: one person at a time`;
        }
        return "";
    }

    function show() {
        const why = hindrance();
        if (why !== "") deadMan.end(why);
        if (!isShown) return;
        for (const button of all) {
            // A button that is held must stay: a disabled one would lose the word that it was let go.
            button.disabled = why !== "";
            if (button.heldSource) mark(button, "data-held", deadMan.holds(button.heldSource) ? "true" : null);
        }
        const drive = live.drive;
        mark(element, "data-driving", deadMan.isHeld ? "true" : null);
        say(who, why || (deadMan.isHeld ? "you hold it" : endedWhy ? `let go: ${endedWhy}` : "hold a button to move"));
        say(speed, drive?.speed ? percent(drive.speed) : "–");
        say(frame, drive?.frame === "tool" ? "axes of the tool" : "axes of the base");
        say(lines, (drive?.lines ?? []).filter((line) => line).join("\n"));
        lines.hidden = lines.textContent === "";
    }

    element.addEventListener("keydown", (event) => keys.press(event, hindrance(), () => { endedWhy = ""; show(); }));
    element.addEventListener("keyup", (event) => { keys.lift(event); show(); });
    element.addEventListener("focusout", (event) => {
        if (!element.contains(event.relatedTarget)) { keys.letGo(); show(); }
    });

    addEventListener("blur", () => deadMan.end("the window lost the focus"));
    addEventListener("pagehide", () => deadMan.end("the page was closed"));
    document.addEventListener("visibilitychange", () => {
        if (document.hidden) deadMan.end("the page was hidden");
    });
    live.addEventListener("state", () => {
        if (live.state !== "live") deadMan.end("the connection is lost");
        show();
    });
    live.on("arm/state", () => { heardAt = performance.now(); });
    watchGamepad();

    function watchGamepad() {
        let timer = null;
        const look = () => {
            if (document.hidden) { reader.disarm(); return; }
            const pad = reader.read();
            if (pad.isLost) deadMan.end("the gamepad is gone");
            if (pad.name === null) { clearInterval(timer); timer = null; }
            say(padState, pad.name === null ? "no gamepad: connect one and press a button of it"
                : pad.problem ? `${pad.name}: ${pad.problem}` : `${pad.name}${pad.isHeld ? ": held" : ": hold L1 to move"}`);
            // Stopping is right whatever is shown, and whoever asks.
            if (pad.pressed.includes("emergencyStop")) $("#stop")?.click();
            if (!isShown || hindrance() !== "" || !document.hasFocus()) {
                reader.disarm();
                deadMan.release(reader);
                return;
            }
            if (pad.motion) {
                if (!deadMan.holds(reader)) endedWhy = "";
                deadMan.hold(reader, pad.motion);
            } else {
                deadMan.release(reader);
            }
            for (const name of pad.pressed) {
                if (name === "resetEmergencyStop") $("#reset")?.click();
                else if (name === "toggleGripper" || name === "home") { if (deadMan.isHeld) tap(name)(); }
                else if (name !== "deadMan" && name !== "emergencyStop") tap(name)();
            }
            show();
        };
        const start = () => { timer ??= setInterval(look, padPeriodMs); look(); };
        addEventListener("gamepadconnected", start);
        addEventListener("gamepaddisconnected", start);
        start();
    }

    return {
        element,
        show,
        setShown(value) {
            isShown = value;
            if (!value) deadMan.end("another place is shown");
            show();
        },
    };
}

function motionOf(axis, sign) {
    const motion = { linear: [0, 0, 0], angular: [0, 0, 0] };
    motion[axis < 3 ? "linear" : "angular"][axis % 3] = sign;
    return motion;
}

/// Letters that are held together with Shift, which is the dead man. Space is left to the stop.
class HeldKeys {
    /// Where on the keyboard → source.
    #held = new Map();

    constructor(deadMan) { this.deadMan = deadMan; }

    press(event, hindrance, begin) {
        if (!event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
        const way = ways.find(([, , , , , key]) => key === event.key.toLowerCase());
        if (!way) return;
        // A letter here must not be a shortcut of the page as well.
        event.preventDefault();
        event.stopPropagation();
        if (event.repeat || hindrance !== "" || this.#held.has(event.code)) return;
        const source = Symbol(event.code);
        this.#held.set(event.code, source);
        begin();
        this.deadMan.hold(source, motionOf(way[1], way[2]));
    }

    lift(event) {
        if (event.key === "Shift") { this.letGo(); return; }
        const source = this.#held.get(event.code);
        if (source === undefined) return;
        this.#held.delete(event.code);
        this.deadMan.release(source);
    }

    letGo() {
        for (const source of this.#held.values()) this.deadMan.release(source);
        this.#held.clear();
    }

    /// What was held has been let go already.
    clear() { this.#held.clear(); }
}

function makeHelp() {
    const rows = (list) => h("dl", { class: "help" }, list.map(([what, does]) => [h("dt", {}, what), h("dd", {}, does)]));
    return h("details", {}, h("summary", {}, "Keys and gamepad"),
        rows([
            ["press a button here", "it moves until you let it go; several at once with several fingers"],
            ["Shift and a letter", "the same by keys, while this pad has the focus: click beside a button, or come by Tab"],
            ["w s, a d, r f", "forward and back, left and right, up and down"],
            ["u o, i k, j l", "roll, pitch, yaw"],
            ["space", "STOP, always"],
        ]),
        rows(gamepadHelp),
        h("p", { class: "quiet" }, "The arm is let go as well when this page is hidden or loses the focus, the connection "
            + "stalls, or another place is shown. A gamepad without a cable that goes out of range is noticed late: stay "
            + "near the stop."));
}
