// One camera's pictures on the page: the live one, the goal over it, and the arrow of how far the picture went.

import { h, mark, say } from "./dom.js";
import { age, count, degrees, fixed, goalVerdict, percent } from "./words.js";

/// A picture that is older is greyed, and says how old it is.
const OLD_S = 1;
/// Rates are counted over this time.
const RATE_WINDOW_MS = 2000;
/// How much brighter the difference is drawn than it is: what matters is often faint.
const DIFFERENCE_GAIN = 3;
/// A shift below this many pixels, and a turn below this angle, are noise of the measurement and are not drawn.
const LEAST_SHIFT_PX = 0.5;
const LEAST_TURN_RAD = 0.3 * Math.PI / 180;

/// Decodes one camera's pictures and draws the newest. One decoding is under way at a time, and one picture waits at
/// most: what comes while two are there replaces the one that waits. So a slow browser shows fewer pictures, not old ones.
export class NewestPicture {
    #waiting = null;
    #isDecoding = false;
    #draw;
    /// The last one that was drawn, without its file; null: none.
    shown = null;
    /// Pictures that were replaced before they were decoded, or could not be decoded.
    skipped = 0;

    /// - draw: takes an ImageBitmap and the picture; the bitmap is its own to close.
    constructor(draw) {
        this.#draw = draw;
    }

    offer(picture) {
        if (this.#waiting !== null) this.skipped += 1;
        this.#waiting = picture;
        if (!this.#isDecoding) this.#decode();
    }

    /// Forgets what was shown: another run has another clock.
    reset() {
        this.#waiting = null;
        this.shown = null;
    }

    async #decode() {
        this.#isDecoding = true;
        while (this.#waiting !== null) {
            const picture = this.#waiting;
            this.#waiting = null;
            try {
                const bitmap = await createImageBitmap(picture.blob);
                if (this.shown !== null && picture.capture_ns <= this.shown.capture_ns) {
                    bitmap.close();
                    continue;
                }
                const { blob, ...rest } = picture;
                this.shown = rest;
                this.#draw(bitmap, rest);
            } catch {
                this.skipped += 1;
            }
        }
        this.#isDecoding = false;
    }
}

/// The figure of one camera.
export class CameraView {
    #live;
    #bitmap = null;
    #drawnAt = [];
    #mode = "overlay";
    #opacity = 0;
    #goalAddress = null;
    #lacks = "";
    #fit = null;
    #observer;
    picture = new NewestPicture((bitmap) => this.#take(bitmap));

    constructor(camera, live) {
        this.camera = camera;
        this.#live = live;
        this.canvas = h("canvas", { class: "live live-only", width: 640, height: 480, role: "img" });
        this.goal = h("img", { class: "goal", alt: `the goal as camera ${camera} sees it`, hidden: true, draggable: "false" });
        this.arrow = h("canvas", { class: "arrow", "aria-hidden": "true" });
        this.age = h("p", { class: "old", hidden: true });
        this.numbers = h("p", { class: "numbers" });
        this.rate = h("span", { class: "rate quiet" });
        this.verdict = h("span", { class: "camera-verdict" });
        this.element = h("figure", { class: "camera", "data-camera": camera },
            h("div", { class: "stage" },
                h("div", { class: "tile" }, this.canvas, this.arrow, this.age, h("span", { class: "tag" }, "live")),
                h("div", { class: "tile over" }, this.goal, h("span", { class: "tag" }, "goal"))),
            h("figcaption", {},
                h("div", { class: "row" }, h("b", {}, camera), this.verdict, h("span", { class: "stretch" }), this.rate),
                this.numbers));
        this.goal.addEventListener("load", () => this.#showGoal());
        this.goal.addEventListener("error", () => {
            this.goal.removeAttribute("src");
            this.#showGoal();
        });
        this.#observer = new ResizeObserver(() => this.#drawArrow());
        this.#observer.observe(this.canvas);
        this.#showGoal();
    }

    /// Takes it off the page.
    remove() {
        this.#observer.disconnect();
        this.#bitmap?.close();
        this.element.remove();
    }

    /// What the present goal has of this camera: an address of a picture, or null. `lacks`: what to say where there is a
    /// goal without a picture of it.
    setGoal(address, lacks) {
        this.#lacks = lacks;
        if (address === this.#goalAddress) return;
        this.#goalAddress = address;
        if (address === null) this.goal.removeAttribute("src");
        else this.goal.src = address;
        this.#fit = null;
        this.#showGoal();
        this.#drawArrow();
    }

    /// How the goal lies over the live picture. Mode: "overlay", "difference" or "side"; opacity of the goal, 0 to 1.
    setMode(mode, opacity) {
        this.#mode = mode;
        this.#opacity = opacity;
        this.#showGoal();
    }

    /// The camera's part of goal/fit; null: there is none.
    setFit(fit) {
        this.#fit = fit;
        this.#drawArrow();
        const verdict = goalVerdict(fit?.verdict);
        say(this.verdict, fit ? `${verdict.mark} ${verdict.word}` : "");
        mark(this.verdict, "data-verdict", verdict.key);
        const isMeasured = fit && verdict.key !== "unknown";
        say(this.numbers, !fit ? this.#lacks : !isMeasured ? (fit.reasons ?? []).map((reason) => reason.text).join("; ") : [
            motionWords(fit), `turned ${degrees(fit.rotation_rad)}`,
            `size ${percent(fit.scale, 1)}`, `light ${percent(fit.brightness)}`,
            `${percent(fit.agreement)} agree`, `${percent(fit.overlap)} in sight`,
        ].join(" · "));
    }

    /// Forgets the pictures of another run.
    reset() {
        this.picture.reset();
        this.#drawnAt = [];
    }

    /// Brings ages and rates up to date.
    show() {
        const { shown, skipped } = this.picture;
        const old = shown ? this.#live.ageOf(shown.capture_ns) : Infinity;
        const isOld = !shown || old > OLD_S || this.#live.state !== "live";
        mark(this.element, "data-old", isOld ? "" : null);
        this.age.hidden = !isOld;
        say(this.age, shown ? `picture is ${age(old)} old` : "no picture has come yet");
        const now = performance.now();
        this.#drawnAt = this.#drawnAt.filter((time) => time > now - RATE_WINDOW_MS);
        const rate = this.#drawnAt.length / (RATE_WINDOW_MS / 1000);
        say(this.rate, isOld ? "" : `${fixed(rate, 0)}/s · ${fixed(old * 1000, 0)} ms old`);
        mark(this.rate, "title", shown ? `${shown.width}×${shown.height}, picture ${shown.sequence}; `
            + `${count(skipped, "picture")} left out by this browser` : null);
        mark(this.canvas, "aria-label", `live picture of camera ${this.camera}`);
    }

    get hasGoal() {
        return this.#goalAddress !== null && this.goal.complete && this.goal.naturalWidth > 0;
    }

    #take(bitmap) {
        this.#bitmap?.close();
        this.#bitmap = bitmap;
        this.#drawnAt.push(performance.now());
        this.#draw();
    }

    #draw() {
        const bitmap = this.#bitmap;
        if (bitmap === null) return;
        const { canvas } = this;
        if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
            canvas.width = bitmap.width;
            canvas.height = bitmap.height;
            this.#shape();
            this.#drawArrow();
        }
        const context = canvas.getContext("2d", { alpha: false });
        context.globalCompositeOperation = "source-over";
        context.drawImage(bitmap, 0, 0);
        if (this.#mode !== "difference" || !this.hasGoal) return;
        context.globalCompositeOperation = "difference";
        context.drawImage(this.goal, 0, 0, canvas.width, canvas.height);
        // Without colour, bright is much, as in the pictures that octo-goal check draws.
        context.globalCompositeOperation = "saturation";
        context.fillStyle = "black";
        context.fillRect(0, 0, canvas.width, canvas.height);
        context.globalCompositeOperation = "color-dodge";
        // Divides by 1 - grey: the same as multiplying by the gain.
        const grey = Math.round(255 * (1 - 1 / DIFFERENCE_GAIN));
        context.fillStyle = `rgb(${grey} ${grey} ${grey})`;
        context.fillRect(0, 0, canvas.width, canvas.height);
        context.globalCompositeOperation = "source-over";
    }

