"""Takes a dataset apart and puts it together again with LeRobot's own tools, and prints as JSON what came of it.

    lerobot_check.py DATASET WORK_FOLDER

DATASET has at least three episodes. For the whole, for what is left without its first episode, for both parts of a split and for
the parts merged again: episodes, frames, the text of the first timestep's task, and the mean, deviation and count of state and
action in their statistics, beside those that are computed here from the data.
"""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
from lerobot.datasets.dataset_tools import delete_episodes, merge_datasets, split_dataset
from lerobot.datasets.lerobot_dataset import LeRobotDataset


def told(dataset):
    found = {"episodes": dataset.meta.total_episodes, "frames": dataset.meta.total_frames, "task": dataset[0]["task"]}
    for name in ["observation.state", "action"]:
        rows = np.array([np.asarray(dataset[i][name]) for i in range(len(dataset))])
        statistics = dataset.meta.stats[name]
        found[name] = {
            "mean": np.asarray(statistics["mean"]).ravel().tolist(), "std": np.asarray(statistics["std"]).ravel().tolist(),
            "count": int(np.asarray(statistics["count"]).ravel()[0]), "true_mean": rows.mean(0).tolist(), "true_std": rows.std(0).tolist(),
        }
    picture = dataset[0]["observation.images.primary"]
    found["picture"] = list(picture.shape)
    found["colour"] = np.asarray(dataset.meta.stats["observation.images.primary"]["mean"]).shape
    return found


if __name__ == "__main__":
    source, work = Path(sys.argv[1]), Path(sys.argv[2])
    whole = LeRobotDataset("test/whole", root=source)
    parts = split_dataset(whole, {"a": [0], "b": list(range(1, whole.meta.total_episodes))}, output_dir=work / "split")
    print(json.dumps({
        "whole": told(whole),
        "without_first": told(delete_episodes(whole, [0], output_dir=work / "less", repo_id="test/less")),
        "a": told(parts["a"]), "b": told(parts["b"]),
        "merged": told(merge_datasets(list(parts.values()), output_repo_id="test/merged", output_dir=work / "merged")),
    }))
