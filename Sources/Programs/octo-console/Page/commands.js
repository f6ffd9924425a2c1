// What a person asks of the robot: requests of this page's server, which asks the owner on the bus. No function here
// throws for a network or a refusal; both come back in words.

const headers = { "Content-Type": "application/json", "X-Octo-Console": "1" };

/// Asks the owner to act, and waits for its answer.
///
/// - action: as the server names it: "stop", "reset", "goal.set", "episode.start", …
/// - fields: what the action needs besides, such as `{name: "mug"}`.
/// - options: `signal` of an AbortController, to wait no longer.
/// Returns `{accepted, message, status, …}`: what the owner said; `accepted` is false whenever nobody said yes. Status
/// is that of HTTP, 0 where no answer came.
export async function command(action, fields = {}, options = {}) {
    const { status, body, problem } = await request("POST", "/api/command", { action, ...fields }, options);
    if (problem !== null) return { accepted: false, message: problem, status };
    return { ...body, accepted: body.accepted === true, message: body.message ?? body.error ?? words(status), status };
}

/// Reads JSON. Throws an Error whose message says in words what is wrong.
export async function getJSON(path, options = {}) {
    const { status, body, problem } = await request("GET", path, null, options);
    if (problem !== null) throw new Error(problem);
    if (status !== 200) throw new Error(body.error ?? words(status));
    return body;
}

/// Starts a job ("rank", "probe", "verify", "export", "from_episode"). Returns `{job}`, or `{job: null, message}` with
/// the reason why it was not started. Its progress comes as the event "job" of `Live`.
export async function startJob(kind, fields = {}) {
    const { status, body, problem } = await request("POST", "/api/jobs", { kind, ...fields }, {});
    if (problem !== null) return { job: null, message: problem };
    if (status !== 202 || !body.job) return { job: null, message: body.error ?? words(status) };
    return { job: body.job, message: "" };
}

async function request(method, path, body, options) {
    let response;
    try {
        response = await fetch(path, {
            method,
            headers: method === "POST" ? headers : {},
            body: body === null ? undefined : JSON.stringify(body),
            cache: "no-store",
            redirect: "manual",
            signal: options.signal,
        });
    } catch (error) {
        const problem = error.name === "AbortError" || error.name === "TimeoutError"
            ? "no answer came in time: it is not known whether it was done"
            : "the console did not answer: it is not known whether this was done";
        return { status: 0, body: {}, problem };
    }
    // A redirect leads to the login page: the cookie has gone.
    if (response.type === "opaqueredirect" || response.status === 401) {
        return { status: 401, body: {}, problem: "you are not logged in any more: load the page again" };
    }
    try {
        const answer = await response.json();
        return { status: response.status, body: answer ?? {}, problem: null };
    } catch {
        return { status: response.status, body: {}, problem: words(response.status) };
    }
}

function words(status) {
    switch (status) {
    case 400: return "the console did not understand the request";
    case 403: return "you may look and stop, but not operate: log in with the operator's token";
    case 404: return "there is no such thing any more";
    case 409: return "the owner refused it";
    case 413: return "that is too long";
    case 429: return "too much at once: wait until what runs has ended";
    case 503: return "the robot is not there at present";
    case 504: return "no answer came from the owner: is it running?";
    default: return `the console answered with status ${status}`;
    }
}
