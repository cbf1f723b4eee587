"""Train a network on FER2013: python -m training.train --config emotion --data fer2013.csv.

A run that was stopped with Ctrl-C is continued by the same command with --resume. torchrun --nproc-per-node 2
-m training.train ... shares a run among several GPUs or processes.
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
from training.start import describe_run, warn_of_frozen_noise
from training.workers import Workers, joined_workers


def main(argv: list[str] | None = None) -> int:
    """Train a network, and write its weights into the run's folder.

    Args:
        argv: The command line; the program's own by default.

    Returns:
        The exit status: 0 after the last epoch, 1 if the loss became NaN, 2 if the configuration, the data or
        weights cannot be used, 130 if the run was stopped.

    Raises:
        SystemExit: A flag is wrong, or --help was given.
    """
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
    """Return the parser of the command's flags."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument(
        "--config", default="emotion", help="name in training/configs/, or a TOML file (default: emotion)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting; may be repeated"
    )
    parser.add_argument("--epochs", type=int, help="number of epochs, if not the configuration's")
    parser.add_argument("--faces", type=int, help="number of training faces, if not all: a quick trial")
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of train/ and test/")
    parser.add_argument("--ferplus", type=Path, help="votes of FER+ for the second head, fer2013new.csv")
    parser.add_argument("--out", type=Path, help="folder of the run (default: runs/CONFIG)")
    parser.add_argument("--threads", type=int, default=2, help="number of CPU threads (default: 2)")
    parser.add_argument("--bf16", action="store_true", help="compute in bfloat16, on a GPU or CPU that has it")
    parser.add_argument("--init", type=Path, help="weights file of this project to begin with")
    parser.add_argument("--pretrained", type=Path, help="torchvision ImageNet checkpoint to begin with")
    parser.add_argument(
        "--teacher", type=Path, action="append", default=[], help="weights file to learn from; may be repeated"
    )
    parser.add_argument("--resume", action="store_true", help="continue a stopped run")
    return parser


def _make_run(args: Any, workers: Workers) -> Run:
    """Return the run that the flags describe, ready to begin; raises ValueError and WeightsError."""
    config = load_config(args.config, args.set, args.epochs)
    training = load_faces(args.data, "Training", args.ferplus)
    training = training.select(is_face(training.votes))
    if args.faces is not None:
        training = training.some(args.faces)
    validation = load_faces(args.data, "PublicTest", args.ferplus)
    if bool(args.teacher) != bool(config.distill_weight):
        raise ValueError("--teacher needs a configuration with a distill_weight, and the other way round")
    teachers = [load_net(path)[0] for path in args.teacher]
    folder = args.out or Path("runs") / Path(args.config).stem
    run = Run(config, training, validation, folder, teachers, workers, args.bf16)
    if args.init:
        run.start_from(args.init)
    new = load_pretrained(run.net, args.pretrained) if args.pretrained else []
    if args.resume:
        run.resume()
    elif (run.folder / STATE_FILE).exists():
        raise ValueError(f"{run.folder} holds a run already: continue it with --resume, or give another --out")
    if workers.leads:
        describe_run(run, new)
        warn_of_frozen_noise(run, is_new=not (args.init or args.pretrained or args.resume))
    return run


def _train(run: Run) -> int:
    """Train to the end or until stopped, print the figures, and return the exit status."""
    with stopping_on_signals(run):
        try:
            run.run()
        except Stopped:
            if run.workers.leads:
                run.write_plots()
                print(f"stopped; --resume continues the run (state in {run.folder})")
            return 130
    if not run.workers.leads:
        return 0
    try:
        figures = run.final_metrics()
    except WeightsError as error:  # the loss was never a number
        print(f"error: {error}", file=sys.stderr)
        return 1
    run.write_plots()
    for name, value in figures.items():
        print(f"{name:12} {value:.4f}")
    print(f"weights in {run.folder / WEIGHTS_FILE}, curves.png and confusion.png beside them")
    return 0


@contextmanager
def stopping_on_signals(run: Run) -> Iterator[None]:
    """Stop the run at the next step after Ctrl-C or SIGTERM, instead of ending the program."""

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
