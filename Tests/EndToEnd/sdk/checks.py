"""Compares what a vendor's library got with what it must get, and counts."""

import sys
import time

passed = 0


def check(what, found, expected):
    global passed
    if found != expected:
        sys.exit(f"{what}: found {found!r}, expected {expected!r}")
    passed += 1


def wait(what, condition, seconds=5.0):
    """Until a servo has got where it goes; `condition` asks the servo."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            check(what, True, True)
            return
    sys.exit(f"{what}: not within {seconds} s")


def done():
    print(f"{passed} checks passed")