    #shape() {
        this.element.style.setProperty("--shape", `${this.canvas.width} / ${this.canvas.height}`);
        this.element.style.setProperty("--ratio", String(this.canvas.width / this.canvas.height));
    }

    #showGoal() {
        const isSide = this.#mode === "side";
        mark(this.element, "data-view", this.hasGoal ? this.#mode : "overlay");
        mark(this.element, "data-goal", this.hasGoal ? "" : null);
        this.goal.hidden = !this.hasGoal || this.#mode === "difference";
        this.goal.style.opacity = isSide ? "1" : String(this.#opacity);
        this.#draw();
        this.#drawArrow();
    }

    #drawArrow() {
        const { canvas, arrow } = this;
        const width = canvas.clientWidth;
        const height = canvas.clientHeight;
        if (width === 0 || height === 0) return;
        const density = devicePixelRatio || 1;
        if (arrow.width !== Math.round(width * density) || arrow.height !== Math.round(height * density)) {
            arrow.width = Math.round(width * density);
            arrow.height = Math.round(height * density);
        }
        const context = arrow.getContext("2d");
        context.setTransform(density, 0, 0, density, 0, 0);
        context.clearRect(0, 0, width, height);
        const fit = this.#fit;
        if (!fit || goalVerdict(fit.verdict).key === "unknown") return;
        const style = getComputedStyle(this.verdict);
        drawShift(context, fit, { width, height, pictureWidth: canvas.width, colour: style.color });
    }
}

