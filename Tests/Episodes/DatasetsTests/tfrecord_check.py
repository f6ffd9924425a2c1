"""Reads TFRecord files with Google's protobuf and a C library for the checksums, and prints as JSON what they hold.

    tfrecord_check.py FILE...

For each file: its records, each as [name, kind, values] by name, byte strings in hexadecimal; and NumPy's statistics
of steps/action over all of them, for actions of seven numbers.
"""

import json
import struct
import sys

import crc32c
import numpy as np
from tfrecord import example_pb2


def masked(data):
    crc = crc32c.crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    with open(path, "rb") as file:
        data = file.read()
    place = 0
    while place < len(data):
        length, checksum = struct.unpack_from("<QI", data, place)
        assert checksum == masked(data[place : place + 8]), f"{path}: length at {place}"
        place += 12
        record = data[place : place + length]
        assert len(record) == length, f"{path}: cut at {place}"
        place += length
        assert struct.unpack_from("<I", data, place)[0] == masked(record), f"{path}: data before {place}"
        place += 4
        yield example_pb2.Example.FromString(record).features.feature


def values(feature):
    kind = feature.WhichOneof("kind")
    if kind is None:
        return [None, []]
    found = getattr(feature, kind).value
    return [kind, [value.hex() for value in found] if kind == "bytes_list" else list(found)]


def read(path):
    found = list(records(path))
    actions = [record["steps/action"].float_list.value for record in found if "steps/action" in record]
    rows = np.concatenate([np.zeros(0)] + [np.array(action, dtype=np.float64) for action in actions]).reshape(-1, 7)
    statistics = {
        "mean": rows.mean(0).tolist(),
        "std": rows.std(0).tolist(),
        "max": rows.max(0).tolist(),
        "min": rows.min(0).tolist(),
        "p99": np.quantile(rows, 0.99, axis=0).tolist(),
        "p01": np.quantile(rows, 0.01, axis=0).tolist(),
    }
    return {
        "records": [[[name, *values(record[name])] for name in sorted(record)] for record in found],
        "action": statistics,
    }


if __name__ == "__main__":
    json.dump([read(path) for path in sys.argv[1:]], sys.stdout)
