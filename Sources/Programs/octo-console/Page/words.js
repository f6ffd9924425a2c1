// The words and numbers that people read, in one place: the page says the same thing the same way everywhere, and as
// the programs in the terminal do.

/// A fit's verdict by the name that the bus has for it: `{key, word, mark}`. The mark has another shape for each, so
/// that it is read without colour. Absent or unheard of: unknown.
export function goalVerdict(name) {
    return verdicts[String(name ?? "").replace("VERDICT_", "").toLowerCase()] ?? verdicts.unknown;
}

const verdicts = {
    green: { key: "green", word: "fits", mark: "✓" },
    amber: { key: "amber", word: "look at it", mark: "▲" },
    red: { key: "red", word: "does not fit", mark: "✕" },
    unknown: { key: "unknown", word: "nothing to compare", mark: "?" },
};

/// Why the arm stands still, in words.
export function holdWords(reason) {
    return holds[reason] ?? "it does not say why";
}

const holds = {
    HOLD_REASON_WAITING_FOR_FIRST_CHUNK: "waiting for the first chunk",
    HOLD_REASON_CHUNK_EXHAUSTED: "all steps of the last chunk are done and no new one came",
    HOLD_REASON_NO_FRESH_CHUNK: "no fresh chunk within the watchdog",
    HOLD_REASON_STOPPING: "stopping",
    HOLD_REASON_DRIVER_FAULT: "the servos cannot be driven",
    HOLD_REASON_EMERGENCY_STOP: "emergency stop: reset it to go on",
    HOLD_REASON_STALLED: "a joint is blocked",
    HOLD_REASON_OVERLOADED: "a joint is overloaded",
    HOLD_REASON_BEYOND_LIMITS: "a joint is beyond its limits: ask for recovery, or move it back by hand",
    HOLD_REASON_RELEASED: "the operator has let go",
    HOLD_REASON_OVERHEATED: "a joint's servo is too hot",
    HOLD_REASON_NOT_FOLLOWING: "a joint does not follow and does not push",
    HOLD_REASON_AWAITING_RESUME: "the policy waits until it is told to go on",
};

/// What the arm does, from the message of arm/state: `{key, word, why}`. Key: "executing", "holding", "stopped"
/// (held by an emergency stop), "manual", "recovering" or "unknown".
export function armMode(state) {
    if (!state) return { key: "unknown", word: "no word from the arm", why: "" };
    if (state.executing) {
        const chunk = state.executing.chunk_id ?? 0;
        return { key: "executing", word: "executing", why: `chunk ${chunk}, step ${(state.executing.step ?? 0) + 1}` };
    }
    if (state.manual) return { key: "manual", word: "by hand", why: "an operator moves it" };
    if (state.recovering) return { key: "recovering", word: "recovering", why: "on its way back from beyond a limit" };
    if (isStopped(state)) return { key: "stopped", word: "stopped", why: holdWords(state.holding) };
    if (state.holding) return { key: "holding", word: "holding", why: holdWords(state.holding) };
    return { key: "unknown", word: "unknown", why: "the arm does not say what it does" };
}

/// Whether the arm itself says that it holds for the emergency stop.
export function isStopped(state) {
    return state?.holding === "HOLD_REASON_EMERGENCY_STOP";
}

/// What became of a chunk (arm/chunk) or of an episode (episode/state), in a word or two.
export function outcomeWords(name) {
    return outcomes[String(name ?? "").replace("OUTCOME_", "").toLowerCase()] ?? "unknown";
}

const outcomes = {
    executed: "executed",
    superseded: "superseded",
    too_late: "too late",
    rejected: "rejected",
    interrupted: "interrupted",
    open: "open",
    success: "success",
    failure: "failure",
    discarded: "discarded",
};

/// What a node says of itself: `{key, word, mark}` from the name of its state.
export function nodeState(name) {
    return nodeStates[String(name ?? "").replace("STATE_", "").toLowerCase()]
        ?? { key: "unknown", word: "unknown", mark: "?" };
}

const nodeStates = {
    starting: { key: "starting", word: "starting", mark: "◌" },
    ready: { key: "ready", word: "ready", mark: "✓" },
    degraded: { key: "degraded", word: "look at it", mark: "▲" },
    fault: { key: "fault", word: "fault", mark: "✕" },
    stopping: { key: "stopping", word: "stopping", mark: "◐" },
};

/// The kind of an event in words: "KIND_GOAL_CHANGED" is "goal changed".
export function eventWords(kind) {
    return String(kind ?? "").replace("KIND_", "").toLowerCase().replaceAll("_", " ") || "event";
}

/// Nanoseconds as seconds, a number.
export function seconds(ns) {
    return (ns ?? 0) / 1e9;
}

/// A number with so many digits after the point, and a minus sign as wide as a plus.
export function fixed(value, digits = 1) {
    if (!Number.isFinite(value)) return "–";
    const text = value.toFixed(digits);
    return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

/// A number with its sign always shown.
export function signed(value, digits = 1) {
    const text = fixed(value, digits);
    return text.startsWith("−") || text === "–" ? text : `+${text}`;
}

/// Radians as degrees: "12.5°".
export function degrees(radians, digits = 1) {
    return `${fixed((radians ?? 0) * 180 / Math.PI, digits)}°`;
}

/// A share as a percentage: 0.962 is "96 %".
export function percent(share, digits = 0) {
    return `${fixed((share ?? 0) * 100, digits)} %`;
}

/// A duration or an age in its best unit: "0.12 s", "45 s", "3 min", "2 h", "5 d".
export function age(s) {
    if (!Number.isFinite(s)) return "–";
    if (s < 1) return `${fixed(s, 2)} s`;
    if (s < 10) return `${fixed(s, 1)} s`;
    if (s < 90) return `${fixed(s, 0)} s`;
    if (s < 5400) return `${fixed(s / 60, 0)} min`;
    if (s < 129600) return `${fixed(s / 3600, 0)} h`;
    return `${fixed(s / 86400, 0)} d`;
}

/// A short time from nanoseconds: "27.6 µs", "4.2 ms", "1.20 s".
export function briefly(ns) {
    const value = ns ?? 0;
    if (value < 1e6) return `${fixed(value / 1e3, 1)} µs`;
    if (value < 1e9) return `${fixed(value / 1e6, value < 1e8 ? 1 : 0)} ms`;
    return `${fixed(value / 1e9, 2)} s`;
}

/// Minutes and seconds as a clock shows them: "1:05", "1:02:03".
export function clock(s) {
    const whole = Math.max(0, Math.floor(s ?? 0));
    const two = (value) => String(value).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/// Bytes in decimal units, as the programs in the terminal say them: "6.4 MB".
export function bytes(count) {
    let value = count ?? 0;
    for (const unit of ["bytes", "kB", "MB", "GB"]) {
        if (value < 1000) return `${fixed(value, unit === "bytes" || value >= 100 ? 0 : 1)} ${unit}`;
        value /= 1000;
    }
    return `${fixed(value, 1)} TB`;
}

/// "1 frame", "2 frames".
export function count(number, word) {
    return `${number} ${word}${number === 1 ? "" : "s"}`;
}