/// Where the picture went since the goal was taken: "picture 6.2 px right, 2.5 px down".
function motionWords(fit) {
    const words = shiftWords(fit);
    return words === "" ? "picture where it was" : `picture ${words}`;
}

/// "6.2 px right, 2.5 px down"; empty below half a pixel.
function shiftWords(fit) {
    const x = fit.shift_x_px ?? 0;
    const y = fit.shift_y_px ?? 0;
    const parts = [];
    if (Math.abs(x) >= LEAST_SHIFT_PX) parts.push(`${fixed(Math.abs(x))} px ${x > 0 ? "right" : "left"}`);
    if (Math.abs(y) >= LEAST_SHIFT_PX) parts.push(`${fixed(Math.abs(y))} px ${y > 0 ? "down" : "up"}`);
    return parts.join(", ");
}

/// Draws where the picture went since the goal was taken: an arrow from the middle, longer than the shift itself, which
/// would hardly be seen, with the true number beside it; and an arc for the turn.
function drawShift(context, fit, { width, height, pictureWidth, colour }) {
    const x = fit.shift_x_px ?? 0;
    const y = fit.shift_y_px ?? 0;
    const length = Math.hypot(x, y);
    const turn = fit.rotation_rad ?? 0;
    const middle = { x: width / 2, y: height / 2 };
    const lines = [];
    if (length >= LEAST_SHIFT_PX) {
        const onPage = Math.min(0.36 * Math.min(width, height), 26 + 5 * length * (width / pictureWidth));
        const tip = { x: middle.x + x / length * onPage, y: middle.y + y / length * onPage };
        stroke(context, colour, () => {
            context.moveTo(middle.x, middle.y);
            context.lineTo(tip.x, tip.y);
            head(context, tip, Math.atan2(y, x));
        });
        lines.push(motionWords(fit));
    }
    if (Math.abs(turn) >= LEAST_TURN_RAD) {
        const radius = 0.42 * Math.min(width, height);
        // Drawn ten times as far as it is, a right angle at most.
        const sweep = Math.sign(turn) * Math.min(Math.PI / 2, Math.abs(turn) * 10);
        const from = -Math.PI / 2;
        const to = from + sweep;
        stroke(context, colour, () => {
            context.arc(middle.x, middle.y, radius, from, to, sweep < 0);
            const tip = { x: middle.x + radius * Math.cos(to), y: middle.y + radius * Math.sin(to) };
            head(context, tip, to + Math.sign(sweep) * Math.PI / 2);
        });
        lines.push(`turned ${degrees(Math.abs(turn))} ${turn > 0 ? "clockwise" : "counter-clockwise"}`);
    }
    lines.reverse().forEach((text, index) => label(context, text, middle, height - 20 - 27 * index));
}

function head(context, tip, angle) {
    for (const side of [-1, 1]) {
        context.moveTo(tip.x, tip.y);
        const back = angle + Math.PI + side * 0.5;
        context.lineTo(tip.x + 14 * Math.cos(back), tip.y + 14 * Math.sin(back));
    }
}

/// A line that is seen on light and on dark pictures.
function stroke(context, colour, path) {
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const [style, width] of [["rgb(0 0 0 / 75%)", 8], ["white", 5], [colour, 3]]) {
        context.beginPath();
        path();
        context.strokeStyle = style;
        context.lineWidth = width;
        context.stroke();
    }
}

function label(context, text, middle, y) {
    context.font = "600 13px system-ui, sans-serif";
    const width = context.measureText(text).width;
    context.fillStyle = "rgb(0 0 0 / 72%)";
    context.beginPath();
    context.roundRect(middle.x - width / 2 - 9, y - 13, width + 18, 25, 6);
    context.fill();
    context.fillStyle = "white";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(text, middle.x, y);
}

/// The pictures of one camera as they went into the network.
export class NetworkView {
    #live;
    picture = new NewestPicture((bitmap) => this.#draw(bitmap));

    constructor(camera, live) {
        this.#live = live;
        this.canvas = h("canvas", {
            class: "network live-only", width: 256, height: 256, role: "img",
            "aria-label": `what the network sees of camera ${camera}`,
        });
        this.words = h("figcaption", { class: "quiet" });
        this.element = h("figure", { class: "network", "data-camera": camera }, this.canvas, this.words);
        this.camera = camera;
        this.show();
    }

    reset() {
        this.picture.reset();
    }

    show() {
        const { shown } = this.picture;
        say(this.words, shown
            ? `${this.camera} · ${shown.width}×${shown.height} · ${age(this.#live.ageOf(shown.capture_ns))} old`
            : `${this.camera}: no observation has come yet`);
    }

    #draw(bitmap) {
        this.canvas.width = bitmap.width;
        this.canvas.height = bitmap.height;
        this.canvas.getContext("2d", { alpha: false }).drawImage(bitmap, 0, 0);
        bitmap.close();
    }
}
