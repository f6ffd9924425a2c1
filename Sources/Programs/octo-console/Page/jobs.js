// Work that takes a while and that the server has other programs do.

import { getJSON, startJob } from "./commands.js";

/// Starts a job and waits for its end.
///
/// - kind, fields: as `startJob` has them.
/// - tell: called with words about how far it is.
/// Returns the job as it ended, state "done" or "failed". Where it was not started, or the console has forgotten it,
/// state is "failed" and progress says why.
export async function runJob(live, kind, fields, tell = () => {}) {
    // A quick job may end before the answer to the request that started it comes.
    const heard = new Map();
    let wanted = null;
    let end;
    const ended = new Promise((resolve) => { end = resolve; });
    const hear = (job) => {
        heard.set(job.id, job);
        if (job.id !== wanted) return;
        if (job.state === "running") tell(job.progress ?? "");
        else end(job);
    };
    const listen = ({ detail }) => hear(detail);
    // A console that started again knows nothing of the job, and would never speak of it.
    const look = async () => {
        if (wanted === null) return;
        try {
            const { jobs = [] } = await getJSON("/api/jobs");
            const job = jobs.find(({ id, kind: known }) => id === wanted && known === kind);
            hear(job ?? failure("the console was started again meanwhile", wanted));
        } catch {
            // The connection broke again; the next hello looks anew.
        }
    };
    live.addEventListener("job", listen);
    live.addEventListener("hello", look);
    const { job, message } = await startJob(kind, fields);
    if (job) {
        wanted = job.id;
        hear(heard.get(job.id) ?? job);
    } else {
        end(failure(message, null));
    }
    const last = await ended;
    live.removeEventListener("job", listen);
    live.removeEventListener("hello", look);
    return last;
}

function failure(progress, id) {
    return { id, state: "failed", progress, result: null, exit_code: null };
}
