"""Count how often the label changes per second with a face: python -m benchmarks.labels VIDEO...

Each video is played once at its own rate through the live pipeline, as from a camera. “Unsure” is a
label, too.
"""

import argparse
import sys
from contextlib import closing

from app import make_live_pipeline
from benchmarks.footage import count_changes, play, read_video
from settings import StartError, read_settings
from uploads.assemble import load_classifier
from vision.background import limit_threads
from vision.detectors import Detectors
from vision.frames import AnnotatedFrame


def labels(frame: AnnotatedFrame) -> dict[int, str]:
    """Return the label of each face that a frame shows, by its number."""
    return {track.track_id: track.label for track in frame.tracks}


def main(argv: list[str] | None = None) -> int:
    """Print the label changes of each video; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labels", description=__doc__)
    parser.add_argument("videos", nargs="+", metavar="VIDEO", help="video file")
    args = parser.parse_args(argv)
    total_changes, total_s = 0, 0.0
    try:
        settings = read_settings([])
        limit_threads()
        classifier, detectors = load_classifier(settings), Detectors.load(settings)
        for path in args.videos:
            images, fps = read_video(path)
            with closing(make_live_pipeline(settings, classifier, detectors)) as pipeline:
                changes, sightings = count_changes(map(labels, play(pipeline, images, fps)))
            if not sightings:
                raise StartError(f"no face in {path}")
            seen_s = sightings / fps
            print(f"{path}: {changes} changes in {seen_s:.1f} s, {changes / seen_s:.2f} per second")
            total_changes, total_s = total_changes + changes, total_s + seen_s
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"together {total_changes / total_s:.3f} changes per second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
