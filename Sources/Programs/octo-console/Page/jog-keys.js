// Ways in which the arm is moved by hand, and the keys for them.

/// Ways to move: `[name, axis, sign, sign on the button, word, key]`; axes 0 to 2 go along, 3 to 5 turn about forward,
/// left and up. The keys are octo-teleop's.
export const ways = [
    ["+x", 0, 1, "↑", "forward", "w"], ["-x", 0, -1, "↓", "back", "s"],
    ["+y", 1, 1, "←", "left", "a"], ["-y", 1, -1, "→", "right", "d"],
    ["+z", 2, 1, "⇑", "up", "r"], ["-z", 2, -1, "⇓", "down", "f"],
    ["-roll", 3, -1, "↶", "tip left", "u"], ["+roll", 3, 1, "↷", "tip right", "o"],
    ["-pitch", 4, -1, "⤒", "nose up", "i"], ["+pitch", 4, 1, "⤓", "nose down", "k"],
    ["+yaw", 5, 1, "↺", "turn left", "j"], ["-yaw", 5, -1, "↻", "turn right", "l"],
];

/// One way as shares: `{linear, angular}`.
export function motionOf(axis, sign) {
    const motion = { linear: [0, 0, 0], angular: [0, 0, 0] };
    motion[axis < 3 ? "linear" : "angular"][axis % 3] = sign;
    return motion;
}

/// Letters that are held together with Shift, which is the dead man. Space is left to the stop.
export class HeldKeys {
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
