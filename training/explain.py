"""Explain any network's reading by Grad-CAM: python -m training.explain WEIGHTS PICTURE --out FILE.png.

The file shows the largest face of the picture eight times: unchanged, and with the heat map of each emotion, in
the order of EMOTIONS and on one scale. Any weights from training.train can be used.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from model import preprocess
from nn.cam import grad_cam
from nn.model_card import INPUT_SIDE, WeightsError
from nn.registry import load_net
from settings import Settings
from training.checkpoint_flags import add_spec_arguments, spec_of
from uploads.explainer import with_map
from vision.detector import Detections
from vision.detectors import Detectors
from vision.emotions import EMOTIONS
from vision.pictures import PictureError, read_picture

SIDE_PX = 192


def explain(
    net: torch.nn.Module, gray: NDArray[np.uint8], face: Detections, side: int = INPUT_SIDE
) -> NDArray[np.uint8]:
    """Return a face and its seven heat maps side by side, (192, 1536, 3) uint8 BGR, upright.

    gray is the image (H, W) uint8, face the one face of it that is explained, side that of the network's crops.
    """
    crop = preprocess(gray, face.boxes, face.tilts_deg, side)
    images = torch.from_numpy(crop).unsqueeze(1).float().repeat(len(EMOTIONS), 1, 1, 1)
    maps = grad_cam(net, images, torch.arange(len(EMOTIONS))).numpy()
    large = cv2.resize(crop[0], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    scene = cv2.cvtColor(large, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    shares = maps / max(float(maps.max()), 1e-6)
    return np.hstack([scene, *(with_map(scene, share) for share in shares)])


def main(argv: list[str] | None = None) -> int:
    """Write the explanation of a picture; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.explain", description=__doc__)
    parser.add_argument("weights", type=Path, help="weights file of the network")
    parser.add_argument("picture", type=Path, help="picture with a face")
    parser.add_argument("--out", type=Path, required=True, help="picture file to write")
    parser.add_argument("--whole", action="store_true", help="use the whole picture as the face, as in FER2013")
    add_spec_arguments(parser)
    args: Any = parser.parse_args(argv)
    try:
        net, card = load_net(args.weights, spec_of(args))
        image = read_picture(args.picture.read_bytes()).image
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        whole = np.array([[0, 0, gray.shape[1], gray.shape[0]]], dtype=np.int32)
        faces = Detections.of_boxes(whole) if args.whole else Detectors.load(Settings()).picture().detect(image)
        if not len(faces):
            raise PictureError(f"no face is found in {args.picture}; --whole uses all of it as the face")
        if not cv2.imwrite(str(args.out), explain(net, gray, faces.at([0]), card.input_side)):
            raise PictureError(f"{args.out} cannot be written")
    except (WeightsError, PictureError, ValueError, OSError, cv2.error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{card.network}: {args.out} shows the face, then {', '.join(EMOTIONS)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
