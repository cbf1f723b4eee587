"""The flags of commands that also take somebody else's PyTorch checkpoint, as `python main.py` has them."""

import argparse
from typing import Any

from nn.model_card import NORMALISATIONS, NetworkSpec
from vision.emotions import EMOTIONS


def add_spec_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --network, --classes, --normalisation and --input-side-px to a command."""
    parser.add_argument(
        "--network", help="network of a PyTorch checkpoint from another project, as in nn/registry.py"
    )
    parser.add_argument(
        "--classes", default=",".join(EMOTIONS), help="emotions in the checkpoint's order (default: FER2013's)"
    )
    parser.add_argument(
        "--normalisation",
        default="standard",
        choices=NORMALISATIONS,
        help="gray levels of the checkpoint's input",
    )
    parser.add_argument(
        "--input-side-px", type=int, default=0, help="side of the checkpoint's faces (default: as FER2013's)"
    )


def spec_of(args: Any) -> NetworkSpec | None:
    """Return the description of a checkpoint in these flags, None without --network; raises ValueError."""
    return NetworkSpec.parse(args.network, args.classes, args.normalisation, args.input_side_px)
