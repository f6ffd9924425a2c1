#!/usr/bin/env python3
"""Trains a small goal-image Octo on demonstrations of the simulated world, on the CPU; see README.md beside this file.

    octo-sim demos --task reach,push,pick-place --episodes 3000 --noise 1 --random-start --goal-arm there --out demos
    train.py --data demos --out checkpoint --state state --steps 20000

It can be stopped at any time (Ctrl-C) and goes on when it is started again with the same --state. What it needs of Python:
torch, numpy, pillow, msgpack.
"""

import argparse
import csv
import math
import signal
import sys
import time
from pathlib import Path

try:
    import numpy as np
    import torch

    import checkpoint
    from dataset import Batches, Demonstrations, statistics
    from network import Octo, Shape
except ModuleNotFoundError as missing:
    sys.exit(f"train.py: the module '{missing.name}' is missing. pip install torch numpy pillow msgpack (torch's CPU build will do).")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, help="folders that octo-sim demos has written")
    parser.add_argument("--out", required=True, help="the checkpoint folder that is written")
    parser.add_argument("--state", required=True, help="a folder for what a later start goes on from, and decoded pictures")
    parser.add_argument("--steps", type=int, default=20_000, help="gradient steps in all (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="samples a step (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate (default: %(default)s)")
    parser.add_argument("--window", type=int, default=1, help="timesteps that the policy sees (default: %(default)s)")
    parser.add_argument("--horizon", type=int, default=4, help="actions of a chunk (default: %(default)s)")
    parser.add_argument("--proprio", action="store_true", help="reads the arm's measured state too")
    parser.add_argument("--last-goal", type=float, default=0.7, help="share of goals that are an episode's last frame; the others "
                        "are any later frame (default: %(default)s)")
    parser.add_argument("--other-goal", type=float, default=0.6, help="how often a sample has a goal of another scene, where the "
                        "dataset has such (--other-goals; default: %(default)s)")
    parser.add_argument("--weight", action="append", default=[], metavar="WORDS=NUMBER",
                        help="how often tasks whose sentence has these words are drawn, against 1 for the others")
    parser.add_argument("--coached", nargs="*", default=[], help="those of --data in which a policy drove (--policy): what it did "
                        "is no goal, and where the expert only waited for it counts less")
    parser.add_argument("--start", metavar="CHECKPOINT", help="begins with the weights and statistics of a checkpoint of this trainer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--compile", action="store_true", help="half as fast again, with a C++ compiler at hand")
    parser.add_argument("--save-minutes", type=float, default=5, help="between two saved states (default: %(default)s)")
    return parser.parse_args()


class Run:
    """Everything that a later start needs: weights, their running mean, the optimiser and the step."""

    def __init__(self, arguments):
        self.arguments = arguments
        torch.set_num_threads(arguments.threads)
        torch.manual_seed(arguments.seed)
        self.shape = Shape(window=arguments.window, horizon=arguments.horizon, proprio=7 if arguments.proprio else 0)
        self.state_file = Path(arguments.state) / "state.pt"
        self.data = Demonstrations(
            arguments.data, self.shape.pictures, Path(arguments.state) / "decoded", arguments.coached, self.say)
        # What normalises stays what it was at the first start, though data may have been added since.
        saved = torch.load(self.state_file, weights_only=True) if self.state_file.exists() else None
        weights, figures = checkpoint.load(arguments.start, self.shape) if arguments.start and not saved else ({}, None)
        self.statistics = saved["statistics"] if saved else figures or statistics(self.data)
        shares = {words: float(number) for words, _, number in (entry.rpartition("=") for entry in arguments.weight)}
        self.batches = Batches(
            self.data, self.shape, self.statistics, arguments.seed, arguments.last_goal, arguments.other_goal, shares)
        self.network = Octo(self.shape).to(memory_format=torch.channels_last)
        self.network.load_state_dict(self.network.state_dict() | {name: torch.tensor(x) for name, x in weights.items()})
        self.readouts = torch.compile(self.network.readouts) if arguments.compile else self.network.readouts
        self.mean = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        decayed = [p for name, p in self.network.named_parameters() if p.ndim > 1 and "positions" not in name]
        others = [p for name, p in self.network.named_parameters() if not (p.ndim > 1 and "positions" not in name)]
        self.optimiser = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}], lr=arguments.rate,
            betas=(0.9, 0.98))
        self.step = 0
        if saved:
            self.resume(saved)

    @staticmethod
    def say(text):
        print(text, flush=True)

    def resume(self, saved):
        if saved["shape"] != self.shape.as_json():
            sys.exit(f"{self.state_file}: it is of another network ({saved['shape']}). Give another --state.")
        self.network.load_state_dict(saved["network"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.mean, self.step = saved["mean"], saved["step"]
        self.say(f"goes on at step {self.step}")

    def save(self):
        self.state_file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.state_file.with_suffix(".unfinished")
        torch.save(
            {
                "shape": self.shape.as_json(), "network": self.network.state_dict(), "mean": self.mean,
                "optimiser": self.optimiser.state_dict(), "step": self.step, "statistics": self.statistics,
            }, unfinished)
        unfinished.rename(self.state_file)
        sample = self.batches(0, 1)
        checkpoint.save(
            self.arguments.out, self.step, self.mean, self.shape, self.statistics, sample,
            f"{self.step} steps of {self.arguments.batch} on {len(self.data)} frames, seed {self.arguments.seed}")
        self.write_case(sample)

    def write_case(self, sample):
        """For octo-policy verify: what this forward makes of one sample."""
        network = Octo(self.shape)
        network.load_state_dict(self.mean)
        with torch.no_grad():
            readouts = network.readouts(*inputs(sample))
            chunk = network.chunks(readouts)
        folder = Path(self.arguments.out)
        checkpoint.save_case(
            folder.with_name(folder.name + "-case.safetensors"), self.shape, self.statistics, sample, readouts[0].numpy(),
            chunk[0, -1].numpy())

    def learning_rate(self):
        warm = min(1.0, (self.step + 1) / 200)
        return self.arguments.rate * warm * max(0.01, 0.5 * (1 + math.cos(math.pi * self.step / self.arguments.steps)))

    def advance(self):
        """One gradient step. Returns the losses."""
        batch = self.batches(self.step, self.arguments.batch)
        pictures, goals, proprio, is_real = inputs(batch, np.random.default_rng([self.arguments.seed, self.step, 1]))
        target, weight = torch.from_numpy(batch["actions"]), torch.from_numpy(batch["weight"])[..., None]
        facts, real = torch.from_numpy(batch["facts"]), is_real[..., None].float()
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate()
        readouts = self.readouts(pictures, goals, proprio, is_real)
        chunks = self.network.chunks(readouts)
        # The hand points down throughout; roll and pitch only come back from what the noise did to them.
        numbers = torch.tensor([1, 1, 1, 0.3, 0.3, 1, 1.0])
        error = torch.nn.functional.smooth_l1_loss(chunks, target.clamp(-5, 5), reduction="none") * numbers
        action = (error * weight).sum() / (weight.sum() * len(numbers)).clamp(min=1)
        told = (self.network.facts(readouts) - facts) ** 2
        place = (told * real).sum() / (real.sum() * facts.shape[-1]).clamp(min=1)
        loss = action + 0.2 * place
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        share = 1 - min(0.998, self.step / (self.step + 20))
        with torch.no_grad():
            for name, tensor in self.network.state_dict().items():
                self.mean[name].lerp_(tensor, share)
        return action.item(), place.item()


def inputs(batch, random=None):
    """A batch as tensors, x / 127.5 - 1. With `random` each sample's light changes, the goal's alike: between two pictures of
    one scene a change of light means nothing."""
    count = len(batch["is_real"])
    gain = torch.ones(count) if random is None else torch.from_numpy(random.uniform(0.9, 1.1, count)).float()
    offset = torch.zeros(count) if random is None else torch.from_numpy(random.uniform(-0.1, 0.1, count)).float()

    def tensor(array):
        x = torch.from_numpy(array).movedim(-1, -3).float()
        extent = (count,) + (1,) * (x.ndim - 1)
        return x * (gain / 127.5).view(extent) + (offset - gain).view(extent)

    pictures = {name: tensor(array) for name, array in batch["pictures"].items()}
    goals = {name: tensor(array) for name, array in batch["goals"].items()}
    return pictures, goals, torch.from_numpy(batch["state"]), torch.from_numpy(batch["is_real"])


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    # Started in the background it would not hear Ctrl-C's signal.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    run = Run(options())
    arguments = run.arguments
    run.say(f"{sum(p.numel() for p in run.network.parameters())} parameters, {len(run.data)} frames, {len(run.data.tasks)} tasks")
    log = Path(arguments.state) / "log.csv"
    begin, first, saved, recent = time.monotonic(), run.step, time.monotonic(), []
    try:
        while run.step < arguments.steps:
            recent.append(run.advance())
            if run.step % 50 == 0:
                action, place = np.mean(recent, 0)
                recent = []
                with open(log, "a", newline="") as file:
                    csv.writer(file).writerow([run.step, f"{action:.5f}", f"{place:.5f}", f"{run.learning_rate():.2e}"])
                speed = (run.step - first) * arguments.batch / (time.monotonic() - begin)
                left = (arguments.steps - run.step) * arguments.batch / speed / 60
                run.say(f"step {run.step} of {arguments.steps}: action {action:.4f}, facts {place:.4f}, {speed:.0f} samples/s, "
                        f"{left:.0f} min left")
            if time.monotonic() - saved > arguments.save_minutes * 60:
                saved = time.monotonic()
                run.save()
    except KeyboardInterrupt:
        run.say(f"stopped at step {run.step}; the same command goes on from there")
    run.save()


if __name__ == "__main__":
    main()
