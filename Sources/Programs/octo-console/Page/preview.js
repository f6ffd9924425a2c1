// Small live pictures of all cameras.

import { h, fill } from "./dom.js";

/// Pictures a second: enough to arrange a scene by.
const RATE_HZ = 8;

export class LivePreview {
    #live;
    #key;
    #isShown = false;
    #canvases = new Map();
    #drawing = new Set();
    #end = null;

    /// - key: under which the wish for pictures is known to `live.watch`.
    constructor(live, key) {
        this.#live = live;
        this.#key = key;
        this.node = h("div", { class: "goal-pictures preview live-only" });
    }

    /// Whether anybody can see it: only then pictures are asked for.
    show(isShown) {
        this.#isShown = isShown;
        this.refresh();
    }

    /// The run, or its cameras, may be others now.
    refresh() {
        const { run, state } = this.#live;
        const cameras = this.#isShown && run && state === "live" ? run.cameras ?? [] : [];
        if (cameras.length === 0) {
            this.#live.watch(this.#key, null);
            this.#end?.();
            this.#end = null;
            return;
        }
        this.#live.watch(this.#key, { cameras, network: false, rate_hz: RATE_HZ });
        this.#end ??= this.#live.onPicture((picture) => this.#draw(picture));
        if (cameras.join("\n") === [...this.#canvases.keys()].join("\n")) return;
        this.#canvases = new Map(cameras.map((camera) => [camera, h("canvas", {
            class: "goal-picture", width: "4", height: "3", role: "img", title: camera,
            "aria-label": `Camera ${camera} now`,
        })]));
        fill(this.node, [...this.#canvases].map(([camera, canvas]) =>
            h("figure", {}, canvas, h("figcaption", {}, `${camera} now`))));
    }

    async #draw({ kind, camera, blob }) {
        const canvas = this.#canvases.get(camera);
        // While one is decoded the next ones are passed over: the picture stays of now.
        if (kind !== "frame" || !canvas || this.#drawing.has(camera)) return;
        this.#drawing.add(camera);
        try {
            const image = await createImageBitmap(blob);
            if (canvas.width !== image.width || canvas.height !== image.height) {
                [canvas.width, canvas.height] = [image.width, image.height];
            }
            canvas.getContext("2d").drawImage(image, 0, 0);
            image.close();
        } catch {
            // It came damaged; the next one is on its way.
        }
        this.#drawing.delete(camera);
    }
}
