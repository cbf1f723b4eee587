"""Count how often the label changes per second with a face: python -m benchmarks.labels VIDEO...

Each video is played once at its own rate through the live pipeline, as from a camera.
"""

import argparse
import sys

from app import make_live_pipeline
from benchmarks.footage import play, read_video
from settings import StartError, read_settings
from uploads.assemble import load_classifier
from vision.background import limit_threads
from vision.detectors import Detectors
from vision.pipeline import Pipeline


def count_changes(pipeline: Pipeline, path: str) -> tuple[int, float, float]:
    """Return a video's label changes, the seconds that its faces are seen in total, and those unsure."""
    images, fps = read_video(path)
    labels: dict[int, str] = {}
    changes = seen = unsure = 0
    for annotated in play(pipeline, images, fps):
        for track in annotated.tracks:
            label = track.emotion if track.sure else "unsure"
            changes += labels.get(track.track_id, label) != label
            labels[track.track_id] = label
            seen += 1
            unsure += not track.sure
    return changes, seen / fps, unsure / fps


def main(argv: list[str] | None = None) -> int:
    """Print the label changes of each video; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labels", description=__doc__)
    parser.add_argument("videos", nargs="+", metavar="VIDEO", help="video file")
    args = parser.parse_args(argv)
    total_changes, total_s = 0, 0.0
    try:
        settings = read_settings([])
        limit_threads()
        classifier = load_classifier(settings)
        for path in args.videos:
            pipeline = make_live_pipeline(settings, classifier, Detectors.load(settings))
            changes, seen_s, unsure_s = count_changes(pipeline, path)
            pipeline.close()
            if not seen_s:
                raise StartError(f"no face in {path}")
            rate, unsure = changes / seen_s, unsure_s / seen_s
            print(f"{path}: {changes} changes in {seen_s:.1f} s, {rate:.2f} per second; {unsure:.0%} unsure")
            total_changes, total_s = total_changes + changes, total_s + seen_s
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"together {total_changes / total_s:.3f} changes per second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
