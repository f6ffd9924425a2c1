// How long it takes from a frame to the motion that it causes, chunk by chunk.

import { niceStep } from "./chart.js";
import { Surface } from "./surface.js";
import { fixed, outcomeWords } from "./words.js";

const shown = 20;
const rowHeight = 19;
const axisHeight = 24;

/// Stages of a chunk, in their order: from which time to which, in words, and how a bar of them looks.
export const stages = [
    { from: "capture", to: "observation", word: "frame waits for the tick", colour: "--series-8", pattern: "plain" },
    { from: "observation", to: "inferred", word: "inference", colour: "--series-1", pattern: "plain" },
    { from: "inferred", to: "received", word: "on the way to the arm", colour: "--series-4", pattern: "dots" },
    { from: "received", to: "setpoint", word: "waits for its turn", colour: "--series-3", pattern: "stripes" },
];

/// A waterfall of the last chunks on a canvas; takes policy/chunk and arm/chunk.
export class Waterfall {
    constructor(canvas, tell) {
        this.canvas = canvas;
        /// Called with words that sum up what is shown.
        this.tell = tell;
        this.chunks = [];
        this.surface = new Surface(canvas, (...all) => this.#draw(...all));
    }

    clear() {
        this.chunks = [];
        this.surface.invalidate();
    }

    takeChunk({ message }) {
        const one = this.#find(message.id ?? 0, message.observation_ns);
        const { capture_ns, observation_ns, inferred_ns } = message;
        [one.capture, one.observation, one.inferred] = [capture_ns, observation_ns, inferred_ns];
        this.#changed();
    }

    takeReport({ message }) {
        const one = this.#find(message.chunk_id ?? 0, message.observation_ns);
        one.capture ??= message.capture_ns;
        one.observation ??= message.observation_ns;
        one.received = message.received_ns || undefined;
        one.setpoint = message.first_setpoint_ns || undefined;
        one.outcome = message.outcome;
        one.skipped = message.steps_skipped ?? 0;
        this.#changed();
    }

    /// Both messages tell of the chunk with this number; a policy that was started again counts anew, but much later.
    #find(id, observation) {
        let one = this.chunks.find((chunk) => chunk.id === id && Math.abs(chunk.observed - observation) < 2e9);
        if (!one) {
            one = { id, observed: observation };
            this.chunks.push(one);
            this.chunks.sort((first, second) => first.observed - second.observed);
            if (this.chunks.length > shown) this.chunks.shift();
        }
        return one;
    }

    #changed() {
        this.canvas.style.height = `${Math.max(this.chunks.length, 4) * rowHeight + axisHeight}px`;
        this.surface.invalidate();
        const whole = this.chunks.filter((one) => one.setpoint).map((one) => (one.setpoint - one.capture) / 1e6)
            .sort((first, second) => first - second);
        this.tell(whole.length === 0 ? "no chunk has moved the arm yet"
            : `frame to first setpoint: ${fixed(whole[whole.length >> 1], 0)} ms in the middle, `
                + `${fixed(whole.at(-1), 0)} ms at most, of ${whole.length} chunks`);
    }

    #draw(context, width, height, colour) {
        const left = 46, right = width - 96;
        const spans = this.chunks.map((one) => end(one) - one.capture).filter(Number.isFinite);
        const longest = Math.max(...spans, 20e6) / 1e6;
        const x = (ms) => left + ms / (longest * 1.02) * (right - left);
        context.font = "11px system-ui, sans-serif";
        context.textBaseline = "middle";
        const step = niceStep(longest, Math.max((right - left) / 80, 2));
        context.textAlign = "center";
        for (let ms = 0; ms <= longest; ms += step) {
            context.fillStyle = colour("--grid");
            context.fillRect(Math.round(x(ms)), 0, 1, height - axisHeight + 4);
            context.fillStyle = colour("--dim");
            context.fillText(`${fixed(ms, 0)} ms`, x(ms), height - axisHeight / 2 + 2);
        }
        // The newest on top, where the eye begins.
        this.chunks.toReversed().forEach((one, row) => {
            const top = row * rowHeight + 2, middle = top + rowHeight / 2 - 1;
            context.textAlign = "right";
            context.fillStyle = colour("--text");
            context.fillText(`#${one.id}`, left - 6, middle);
            for (const stage of stages) {
                const from = one[stage.from], to = one[stage.to];
                if (!(to >= from)) continue;
                const begin = x((from - one.capture) / 1e6), wide = Math.max(x((to - one.capture) / 1e6) - begin, 1);
                this.#bar(context, colour, stage, begin, top, wide);
                const words = fixed((to - from) / 1e6, to - from < 9.95e6 ? 1 : 0);
                if (context.measureText(words).width + 6 > wide) continue;
                context.textAlign = "center";
                context.fillStyle = colour("--panel");
                context.fillText(words, begin + wide / 2, middle);
            }
            this.#drawEnd(context, colour, one, x, middle, width);
        });
    }

    #drawEnd(context, colour, one, x, middle, width) {
        const last = end(one);
        context.textAlign = "left";
        context.fillStyle = colour("--dim");
        const words = one.setpoint ? `${fixed((one.setpoint - one.capture) / 1e6, 0)} ms`
            : one.outcome ? outcomeWords(one.outcome) : "…";
        const isBad = one.outcome === "OUTCOME_TOO_LATE" || one.outcome === "OUTCOME_REJECTED"
            || one.outcome === "OUTCOME_INTERRUPTED";
        if (isBad) context.fillStyle = colour("--red");
        const text = isBad && one.setpoint ? `${words}, ${outcomeWords(one.outcome)}` : words;
        context.fillText(isBad ? `✕ ${text}` : text, x((last - one.capture) / 1e6) + 6, middle, width);
    }

    /// A bar of a stage; its pattern tells it apart without colour.
    #bar(context, colour, { colour: name, pattern }, left, top, wide) {
        const tall = rowHeight - 4;
        context.fillStyle = colour(name);
        context.fillRect(left, top, Math.max(wide - 1, 1), tall);
        if (pattern === "plain") return;
        context.save();
        context.beginPath();
        context.rect(left, top, Math.max(wide - 1, 1), tall);
        context.clip();
        context.fillStyle = context.strokeStyle = colour("--panel");
        context.globalAlpha = 0.45;
        context.lineWidth = 1;
        context.beginPath();
        for (let at = left - tall; at < left + wide; at += 6) {
            if (pattern === "stripes") {
                context.moveTo(at, top + tall);
                context.lineTo(at + tall, top);
            } else {
                context.rect(at + tall, top + 3, 1.5, 1.5);
                context.rect(at + tall + 3, top + 9, 1.5, 1.5);
            }
        }
        if (pattern === "stripes") context.stroke(); else context.fill();
        context.restore();
    }
}

/// The last time that is known of a chunk.
function end(one) {
    const times = [one.setpoint, one.received, one.inferred, one.observation, one.capture];
    return Math.max(...times.filter(Number.isFinite));
}
