// The page's connection to a run: one WebSocket, kept open. Everything the page shows comes through here.

const PROTOCOL = "octo.console.1";
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 3000;
/// The server's clock comes twice a second; without a word for so long, what the page shows is old.
const SILENCE_MS = 1500;
/// A connection that has been silent for so long, or has not come about, is given up.
const GIVE_UP_MS = 5000;

/// The run as the server tells of it.
///
/// Events (CustomEvent with `detail`): "hello" (a connection or another run began: what was shown is of the past),
/// "people", "drive", "job", "state", "dropped", and "stop" when somebody presses the stop button of this page.
export class Live extends EventTarget {
    /// topic → the last object `{topic, node, publish_ns, capture_ns, sequence, message}`.
    topics = new Map();
    /// As in the server's hello; null: there is no run.
    run = null;
    /// "operate" or "view".
    role = "view";
    /// This page's number among the people who look on; null before the first hello.
    viewer = null;
    version = "";
    /// Whether there are episodes on disk to look at.
    episodes = false;
    people = [];
    /// The last message "drive"; null: nobody has spoken of it.
    drive = null;
    /// Job id → job.
    jobs = new Map();
    /// "live": what the page shows is of now. "lost": the connection is away. "ended": the run is over. "none": no run.
    state = "lost";

    #socket = null;
    #delay = FIRST_DELAY_MS;
    #heardAt = 0;
    /// Milliseconds of performance.now() since when there has been no connection.
    lostSince = performance.now();
    #subscribers = new Set();
    #pictureSubscribers = new Set();
    #wishes = new Map();
    #lastWatch = "";
    /// Server's CLOCK_MONOTONIC minus performance.now(), ns; the largest that was seen lately has travelled shortest.
    #offsetNs = null;
    #offsetIsOld = false;
    /// topic → publish_ns up to where the page had heard it when the connection broke. The server sends the past again.
    #heardBefore = new Map();
    #timer = null;

