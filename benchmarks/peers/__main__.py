"""Compare this program with others on the same files: python -m benchmarks.peers PICTURES VIDEO...

PICTURES is a folder with truth.json (see benchmarks.footage). Give the place where each of the other programs
is installed:

  --fer PYTHON     the Python that has the package fer (pip install fer), with its Haar cascade and network
  --human FOLDER   a folder after npm install @vladmandic/human pngjs, and @tensorflow/tfjs-core,
                   @tensorflow/tfjs-converter and @tensorflow/tfjs-backend-wasm, which it needs

This program reads pictures as uploads and plays videos through its live pipeline at their own rate. The others
get every frame without waiting, with their default settings. The figures are

  faces     the faces found in the pictures, of all, and the boxes that are no face
  picture   the CPU time per picture, mean
  shown     the share of a video's frames with a face
  changes   label changes of the largest face per second
  frame     the CPU time per frame, mean, all threads together
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from app import make_live_pipeline
from benchmarks.footage import Known, footage_parser, match, play, print_columns, read_known, read_video
from settings import Settings, StartError, read_settings
from uploads.assemble import load_classifier, make_recognizer
from uploads.recognizer import File
from vision.background import limit_threads
from vision.detectors import Detectors
from vision.frames import Image

WORKERS = Path(__file__).parent
WORKER_S = 1800.0  # the longest that another program may take


@dataclass(frozen=True)
class Seen:
    """The boxes (x1, y1, x2, y2 in px) and labels of the faces of one picture, and its CPU time in ms."""

    boxes: list[list[float]]
    emotions: list[str]
    cpu_ms: float


def read_pictures_here(settings: Settings, pictures: Sequence[Image]) -> list[Seen]:
    """Return what this program sees in each picture."""
    recognizer = make_recognizer(settings, load_classifier(settings), Detectors.load(settings), threads=1)
    seen = []
    for image in pictures:
        data = cv2.imencode(".png", image)[1].tobytes()
        started_s = time.process_time()
        (reading,) = recognizer.read([File("picture.png", data)])
        cpu_ms = (time.process_time() - started_s) * 1000
        faces = [] if reading.is_whole else reading.faces
        seen.append(Seen([list(face.box) for face in faces], [face.emotion for face in faces], cpu_ms))
    recognizer.close()
    return seen


def watch_here(settings: Settings, images: Sequence[Image], fps: float) -> list[Seen]:
    """Return what this program shows live in each frame; every frame has the mean CPU time."""
    pipeline = make_live_pipeline(settings, load_classifier(settings), Detectors.load(settings))
    started_s = time.process_time()
    shown = play(pipeline, images, fps)
    cpu_ms = (time.process_time() - started_s) * 1000 / len(images)
    pipeline.close()
    return [
        Seen([list(face.box) for face in frame.tracks], [face.emotion for face in frame.tracks], cpu_ms)
        for frame in shown
    ]


def ask(command: Sequence[str], images: Sequence[Image]) -> list[Seen]:
    """Return what another program sees in each image, one process for all; raises StartError."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / f"{number:05}.png") for number in range(len(images))]
        for path, image in zip(paths, images, strict=True):
            cv2.imwrite(path, image)
        try:
            done = subprocess.run(
                command, input="\n".join(paths), capture_output=True, text=True, timeout=WORKER_S, check=True
            )
        except subprocess.CalledProcessError as error:
            raise StartError(f"{command[0]} failed: {error.stderr.strip()[-300:]}") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StartError(f"{command[0]} cannot be used ({error})") from None
    return [Seen(**json.loads(line)) for line in done.stdout.splitlines() if line.startswith('{"boxes"')]


def figures_of_pictures(seen: Sequence[Seen], pictures: Sequence[Known]) -> dict[str, str]:
    """Return the figures of what is seen in pictures whose faces are known."""
    found = boxes = 0
    for one, picture in zip(seen, pictures, strict=True):
        found += len(match(np.array(one.boxes, float).reshape(-1, 4), picture.faces))
        boxes += len(one.boxes)
    count = sum(len(picture.faces) for picture in pictures)
    return {
        "faces": f"{found} of {count}, {boxes - found} false",
        "picture": f"{np.mean([one.cpu_ms for one in seen]):.0f} ms",
    }


def figures_of_video(seen: Sequence[Seen], fps: float) -> dict[str, str]:
    """Return the figures of one video."""
    largest = [
        one.emotions[int(np.argmax([(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in one.boxes]))]
        for one in seen
        if one.boxes
    ]
    changes = sum(before != after for before, after in pairwise(largest))
    return {
        "shown": f"{len(largest) / len(seen):.0%}",
        "changes": f"{changes / max(len(largest) / fps, 1 / fps):.2f} per second",
        "frame": f"{np.mean([one.cpu_ms for one in seen]):.1f} ms",
    }


def main(argv: list[str] | None = None) -> int:
    """Print the figures of each program in a column; return the exit status."""
    parser = footage_parser("python -m benchmarks.peers", __doc__)
    parser.add_argument("--fer", metavar="PYTHON", help="the Python that has fer")
    parser.add_argument("--human", metavar="FOLDER", help="the folder that has human")
    args = parser.parse_args(argv)
    others: dict[str, list[str]] = {}
    if args.fer:
        others["fer"] = [args.fer, str(WORKERS / "fer_worker.py")]
    if args.human:
        others["human"] = ["node", str(WORKERS / "human_worker.mjs"), args.human]
    try:
        limit_threads()
        print_columns(compare(read_settings([]), others, args.pictures, args.videos))
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def compare(
    settings: Settings, others: dict[str, list[str]], folder: Path, videos: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Return each program's figures by name; raises StartError."""
    pictures = list(read_known(folder))
    images = [picture.image for picture in pictures]
    seen = {"this program": read_pictures_here(settings, images)}
    seen |= {name: ask(command, images) for name, command in tqdm(others.items(), "pictures")}
    columns = {name: figures_of_pictures(some, pictures) for name, some in seen.items()}
    for path in videos:
        images, fps = read_video(path)
        ways = {"this program": partial(watch_here, settings, images, fps)}
        ways |= {name: partial(ask, command, images) for name, command in others.items()}
        for name, way in tqdm(ways.items(), Path(path).name):
            about = figures_of_video(way(), fps)
            columns[name] |= {f"{Path(path).name}: {figure}": value for figure, value in about.items()}
    return columns


if __name__ == "__main__":
    sys.exit(main())
