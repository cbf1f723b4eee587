"""Train a network on FER2013: python -m training.train --config emotion-cpu --data fer2013.csv.

After Ctrl-C, the same command with --resume continues the run. torchrun --nproc-per-node 2 -m training.train
... divides a run among several GPUs or processes.
"""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch

from nn.model_card import WeightsError
from nn.registry import load_net, load_pretrained
from training.config import load_config
from training.data import load_faces
from training.losses import is_face
from training.run import STATE_FILE, WEIGHTS_FILE, Run, Stopped
from training.workers import Workers, joined_workers
from vision.emotions import EMOTIONS


def main(argv: list[str] | None = None) -> int:
    """Train a network, write its weights into the run's folder, and return the exit status.

    That is 0 after the last epoch, 1 if the loss became NaN, 2 if the configuration, the data or weights cannot
    be used, and 130 if the run was stopped.
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
        "--config",
        default="emotion-cpu",
        help="name in training/configs/, or a TOML file (default: emotion-cpu)",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting; may be repeated"
    )
    parser.add_argument("--epochs", type=int, help="number of epochs (default: the configuration's)")
    parser.add_argument("--faces", type=int, help="number of training faces, for a quick trial (default: all)")
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of train/ and test/")
    parser.add_argument("--ferplus", type=Path, help="votes of FER+ for the second head, fer2013new.csv")
    parser.add_argument("--out", type=Path, help="folder of the run (default: runs/CONFIG)")
    parser.add_argument("--threads", type=int, default=2, help="number of CPU threads (default: 2)")
    parser.add_argument(
        "--bf16", action="store_true", help="compute in bfloat16, on a GPU or CPU that supports it"
    )
    parser.add_argument("--init", type=Path, help="weights file of this project to start from")
    parser.add_argument("--pretrained", type=Path, help="torchvision ImageNet checkpoint to start from")
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


def describe_run(run: Run, new: list[str]) -> None:
    """Print the run's network, device, faces and class weights; new are parts that a checkpoint left random."""
    config = run.config
    parameters = sum(parameter.numel() for parameter in run.net.parameters())
    print(f"network {config.network}, {parameters:,} parameters, on {run.device}{', bfloat16' * run.bf16}")
    print(
        f"{len(run.training):,} faces to train on, {len(run.validation):,} to validate; {config.epochs} epochs"
    )
    print(f"{'':10}{'training':>10}{'validation':>12}{'weight':>9}")
    counts = [np.bincount(faces.labels, minlength=len(EMOTIONS)) for faces in (run.training, run.validation)]
    for label, name in enumerate(EMOTIONS):
        weight = float(run.label_weights[label])
        print(f"{name:10}{counts[0][label]:10,}{counts[1][label]:12,}{weight:9.2f}")
    for faces, use in ((run.training, "train on"), (run.validation, "validate")):
        if faces.dropped:
            print(f"{faces.dropped:,} faces to {use} left out: they show none of the seven emotions")
    if absent := [name for name, count in zip(EMOTIONS, counts[0], strict=True) if not count]:
        print(f"no face to train on is labelled {', '.join(absent)}")
    if new:
        parts = sorted({name.rpartition(".")[0] for name in new})
        print(f"random, because the checkpoint has no such layer: {', '.join(parts)}")


def warn_of_frozen_noise(run: Run, is_new: bool) -> None:
    """Print a warning if parts of a network do not learn at first though is_new: its weights are random."""
    if is_new and run.config.unfreeze:
        until = max(epoch for _, epoch in run.config.unfreeze)
        parts = ", ".join(part for part, _ in run.config.unfreeze)
        print(
            f"warning: {parts} of a network with random weights learn nothing until epoch {until + 1}: "
            "give --pretrained or --init, or --set unfreeze=[]",
            file=sys.stderr,
        )


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
