// How punctual the control loop is: lateness of its wake-ups in the last minute.

import { Surface } from "./surface.js";
import { briefly, count, fixed } from "./words.js";

const keptNs = 60e9;
const binsPerDecade = 10;

/// A histogram on a canvas, both axes logarithmic: one late tick among thousands is seen. Takes arm/loop.
export class Jitter {
    /// - tell: called with `{words, isBad, work}` that sum up what is shown.
    constructor(canvas, tell) {
        this.tell = tell;
        this.reports = [];
        this.surface = new Surface(canvas, (...all) => this.#draw(...all));
    }

    clear() {
        this.reports = [];
        this.surface.invalidate();
    }

    take({ message, publish_ns }) {
        this.reports.push({ publish_ns, message });
        while (this.reports[0].publish_ns < publish_ns - keptNs) this.reports.shift();
        const sum = (key) => this.reports.reduce((total, { message: one }) => total + (one[key] ?? 0), 0);
        this.jitter = summary(this.reports.map(({ message: one }) => one.jitter));
        const work = summary(this.reports.map(({ message: one }) => one.work));
        const overruns = sum("overruns"), ticks = sum("ticks");
        const rights = message.has_real_time_rights ? message.rights ?? "real-time rights"
            : `WITHOUT real-time rights${message.rights ? ` (${message.rights})` : ""}`;
        this.tell({
            words: `${fixed(message.rate_hz ?? 0, 0)} Hz, ${ticks} ticks, ${count(overruns, "overrun")}; ${rights}`,
            isBad: overruns > 0 || !message.has_real_time_rights,
            work: work.total === 0 ? "" : `from wake-up to the driver: ${briefly(work.p50)} in the middle, p99 `
                + `${briefly(work.p99)}, ${briefly(work.maximum)} at most`,
        });
        this.surface.invalidate();
    }

    #draw(context, width, height, colour) {
        const left = 40, right = width - 12, top = 44, bottom = height - 22;
        context.font = "11px system-ui, sans-serif";
        context.textBaseline = "middle";
        if (!this.jitter || this.jitter.total === 0) return;
        const { bins, p50, p99, maximum } = this.jitter;
        const lows = [...bins.keys()];
        // Whole decades, at least from 10 µs to 1 ms: the axis rests while numbers vary.
        const low = Math.min(4, Math.floor(Math.min(...lows) / binsPerDecade));
        const high = Math.max(6, Math.ceil((Math.max(...lows) + 1) / binsPerDecade));
        const x = (ns) => left + (Math.log10(Math.max(ns, 1)) - low) / (high - low) * (right - left);
        const most = Math.max(...bins.values());
        const decades = Math.max(Math.ceil(Math.log10(most * 1.2)), 1);
        // A single tick stands above the line.
        const y = (number) => bottom - (Math.log10(number) + 0.3) / (decades + 0.3) * (bottom - top);
        context.fillStyle = colour("--dim");
        for (let power = 0; power <= decades; power += 1) {
            context.fillStyle = colour("--grid");
            context.fillRect(left, Math.round(y(10 ** power)), right - left, 1);
            context.fillStyle = colour("--dim");
            context.textAlign = "right";
            context.fillText(String(10 ** power), left - 6, y(10 ** power));
        }
        context.textAlign = "center";
        for (let power = low; power <= high; power += 1) {
            context.fillStyle = colour("--grid");
            context.fillRect(Math.round(x(10 ** power)), top, 1, bottom - top + 4);
            context.fillStyle = colour("--dim");
            const edge = power === low ? 10 : power === high ? -14 : 0;
            context.fillText(briefly(10 ** power).replace(/\.0+ /, " "), x(10 ** power) + edge, bottom + 13);
        }
        context.fillStyle = colour("--series-1");
        for (const [bin, number] of bins) {
            const begin = x(10 ** (bin / binsPerDecade)), end = x(10 ** ((bin + 1) / binsPerDecade));
            context.fillRect(begin + 1, y(number), Math.max(end - begin - 2, 1), bottom - y(number));
        }
        this.#drawMarks(context, colour, x, { p50, p99, most: maximum }, top, bottom, right);
    }

    #drawMarks(context, colour, x, values, top, bottom, right) {
        context.fillStyle = colour("--text");
        Object.entries(values).forEach(([name, ns], index) => {
            // Each has a row of its own: the three may lie close together.
            const row = top - 37 + index * 13;
            const words = `${name} ${briefly(ns)}`;
            const isRoomy = x(ns) + 5 + context.measureText(words).width < right;
            context.fillRect(Math.round(x(ns)), row - 5, 1, bottom - row + 5);
            context.textAlign = isRoomy ? "left" : "right";
            context.fillText(words, x(ns) + (isRoomy ? 5 : -4), row);
        });
    }
}

/// Puts histograms together: `{bins: bin → number, total, p50, p99, maximum}` in nanoseconds; bin b begins at
/// 10^(b / binsPerDecade).
export function summary(histograms) {
    const counts = new Map(), bins = new Map();
    let total = 0;
    for (const histogram of histograms) {
        (histogram?.bucket_ns ?? []).forEach((ns, index) => {
            const number = histogram.bucket_count?.[index] ?? 0;
            if (number <= 0) return;
            total += number;
            counts.set(ns, (counts.get(ns) ?? 0) + number);
            const bin = Math.floor(Math.log10(Math.max(ns, 1)) * binsPerDecade);
            bins.set(bin, (bins.get(bin) ?? 0) + number);
        });
    }
    const sorted = [...counts].sort(([first], [second]) => first - second);
    const at = (share) => {
        let left = Math.ceil(share * total);
        for (const [ns, number] of sorted) {
            left -= number;
            if (left <= 0) return ns;
        }
        return 0;
    };
    return { bins, total, p50: at(0.5), p99: at(0.99), maximum: sorted.at(-1)?.[0] ?? 0 };
}
