"""Read the files and cameras that people really have: python -m benchmarks.field FOLDER.

FOLDER has the files of its README and `badcam.py`. A table row a file says what it holds and what was read, a
row a behaviour of the camera what was shown.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import field_cameras, field_files
from settings import ROOT


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables and return 1 if a row is not as expected."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.field", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--predict", type=Path, default=ROOT / "predict.py", help="that of another version")
    parser.add_argument("--files-only", action="store_true", help="leave out the cameras")
    args = parser.parse_args(argv)
    print("| file | holds | read | |\n| --- | --- | --- | --- |")
    bad = 0
    for row in field_files.rows(args.folder.resolve(), args.predict.resolve()):
        bad += not row.good
        print(f"| `{row.name}` | {row.expected} | {row.read} | {'yes' if row.good else 'NO'} |", flush=True)
    print(f"\n{bad} not as expected\n")
    cameras = 0 if args.files_only else field_cameras.main([str(args.folder)])
    return int(bad > 0 or cameras > 0)


if __name__ == "__main__":
    sys.exit(main())
