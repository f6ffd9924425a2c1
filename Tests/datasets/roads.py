"""Reads one dataset by one of three roads into a .npz file, and compares what they found, bit for bit.

    roads.py tfds FOLDER OUT        an RLDS folder (NAME/VERSION), by TFDS
    roads.py octo FOLDER OUT        the same folder, by Octo's own data loader
    roads.py lerobot FOLDER OUT     a LeRobotDataset with pictures in its tables, by LeRobot
    roads.py compare TFDS OCTO LEROBOT    ends with 3 where they differ, naming the first place of each difference
    roads.py damage TFDS OCTO LEROBOT     changes one bit of every array in turn: each must be noticed
    roads.py flip FOLDER LEROBOT    changes the last bit of one angle in a LeRobotDataset's own file

A road's arrays have one row a timestep, all episodes one after the other: `length` (one row an episode), `state`, `action`, `text`,
and of each camera `file` (SHA-256 of the picture's file) and `pixels` (as that road decodes it).
"""

import hashlib
import os
import sys
from pathlib import Path

os.environ.update(
    CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", JAX_PLATFORMS="cpu", TQDM_DISABLE="1", HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1")

import numpy as np

DIFFERENT = 3
# What octo-replay calls the cameras in RLDS.
CAMERAS = {"primary": "image_0", "wrist": "image_1"}


def digest(file):
    return np.frombuffer(hashlib.sha256(file).digest(), np.uint8)


class Rows:
    """Arrays that grow by timesteps."""

    def __init__(self):
        self.rows = {}

    def add(self, name, rows):
        self.rows.setdefault(name, []).extend(rows)

    def arrays(self, prefix=""):
        return {prefix + name: np.array(rows) for name, rows in self.rows.items()}


# Roads


def read_tfds(folder):
    import tensorflow as tf
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(folder)
    config = tfds.ReadConfig(interleave_cycle_length=1)

    def episodes(**options):
        return tfds.as_numpy(builder.as_dataset(split="all", shuffle_files=False, read_config=config, **options))

    found = Rows()
    for place, episode in enumerate(episodes()):
        steps = list(episode["steps"])
        found.add("length", [len(steps)])
        found.add("episode", [episode["episode_metadata"]["episode_id"] - place])
        found.add("state", [step["observation"]["state"] for step in steps])
        found.add("action", [step["action"] for step in steps])
        found.add("text", [step["language_instruction"].decode() for step in steps])
        found.add("nanoseconds", [step["timestamp_ns"] for step in steps])
        for camera, key in CAMERAS.items():
            found.add(f"{camera}/pixels", [step["observation"][key] for step in steps])
    for episode in episodes(decoders={"steps": tfds.decode.SkipDecoding()}):
        for camera, key in CAMERAS.items():
            files = episode["steps"]["observation"][key]
            found.add(f"{camera}/file", map(digest, files))
            # TensorFlow's default takes a short cut in JPEG's cosine transform; Pillow does not.
            accurate = [tf.io.decode_jpeg(file, dct_method="INTEGER_ACCURATE").numpy() for file in files]
            found.add(f"{camera}/accurate_pixels", accurate)
    return found.arrays()


def read_octo(folder):
    from functools import partial

    import tensorflow as tf
    import tensorflow_datasets as tfds
    from octo.data.dataset import apply_frame_transforms, apply_trajectory_transforms, make_dataset_from_rlds
    from octo.data.oxe.oxe_standardization_transforms import bridge_dataset_transform
    from octo.utils.spec import ModuleSpec

    name, data = Path(folder).parent.name, str(Path(folder).parent.parent)
    splits = tfds.builder(name, data_dir=data).info.splits
    in_order = tf.data.Options()
    in_order.deterministic = True

    def read(**options):
        found = Rows()
        # The loader keeps a twentieth for validation; a small dataset has nothing left for it, which TFDS refuses to read.
        for train in [part for part, split in [(True, "train[:95%]"), (False, "train[95%:]")] if splits[split].num_examples]:
            episodes, statistics = make_dataset_from_rlds(
                name, data, train=train, shuffle=False, num_parallel_reads=1, skip_norm=True, language_key="language_instruction",
                image_obs_keys=CAMERAS, **options)
            for episode in episodes.with_options(in_order).as_numpy_iterator():
                found.add("length", [len(episode["action"])])
                for camera in CAMERAS:
                    found.add(f"{camera}/file", map(digest, episode["observation"][f"image_{camera}"]))
            # As for a policy, with windows and chunks of one timestep. `train` would shorten and augment.
            decoded = apply_frame_transforms(apply_trajectory_transforms(episodes, train=False), train=False)
            for episode in decoded.with_options(in_order).as_numpy_iterator():
                seen = episode["observation"]
                found.add("state", seen["proprio"][:, 0])
                found.add("action", episode["action"][:, 0, 0])
                found.add("text", [text.decode() for text in episode["task"]["language_instruction"]])
                found.add("timestep", seen["timestep"][:, 0])
                for camera in CAMERAS:
                    found.add(f"{camera}/pixels", seen[f"image_{camera}"][:, 0])
        found.add("counts", [statistics["num_trajectories"], statistics["num_transitions"]])
        return found

    as_it_is = read(proprio_obs_key="state")
    as_trained = read(proprio_obs_key="proprio", standardize_fn=ModuleSpec.create(bridge_dataset_transform))
    return {**as_it_is.arrays(), **as_trained.arrays("bridge/")}


