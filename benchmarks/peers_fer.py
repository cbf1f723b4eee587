"""Reads pictures by the package fer, which has an environment of its own: paths in, a line of JSON each out."""

import json
import sys
import time

import cv2
from fer.fer import FER  # type: ignore[import-not-found]  # it is not installed here


def main() -> None:
    """Print what fer sees in each picture; the first is read twice, as it warms up."""
    reader = FER()
    paths = sys.stdin.read().splitlines()
    for number, path in enumerate([paths[0], *paths]):
        image = cv2.imread(path)
        started_s = time.process_time()
        faces = reader.detect_emotions(image)
        cpu_ms = (time.process_time() - started_s) * 1000
        boxes = [
            [int(v) for v in (x, y, x + width, y + height)] for x, y, width, height in (f["box"] for f in faces)
        ]
        emotions = [max(face["emotions"], key=face["emotions"].get) for face in faces]
        if number:
            print(json.dumps({"boxes": boxes, "emotions": emotions, "cpu_ms": cpu_ms}), flush=True)


if __name__ == "__main__":
    main()
