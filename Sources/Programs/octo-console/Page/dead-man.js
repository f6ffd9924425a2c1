// The dead man: says that a hand is there, for as long as one is.

/// How often it is said, ms; the server lets the arm go after 150 ms without.
const periodMs = 50;
/// A page that stood still for longer does not know what the hand did meanwhile, ms.
const stallMs = 300;

/// Sends "drive" while at least one source (a button on the screen, a key, a gamepad) holds, and once that none does.
export class DeadMan {
    #sources = new Map();
    #timer = null;
    #lastTick = 0;

    /// - send: `(object) => bool` sends to the server; false says that there is no connection.
    /// - onEnd: `(why) => void`, called when all that was held is let go by something else than the hand.
    /// - trouble: `() => string`, asked before each word: why nobody may move anything now, empty where one may.
    constructor(send, onEnd, trouble) {
        this.send = send;
        this.onEnd = onEnd;
        this.trouble = trouble;
    }

    get isHeld() { return this.#sources.size > 0; }

    holds(source) { return this.#sources.has(source); }

    /// A source holds, and asks for this motion: `{linear: [x, y, z], angular: [x, y, z]}`, shares of −1…1.
    hold(source, motion) {
        const isFirst = !this.isHeld;
        this.#sources.set(source, motion);
        if (!isFirst) return;
        this.#lastTick = performance.now();
        this.#say();
        if (this.isHeld) this.#timer = setInterval(() => this.#tick(), periodMs);
    }

    /// The hand let this source go.
    release(source) {
        if (this.#sources.delete(source) && !this.isHeld) this.#finish();
    }

    /// Lets everything go. Each source has to be held anew.
    end(why) {
        if (!this.isHeld) return;
        this.#sources.clear();
        this.#finish();
        this.onEnd(why);
    }

    #tick() {
        const now = performance.now();
        const wasStalled = now - this.#lastTick > stallMs;
        this.#lastTick = now;
        if (wasStalled) this.end("the page stood still for a moment: hold it again"); else this.#say();
    }

    #say() {
        const trouble = this.trouble();
        if (trouble !== "") { this.end(trouble); return; }
        const sum = (key) => [0, 1, 2].map((axis) => [...this.#sources.values()]
            .reduce((total, motion) => total + motion[key][axis], 0))
            .map((value) => Math.min(Math.max(value, -1), 1));
        const isSent = this.send({ type: "drive", dead_man: true, linear: sum("linear"), angular: sum("angular") });
        if (!isSent) this.end("the connection is lost");
    }

    #finish() {
        clearInterval(this.#timer);
        this.#timer = null;
        this.send({ type: "drive", dead_man: false, linear: [0, 0, 0], angular: [0, 0, 0] });
    }
}
