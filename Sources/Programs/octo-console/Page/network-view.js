// What the network sees.

import { h, say } from "./dom.js";
import { NewestPicture } from "./newest-picture.js";
import { age } from "./words.js";

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