    constructor(address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`) {
        super();
        this.address = address;
        document.addEventListener("visibilitychange", () => this.#tellWatch());
        addEventListener("online", () => this.#connect());
    }

    /// Connects, and connects again whenever the connection breaks.
    start() {
        this.#connect();
        setInterval(() => this.#checkSilence(), 250);
    }

    /// The server's CLOCK_MONOTONIC now, ns; 0 before anything was heard.
    nowNs() {
        return this.#offsetNs === null ? 0 : performance.now() * 1e6 + this.#offsetNs;
    }

    /// How old something is, s; never negative.
    ageOf(ns) {
        return Math.max(0, (this.nowNs() - ns) / 1e9);
    }

    /// The message of the topic's last object; null: none has come.
    last(topic) {
        return this.topics.get(topic)?.message ?? null;
    }

    /// Calls back with each object of a topic, or of all that begin with it where it ends in "/" ("event/"). Returns a
    /// function that ends it. Nothing is said twice, also when the server repeats the past after a reconnection.
    on(topic, callback) {
        return this.#subscribe(this.#subscribers, { topic, isPrefix: topic.endsWith("/"), callback });
    }

    /// Calls back with each picture: `{kind, camera, capture_ns, sequence, width, height, blob}`.
    onPicture(callback) {
        return this.#subscribe(this.#pictureSubscribers, { callback });
    }

    /// Says which pictures one part of the page wants: `{cameras: [names], network: bool, rate_hz}`; null: none. A page
    /// that is hidden gets none, whatever was wished.
    watch(key, wish) {
        if (wish === null) this.#wishes.delete(key);
        else this.#wishes.set(key, wish);
        this.#tellWatch();
    }

    /// Sends a message. Returns false where there is no connection.
    send(object) {
        if (this.#socket?.readyState !== WebSocket.OPEN) return false;
        this.#socket.send(JSON.stringify(object));
        return true;
    }

    #subscribe(set, entry) {
        set.add(entry);
        return () => set.delete(entry);
    }

    #connect() {
        clearTimeout(this.#timer);
        if (this.#socket && this.#socket.readyState <= WebSocket.OPEN) return;
        const socket = new WebSocket(this.address, PROTOCOL);
        socket.binaryType = "arraybuffer";
        this.#socket = socket;
        this.#heardAt = performance.now();
        let hasOpened = false;
        socket.addEventListener("open", () => {
            hasOpened = true;
            this.#heardAt = performance.now();
            this.#lastWatch = "";
            this.#tellWatch();
        });
        socket.addEventListener("message", (event) => {
            if (socket === this.#socket) this.#hear(event.data);
        });
        socket.addEventListener("close", () => {
            if (socket === this.#socket) this.#lose(hasOpened);
        });
    }

    #lose(hasOpened) {
        this.#socket = null;
        for (const [topic, object] of this.topics) this.#heardBefore.set(topic, object.publish_ns);
        // The server's machine may have started again meanwhile: its clock is asked anew.
        this.#offsetIsOld = true;
        this.#setState("lost");
        if (!hasOpened) this.#askForLogin();
        this.#timer = setTimeout(() => this.#connect(), this.#delay * (0.8 + 0.4 * Math.random()));
        this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY_MS);
    }

    /// A refused WebSocket does not say why; an ordinary request does.
    async #askForLogin() {
        try {
            const response = await fetch("/api/jobs", { redirect: "manual", cache: "no-store" });
            if (response.type === "opaqueredirect" || response.status === 401) location.assign("/login");
        } catch {
            // The server is away. The next attempt says more.
        }
    }

    #checkSilence() {
        if (this.#socket === null) return;
        const silence = performance.now() - this.#heardAt;
        if (silence > GIVE_UP_MS) {
            const socket = this.#socket;
            this.#lose(true);
            socket.close();
        } else if (silence > SILENCE_MS) {
            this.#setState("lost");
        }
    }

    #hear(data) {
        this.#heardAt = performance.now();
        if (data instanceof ArrayBuffer) {
            this.#hearPicture(data);
            return;
        }
        let object;
        try {
            object = JSON.parse(data);
        } catch {
            return;
        }
        switch (object?.type) {
        case "hello": this.#hearHello(object); break;
        case "topic": this.#hearTopic(object); break;
        case "clock": this.#hearClock(object.now_ns); break;
        case "people":
            this.people = object.viewers ?? [];
            this.#dispatch("people", this.people);
            break;
        case "drive":
            this.drive = object;
            this.#dispatch("drive", object);
            break;
        case "job":
            if (!object.job) break;
            this.jobs.set(object.job.id, object.job);
            this.#dispatch("job", object.job);
            break;
        case "dropped": this.#dispatch("dropped", object); break;
        default: break;
        }
        if (this.state === "lost" && this.viewer !== null && object?.type !== "hello") this.#setState(this.#runState());
    }

    #runState() {
        if (this.run === null) return "none";
        return this.run.state === "ended" ? "ended" : "live";
    }

    #hearHello(hello) {
        this.#delay = FIRST_DELAY_MS;
        const isOtherRun = hello.run?.run_id !== this.run?.run_id;
        if (isOtherRun) {
            this.topics.clear();
            this.#heardBefore.clear();
            this.drive = null;
        }
        this.run = hello.run ?? null;
        this.role = hello.role === "operate" ? "operate" : "view";
        this.viewer = hello.viewer ?? null;
        this.version = hello.version ?? "";
        this.episodes = hello.episodes === true;
        this.#dispatch("hello", { ...hello, isOtherRun });
        this.#setState(this.#runState());
    }

    #hearTopic(object) {
        const topic = object.topic;
        if (typeof topic !== "string") return;
        object.message ??= {};
        // Nothing was published after now: that places what comes before the first clock.
        if (this.#offsetNs === null) this.#hearClock(object.publish_ns);
        if (object.publish_ns <= (this.#heardBefore.get(topic) ?? -1)) return;
        // The server may say the last of a topic before the past that led to it.
        if (object.publish_ns >= (this.topics.get(topic)?.publish_ns ?? 0)) this.topics.set(topic, object);
        for (const entry of [...this.#subscribers]) {
            if (entry.isPrefix ? !topic.startsWith(entry.topic) : topic !== entry.topic) continue;
            this.#tell(entry.callback, object);
        }
    }

    #hearPicture(buffer) {
        if (buffer.byteLength < 2) return;
        const length = new DataView(buffer).getUint16(0, true);
        if (buffer.byteLength < 2 + length) return;
        let header;
        try {
            header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 2, length)));
        } catch {
            return;
        }
        const blob = new Blob([new Uint8Array(buffer, 2 + length)], { type: "image/jpeg" });
        for (const entry of [...this.#pictureSubscribers]) this.#tell(entry.callback, { ...header, blob });
    }

    /// One part of the page that fails must not take the connection from the others, nor from the stop button.
    #tell(callback, value) {
        try {
            callback(value);
        } catch (error) {
            console.error(error);
        }
    }

    #hearClock(nowNs) {
        const offset = nowNs - performance.now() * 1e6;
        // Takes the quickest of late messages' clocks, and forgets it by 1 ms a message, for clocks that drift.
        const isUsable = this.#offsetNs !== null && !this.#offsetIsOld;
        this.#offsetNs = isUsable ? Math.max(this.#offsetNs - 1e6, offset) : offset;
        this.#offsetIsOld = false;
    }

    #tellWatch() {
        const wish = { type: "watch", cameras: [], network: false, rate_hz: 0 };
        if (!document.hidden) {
            for (const { cameras = [], network = false, rate_hz = 30 } of this.#wishes.values()) {
                wish.cameras = [...new Set([...wish.cameras, ...cameras])].sort();
                wish.network ||= network;
                wish.rate_hz = Math.max(wish.rate_hz, rate_hz);
            }
        }
        if (wish.rate_hz === 0) wish.rate_hz = 1;
        const text = JSON.stringify(wish);
        if (text !== this.#lastWatch && this.send(wish)) this.#lastWatch = text;
    }

    #setState(state) {
        if (state === this.state) return;
        this.state = state;
        if (state === "lost") this.lostSince = performance.now();
        this.#dispatch("state", state);
    }

    #dispatch(name, detail) {
        this.dispatchEvent(new CustomEvent(name, { detail }));
    }
}