def read_lerobot(folder):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    dataset = LeRobotDataset("local/dataset", root=folder)
    found = Rows()
    found.add("rate", [dataset.fps])
    found.add("length", dataset.meta.episodes["length"])
    for place in range(len(dataset)):
        item = dataset[place]
        found.add("state", [item["observation.state"].numpy()])
        found.add("action", [item["action"].numpy()])
        found.add("text", [item["task"]])
        found.add("seconds", [item["timestamp"].numpy()])
        for name in ["episode_index", "frame_index", "index"]:
            found.add(name, [item[name].numpy()])
        for camera in CAMERAS:
            # Levels of 0...255, divided by 255.
            levels = item[f"observation.images.{camera}"].numpy().transpose(1, 2, 0)
            pixels = np.rint(levels * 255).astype(np.uint8)
            assert np.array_equal(pixels.astype(np.float32) / 255, levels), "pixels that are no levels of 0...255"
            found.add(f"{camera}/pixels", [pixels])
    table = dataset.hf_dataset.with_format("arrow")[:]
    for camera in CAMERAS:
        files = table.column(f"observation.images.{camera}").to_pylist()
        found.add(f"{camera}/file", [digest(file["bytes"]) for file in files])
    return found.arrays()


# Comparison


def bridge_actions(state, action):
    """Octo's `bridge_dataset_transform` of one episode, in NumPy: the gripper binary, the motions those of the measured states."""
    gripper, carried = np.empty_like(action[:, 6]), action[-1, 6]
    for place in reversed(range(len(action))):
        if action[place, 6] > np.float32(0.95) or action[place, 6] < np.float32(0.05):
            carried = np.float32(action[place, 6] > np.float32(0.95))
        gripper[place] = carried
    return np.concatenate([state[1:, :6] - state[:-1, :6], gripper[:-1, None]], axis=1)


class Differences:
    """What is not the same bits, in words."""

    def __init__(self, length):
        self.starts = np.cumsum([0, *length[:-1]])
        self.words = []

    def compare(self, what, a, b, by_timestep=True):
        if a.shape != b.shape or (a.dtype != b.dtype and a.dtype.kind != "U"):
            self.words.append(f"{what}: {a.shape} {a.dtype} and {b.shape} {b.dtype}")
        elif a.tobytes() != b.tobytes():
            unequal = a != b if a.dtype.kind != "f" else a.view(f"u{a.itemsize}") != b.view(f"u{b.itemsize}")
            first = tuple(int(place) for place in np.argwhere(unequal)[0])
            where = f"row {first[0]}"
            if by_timestep:
                episode = int(np.searchsorted(self.starts, first[0], "right")) - 1
                where = f"episode {episode}, timestep {first[0] - self.starts[episode]}"
            place = f", place {list(first[1:])}" if first[1:] else ""
            self.words.append(f"{what}: {where}{place}: {a[first]!s} and {b[first]!s}; {int(unequal.sum())} values in all")

    def check(self, what, holds):
        if not holds:
            self.words.append(what)


def differences(tfds, octo, lerobot):
    length = tfds["length"]
    found = Differences(length)
    found.compare("length: TFDS and Octo", length, octo["length"], by_timestep=False)
    found.compare("length: TFDS and LeRobot", length, lerobot["length"], by_timestep=False)
    found.compare("length: TFDS and Octo's bridge", length - 1, octo["bridge/length"], by_timestep=False)
    if found.words:
        return found.words

    # What is stored.
    stored = ["state", "action", "text"] + [f"{camera}/file" for camera in CAMERAS]
    for name in stored:
        found.compare(f"{name}: TFDS and Octo", tfds[name], octo[name])
        found.compare(f"{name}: TFDS and LeRobot", tfds[name], lerobot[name])
    for camera in CAMERAS:
        pixels, accurate = f"{camera}/pixels", f"{camera}/accurate_pixels"
        found.compare(f"{pixels}: TFDS and Octo", tfds[pixels], octo[pixels])
        found.compare(f"{pixels}: TensorFlow's accurate and LeRobot", tfds[accurate], lerobot[pixels])

    # Octo's Bridge transform leaves out the last timestep of each episode.
    starts = found.starts
    kept = np.ones(len(tfds["state"]), bool)
    kept[starts + length - 1] = False
    bridge = Differences(length - 1)
    for name in ["state", "text"] + [f"{camera}/{kind}" for camera in CAMERAS for kind in ("file", "pixels")]:
        bridge.compare(f"bridge {name}: TFDS and Octo", tfds[name][kept], octo[f"bridge/{name}"])
    actions = [bridge_actions(tfds["state"][s:s + n], tfds["action"][s:s + n]) for s, n in zip(starts, length)]
    bridge.compare("bridge action: NumPy's and Octo", np.concatenate(actions), octo["bridge/action"])
    found.words += bridge.words

    # Places and times.
    places = np.concatenate([np.arange(n) for n in length])
    found.compare("timestep: counted and Octo", places.astype(np.int32), octo["timestep"])
    found.compare("bridge timestep: counted and Octo", places[kept].astype(np.int32), octo["bridge/timestep"])
    found.compare("frame_index: counted and LeRobot", places, lerobot["frame_index"])
    found.compare("index: counted and LeRobot", np.arange(len(places)), lerobot["index"])
    found.compare("episode_index: counted and LeRobot", np.repeat(np.arange(len(length)), length), lerobot["episode_index"])
    found.compare("timestamp: counted and LeRobot", (places / lerobot["rate"][0]).astype(np.float32), lerobot["seconds"])
    found.check("no episode has a text: their comparison says nothing", (tfds["text"] != "").any())
    found.check("TFDS: an episode's id is not its place", not tfds["episode"].any())
    found.check("Octo: its statistics count something else", np.array_equal(octo["counts"], [len(length), length.sum()]))
    found.check(
        "Octo: its Bridge statistics count something else", np.array_equal(octo["bridge/counts"], [len(length), kept.sum()]))
    found.check("a timestep's recorded time is a step or more from LeRobot's", strays(tfds, lerobot).max() < 1 / lerobot["rate"][0])
    return found.words


