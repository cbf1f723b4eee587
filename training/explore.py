"""Report on a data set before training on it: python -m training.explore --data fer2013.csv.

The report is explore.html, a page with plots and sheets of faces, and explore.json with the figures. The page
shows other people's photographs: do not publish it.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from settings import Settings, StartError
from training.data import SPLITS, Faces, load_faces
from training.explore_sections import Section, explore
from training.folders import MissingSplitError
from training.report import render
from vision.detector import Detector
from vision.detectors import LIVE_PX
from vision.haar import HaarDetector
from vision.mtcnn import MtcnnDetector, Networks

MIN_FACE_PX = 40  # the site's default


def load_splits(path: Path, ferplus: Path | None) -> dict[str, Faces]:
    """Return the faces of each split in the data; ValueError if there is none, or one is damaged."""
    splits: dict[str, Faces] = {}
    absent: MissingSplitError | None = None
    for split in SPLITS:
        try:
            splits[split] = load_faces(path, split, ferplus)
        except MissingSplitError as error:
            absent = error
    if absent and not splits:
        raise absent
    return splits


def write_report(out: Path, data: str, sections: list[Section]) -> None:
    """Write explore.html and explore.json into the folder `out`; data is the data set's name."""
    figures = {section.name: section.figures | {"conclusion": section.conclusion} for section in sections}
    (out / "explore.json").write_text(json.dumps({"data": data, **figures}, indent=2), encoding="utf-8")
    (out / "explore.html").write_text(render("explore.html", data=data, sections=sections), encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Write the report on a data set; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.explore", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of faces")
    parser.add_argument("--ferplus", type=Path, help="votes of FER+, fer2013new.csv")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/explore"), help="folder of the report (default: runs/explore)"
    )
    args: Any = parser.parse_args(argv)
    try:
        args.out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
        splits = load_splits(args.data, args.ferplus)
        for split, faces in splits.items():
            if faces.dropped:
                print(f"{split}: {faces.dropped:,} faces left out, which show none of the seven emotions")
        sections = []
        detectors: dict[str, Detector] = {
            "Haar": HaarDetector(Settings().cascade, MIN_FACE_PX),
            "MTCNN": MtcnnDetector(Networks.load(), MIN_FACE_PX, LIVE_PX),
        }
        for section in explore(splits, detectors):
            print(f"{section.title}: {section.conclusion}")
            sections.append(section)
        write_report(args.out, args.data.name, sections)
    except (ValueError, OSError, StartError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"report in {args.out / 'explore.html'}; it shows photographs: do not publish it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
