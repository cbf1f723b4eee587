"""Ablate a configuration: python -m training.ablate --config resnet18 --data fer2013.csv --faces 3000.

The configuration is trained on a part of the faces unchanged, and again with each of four options reversed:
class weights, label smoothing, random erasing, and freezing at first. The table shows the effect of each
option; differences below about two standard errors mean nothing.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from nn.model_card import WeightsError
from nn.registry import build, load_pretrained
from training.compare import as_markdown
from training.config import Config, load_config
from training.data import Faces, load_faces
from training.run import Run

AS_IT_IS = "as configured"
PARTS = ("trunk", "features")  # that a network freezes at first, whichever it has


def switched(config: Config) -> dict[str, Config]:
    """Return the configuration as it is and with each switch turned the other way, by what was turned."""

    def turned(name: str, setting: str, value: Any) -> tuple[str, Config]:
        old = getattr(config, setting)
        off = type(value)()
        return f"{'without' if old else 'with'} {name}", replace(config, **{setting: off if old else value})

    with torch.device("meta"):
        parts = [name for name, _ in build(config.network, config.network_options).named_children()]
    freezable = [[part, max(1, config.epochs // 3)] for part in PARTS if part in parts]
    variants = [
        (AS_IT_IS, config),
        turned("class weights", "class_weights", 1.0),
        turned("label smoothing", "label_smoothing", 0.1),
        turned("random erasing", "erase", 0.3),
        turned("freezing at first", "unfreeze", freezable),
    ]
    return dict(variants)


def ablate(
    config: Config, training: Faces, validation: Faces, folder: Path, pretrained: Path | None = None
) -> dict[str, dict[str, float]]:
    """Train each variant into a folder of its own, and return its figures on the validation faces.

    Raises ValueError if the network is unknown or pretrained does not fit it.
    """
    figures = {}
    for name, variant in switched(config).items():
        run = Run(variant, training, validation, folder / name.replace(" ", "-"))
        if pretrained:
            load_pretrained(run.net, pretrained)
        run.run()
        run.write_plots()
        figures[name] = run.final_metrics()
    return figures


def as_table(figures: dict[str, dict[str, float]]) -> str:
    """Return the figures as a table in Markdown, each with its difference from the configuration as it is."""
    whole = figures[AS_IT_IS]
    rows = [["switch", "accuracy", "difference", "macro-F1", "loss"]]
    for name, row in figures.items():
        accuracy = f"{100 * row['accuracy']:.1f} ± {100 * row['accuracy_se']:.1f} %"
        difference = f"{100 * (row['accuracy'] - whole['accuracy']):+.1f}" if name != AS_IT_IS else ""
        rows.append([name, accuracy, difference, f"{row['macro_f1']:.3f}", f"{row['loss']:.3f}"])
    return as_markdown(rows)


def main(argv: list[str] | None = None) -> int:
    """Train the variants, print the table and write ablation.json; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.ablate", description=__doc__)
    parser.add_argument("--config", default="resnet18", help="as of training.train (default: resnet18)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting")
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of faces")
    parser.add_argument("--faces", type=int, default=3000, help="number of training faces (default: 3000)")
    parser.add_argument("--epochs", type=int, default=3, help="number of epochs per run (default: 3)")
    parser.add_argument("--pretrained", type=Path, help="torchvision ImageNet checkpoint to start from")
    parser.add_argument("--threads", type=int, default=2, help="number of CPU threads (default: 2)")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/ablation"), help="folder (default: runs/ablation)"
    )
    args: Any = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    try:
        config = load_config(args.config, args.set, args.epochs)
        training = load_faces(args.data, "Training").some(args.faces)
        validation = load_faces(args.data, "PublicTest")
        figures = ablate(config, training, validation, args.out, args.pretrained)
    except (WeightsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    (args.out / "ablation.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(f"{args.config}, {len(training):,} faces, {config.epochs} epochs")
    print(as_table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
