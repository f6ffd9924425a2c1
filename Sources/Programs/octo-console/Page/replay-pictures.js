// Pictures of all cameras of a recorded episode at one moment.

import { h, fill, mark, say } from "./dom.js";
import { PictureReel } from "./pictures.js";
import { fixed } from "./words.js";

/// Pictures of a camera that surely come within a second.
const FETCHED_HZ = 20;

/// Index of the last number that is not after `value`; -1: all are. Ascending numbers.
export function lastAtOrBefore(numbers, value) {
    let low = 0;
    let high = numbers.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (numbers[middle] <= value) low = middle + 1;
        else high = middle;
    }
    return low - 1;
}

export class ReplayPictures {
    #cameras = [];

    constructor() {
        this.node = h("div", { class: "replay-pictures" });
    }

    /// Capture times of the camera that has most pictures; empty: none has any.
    get leadingTimes() {
        return this.#cameras.reduce((most, { times }) => (times.length > most.length ? times : most), []);
    }

    open({ id, cameras = [], frames = {}, start_ns: start }) {
        this.close();
        const names = [...new Set([...cameras, ...Object.keys(frames)])].filter((name) => frames[name]?.length > 0);
        this.#cameras = names.map((camera) => this.#make(camera, id, frames[camera], start));
        fill(this.node, names.length > 0 ? this.#cameras.map(({ node }) => node)
            : h("p", { class: "words" }, "The episode has no pictures."));
    }

    close() {
        for (const { reel } of this.#cameras) reel.close();
        this.#cameras = [];
    }

    /// Shows that moment. @param {number} speed with which it goes on from there; 0: a person looks for something.
    show(now, speed, isBackwards) {
        for (const { times, reel, rate_hz } of this.#cameras) {
            // Quicker than pictures can be fetched, some are passed over.
            const step = Math.max(1, Math.round(rate_hz * speed / FETCHED_HZ));
            reel.want(Math.max(0, lastAtOrBefore(times, now)), isBackwards ? -step : step);
        }
    }

    #make(camera, id, times, start) {
        const canvas = h("canvas", {
            class: "replay-picture", "data-camera": camera, width: "4", height: "3", role: "img",
            "aria-label": `Camera ${camera}`,
        });
        const caption = h("figcaption", {});
        const folder = `/picture/episodes/${encodeURIComponent(id)}/${encodeURIComponent(camera)}`;
        const reel = new PictureReel((index) => `${folder}/${index}.jpg`, times.length, (bitmap, index) => {
            mark(canvas, "data-index", String(index));
            const which = `${camera}: picture ${index + 1} of ${times.length}`;
            say(caption, bitmap ? `${which}, ${fixed((times[index] - start) / 1e9, 2)} s` : `${which} cannot be had`);
            if (!bitmap) return;
            if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
                [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
            }
            canvas.getContext("2d").drawImage(bitmap, 0, 0);
        });
        const rate_hz = times.length / Math.max((times.at(-1) - times[0]) / 1e9, 0.1);
        return { times, reel, rate_hz, node: h("figure", {}, canvas, caption) };
    }
}
