// Pictures of a recording by their index: the one that is wanted now comes first, its neighbours after it.

/// Requests of one camera at a time: more would only make the newest wait for those nobody wants any more.
const MOST_REQUESTS = 2;
/// Decoded pictures kept.
const MOST_KEPT = 48;
/// Pictures after the wanted one that are fetched before they are asked for.
const AHEAD = 12;

export class PictureReel {
    #address;
    #count;
    #show;
    /// Index → ImageBitmap, the latest used last.
    #kept = new Map();
    /// Index → AbortController.
    #requests = new Map();
    /// Those that could not be had; not asked for again.
    #lost = new Set();
    #wanted = -1;
    #shown = -1;
    #step = 1;
    #isClosed = false;

    /// - address: of the picture of an index.
    /// - count: of pictures.
    /// - show: called with `(bitmap, index)`; bitmap null: it cannot be had.
    constructor(address, count, show) {
        this.#address = address;
        this.#count = count;
        this.#show = show;
    }

    /// Wants the picture of this index to be shown.
    ///
    /// - step: how far from it the next one probably is; negative where it goes backwards.
    want(index, step = 1) {
        if (this.#isClosed || this.#count === 0) return;
        this.#step = Math.sign(step) * Math.max(1, Math.round(Math.abs(step))) || 1;
        this.#wanted = Math.min(Math.max(index, 0), this.#count - 1);
        const kept = this.#kept.get(this.#wanted);
        if (kept) this.#present(kept, this.#wanted);
        else if (this.#lost.has(this.#wanted)) this.#present(null, this.#wanted);
        this.#fetchMore();
    }

    close() {
        this.#isClosed = true;
        for (const controller of this.#requests.values()) controller.abort();
        for (const bitmap of this.#kept.values()) bitmap.close();
        this.#kept.clear();
    }

    #present(bitmap, index) {
        if (index === this.#shown) return;
        this.#shown = index;
        this.#show(bitmap, index);
    }

    /// The next to be fetched: the wanted one, then what is ahead of it, then what is just behind.
    #next() {
        const isMissing = (index) => index >= 0 && index < this.#count && !this.#kept.has(index)
            && !this.#requests.has(index) && !this.#lost.has(index);
        if (isMissing(this.#wanted)) return this.#wanted;
        for (let ahead = 1; ahead <= AHEAD; ahead += 1) {
            if (isMissing(this.#wanted + ahead * this.#step)) return this.#wanted + ahead * this.#step;
        }
        for (let behind = 1; behind <= 3; behind += 1) {
            const index = this.#wanted - behind * Math.sign(this.#step);
            if (isMissing(index)) return index;
        }
        return null;
    }

    #fetchMore() {
        while (!this.#isClosed && this.#requests.size < MOST_REQUESTS) {
            const index = this.#next();
            if (index === null) return;
            this.#fetch(index);
        }
    }

    async #fetch(index) {
        const controller = new AbortController();
        this.#requests.set(index, controller);
        let bitmap = null;
        try {
            const response = await fetch(this.#address(index), { signal: controller.signal });
            if (response.ok) bitmap = await createImageBitmap(await response.blob());
        } catch {
            // It cannot be had; the neighbours may.
        }
        this.#requests.delete(index);
        if (this.#isClosed) {
            bitmap?.close();
            return;
        }
        if (bitmap) this.#keep(index, bitmap);
        else this.#lost.add(index);
        // While the wanted one is on its way, one that is nearer than what is shown is better than standing still.
        const isNearer = Math.abs(index - this.#wanted) < Math.abs(this.#shown - this.#wanted) || this.#shown < 0;
        if (index === this.#wanted || (bitmap && isNearer)) this.#present(bitmap, index);
        this.#fetchMore();
    }

    #keep(index, bitmap) {
        this.#kept.set(index, bitmap);
        if (this.#kept.size <= MOST_KEPT) return;
        let farthest = index;
        for (const one of this.#kept.keys()) {
            if (Math.abs(one - this.#wanted) > Math.abs(farthest - this.#wanted)) farthest = one;
        }
        this.#kept.get(farthest).close();
        this.#kept.delete(farthest);
    }
}
