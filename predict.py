"""Name the emotion of every face in pictures, folders, ZIPs and videos: python predict.py PATH...

Settings that concern faces are read from the FER_* environment variables, as the site reads them.
"""

import argparse
import itertools
import json
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from settings import VERSION, Settings, StartError, read_settings
from sources.folder import find_files
from uploads.analysis import Analysis, Event, InputFile, Remark, VideoFrame
from uploads.annotated_copy import Writer, open_writer
from uploads.assemble import make_readers
from uploads.recognizer import File, Reading, Recognizer, annotate, picture_rows, reading_json
from uploads.timeline import Timeline
from vision.background import limit_threads
from vision.emotions import UNSURE
from vision.faces import NO_FACE, Table, face_json, face_rows, remark_row
from vision.jpeg import encode_jpeg
from vision.pipeline import Pipeline
from vision.resting_face import RestError, RestingFace
from vision.tracker import Track

EVERY_ENTRY = sys.maxsize  # of a ZIP: a person at the command line can wait, or press Ctrl-C

MakeReaders = Callable[[Settings], tuple[Recognizer, Callable[[], Pipeline]]]


class Output:
    """Prints the results, in lines or as JSON, and writes them into a CSV and a folder."""

    def __init__(self, settings: Settings, as_json: bool, table: Table | None, folder: Path | None) -> None:
        """Write rows into table and annotated copies into folder, unless None."""
        self.readable = 0
        self._settings = settings
        self._as_json = as_json
        self._table = table
        self._folder = folder
        self._stems: set[str] = set()
        self._timelines: dict[str, Timeline] = {}

    def write(self, event: Event) -> None:
        """Print an event and write its rows and copies; raises OSError."""
        if isinstance(event, Reading):
            self._picture(event)
        elif isinstance(event, VideoFrame):
            self._frame(event)
        else:
            self._remark(event)

    def end(self) -> None:
        """Print the summary of each video."""
        for name, timeline in self._timelines.items():
            video = timeline.summary()
            faces = ", ".join(f"face {face['track_id']} mostly {face['emotion']}" for face in video["faces"])
            frames = f"{video['frames']} frames, {video['frames_with_faces']} with faces"
            self._print_line(f"{name}: {frames}; {faces or '-'}")

    def open_writer(self, name: str, fps: float, size_px: tuple[int, int]) -> Writer | None:
        """Return the writer of a video's annotated copy, or None without a folder; raises VideoError."""
        return open_writer(self._new_path(name), fps, size_px)[0] if self._folder else None

    def _picture(self, reading: Reading) -> None:
        self.readable += 1
        self._write_rows(picture_rows(reading))
        named = ", ".join(_named(face) for face in reading.faces) or NO_FACE
        self._print_line(f"{reading.name}: {named}" + (f" ({reading.note})" if reading.note else ""))
        self._print_json({"file": reading.name, **reading_json(reading)})
        if self._folder:
            scene, _ = annotate(reading, self._settings.blur)
            path = self._new_path(reading.name)
            path.with_name(f"{path.name}.jpg").write_bytes(encode_jpeg(scene, self._settings.jpeg_quality))

    def _frame(self, frame: VideoFrame) -> None:
        self.readable += frame.index == 0
        self._timelines.setdefault(frame.name, Timeline()).add(frame.t_s, frame.faces)
        self._write_rows(face_rows(frame.name, frame.faces, frame.t_s, frame.index))
        faces = [face_json(face) for face in frame.faces]
        self._print_json(
            {"file": frame.name, "frame": frame.index, "time_s": round(frame.t_s, 3), "faces": faces}
        )

    def _remark(self, remark: Remark) -> None:
        self._write_rows([remark_row(remark.name, remark.text)])
        tqdm.write(f"{remark.name}: {remark.text}", file=sys.stderr)
        self._print_json({"file": remark.name, "problem" if remark.is_problem else "note": remark.text})

    def _write_rows(self, rows: list[list[object]]) -> None:
        if self._table:
            self._table.add(rows)

    def _print_line(self, text: str) -> None:
        if not self._as_json:
            tqdm.write(text)

    def _print_json(self, record: dict[str, Any]) -> None:
        if self._as_json:
            tqdm.write(json.dumps(record, ensure_ascii=False))

    def _new_path(self, name: str) -> Path:
        """Return a path in the folder, without suffix, that no other file has."""
        assert self._folder
        plain = re.sub(r"[^\w-]+", "_", Path(name).stem)[:100] or "picture"
        stems = itertools.chain([plain], (f"{plain}-{number}" for number in itertools.count(2)))
        stem = next(stem for stem in stems if stem not in self._stems)
        self._stems.add(stem)
        return self._folder / stem


