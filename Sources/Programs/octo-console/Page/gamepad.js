// A gamepad at the browser, with the meaning that octo-teleop gives it.

/// Sticks below this are in their middle: worn ones do not come back to 0.
const deadZone = 0.12;
/// Buttons of the standard layout (w3.org/TR/gamepad, "standard gamepad").
const buttons = {
    emergencyStop: 1, deadMan: 4, toggleGripper: 5, home: 8, resetEmergencyStop: 9, slower: 10, faster: 11,
    changeFrame: 16,
};
const hat = { up: 12, down: 13, left: 14, right: 15 };

/// What does what, for people.
export const gamepadHelp = [
    ["left shoulder (L1)", "dead man: nothing moves unless it is held"],
    ["left stick", "forward and back, left and right"],
    ["right stick", "up and down, turn left and right"],
    ["cross", "pitch and roll"],
    ["right shoulder (R1)", "open or close the gripper, with the dead man"],
    ["select", "go home, while the dead man is held"],
    ["pressed sticks", "left slower, right faster"],
    ["mode", "axes of the base or of the tool"],
    ["right of the four buttons", "STOP, in every place of this page"],
    ["start", "reset the stop, behind a confirmation"],
];

/// Reads the gamepad that is there; the first one, as long as it stays.
export class PadReader {
    #index = null;
    #former = new Set();
    /// The dead man was seen let go since something else ended what it held.
    #isArmed = false;

    /// The dead man has to be let go and held anew.
    disarm() { this.#isArmed = false; }

    /// What the pad says now: `{name, problem, motion, pressed, isHeld, isLost}`. `name` is null without a pad;
    /// `motion` is `{linear, angular}` in shares while the dead man is held, else null; `pressed` are the buttons that
    /// went down since the last call; `isLost` says once that the pad has gone.
    read(pads = navigator.getGamepads?.() ?? []) {
        const there = [...pads].filter((pad) => pad?.connected);
        let pad = there.find((one) => one.index === this.#index);
        const isLost = this.#index !== null && !pad;
        if (!pad) {
            pad = there.find((one) => one.mapping === "standard") ?? there[0];
            this.#index = pad?.index ?? null;
            this.#isArmed = false;
            // What is down on a pad that appears was not pressed for this page.
            this.#former = new Set(pad ? down(pad) : []);
        }
        if (!pad) return { name: null, problem: "", motion: null, pressed: [], isHeld: false, isLost };
        if (pad.mapping !== "standard") {
            const problem = "the browser does not know which of its buttons is which: drive with octo-teleop";
            return { name: pad.id, problem, motion: null, pressed: [], isHeld: false, isLost };
        }
        const now = new Set(down(pad));
        const pressed = [...now].filter((name) => !this.#former.has(name));
        this.#former = now;
        if (!now.has("deadMan")) this.#isArmed = true;
        const isHeld = this.#isArmed && now.has("deadMan");
        return { name: pad.id, problem: "", motion: isHeld ? motion(pad) : null, pressed, isHeld, isLost };
    }
}

function down(pad) {
    return Object.keys(buttons).filter((name) => pad.buttons[buttons[name]]?.pressed);
}

/// Sticks: right and towards the person are positive; the robot's forward, left and up are.
function motion(pad) {
    const axis = (index) => share(pad.axes[index] ?? 0);
    const key = (name) => (pad.buttons[hat[name]]?.pressed ? 1 : 0);
    return {
        linear: [-axis(1), -axis(0), -axis(3)],
        angular: [key("right") - key("left"), key("down") - key("up"), -axis(2)],
    };
}

function share(raw) {
    if (!Number.isFinite(raw) || Math.abs(raw) <= deadZone) return 0;
    return Math.sign(raw) * (Math.min(Math.abs(raw), 1) - deadZone) / (1 - deadZone);
}
