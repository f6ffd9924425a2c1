#!/usr/bin/env python3
"""Draws what train.py has logged: curves.py STATE/log.csv curves.svg. Needs nothing but Python."""

import csv
import math
import sys

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 300, 60, 40, 24
COLOURS = {"action": "#0b6e99", "facts": "#c2571a"}


def rows(path):
    """(step, action, facts) of each line; where training went on from an earlier step, the later line holds."""
    found = {}
    with open(path, newline="") as file:
        for step, action, facts, _ in csv.reader(file):
            found[int(step)] = (float(action), float(facts))
    return [(step, *found[step]) for step in sorted(found)]


def smoothed(values):
    """Each value with the two before and behind it."""
    return [sum(values[max(0, i - 2) : i + 3]) / len(values[max(0, i - 2) : i + 3]) for i in range(len(values))]


def picture(data):
    steps = [row[0] for row in data]
    # Logarithmic upwards: losses fall by factors.
    columns = {"action": smoothed([row[1] for row in data]), "facts": smoothed([row[2] for row in data])}
    values = [value for column in columns.values() for value in column]
    low, high = math.floor(math.log10(min(values)) * 4) / 4, math.ceil(math.log10(max(values)) * 4) / 4

    def x(step):
        return LEFT + (WIDTH - LEFT - 110) * step / steps[-1]

    def y(value):
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (math.log10(value) - low) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    ticks = [m * 10.0**e for e in range(-4, 3) for m in (1, 2, 5) if low <= math.log10(m * 10.0**e) <= high]
    for value in ticks:
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - 110}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    stride = 10 ** math.floor(math.log10(steps[-1])) // (1 if steps[-1] >= 3 * 10 ** math.floor(math.log10(steps[-1])) else 2)
    for step in range(0, steps[-1] + 1, max(stride, 1)):
        parts.append(f'<text x="{x(step):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{step}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - 110) / 2}" y="{HEIGHT - 6}" text-anchor="middle">gradient steps</text>')
    for name, column in columns.items():
        points = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in zip(steps, column))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" stroke-width="1.5"/>')
        words = {"action": "actions", "facts": "where things are"}[name]
        parts.append(f'<text x="{WIDTH - 104}" y="{y(column[-1]) + 4:.1f}" fill="{COLOURS[name]}">{words}</text>')
    return "\n".join(parts + ["</svg>", ""])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data = rows(sys.argv[1])
    if len(data) < 2:
        sys.exit(f"{sys.argv[1]}: {len(data)} lines, expected at least two: train.py writes one every 50 steps")
    with open(sys.argv[2], "w") as file:
        file.write(picture(data))


if __name__ == "__main__":
    main()
