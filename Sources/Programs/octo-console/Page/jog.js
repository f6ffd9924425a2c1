// Moving the arm by hand: buttons on the screen, keys, a gamepad. Nothing moves unless a hand holds.

import { DeadMan } from "./dead-man.js";
import { $, h, mark, say } from "./dom.js";
import { PadReader, gamepadHelp } from "./gamepad.js";
import { HeldKeys, motionOf, ways } from "./jog-keys.js";
import { percent } from "./words.js";

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
    const padState = h("span", { id: "gamepad-state" }, "none seen");
    const speed = h("span", { class: "jog-speed" }, "–");
    const tap = (button) => () => live.send({ type: "drive_button", button });
    const slower = h("button", { type: "button", "aria-label": "slower", onclick: tap("slower") }, "−");
    const faster = h("button", { type: "button", "aria-label": "faster", onclick: tap("faster") }, "+");
    const frame = h("button", { type: "button", id: "jog-frame", onclick: tap("changeFrame") }, "axes of the base");
    const gripperWord = h("span", {}, "Gripper");
    const gripper = h("button", { type: "button", id: "gripper-toggle" }, gripperWord, h("small", {}, "hold"));
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
    h("p", { class: "quiet" }, "Gamepad: ", padState),
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
        const state = live.last("arm/state");
        say(gripperWord, !state ? "Gripper" : (state.setpoint_gripper ?? 0) > 0.5 ? "Close gripper" : "Open gripper");
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
    live.addEventListener("stop", () => deadMan.end("stop was pressed"));
    live.on("arm/state", () => { heardAt = performance.now(); });
    watchGamepad();

    function watchGamepad() {
        let timer = null;
        const look = () => {
            if (document.hidden) { reader.disarm(); return; }
            const pad = reader.read();
            if (pad.isLost) deadMan.end("the gamepad is gone");
            if (pad.name === null) { clearInterval(timer); timer = null; }
            const state = pad.problem || (pad.isHeld ? "held" : "hold L1 to move");
            say(padState, pad.name === null ? "none seen; connect one and press a button of it"
                : `${pad.name}: ${state}`);
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

function makeHelp() {
    const row = ([what, does]) => [h("dt", {}, what), h("dd", {}, does)];
    const rows = (list) => h("dl", { class: "help" }, list.map(row));
    return h("details", {}, h("summary", {}, "Keys and gamepad"),
        rows([
            ["press a button here", "it moves until you let it go; several at once with several fingers"],
            ["Shift and a letter", "the same by keys, while this pad has the focus (click beside a button, or Tab)"],
            ["w s, a d, r f", "forward and back, left and right, up and down"],
            ["u o, i k, j l", "roll, pitch, yaw"],
            ["space", "STOP, always"],
        ]),
        rows(gamepadHelp),
        h("p", { class: "quiet" }, "The arm is let go as well when this page is hidden or loses the focus, the "
            + "connection stalls, or another place is shown. A gamepad without a cable that goes out of range is "
            + "noticed late: stay near the stop."));
}
