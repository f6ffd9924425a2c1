"""Times JPEG decoding and resizing to 256x256 in Pillow and OpenCV, those of them that are there.

python3 peer_jpeg.py FOLDER RUNS: pictures 0.jpg, 1.jpg, ... of the folder by turns; one JSON object on standard output.
Pillow's LANCZOS is the same filter as ours (its support grows with the scale). OpenCV has none that does: INTER_AREA is
what its users take to shrink pictures.
"""
import glob
import io
import json
import sys
import time


def quantiles(values):
    values = sorted(values)
    return {"p50": values[len(values) // 2], "p99": values[min(len(values) - 1, len(values) * 99 // 100)]}


def measure(pictures, runs, decode, resize):
    times = {"decode": [], "resize": [], "both": []}
    for run in range(-10, runs):
        data = pictures[(run + 10) % len(pictures)]
        start = time.perf_counter()
        image = decode(data)
        middle = time.perf_counter()
        resize(image)
        end = time.perf_counter()
        if run >= 0:
            for key, value in (("decode", middle - start), ("resize", end - middle), ("both", end - start)):
                times[key].append(value * 1e3)
    return {key: quantiles(values) for key, values in times.items()}


def main():
    pictures = [open(path, "rb").read() for path in sorted(glob.glob(sys.argv[1] + "/*.jpg"))]
    runs = int(sys.argv[2])
    result = {}
    try:
        from PIL import Image

        def decode(data):
            image = Image.open(io.BytesIO(data))
            image.load()
            return image

        result["Pillow"] = measure(pictures, runs, decode, lambda image: image.resize((256, 256), Image.LANCZOS))
    except ImportError:
        pass
    try:
        import cv2
        import numpy

        cv2.setNumThreads(1)
        arrays = [numpy.frombuffer(data, numpy.uint8) for data in pictures]
        result["OpenCV"] = measure(
            arrays, runs, lambda data: cv2.imdecode(data, cv2.IMREAD_COLOR),
            lambda image: cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA))
    except ImportError:
        pass
    print(json.dumps(result))


main()
