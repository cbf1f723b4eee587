"""python -m training.train --config emotion --data fer2013.csv: from faces to a weights file.

A run can be stopped (Ctrl-C) and goes on where it was with the same command and --resume.
torchrun --nproc-per-node 2 -m training.train ... spreads it over several GPUs or processes.
"""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from nn.model_card import WeightsError
from nn.registry import load_net, load_pretrained
from training.config import load_config
from training.data import load_faces
from training.losses import is_face
from training.run import STATE_FILE, WEIGHTS_FILE, Run, Stopped
from training.workers import Workers, joined_workers


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    torch.set_num_threads(args.threads)
    with joined_workers() as workers:
        try:
            run = _make_run(args, workers)
        except (ValueError, WeightsError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        return _train(run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--config", default="emotion", help="a name in training/configs/, or a TOML file")
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of folders")
    parser.add_argument("--ferplus", type=Path, help="fer2013new.csv, FER+'s votes, for the second head")
    parser.add_argument("--out", type=Path, help="the run's folder (default: runs/CONFIG)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--bf16", action="store_true", help="bfloat16, on a GPU or a CPU that has it")
    parser.add_argument("--init", type=Path, help="weights of this project to begin with")
    parser.add_argument("--pretrained", type=Path, help="a torchvision checkpoint for transfer learning")
    parser.add_argument("--teacher", type=Path, action="append", default=[], help="weights to learn from")
    parser.add_argument("--resume", action="store_true", help="go on where the run was stopped")
    return parser


def _make_run(args: Any, workers: Workers) -> Run:
    config = load_config(args.config)
    training = load_faces(args.data, "Training", args.ferplus)
    training = training.select(is_face(training.votes))
    validation = load_faces(args.data, "PublicTest", args.ferplus)
    if bool(args.teacher) != bool(config.distill_weight):
        raise ValueError("--teacher and a configuration with a distill_weight belong together")
    teachers = [load_net(path)[0] for path in args.teacher]
    folder = args.out or Path("runs") / Path(args.config).stem
    run = Run(config, training, validation, folder, teachers, workers, args.bf16)
    if args.init:
        run.start_from(args.init)
    if args.pretrained:
        load_pretrained(run.net, args.pretrained)
    if args.resume:
        run.resume()
    elif (run.folder / STATE_FILE).exists():
        raise ValueError(f"{run.folder} holds a run already: go on with --resume, or give another --out")
    return run


def _train(run: Run) -> int:
    with stopping_on_signals(run):
        try:
            run.run()
        except Stopped:
            if run.workers.leads:
                print(f"stopped; go on with --resume (state in {run.folder})")
            return 130
    if not run.workers.leads:
        return 0
    try:
        figures = run.final_metrics()
    except WeightsError as error:  # the loss was never a number
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, value in figures.items():
        print(f"{name:12} {value:.4f}")
    print(f"weights in {run.folder / WEIGHTS_FILE}")
    return 0


@contextmanager
def stopping_on_signals(run: Run) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into a stop at the next step."""

    def stop(_signum: int, _frame: FrameType | None) -> None:
        run.stopping = True

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
