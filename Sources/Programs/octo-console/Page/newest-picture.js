// Pictures as they come, decoded so that the newest is seen and no queue grows.

/// Decodes one camera's pictures and draws the newest. One decoding is under way at a time, and one picture waits at
/// most: what comes while two are there replaces the one that waits. A slow browser shows fewer pictures, not old ones.
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
