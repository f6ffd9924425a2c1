"""A small Octo in PyTorch: parameter for parameter what the runtime and the official code (commit 241fb35) read.

SmallStem16 on the camera's picture and the goal's, concatenated by channel; the wrist's picture and the arm's state beside
it; a block transformer with one readout token a timestep; a linear head. Shapes: B batch, T timesteps of the window.
"""

import math
from dataclasses import asdict, dataclass, field

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Shape:
    """What the network is made of. `pictures`: name, pixels either way, whether its goal is fused in."""

    pictures: list = field(default_factory=lambda: [["primary", 128, True], ["wrist", 64, False]])
    features: list = field(default_factory=lambda: [32, 32, 64, 128])
    stem_features: int = 128
    width: int = 128
    layers: int = 3
    heads: int = 4
    mlp: int = 512
    window: int = 1
    horizon: int = 4
    action_numbers: int = 7
    # Numbers of the arm's state that are read; 0 for none.
    proprio: int = 0
    # Numbers that training asks for beside the action, see dataset.py.
    facts: int = 15

    def as_json(self):
        return asdict(self)

    def tokens(self, pixels):
        return (pixels // 16) ** 2


class StandardisedConv(nn.Module):
    """Stride 2, its kernel standardised over each output channel (epsilon beside the deviation, not under the root)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(outputs, inputs, 3, 3) / math.sqrt(inputs * 9))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        mean = self.kernel.mean((1, 2, 3), keepdim=True)
        deviation = self.kernel.std((1, 2, 3), keepdim=True, correction=0)
        return F.conv2d(x, (self.kernel - mean) / (deviation + 1e-5), self.bias, stride=2, padding=1)


class Stem(nn.Module):
    """SmallStem16: a picture becomes (pixels / 16)² tokens, row by row."""

    def __init__(self, channels, shape):
        super().__init__()
        sizes = [channels] + list(shape.features)
        self.convs = nn.ModuleList(StandardisedConv(a, b) for a, b in zip(sizes, sizes[1:]))
        self.norms = nn.ModuleList(nn.GroupNorm(32, size, eps=1e-6) for size in sizes[1:])
        self.embedding = nn.Linear(sizes[-1], shape.stem_features)

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms):
            x = F.relu(norm(conv(x)))
        return self.embedding(x.permute(0, 2, 3, 1).flatten(1, 2))


class Block(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.heads = shape.heads
        self.norms = nn.ModuleList(nn.LayerNorm(shape.width, eps=1e-6) for _ in range(2))
        self.query, self.key, self.value, self.out = (nn.Linear(shape.width, shape.width) for _ in range(4))
        self.inner, self.outer = nn.Linear(shape.width, shape.mlp), nn.Linear(shape.mlp, shape.width)
        for layer in (self.query, self.key, self.value, self.out, self.inner, self.outer):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x, allowed, only=None):
        """only: the tokens that are asked for; None: all. The last block need not compute what nobody reads."""

        def split(y):
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        y = self.norms[0](x)
        asking = y
        if only is not None:
            x, asking, allowed = x[:, only], y[:, only], allowed[:, :, only]
        seen = F.scaled_dot_product_attention(
            split(self.query(asking)), split(self.key(y)), split(self.value(y)), attn_mask=allowed)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.outer(F.gelu(self.inner(self.norms[1](x)), approximate="tanh"))


class Octo(nn.Module):
    """`forward` gives the chunk of each timestep, normalised: (B, T, horizon, numbers)."""

    # Octo's heads keep normalised actions within so many deviations.
    largest_action = 5.0

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.stems = nn.ModuleDict({name: Stem(6 if goal else 3, shape) for name, _, goal in shape.pictures})
        groups = [(name, shape.tokens(pixels), shape.stem_features) for name, pixels, _ in shape.pictures]
        if shape.proprio:
            groups.append(("proprio", shape.proprio, 1))
        self.projections = nn.ModuleDict({name: nn.Linear(size, shape.width) for name, _, size in groups})
        counts = [(name, count) for name, count, _ in groups] + [("readout", 1)]
        self.positions = nn.ParameterDict(
            {name: nn.Parameter(torch.randn(shape.window, count, shape.width) * 0.02) for name, count in counts})
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width, eps=1e-6)
        self.head = nn.Linear(shape.width, shape.horizon * shape.action_numbers)
        # For training only: where things are, now and in the goal, a question that the pictures must answer.
        self.facts = nn.Linear(shape.width, shape.facts)
        self.register_buffer("rule", self._rule([count for _, count in counts]), persistent=False)
        self.seen_tokens = sum(count for _, count in counts[:-1])

    def _rule(self, counts):
        """Who may look at whom: observations at observations up to their own time, readouts at those and at readouts."""
        times, is_readout = [], []
        for time in range(self.shape.window):
            for index, count in enumerate(counts):
                times += [time] * count
                is_readout += [index == len(counts) - 1] * count
        time, readout = torch.tensor(times), torch.tensor(is_readout)
        earlier = time[None, :] <= time[:, None]
        return earlier & (~readout[None, :] | readout[:, None])

    def _allowed(self, is_real):
        """is_real: (B, T), false for timesteps before the episode began."""
        keys = torch.cat([
            torch.cat([is_real[:, time : time + 1].expand(-1, self.seen_tokens), torch.ones_like(is_real[:, :1])], 1)
            for time in range(self.shape.window)
        ], 1)
        itself = torch.eye(keys.shape[1], dtype=torch.bool)
        return ((self.rule[None] & keys[:, None, :]) | itself[None])[:, None]

    def readouts(self, pictures, goals, proprio, is_real):
        """pictures: name to (B, T, 3, H, W), goals: name to (B, 3, H, W), all x / 127.5 - 1; proprio: (B, T, P) or None."""
        groups = []
        for name, _, has_goal in self.shape.pictures:
            seen = pictures[name]
            if has_goal:
                seen = torch.cat([seen, goals[name][:, None].expand_as(seen)], 2)
            tokens = self.projections[name](self.stems[name](seen.flatten(0, 1)))
            groups.append(tokens.unflatten(0, seen.shape[:2]) + self.positions[name])
        if self.shape.proprio:
            groups.append(self.projections["proprio"](proprio[..., None]) + self.positions["proprio"])
        count = is_real.shape[0]
        groups.append(self.positions["readout"][None].expand(count, -1, -1, -1).to(groups[0].dtype))
        x = torch.cat(groups, 2).flatten(1, 2)
        allowed = self._allowed(is_real)
        for block in self.blocks[:-1]:
            x = block(x, allowed)
        tokens = x.shape[1] // self.shape.window
        return self.norm(self.blocks[-1](x, allowed, torch.arange(tokens - 1, x.shape[1], tokens)))

    def chunks(self, readouts):
        flat = self.head(readouts).unflatten(-1, (self.shape.horizon, self.shape.action_numbers)).float()
        return self.largest_action * torch.tanh(flat / self.largest_action)

    def forward(self, pictures, goals, proprio, is_real):
        return self.chunks(self.readouts(pictures, goals, proprio, is_real))
