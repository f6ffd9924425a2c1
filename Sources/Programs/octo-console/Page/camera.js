// One camera's pictures on the page: the live one, the goal over it, and the arrow of how far the picture went.

import { h, mark, say } from "./dom.js";
import { NewestPicture } from "./newest-picture.js";
import { drawMotion, motionWords } from "./picture-motion.js";
import { age, count, degrees, fixed, goalVerdict, percent } from "./words.js";

/// A picture that is older is greyed, and says how old it is.
const OLD_S = 1;
/// Rates are counted over this time.
const RATE_WINDOW_MS = 2000;
/// How much brighter the difference is drawn than it is: what matters is often faint.
const DIFFERENCE_GAIN = 3;

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
        this.goal = h("img", { class: "goal", hidden: true, draggable: "false" });
        this.goal.alt = `the goal as camera ${camera} sees it`;
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
                h("div", { class: "row" },
                    h("b", {}, camera), this.verdict, h("span", { class: "stretch" }), this.rate),
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

    /// What the present goal has of this camera: an address of a picture, or null. `lacks`: what to say where there is
    /// a goal without a picture of it.
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
        const verdict = goalVerdict(fit?.verdict);
        say(this.verdict, fit ? `${verdict.mark} ${verdict.word}` : "");
        mark(this.verdict, "data-verdict", verdict.key);
        mark(this.arrow, "data-verdict", verdict.key);
        say(this.numbers, this.#numberWords(fit, verdict));
        this.#drawArrow();
    }

    #numberWords(fit, verdict) {
        if (!fit) return this.#lacks;
        if (verdict.key === "unknown") return (fit.reasons ?? []).map((reason) => reason.text).join("; ");
        return [
            motionWords(fit), `turned ${degrees(fit.rotation_rad)}`,
            `size ${percent(fit.scale, 1)}`, `light ${percent(fit.brightness)}`,
            `${percent(fit.agreement)} agree`, `${percent(fit.overlap)} in sight`,
        ].join(" · ");
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
        const style = getComputedStyle(arrow);
        drawMotion(context, fit, { width, height, pictureWidth: canvas.width, colour: style.color });
    }
}
