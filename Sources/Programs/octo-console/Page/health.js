// The place "Health": whether all parts of the run do what they should.

import { h, mark, say } from "./dom.js";
import { Jitter } from "./health-jitter.js";
import { EventLog } from "./health-log.js";
import { NodeCards } from "./health-nodes.js";
import { Waterfall, stages } from "./health-trace.js";
import { age, count, nodeState } from "./words.js";

/// A node's state as a level of the log; only what a person ought to see is entered.
const levels = { fault: "bad", degraded: "warn" };

export function makePlace(root, live) {
    const nodes = new NodeCards(live), log = new EventLog(live);
    const tally = h("p", { class: "tally", "aria-live": "polite" });
    const [traceWords, jitterWords, work] = Array.from({ length: 3 }, () => h("p", { class: "quiet" }));
    const picture = (id, label) => h("canvas", { id, role: "img", "aria-label": label });
    const waterfallCanvas = picture("waterfall", "From frame to motion, chunk by chunk");
    const jitterCanvas = picture("jitter", "Lateness of the control loop's wake-ups");
    const waterfall = new Waterfall(waterfallCanvas, (text) => {
        say(traceWords, text);
        mark(waterfallCanvas, "aria-label", `From frame to motion, chunk by chunk; ${text}`);
    });
    const jitter = new Jitter(jitterCanvas, ({ words, isBad, work: ofWork }) => {
        say(jitterWords, `${isBad ? "▲ " : ""}${words}`);
        mark(jitterWords, "data-level", isBad ? "warn" : null);
        say(work, ofWork);
    });
    root.append(
        h("div", { class: "health-head" }, tally),
        nodes.element,
        h("div", { class: "health-columns" },
            h("section", { class: "panel", "aria-label": "From frame to motion" },
                h("h3", {}, "From frame to motion"), traceWords, waterfallCanvas,
                h("p", { class: "chart-legend" }, stages.map(({ word, pattern, colour }) =>
                    h("span", { class: "legend-item" },
                        h("span", { class: "swatch", "data-pattern": pattern, "data-colour": colour.at(-1) }), word)))),
            h("section", { class: "panel", "aria-label": "Punctuality of the control loop" },
                h("h3", {}, "Lateness of the control loop, last minute"), jitterWords, jitterCanvas, work)),
        log.element);

    let isShown = false, timer = null, runID = null, lostAt = null;

    function begin() {
        const id = live.run?.run_id ?? null;
        if (id === runID) return;
        runID = id;
        nodes.begin(live.run?.nodes ?? []);
        waterfall.clear();
        jitter.clear();
        log.clear();
        for (const [topic, object] of live.topics) if (topic.startsWith("node/")) takeStatus(object);
    }

    function takeStatus(object) {
        const { message, publish_ns } = object;
        const name = message.node ?? object.node;
        const { restarted, was, is } = nodes.take(object);
        if (restarted) {
            log.add(publish_ns, name, "warn", `started again as process ${message.process_id ?? "–"}`, "restart");
        }
        if (was === is && !restarted) return;
        const state = nodeState(is);
        const level = levels[state.key];
        if (level) log.add(publish_ns, name, level, message.headline || state.word, state.word);
        else if (was !== null && levels[nodeState(was).key]) {
            log.add(publish_ns, name, "good", `${state.word} again: ${message.headline ?? ""}`, "state");
        }
    }

    function show() {
        if (!isShown) return;
        nodes.show();
        const counts = nodes.tally(), total = nodes.cards.size;
        const off = ["fault", "degraded", "silent", "starting", "stopping"].filter((key) => counts.get(key));
        const words = { fault: "in fault", degraded: "to look at", silent: "silent", starting: "starting",
            stopping: "stopping" };
        const isBad = counts.get("fault") || counts.get("silent");
        mark(tally, "data-level", isBad ? "bad" : off.length > 0 ? "warn" : "good");
        say(tally, live.state === "none" ? "there is no run"
            : off.length === 0 ? `✓ all ${count(total, "node")} are ready`
                : `${isBad ? "✕" : "▲"} ${off.map((key) => `${counts.get(key)} ${words[key]}`).join(", ")} of `
                    + count(total, "node"));
    }

    live.on("node/", takeStatus);
    live.on("event/", (object) => log.takeEvent(object));
    live.on("policy/chunk", (object) => waterfall.takeChunk(object));
    live.on("arm/chunk", (object) => waterfall.takeReport(object));
    live.on("arm/loop", (object) => jitter.take(object));
    live.addEventListener("hello", () => { begin(); show(); });
    live.addEventListener("state", () => {
        const now = performance.now();
        if (live.state === "lost") lostAt = now;
        else if (lostAt !== null) {
            if (runID !== null && live.nowNs() > 0) {
                log.add(live.nowNs(), "this page", "warn", `was without a connection for ${age((now - lostAt) / 1e3)}`);
            }
            lostAt = null;
        }
        show();
    });
    live.addEventListener("dropped", ({ detail }) => {
        if (detail.messages > 0) {
            log.add(live.nowNs(), "this page", "warn",
                `${count(detail.messages, "message")} more than it could take: left out`);
        }
    });
    begin();

    return {
        shown() {
            isShown = true;
            timer ??= setInterval(show, 500);
            show();
        },
        hidden() {
            isShown = false;
            clearInterval(timer);
            timer = null;
        },
    };
}