def _named(face: Track) -> str:
    return f"{face.emotion} {face.confidence:.0%}" if face.sure else UNSURE


def open_files(paths: Sequence[Path]) -> list[InputFile]:
    """Return the files named, and of a folder those in it; print the reason for each that is not opened."""
    files: list[InputFile] = []
    for path in itertools.chain(*(find_files(path, not_read) if path.is_dir() else [path] for path in paths)):
        try:
            files.append(InputFile.of_path(path))
        except OSError as error:
            not_read(path, f"The file cannot be read: {error.strerror}.")
    return files


def read_rest(folder: Path, recognizer: Recognizer) -> RestingFace:
    """Return the resting face in the pictures of a folder; raises StartError without one, OSError."""
    files = [File(path.name, path.read_bytes()) for path in find_files(folder, not_read)]
    try:
        return recognizer.read_rest(files)
    except RestError as error:
        raise StartError(f"--rest {folder}: {error}") from None


def not_read(path: Path, reason: str) -> None:
    """Print why a file or a folder is not read."""
    print(f"{path}: {reason}", file=sys.stderr)


def predict(
    files: Sequence[InputFile], settings: Settings, args: argparse.Namespace, make_readers: MakeReaders
) -> int:
    """Read all files and return how many files and entries could be read; raises StartError, OSError."""
    limit_threads()
    with ExitStack() as stack:
        table = None
        if args.csv:
            table = Table(stack.enter_context(args.csv.open("w", encoding="utf-8", newline="")))
        if args.annotated:
            args.annotated.mkdir(parents=True, exist_ok=True)
        output = Output(settings, args.json, table, args.annotated)
        recognizer, make_pipeline = make_readers(settings)
        stack.enter_context(closing(recognizer))
        rest = read_rest(args.rest, recognizer) if args.rest else None
        analysis = Analysis(
            files, recognizer, make_pipeline, output.open_writer, EVERY_ENTRY, whole=args.whole, rest=rest
        )
        shape = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining} {postfix}"
        bar = stack.enter_context(tqdm(total=1.0, bar_format=shape, leave=False, disable=None))
        for event in analysis:
            output.write(event)
            bar.update(analysis.progress - bar.n)
            bar.set_postfix_str(analysis.doing, refresh=False)
        output.end()
        return output.readable


def main(argv: Sequence[str] | None = None, *, make_readers: MakeReaders = make_readers) -> int:
    """Read the files named and return the exit code: 0, 1 if nothing could be read, 2 if it cannot start."""
    parser = argparse.ArgumentParser(prog="python predict.py", description=__doc__)
    parser.add_argument("--version", action="version", version=VERSION)
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="picture, folder, ZIP or video")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="CSV table to write, with one row per face")
    parser.add_argument("--json", action="store_true", help="print one JSON object per picture or video frame")
    parser.add_argument(
        "--annotated", metavar="FOLDER", type=Path, help="folder for annotated copies, with the faces drawn"
    )
    parser.add_argument(
        "--whole", action="store_true", help="read each whole picture as a face; for pictures cropped to a face"
    )
    parser.add_argument(
        "--rest",
        metavar="FOLDER",
        type=Path,
        help="pictures of a resting face that the faces are read relative to; all files must show this person",
    )
    args = parser.parse_args(argv)
    try:
        settings = read_settings()
        files = open_files(args.paths)
        readable = predict(files, settings, args, make_readers) if files else 0
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: cannot write {error.filename or 'the results'}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if not readable:
        print("error: nothing could be read", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
