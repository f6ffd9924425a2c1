// A canvas that is sharp on every screen and is drawn only when it is seen and something changed; and the points that
// are drawn on one.

/// Whether the page is in the dark or the light, with a word when that changes.
const darkness = window.matchMedia("(prefers-color-scheme: dark)");

/// A canvas of one place. Its pixels are the screen's own; `draw` is called with CSS pixels.
export class Surface {
    /// - canvas: its size is what the style sheet makes of it.
    /// - draw: `(context, width, height, colour) => void` draws everything anew; `colour(name)` is the value of a style
    ///   sheet's variable.
    constructor(canvas, draw) {
        this.canvas = canvas;
        this.draw = draw;
        this.context = canvas.getContext("2d");
        this.colours = new Map();
        this.isSeen = false;
        this.isDue = false;
        this.width = 0;
        this.height = 0;
        /// How long the last drawing took, milliseconds.
        this.lastDrawing_ms = 0;
        new ResizeObserver(() => this.invalidate()).observe(canvas);
        new IntersectionObserver((entries) => {
            this.isSeen = entries[entries.length - 1].isIntersecting;
            this.#ask();
        }).observe(canvas);
        document.addEventListener("visibilitychange", () => this.#ask());
        darkness.addEventListener("change", () => {
            this.colours.clear();
            this.invalidate();
        });
        this.isChanged = true;
    }

    /// Says that something changed: it is drawn once before the next picture of the screen, if it is seen.
    invalidate() {
        this.isChanged = true;
        this.#ask();
    }

    #ask() {
        if (this.isDue || !this.isChanged || !this.isSeen || document.hidden) return;
        this.isDue = true;
        requestAnimationFrame(() => {
            this.isDue = false;
            if (!this.isSeen) return;
            this.isChanged = false;
            this.#redraw();
        });
    }

    #redraw() {
        const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
        if (width < 1 || height < 1) return;
        const began = performance.now();
        const scale = window.devicePixelRatio || 1;
        const pixels = [Math.round(width * scale), Math.round(height * scale)];
        if (this.canvas.width !== pixels[0] || this.canvas.height !== pixels[1]) {
            [this.canvas.width, this.canvas.height] = pixels;
        }
        [this.width, this.height] = [width, height];
        this.context.setTransform(scale, 0, 0, scale, 0, 0);
        this.context.clearRect(0, 0, width, height);
        this.draw(this.context, width, height, (name) => this.colour(name));
        this.lastDrawing_ms = performance.now() - began;
    }

    /// The value of a style sheet's variable, kept until the page turns dark or light.
    colour(name) {
        let value = this.colours.get(name);
        if (value === undefined) {
            value = getComputedStyle(this.canvas).getPropertyValue(name).trim() || "#808080";
            this.colours.set(name, value);
        }
        return value;
    }
}

/// Values over time, the newest last; what is older than wanted is let go.
///
/// Times are CLOCK_MONOTONIC nanoseconds, values whatever the chart shows. Not shared between charts that cut it.
export class Points {
    constructor(capacity = 1024) {
        this.times = new Float64Array(capacity);
        this.values = new Float64Array(capacity);
        this.first = 0;
        this.end = 0;
    }

    /// Points of a recording: ascending times, and as many values.
    static of(times, values) {
        const points = new Points(1);
        points.times = Float64Array.from(times);
        points.values = Float64Array.from(values, (value) => value ?? NaN);
        points.end = Math.min(points.times.length, points.values.length);
        return points;
    }

    get count() { return this.end - this.first; }

    /// The newest time; -Infinity where there is none.
    get lastTime() { return this.count > 0 ? this.times[this.end - 1] : -Infinity; }
    get lastValue() { return this.count > 0 ? this.values[this.end - 1] : NaN; }

    /// Adds a value. A time that is not after the newest is passed over; NaN leaves a gap.
    append(time, value) {
        if (!(time > this.lastTime)) return;
        if (this.end === this.times.length) this.#makeRoom();
        this.times[this.end] = time;
        this.values[this.end] = value;
        this.end += 1;
    }

    /// Lets go of what is older than `time`.
    dropBefore(time) {
        while (this.first < this.end && this.times[this.first] < time) this.first += 1;
    }

    /// Lets go of what is later than `time`.
    cutAfter(time) {
        while (this.end > this.first && this.times[this.end - 1] > time) this.end -= 1;
    }

    clear() { this.first = this.end = 0; }

    /// Index of the first point at or after `time`; `end` where there is none.
    indexAt(time) {
        let low = this.first, high = this.end;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.times[middle] < time) low = middle + 1; else high = middle;
        }
        return low;
    }

    /// The value of the point nearest to `time`, at most `reach` away; NaN where there is none.
    nearest(time, reach) {
        const index = this.indexAt(time);
        let best = NaN, distance = reach;
        for (const candidate of [index - 1, index]) {
            if (candidate < this.first || candidate >= this.end) continue;
            const away = Math.abs(this.times[candidate] - time);
            if (away <= distance) [best, distance] = [this.values[candidate], away];
        }
        return best;
    }

    #makeRoom() {
        const count = this.count;
        // Much was let go: the same memory serves again.
        const isRoomy = count < this.times.length / 2;
        const times = isRoomy ? this.times : new Float64Array(this.times.length * 2);
        const values = isRoomy ? this.values : new Float64Array(times.length);
        times.set(this.times.subarray(this.first, this.end));
        values.set(this.values.subarray(this.first, this.end));
        [this.times, this.values, this.first, this.end] = [times, values, 0, count];
    }
}
