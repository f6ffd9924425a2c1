"""Opens dataset folders with tensorflow_datasets and prints, as one JSON array, what is in each.

    tfds_check.py FOLDER...

A FOLDER is the one in which dataset_info.json lies. Statistics are NumPy's.
"""

import json
import os
import sys

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow_datasets as tfds


def spread(rows):
    rows = np.concatenate(rows).astype(np.float64)
    return {
        "mean": rows.mean(0).tolist(),
        "std": rows.std(0).tolist(),
        "max": rows.max(0).tolist(),
        "min": rows.min(0).tolist(),
        "p99": np.quantile(rows, 0.99, axis=0).tolist(),
        "p01": np.quantile(rows, 0.01, axis=0).tolist(),
    }


def describe(episode):
    steps = list(episode["steps"])
    pictures = [key for key in steps[0]["observation"] if key.startswith("image_")]
    return {
        "action": [step["action"].tolist() for step in steps],
        "state": [step["observation"]["state"].tolist() for step in steps],
        "instruction": [step["language_instruction"].decode() for step in steps],
        "flags": [[bool(step[key]) for key in ("is_first", "is_last", "is_terminal")] for step in steps],
        "reward": [float(step["reward"]) for step in steps],
        "discount": [float(step["discount"]) for step in steps],
        "timestamp_ns": [int(step["timestamp_ns"]) for step in steps if "timestamp_ns" in step],
        "pictures": {
            key: {
                "shape": list(steps[0]["observation"][key].shape),
                "mean": [float(step["observation"][key].mean()) for step in steps],
            }
            for key in sorted(pictures)
        },
        "metadata": {
            key: value.decode() if isinstance(value, bytes) else int(value)
            for key, value in sorted(episode["episode_metadata"].items())
        },
    }


def read(folder):
    builder = tfds.builder_from_directory(folder)
    config = tfds.ReadConfig(shuffle_seed=None, interleave_cycle_length=1)
    splits = {}
    for name, split in builder.info.splits.items():
        # TFDS checks the number of records against dataset_info.json while it reads.
        dataset = builder.as_dataset(split=name, shuffle_files=False, read_config=config)
        episodes = [describe(episode) for episode in tfds.as_numpy(dataset)]
        splits[name] = {
            "shards": split.num_shards,
            "bytes": split.num_bytes,
            "episodes": episodes,
            "action": spread([np.array(e["action"]) for e in episodes]),
            "proprio": spread([np.array(e["state"]) for e in episodes]),
        }
    # The other way to open it, Octo's own: by the dataset's name, below the folder of all datasets.
    name, version = folder.rstrip("/").split("/")[-2:]
    octo = tfds.builder(f"{name}:{version}", data_dir=os.path.dirname(os.path.dirname(folder.rstrip("/"))))
    return {"name": octo.info.name, "version": str(octo.info.version), "splits": splits}


if __name__ == "__main__":
    json.dump([read(folder) for folder in sys.argv[1:]], sys.stdout)
