// What the arm did in the last seconds, and what the chunk that it executes makes of the next ones.

import { Points } from "./surface.js";
import { armMode } from "./words.js";

/// How long is kept: what is shown, and as long as a person looks at a chart that was stopped.
export const keptNs = 30e9, longKeptNs = 600e9;
/// Without a state for so long, nothing is known of the time between.
export const gapNs = 300e6;
const chunksKept = 40;

/// Signals of one arm over time. Takes messages and their times, knows no page.
export class ArmHistory {
    constructor(jointCount) {
        const many = (count) => Array.from({ length: count }, () => new Points());
        this.jointCount = jointCount;
        /// Per joint, radians.
        this.measured = many(jointCount);
        this.setpoint = many(jointCount);
        this.jointAhead = many(jointCount);
        /// x, y, z of the tool point in base axes, metres: where it is, and where the steps of the policy lead.
        this.tool = many(3);
        this.target = many(3);
        this.toolAhead = many(3);
        /// Opening, 0 closed … 1 open.
        [this.gripper, this.gripperSetpoint, this.gripperAhead] = many(3);
        /// Beginnings of chunks: `{time_ns, id, label}`.
        this.marks = [];
        /// Times at which the policy did not move the arm: `{from_ns, to_ns, label, isBad}`.
        this.bands = [];
        /// "joints", "tool" or null: where the chunk that is executed can be laid ahead.
        this.aheadIn = null;
        this.lastTime = -Infinity;
        this.keptNs = keptNs;
        this.chunks = new Map();
        this.present = null;
    }

    /// Takes a state of the arm (arm/state).
    takeState({ message, capture_ns, publish_ns }) {
        const measuredAt = message.measured_ns ?? capture_ns ?? publish_ns;
        const time = Math.max(publish_ns, measuredAt);
        if (time <= this.lastTime) return;
        this.lastTime = time;
        for (let joint = 0; joint < this.jointCount; joint += 1) {
            this.measured[joint].append(measuredAt, message.measured_positions_rad?.[joint] ?? NaN);
            this.setpoint[joint].append(time, message.setpoint_positions_rad?.[joint] ?? NaN);
        }
        place(message.base_from_eef).forEach((value, axis) => this.tool[axis].append(measuredAt, value));
        this.gripper.append(measuredAt, message.measured_gripper ?? 0);
        this.gripperSetpoint.append(time, message.setpoint_gripper ?? 0);
        this.#followSteps(message, time);
        this.#followMode(message, time);
        this.#layAhead();
        this.#forget(time - this.keptNs);
    }

    /// Takes a chunk of the policy (policy/chunk).
    takeChunk({ message }) {
        const id = message.id ?? 0;
        // A policy that was started again counts from the beginning; the newest chunk of a number counts.
        this.chunks.delete(id);
        this.chunks.set(id, message);
        if (this.chunks.size > chunksKept) this.chunks.delete(this.chunks.keys().next().value);
        if (this.present?.id === id) this.#layAhead();
    }

    /// Takes what became of a chunk (arm/chunk): it says exactly when the chunk began.
    takeReport({ message, publish_ns }) {
        const begin = message.first_setpoint_ns ?? 0;
        if (!begin) return;
        const id = message.chunk_id ?? 0;
        let mark = this.marks.findLast((one) => one.id === id && publish_ns - one.time_ns < 30e9);
        if (!mark) {
            mark = { id, label: `#${id}` };
            this.marks.push(mark);
        }
        mark.time_ns = begin;
        this.marks.sort((one, other) => one.time_ns - other.time_ns);
        if (message.outcome === "OUTCOME_INTERRUPTED") mark.label = `#${id} interrupted`;
    }

