// Values over time, in lanes above each other that share the time axis.

import { drawLine, drawSigns, laneRange, niceStep, numberText, secondsText } from "./chart-lines.js";
import { Points, Surface } from "./surface.js";

export { Points, Surface, niceStep };

const axisHeight = 20;
const font = "11px system-ui, sans-serif";

/// A chart on a canvas.
///
/// What is shown is said by properties; call `invalidate()` after a change of what they hold.
///
/// - `lanes`: `[{label, unit, digits, scale, minimumSpan, range: [low, high], weight}]`, from the top; `scale`
///   multiplies values for people (180/π for degrees), `minimumSpan` and `range` are in the values' own unit, `weight`
///   is the share of the height (1).
/// - `series`: `[{label, lane, points: Points, colour: 1…8, isInk, stroke, width, steps, gap_ns, sign, isQuiet}]`;
///   `stroke` is "solid", "dashed", "dotted" or "dashdot", one that `isInk` has the colour of text, a gap wider than
///   `gap_ns` is left open, `steps` holds a value up to the next, `sign` is a word at the newest value, a series that
///   `isQuiet` is left out of the read-out.
/// - `marks`: `[{time_ns, label, isStrong}]`, thin upright lines. `bands`: `[{from_ns, to_ns, label, isBad}]`.
/// - `view`: `[from_ns, to_ns]`. `zero_ns`: the time that the axis calls 0 s. `now_ns`: what is later is shaded as not
///   having happened; null for recordings. `cursor_ns`: an upright line, or null.
/// - `onSeek(time_ns)`: called as a person presses and drags on the chart, where given. `onHover(time_ns | null)`.
export class TimeChart {
    constructor(canvas, { lanes = [], series = [], laneHeight = null, onSeek = null, onHover = null } = {}) {
        this.lanes = lanes;
        this.series = series;
        this.marks = [];
        this.bands = [];
        this.view = [0, 1e9];
        this.zero_ns = 0;
        this.now_ns = null;
        this.cursor_ns = null;
        this.hover_ns = null;
        this.laneHeight = laneHeight;
        this.onSeek = onSeek;
        this.onHover = onHover;
        this.plot = { left: 0, right: 1 };
        this.hoverAt = null;
        this.canvas = canvas;
        this.surface = new Surface(canvas, (...all) => this.#draw(...all));
        // A finger that goes across seeks, one that goes down scrolls the page.
        if (onSeek) canvas.style.touchAction = "pan-y";
        this.#listen();
    }

    invalidate() {
        if (this.laneHeight) {
            const height = `${this.#weight() * this.laneHeight + axisHeight}px`;
            if (this.canvas.style.height !== height) this.canvas.style.height = height;
        }
        this.surface.invalidate();
    }

    /// The time under a place of the canvas, `x` CSS pixels from its left edge.
    timeAt(x) {
        const { left, right } = this.plot;
        const share = Math.min(Math.max((x - left) / Math.max(right - left, 1), 0), 1);
        return this.view[0] + share * (this.view[1] - this.view[0]);
    }

    #weight() { return Math.max(this.lanes.reduce((sum, lane) => sum + (lane.weight ?? 1), 0), 1); }

    #listen() {
        const at = (event) => event.clientX - this.canvas.getBoundingClientRect().left;
        const hover = (x) => {
            this.hoverAt = x;
            this.onHover?.(x === null ? null : this.timeAt(x));
            this.surface.invalidate();
        };
        let isSeeking = false;
        this.canvas.addEventListener("pointermove", (event) => {
            hover(at(event));
            if (isSeeking) this.onSeek?.(this.timeAt(at(event)));
        });
        this.canvas.addEventListener("pointerdown", (event) => {
            hover(at(event));
            if (!this.onSeek || event.button !== 0) return;
            isSeeking = true;
            this.canvas.setPointerCapture(event.pointerId);
            this.onSeek(this.timeAt(at(event)));
        });
        for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
            this.canvas.addEventListener(end, () => { isSeeking = false; });
        }
        this.canvas.addEventListener("pointerleave", () => hover(null));
    }

    #draw(context, width, height, colour) {
        context.font = font;
        context.textBaseline = "middle";
        context.lineJoin = "round";
        const hasSigns = this.series.some((one) => one.sign);
        const left = 46, right = width - (hasSigns ? 64 : 10);
        this.plot = { left, right };
        const [from, to] = this.view;
        if (!(to > from) || right - left < 20) return;
        const perNs = (right - left) / (to - from);
        const x = (time) => left + (time - from) * perNs;
        const tall = (height - axisHeight) / this.#weight();

        this.#drawBands(context, colour, x, left, right, height);
        this.#drawTimes(context, colour, x, left, right, height);
        let top = 0;
        const areas = this.lanes.map((lane, index) => {
            const bottom = top + tall * (lane.weight ?? 1);
            const area = { left, right, top: top + 7, bottom: bottom - 7, index };
            top = bottom;
            this.#drawLane(context, colour, x, lane, area);
            return area;
        });
        this.#drawMarks(context, colour, x, left, right, height);
        if (this.cursor_ns !== null) this.#upright(context, x(this.cursor_ns), height, colour("--text"), 2);
        const hover = this.hoverAt !== null ? this.timeAt(this.hoverAt) : this.hover_ns;
        if (hover !== null && hover >= from && hover <= to) this.#drawReadOut(context, colour, x, hover, height, areas);
    }

    #drawBands(context, colour, x, left, right, height) {
        const bottom = height - axisHeight;
        const fill = (from, to, style, alpha) => {
            const begin = Math.max(x(from), left), end = Math.min(x(to), right);
            if (end <= begin) return 0;
            context.globalAlpha = alpha;
            context.fillStyle = style;
            context.fillRect(begin, 0, end - begin, bottom);
            context.globalAlpha = 1;
            return end - begin;
        };
        for (const band of this.bands) {
            const end = band.to_ns ?? this.now_ns ?? this.view[1];
            const wide = fill(band.from_ns, end, colour(band.isBad ? "--red" : "--dim"), 0.14);
            if (!band.label || wide < context.measureText(band.label).width + 8) continue;
            context.fillStyle = colour("--dim");
            context.textAlign = "left";
            context.fillText(band.label, Math.max(x(band.from_ns), left) + 4, bottom - 21);
        }
        if (this.now_ns !== null) fill(this.now_ns, this.view[1], colour("--accent"), 0.1);
    }

    #drawTimes(context, colour, x, left, right, height) {
        const [from, to] = this.view;
        const step = niceStep((to - from) / 1e9, Math.max((right - left) / 72, 2)) * 1e9;
        context.textAlign = "center";
        context.lineWidth = 1;
        const first = Math.ceil((from - this.zero_ns) / step - 1e-6);
        for (let index = first; this.zero_ns + index * step <= to + 1; index += 1) {
            const at = x(this.zero_ns + index * step);
            this.#upright(context, at, height, colour("--grid"), 1);
            context.fillStyle = colour("--dim");
            context.fillText(secondsText(index * step, step), at, height - axisHeight / 2 + 2);
        }
    }

    #drawMarks(context, colour, x, left, right, height) {
        let taken = -Infinity;
        context.textAlign = "left";
        for (const mark of this.marks) {
            const at = x(mark.time_ns);
            if (at < left || at > right) continue;
            // Many quiet lines must not be louder than what they part.
            context.globalAlpha = mark.isStrong ? 1 : 0.45;
            context.setLineDash(mark.isStrong ? [] : [1, 3]);
            this.#upright(context, at, height, colour(mark.isStrong ? "--text" : "--dim"), 1);
            context.setLineDash([]);
            context.globalAlpha = 1;
            if (!mark.label || at < taken) continue;
            context.fillStyle = colour("--dim");
            context.fillText(mark.label, at + 3, height - axisHeight - 7);
            taken = at + 3 + context.measureText(mark.label).width + 6;
        }
    }

    #upright(context, at, height, style, width) {
        context.strokeStyle = style;
        context.lineWidth = width;
        context.beginPath();
        // The middle of a pixel: a line between two pixels is grey and twice as wide.
        context.moveTo(Math.round(at) + 0.5, 0);
        context.lineTo(Math.round(at) + 0.5, height - axisHeight);
        context.stroke();
    }

    #drawLane(context, colour, x, lane, area) {
        const scale = lane.scale ?? 1;
        const own = this.series.filter((one) => (one.lane ?? 0) === area.index);
        const [low, high, step] = laneRange(lane, own, this.view, area.bottom - area.top);
        const y = (value) => area.bottom - (value * scale - low) / (high - low) * (area.bottom - area.top);
        context.textAlign = "right";
        context.lineWidth = 1;
        context.strokeStyle = colour("--grid");
        context.beginPath();
        for (let tick = Math.ceil(low / step - 1e-6); tick * step <= high + step * 1e-6; tick += 1) {
            const at = Math.round(y(tick * step / scale)) + 0.5;
            context.moveTo(area.left, at);
            context.lineTo(area.right, at);
            context.fillStyle = colour("--dim");
            context.fillText(numberText(tick * step, step), area.left - 6, at);
        }
        context.stroke();
        context.save();
        context.beginPath();
        context.rect(area.left, area.top - 6, area.right - area.left, area.bottom - area.top + 12);
        context.clip();
        for (const series of own) {
            const name = series.isInk ? "--text" : `--series-${series.colour ?? 1}`;
            drawLine(context, series, this.view, x, y, colour(name));
        }
        context.restore();
        drawSigns(context, own, x, y, area, colour, this.view[1]);
        const title = lane.unit ? `${lane.label} ${lane.unit}` : lane.label;
        if (!title) return;
        context.textAlign = "left";
        context.globalAlpha = 0.8;
        context.fillStyle = colour("--panel");
        context.fillRect(area.left + 2, area.top - 5, context.measureText(title).width + 7, 15);
        context.globalAlpha = 1;
        context.fillStyle = colour("--text");
        context.fillText(title, area.left + 5, area.top + 3);
    }

    #drawReadOut(context, colour, x, time, height, areas) {
        const reach = 12 / Math.max(x(1e9) - x(0), 1e-9) * 1e9;
        this.#upright(context, x(time), height, colour("--text"), 1);
        const rows = this.lanes.map((lane, index) => this.series
            .filter((one) => (one.lane ?? 0) === index && !one.isQuiet)
            .map((one) => [one, one.points.nearest(time, Math.max(reach, one.gap_ns ?? 0))])
            .filter(([, value]) => Number.isFinite(value))
            .map(([one, value]) => `${one.label} ${numberText(value * (lane.scale ?? 1), 10 ** -(lane.digits ?? 2))}`));
        const isRight = x(time) > (this.plot.left + this.plot.right) / 2;
        rows.forEach((words, index) => {
            const area = areas[index];
            const lines = area.bottom - area.top < 15 * words.length ? [words.join("   ")] : words;
            lines.filter((line) => line).forEach((line, row) => {
                const wide = context.measureText(line).width + 10;
                const at = isRight ? x(time) - wide - 6 : x(time) + 6;
                const top = area.top + 7 + row * 15;
                context.globalAlpha = 0.85;
                context.fillStyle = colour("--panel");
                context.fillRect(at, top - 8, wide, 16);
                context.globalAlpha = 1;
                context.fillStyle = colour("--text");
                context.textAlign = "left";
                context.fillText(line, at + 5, top);
            });
        });
        const words = secondsText(time - this.zero_ns, 1e7);
        const wide = context.measureText(words).width + 10;
        context.fillStyle = colour("--panel");
        context.fillRect(x(time) - wide / 2, height - axisHeight + 2, wide, axisHeight - 2);
        context.fillStyle = colour("--text");
        context.textAlign = "center";
        context.fillText(words, x(time), height - axisHeight / 2 + 2);
    }
}
