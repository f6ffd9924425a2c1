"""Reads one dataset twice with LeRobot's own reader, once with movies and once with single pictures, and prints as JSON how far their
frames are apart.

    lerobot_video_check.py WITH_MOVIES WITH_PICTURES
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

from lerobot.datasets.lerobot_dataset import LeRobotDataset

movies = LeRobotDataset("test/movies", root=sys.argv[1], video_backend="pyav")
pictures = LeRobotDataset("test/pictures", root=sys.argv[2])
assert len(movies) == len(pictures)
largest = 0.0
for i in range(len(movies)):
    for key in ["observation.images.primary", "observation.images.wrist"]:
        one, other = movies[i][key], pictures[i][key]
        assert one.shape == other.shape, (one.shape, other.shape)
        largest = max(largest, float((one - other).abs().max()))
print(json.dumps({"frames": len(movies), "largest_difference": largest}))
