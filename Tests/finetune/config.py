"""Octo's own fine-tuning configuration, cut down to a few steps of a small model on one dataset of ours.

OCTO: the official repository; DATASET: the dataset's name; DATA: the folder with it; CHECKPOINT: what is fine-tuned.
"""

import importlib.util
import json
import os


def get_config(config_string="full,image_conditioned"):
    place = os.path.join(os.environ["OCTO"], "scripts/configs/finetune_config.py")
    spec = importlib.util.spec_from_file_location("finetune_config", place)
    official = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(official)
    config = official.get_config(config_string)
    config.pretrained_path = os.environ["CHECKPOINT"]
    config.dataset_kwargs.name = os.environ["DATASET"]
    config.dataset_kwargs.data_dir = os.environ["DATA"]
    cameras = {"primary": "image_0", "wrist": "image_1"}
    config.dataset_kwargs.image_obs_keys = cameras
    # The sizes of the pictures that the checkpoint reads.
    with open(os.path.join(os.environ["CHECKPOINT"], "config.json")) as file:
        window = json.load(file)["window_size"]
    config.frame_transform_kwargs.resize_size = {"primary": (128, 128), "wrist": (64, 64)}
    config.window_size = window
    config.num_steps = int(os.environ.get("STEPS", "4"))
    config.save_interval = config.num_steps
    config.eval_interval = 10**6
    config.batch_size = 8
    config.viz_kwargs.eval_batch_size = 8
    config.shuffle_buffer_size = 64
    config.frame_transform_threads = 2
    config.log_interval = 1
    config.optimizer.learning_rate.warmup_steps = 1
    config.optimizer.learning_rate.peak_value = 1e-5
    return config