def strays(tfds, lerobot):
    """How far the recorded times are from LeRobot's, which count from each episode's first at a fixed rate, in seconds."""
    starts = np.cumsum([0, *tfds["length"][:-1]])
    recorded = tfds["nanoseconds"] - np.repeat(tfds["nanoseconds"][starts], tfds["length"])
    return np.abs(recorded / 1e9 - lerobot["seconds"])


def compare(tfds, octo, lerobot):
    found = differences(tfds, octo, lerobot)
    if found:
        print("different: " + "\n           ".join(found[:12]))
        sys.exit(DIFFERENT)
    length, count = tfds["length"], len(tfds["state"])
    decoded = []
    for camera in CAMERAS:
        apart = np.abs(tfds[f"{camera}/pixels"].astype(np.int16) - lerobot[f"{camera}/pixels"])
        decoded.append(f"{camera} by {apart.mean():.2f} of 255 levels on average, {apart.max()} at most")
    relabelled = octo["bridge/action"] != octo["action"][np.delete(np.arange(count), np.cumsum(length) - 1)]
    print(f"""{len(length)} episodes, {count} timesteps: {length.tolist()}, texts {sorted(set(tfds["text"].tolist()))}
the same bits by all three: lengths, order, states, actions, texts, the pictures' files
the same bits by TFDS and Octo: decoded pictures
the same bits by LeRobot and by TensorFlow with JPEG's accurate transform: decoded pictures
  with TensorFlow's default, which Octo's loader and TFDS take, they are apart:
  {"; ".join(decoded)}
the same bits by Octo's Bridge transform and by NumPy, from the states that TFDS reads: {len(relabelled)} actions
  it takes the measured motions, not those stored: {relabelled[:, :6].any(1).sum()} are others; the gripper in {relabelled[:, 6].sum()}
not comparable: LeRobot has places at {lerobot["rate"][0]} a second, RLDS when they were; at most {strays(tfds, lerobot).max() * 1000:.3f} ms apart""")


def damage(*roads):
    """What no comparison notices is not compared."""
    chance = np.random.default_rng(1)
    unnoticed, count = [], 0
    for place, (road, arrays) in enumerate(zip(["tfds", "octo", "lerobot"], roads)):
        for name, array in arrays.items():
            other = array.copy()
            values = other.view("u4" if array.dtype.kind == "U" else f"u{array.itemsize}").reshape(-1)
            # Times are compared to within a step: a second is noticed, a nanosecond is not.
            values[chance.integers(len(values))] ^= values.dtype.type(1 << (30 if name == "nanoseconds" else 0))
            if not differences(*roads[:place], {**arrays, name: other}, *roads[place + 1:]):
                unnoticed.append(f"{road} {name}")
            count += 1
    if unnoticed:
        sys.exit(f"unnoticed: one bit of {', '.join(unnoticed)}")
    print(f"one bit changed in each of {count} arrays: noticed")


def flip(folder, lerobot):
    """The tables are neither packed nor checked by sums: a state's bytes stand in them as they are."""
    state = lerobot["state"][len(lerobot["state"]) // 2]
    path = Path(folder) / "data/chunk-000/file-000.parquet"
    content = bytearray(path.read_bytes())
    place = content.find(state.tobytes())
    assert place >= 0, "the state is not in the file"
    content[place + 3 * state.itemsize] ^= 1
    path.write_bytes(content)


if __name__ == "__main__":
    command, *given = sys.argv[1:]
    readers = {"tfds": read_tfds, "octo": read_octo, "lerobot": read_lerobot}
    if command in readers:
        np.savez(given[1], **readers[command](given[0]))
    elif command == "flip":
        flip(given[0], np.load(given[1]))
    else:
        {"compare": compare, "damage": damage}[command](*[dict(np.load(path)) for path in given])
