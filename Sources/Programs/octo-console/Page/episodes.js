// The place of episodes: what the recorder does, what was recorded, and looking at it again.

import { fill } from "./dom.js";
import { EpisodeList } from "./episode-list.js";
import { RecorderPanel } from "./recorder.js";
import { Replay } from "./replay.js";

/// Builds the place in `root`. @returns `{shown, hidden}`, called as the person comes and goes.
export function makePlace(root, live, app) {
    const place = new EpisodesPlace(root, live, app);
    return { shown: () => place.shown(), hidden: () => place.hidden() };
}

class EpisodesPlace {
    #live;
    #app;
    #recorder;
    #list;
    #replay;
    #isShown = false;

    constructor(root, live, app) {
        this.#live = live;
        this.#app = app;
        this.#recorder = new RecorderPanel(live, app);
        this.#replay = new Replay(live, app, () => this.#list.leaveOpened());
        this.#list = new EpisodeList(live, (episode) => this.#open(episode));
        fill(root, this.#recorder.node, this.#replay.node, this.#list.node);
        root.classList.add("episodes");
        let last = "";
        live.on("episode/state", ({ message }) => {
            this.#recorder.refresh();
            // Its size grows all the time; the list is read again when an episode begins, ends or is judged.
            const key = `${message.path} ${message.is_recording} ${message.outcome}`;
            if (key !== last && this.#isShown) this.#list.reload();
            last = key;
        });
        live.on("episode/result", () => this.#isShown && this.#list.reload());
        for (const name of ["hello", "state"]) {
            live.addEventListener(name, () => {
                this.#recorder.refresh();
                if (this.#isShown && live.state !== "lost") this.#list.reload();
            });
        }
        setInterval(() => this.#isShown && this.#recorder.refresh(), 500);
        this.#recorder.refresh();
    }

    shown() {
        this.#isShown = true;
        this.#recorder.refresh();
        this.#list.reload();
    }

    hidden() {
        this.#isShown = false;
        this.#replay.pause();
    }

    async #open(episode) {
        this.#list.showOpened(episode.id);
        await this.#replay.open(episode);
    }
}