    /// Which step of which chunk is executed since when, and where the commanded pose went.
    #followSteps(message, time) {
        const pose = place(message.commanded_base_from_eef);
        if (!message.executing) {
            this.present = null;
            this.target.forEach((points, axis) => {
                points.cutAfter(time);
                points.append(time, pose[axis]);
            });
            return;
        }
        const id = message.executing.chunk_id ?? 0, step = message.executing.step ?? 0;
        const former = this.present;
        if (former?.id === id && former.step === step) return;
        const duration = this.chunks.get(id)?.step_duration_ns ?? former?.duration ?? 200e6;
        let began = time;
        if (former?.id === id && step > former.step) {
            // States come less often than ticks: steps of one chunk follow each other without a gap.
            const expected = former.began + (step - former.step) * duration;
            if (Math.abs(expected - time) < 80e6) began = expected;
        } else if (this.marks.at(-1)?.id !== id) {
            this.marks.push({ id, time_ns: time, label: `#${id}` });
        }
        this.present = {
            id, step, began, duration, pose, gripper: message.setpoint_gripper ?? 0,
            joints: message.setpoint_positions_rad ?? [],
        };
        // The commanded pose is where the present step leads, so it belongs to that step's end.
        this.target.forEach((points, axis) => {
            points.cutAfter(began);
            points.append(began + duration, pose[axis]);
        });
    }

    #followMode(message, time) {
        const mode = armMode(message);
        const last = this.bands.at(-1);
        const label = mode.key === "executing" ? null : mode.word;
        const isOpen = last && last.to_ns === null;
        if (isOpen && last.label === label) return;
        if (isOpen) last.to_ns = time;
        if (label) this.bands.push({ from_ns: time, to_ns: null, label, isBad: mode.key === "stopped" });
    }

    /// Lays the steps that are still to come over the time ahead.
    #layAhead() {
        for (const points of [...this.jointAhead, ...this.toolAhead, this.gripperAhead]) points.clear();
        this.aheadIn = null;
        const chunk = this.present && this.chunks.get(this.present.id);
        const wide = chunk?.action_dimension ?? 0;
        if (!chunk || wide < 1) return;
        const { step, began, duration } = this.present;
        const space = chunk.action_space ?? "";
        const isJoints = space.startsWith("ACTION_SPACE_JOINT");
        const isDelta = space.endsWith("DELTA");
        const count = Math.floor((chunk.actions?.length ?? 0) / wide);
        const ahead = isJoints ? this.jointAhead : this.toolAhead;
        const axes = Math.min(ahead.length, wide - 1);
        this.aheadIn = isJoints ? "joints" : "tool";
        // A tool's delta is in the commanded pose already; a joint's setpoint was still at the step's beginning.
        const sum = isJoints ? [...this.present.joints] : [...this.present.pose];
        const from = isJoints ? step : step + 1;
        ahead.forEach((points, axis) => points.append(isJoints ? began : began + duration, sum[axis] ?? NaN));
        this.gripperAhead.append(began, this.gripperSetpoint.lastValue);
        for (let index = step; index < count; index += 1) {
            const end = began + (index - step + 1) * duration;
            this.gripperAhead.append(end, Math.min(Math.max(chunk.actions[index * wide + wide - 1], 0), 1));
            if (index < from) continue;
            for (let axis = 0; axis < axes; axis += 1) {
                const number = chunk.actions[index * wide + axis];
                sum[axis] = isDelta ? sum[axis] + number : number;
                ahead[axis].append(end, sum[axis]);
            }
        }
    }

    #forget(time) {
        for (const points of [...this.measured, ...this.setpoint, ...this.tool, ...this.target, this.gripper,
            this.gripperSetpoint]) {
            points.dropBefore(time);
        }
        while (this.marks.length > 0 && this.marks[0].time_ns < time) this.marks.shift();
        while (this.bands.length > 0 && this.bands[0].to_ns !== null && this.bands[0].to_ns < time) this.bands.shift();
    }
}

/// x, y, z of a pose; numbers that are 0 are left out on the way.
function place(pose) {
    return [pose?.translation_x_m ?? 0, pose?.translation_y_m ?? 0, pose?.translation_z_m ?? 0];
}
