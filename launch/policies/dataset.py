"""Reads datasets of `octo-sim demos` (TFRecord shards of tf.train.Example) and keeps them decoded, at the network's sizes.

No TensorFlow: a record is a length, the message and two checksums, and of the message three kinds of lists are needed.
"""

import hashlib
import io
import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image


def records(path):
    """The messages of a TFRecord file. The checksums are the maker's concern: a file that ends early raises."""
    with open(path, "rb") as file:
        while header := file.read(12):
            (length,) = struct.unpack("<Q", header[:8])
            data = file.read(length + 4)
            if len(header) < 12 or len(data) < length + 4:
                raise ValueError(f"{path}: it ends within a record. Make the dataset again.")
            yield data[:length]


def _varint(data, place):
    value, shift = 0, 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7


def _fields(data):
    """Field number and payload of a protobuf message without groups."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(data, place)
        elif kind == 2:
            size, place = _varint(data, place)
            value, place = data[place : place + size], place + size
        elif kind == 5:
            value, place = data[place : place + 4], place + 4
        else:
            value, place = data[place : place + 8], place + 8
        yield key >> 3, value


def example(data):
    """A tf.train.Example as a dictionary: lists of bytes, or arrays of float32 or int64."""
    result = {}
    (features,) = [value for number, value in _fields(data) if number == 1]
    for _, entry in _fields(features):
        parts = dict(_fields(entry))
        for kind, listed in _fields(parts[2]):
            values = [value for _, value in _fields(listed)]
            if kind == 2:
                values = np.frombuffer(b"".join(values), "<f4")
            elif kind == 3:
                numbers = []
                for value in values:
                    if isinstance(value, int):
                        numbers.append(value)
                        continue
                    place = 0
                    while place < len(value):
                        number, place = _varint(value, place)
                        numbers.append(number)
                values = np.array(numbers, np.uint64).astype(np.int64)
            result[parts[1].decode()] = values
    return result


def _picture(data, pixels):
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return np.asarray(image.resize((pixels, pixels), Image.Resampling.LANCZOS))


class Demonstrations:
    """All frames of some datasets, one after the other, in arrays that lie in `cache`; `begin` and `end` bound each episode.

    `frames[name]`: (N, H, W, 3) uint8. `actions`, `states`: (N, 7) float32. `truth`: (N, 4) float32, where the task's object
    is: x y z, yaw. `perturbed`, `coached`: (N,) bool. `task`: (N,) int, index into `tasks`. `goals`: the first camera's pictures
    of the goal that were taken apart, `goal`: (N,) int, which of them is the frame's, or -1. Of goals of other scenes, K for an
    episode: `others`: (M, H, W, 3) pictures, `other_truths`: (M, 4), `other_states`: (M, 7), how it was then; `other`: (N,) int,
    the frame's first, or -1; `other_actions`: (N, K, 4, 7), what the expert would do for them.
    """

    def __init__(self, folders, pictures, cache, coached=(), progress=print):
        self.frames = {name: [] for name, _, _ in pictures}
        self.actions, self.states, self.truth, self.perturbed, self.task = [], [], [], [], []
        self.begin, self.end, self.tasks = [], [], []
        self.coached, self.goal, self.goals = [], [], []
        self.other, others = [], []
        count, goal_count, other_count = 0, 0, 0
        for folder in map(Path, folders):
            place = self._decoded(folder, pictures, Path(cache), progress)
            for name in self.frames:
                self.frames[name].append(np.load(place / f"{name}.npy", mmap_mode="r"))
            numbers = np.load(place / "numbers.npz", allow_pickle=False)
            for key in ("actions", "states", "truth", "perturbed"):
                getattr(self, key).append(numbers[key])
            names = json.loads((place / "tasks.json").read_text())
            for name in names:
                if name not in self.tasks:
                    self.tasks.append(name)
            local = np.array([self.tasks.index(name) for name in names])
            self.task.append(local[numbers["task"]])
            goals = np.load(place / "goals.npy")
            self.goals.append(goals)
            for episode, (begin, end) in enumerate(numbers["episodes"]):
                self.begin += [count + begin] * (end - begin)
                self.end += [count + end] * (end - begin)
                self.goal += [goal_count + episode if len(goals) else -1] * (end - begin)
            goal_count += len(goals)
            part = np.load(place / "others.npz") if (place / "others.npz").exists() else None
            others.append(part)
            number = part["actions"].shape[1] if part else 0
            for episode, (begin, end) in enumerate(numbers["episodes"]):
                self.other += [other_count + episode * number if part else -1] * (end - begin)
            other_count += len(part["pictures"]) if part else 0
            self.coached += [str(folder) in map(str, map(Path, coached))] * len(numbers["actions"])
            count += len(numbers["actions"])
        if count == 0:
            raise ValueError("no frames: give datasets that octo-sim demos has made")
        self.sizes = np.cumsum([0] + [len(part) for part in self.actions])
        self.actions, self.states = np.concatenate(self.actions), np.concatenate(self.states)
        self.truth, self.perturbed = np.concatenate(self.truth), np.concatenate(self.perturbed)
        self.task = np.concatenate(self.task)
        self.begin, self.end = np.array(self.begin), np.array(self.end)
        self.coached, self.goal, self.goals = np.array(self.coached), np.array(self.goal), np.concatenate(self.goals)
        self.other, self.other_actions = np.array(self.other), None
        found = [part for part in others if part]
        if found:
            kinds = {part["actions"].shape[1:] for part in found}
            if len(kinds) > 1:
                raise ValueError(f"datasets with different --other-goals: {kinds}. Make them with the same number.")
            self.other_actions = np.zeros((count, *kinds.pop()), np.float32)
            for part, begin, end in zip(others, self.sizes, self.sizes[1:]):
                if part:
                    self.other_actions[begin:end] = part["actions"]
            self.others, self.other_truths, self.other_states = (
                np.concatenate([part[key] for part in found]) for key in ("pictures", "truths", "states"))

    def __len__(self):
        return len(self.actions)

    def frame(self, name, index):
        part = np.searchsorted(self.sizes, index, "right") - 1
        return self.frames[name][part][index - self.sizes[part]]

    @staticmethod
    def _decoded(folder, pictures, cache, progress):
        """The folder with what was decoded of one dataset, made if it is not there yet."""
        shards = sorted(folder.rglob("*.tfrecord-*"))
        if not shards:
            raise ValueError(f"{folder}: it holds no .tfrecord files, expected a dataset of octo-sim demos")
        facts = json.dumps([[str(s.resolve()), s.stat().st_size, s.stat().st_mtime_ns] for s in shards] + [pictures, "with goals"])
        place = cache / hashlib.sha256(facts.encode()).hexdigest()[:16]
        if (place / "whole").exists():
            return place
        place.mkdir(parents=True, exist_ok=True)
        frames = {name: [] for name, _, _ in pictures}
        goals, pixels = [], pictures[0][1]
        numbers = {"actions": [], "states": [], "truth": [], "perturbed": [], "task": [], "episodes": []}
        tasks, count = [], 0
        others = {"actions": [], "pictures": [], "truths": [], "states": []}
        for number, shard in enumerate(shards):
            progress(f"decoding {folder.name}: shard {number + 1} of {len(shards)}, {count} frames so far")
            for record in records(shard):
                episode = example(record)
                if not episode["episode_metadata/success"][0]:
                    continue
                if "steps/truth" not in episode:
                    raise ValueError(f"{folder}: its steps have no truth. Make it with octo-sim demos --truth.")
                actions = episode["steps/action"].reshape(-1, 7)
                instruction = episode["steps/language_instruction"][0].decode()
                if instruction not in tasks:
                    tasks.append(instruction)
                goals += [_picture(data, pixels) for data in episode.get("episode_metadata/goal_image_0", [])]
                for key, (name, size, _) in zip(("image_0", "image_1"), pictures):
                    frames[name] += [_picture(data, size) for data in episode[f"steps/observation/{key}"]]
                steps = len(actions)
                if "steps/other_actions" in episode:
                    states = episode["episode_metadata/other_states"].reshape(-1, 7)
                    others["actions"].append(episode["steps/other_actions"].reshape(steps, len(states), -1, 7))
                    others["truths"].append(episode["episode_metadata/other_truths"].reshape(-1, 4))
                    others["states"].append(states)
                    others["pictures"] += [
                        _picture(episode[f"episode_metadata/other_goal_{n}"][0], pixels)[None] for n in range(len(states))]
                numbers["actions"].append(actions)
                numbers["states"].append(episode["steps/observation/state"].reshape(-1, 7))
                numbers["truth"].append(episode["steps/truth"].reshape(-1, 4))
                numbers["perturbed"].append(episode.get("steps/perturbed", np.zeros(steps)).astype(bool))
                numbers["task"].append(np.full(steps, tasks.index(instruction)))
                numbers["episodes"].append([count, count + steps])
                count += steps
        for name, list_ in frames.items():
            np.save(place / f"{name}.npy", np.stack(list_))
        if others["actions"]:
            np.savez(place / "others.npz", **{key: np.concatenate(list_) for key, list_ in others.items()})
        np.save(place / "goals.npy", np.stack(goals) if goals else np.zeros((0, pixels, pixels, 3), np.uint8))
        episodes = np.array(numbers.pop("episodes"))
        np.savez(place / "numbers.npz", episodes=episodes, **{key: np.concatenate(list_) for key, list_ in numbers.items()})
        (place / "tasks.json").write_text(json.dumps(tasks))
        (place / "whole").touch()
        return place


def statistics(data):
    """What Octo keeps of a dataset: gripper actions are not normalised."""

    def spread(rows, mask):
        rows = rows.astype(np.float64)
        figures = {
            "mean": rows.mean(0), "std": rows.std(0), "min": rows.min(0), "max": rows.max(0),
            "p01": np.quantile(rows, 0.01, 0), "p99": np.quantile(rows, 0.99, 0),
        }
        # What never moves must not be blown up when it is read back.
        figures["std"] = np.where(figures["std"] < 1e-6, 1e-6, figures["std"])
        return {key: [float(x) for x in value] for key, value in figures.items()} | {"mask": mask}

    episodes = len(np.unique(data.begin))
    return {
        "action": spread(data.actions, [True] * 6 + [False]), "proprio": spread(data.states, [True] * 7),
        "num_transitions": len(data), "num_trajectories": episodes,
    }


class Batches:
    """Batch number n of a seed is always the same one, so that training can be stopped and continued."""

    def __init__(self, data, shape, stats, seed, last_goal=0.7, other_goal=0.6, weights=None):
        self.data, self.shape, self.seed, self.last_goal = data, shape, seed, last_goal
        self.other_goal = other_goal
        moments = stats["action"]
        mask = np.array(moments["mask"])
        self.mean = np.where(mask, moments["mean"], 0).astype(np.float32)
        self.std = np.where(mask, moments["std"], 1).astype(np.float32)
        self.state_mean = np.array(stats["proprio"]["mean"], np.float32)
        self.state_std = np.array(stats["proprio"]["std"], np.float32) + 1e-8
        facts = self._facts(np.arange(len(data)), data.end - 1)
        self.facts_mean, self.facts_std = facts.mean(0), facts.std(0) + 1e-3
        # Whose actions all lead straight to one place.
        self.is_plain = np.array(["above" in name for name in data.tasks])
        weights = weights or {}
        chance = np.ones(len(data))
        for index, name in enumerate(data.tasks):
            members = data.task == index
            factor = next((value for key, value in weights.items() if key in name), 1.0)
            chance[members] = factor / members.sum()
        # Where a learner does not do as it is told the expert says the same again and again.
        stands = np.abs(data.actions[:, :6]).max(1) < 1e-6
        chance[data.coached & stands & np.roll(stands, 1)] *= 0.2
        self.cumulative = np.cumsum(chance / chance.sum())

    def __call__(self, number, size):
        random = np.random.default_rng([self.seed, number])
        picks = np.searchsorted(self.cumulative, random.random(size)).clip(0, len(self.data) - 1)
        data, shape = self.data, self.shape
        times = picks[:, None] + np.arange(1 - shape.window, 1)
        is_real = times >= data.begin[picks][:, None]
        times = np.maximum(times, data.begin[picks][:, None])
        last = data.end[picks] - 1
        is_last = (random.random(size) < self.last_goal) | data.coached[picks]
        goals = np.where(is_last, last, random.integers(picks, last + 1))
        pictures = {
            name: np.stack([[data.frame(name, t) for t in row] for row in times]) for name in data.frames
        }
        goal = {name: np.stack([data.frame(name, g) for g in goals]) for name, _, fused in shape.pictures if fused}
        apart = is_last & (data.goal[picks] >= 0)
        for row in np.flatnonzero(apart):
            goal[shape.pictures[0][0]][row] = data.goals[data.goal[picks[row]]]
        facts = self._facts(times, np.broadcast_to(goals[:, None], times.shape))
        # There the object lies under the arm.
        bare = apart & np.array(["bare table" in name for name in data.tasks])[data.task[picks]]
        facts[bare, :, 5:7] = data.states[goals][bare, None, :2]
        actions, weight = self._labels(times)
        if data.other_actions is not None:
            which = random.integers(0, data.other_actions.shape[1], size)
            for row in np.flatnonzero((data.other[picks] >= 0) & (random.random(size) < self.other_goal)):
                other = data.other[picks[row]] + which[row]
                goal[shape.pictures[0][0]][row] = data.others[other]
                facts[row, :, 5:8], facts[row, :, 8:] = data.other_truths[other][:3], data.other_states[other]
                actions[row], weight[row] = self._other_labels(times[row], which[row])
        return {
            "pictures": pictures, "goals": goal, "is_real": is_real, "actions": actions,
            "weight": weight * is_real[:, :, None], "state": (data.states[times] - self.state_mean) / self.state_std,
            "facts": (facts - self.facts_mean) / self.facts_std,
        }

    def _facts(self, times, goals):
        """Where the object is and how it is turned (a block looks the same after a quarter turn), where it is in the goal, and
        where the arm is there: 15 numbers."""
        truth, goal = self.data.truth[times], self.data.truth[goals]
        turn = 4 * truth[..., 3:]
        return np.concatenate(
            [truth[..., :3], np.cos(turn), np.sin(turn), goal[..., :3], self.data.states[goals]], -1).astype(np.float32)

    def _other_labels(self, times, which):
        """The chunks for the other goal number `which`, normalised, and which of their actions count.

        As long as both goals ask for the same, what is asked at the next step is known. Where they part there is foresight, up
        to where the expert does another thing: when that is depends on how far the arm lags by then, which foresight does not
        know, and an arm that goes down a step too early comes down on the object."""
        data = self.data
        foreseen = data.other_actions[times, which, : self.shape.horizon]
        first = foreseen[:, :1]
        if self.is_plain[data.task[times[0]]]:
            counts = np.ones(foreseen.shape[:2], bool)
        else:
            off = np.linalg.norm((foreseen - first)[..., :6], axis=-1) > 0.3 * np.linalg.norm(first[..., :6], axis=-1) + 0.002
            counts = ~np.maximum.accumulate(off | (foreseen[..., 6] != first[..., 6]), axis=1)
        actions, same = foreseen.copy(), np.ones(len(times), bool)
        for step in range(self.shape.horizon):
            at = np.minimum(times + step, data.end[times] - 1)
            asked = data.other_actions[at, which, 0]
            actions[same, step] = asked[same]
            counts[same, step] = True
            agrees = np.abs(asked - data.actions[at]).max(-1) < 1e-4
            same = same & agrees & ~data.perturbed[at] & (times + step + 1 < data.end[times])
        return (actions - self.mean) / self.std, counts

    def _labels(self, times):
        """The chunk from each time on, normalised, and which of its actions count: those that do not answer to a burst of noise
        within the chunk. Behind the end the arm stands."""
        data = self.data
        end = data.end[times]
        actions, weight = [], []
        counts = np.ones(times.shape, bool)
        for step in range(self.shape.horizon):
            at = np.minimum(times + step, end - 1)
            action = data.actions[at].copy()
            over = times + step >= end
            action[over, :6] = 0
            actions.append((action - self.mean) / self.std)
            weight.append(counts)
            counts = counts & ~(data.perturbed[at] & ~over)
        return np.stack(actions, 2).astype(np.float32), np.stack(weight, 2).astype(np.float32)
