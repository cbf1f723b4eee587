"""The lines that a training run begins with: its device, its faces, its classes and their weights."""

import sys

import numpy as np

from training.run import Run
from vision.emotions import EMOTIONS


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
