"""python -m training.evaluate WEIGHTS --data fer2013.csv: how good are these weights, on which faces.

Prints the figures and saves them as evaluation.json, with plots as evaluation.html.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model import OUTPUTS, EmotionClassifier, to_probabilities
from nn.model_card import INPUT_SIDE, ModelCard, WeightsError
from nn.registry import load_net
from nn.torch_engine import TorchEngine
from training.augment import resize
from training.data import SPLIT_FOLDERS, Faces, load_faces
from training.duplicates import near_duplicates
from training.losses import heads
from training.metrics import confusion, ferplus_majority, measure, per_class
from training.report import as_text, write_report
from training.stress import STRESSES, stressed

BATCH = 256
TIMED = 200  # faces


@torch.inference_mode()
def predict_logits(net: nn.Module, faces: Faces, side: int = INPUT_SIDE, device: str = "cpu") -> Tensor:
    """Return logits (n, 7 or 15) for all faces, one forward pass each; device is where the network is."""
    net.eval()
    images = torch.from_numpy(faces.images).unsqueeze(1)
    batches = (resize(batch.to(device).float(), side) for batch in images.split(BATCH))
    return torch.cat([net(batch).cpu() for batch in batches])


def evaluate(
    net: nn.Module, card: ModelCard, faces: Faces, clean: NDArray[np.bool_], output: str
) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Return all figures of a network on faces, and that output's probabilities (n, 7).

    clean (n,) bool: the face has no copy among Training's.
    """
    logits = predict_logits(net, faces)
    probs: NDArray[np.float32] = to_probabilities(logits.numpy(), output, card.calibration)
    known = OUTPUTS if heads(logits)[1] is not None else OUTPUTS[:2]
    result: dict[str, Any] = {
        "faces": len(faces),
        "clean_faces": int(clean.sum()),
        "output": output,
        "outputs": {name: _both(logits, name, card, faces, clean) for name in known},
        "per_class": {name: column.tolist() for name, column in per_class(probs, faces.labels).items()},
        "confusion": confusion(probs, faces.labels).tolist(),
        "stress": _under_stress(net, card, faces, output),
        "ms_per_face": ms_per_face(EmotionClassifier(TorchEngine(net), card, output)),
    }
    if faces.votes.any() and (ferplus := heads(logits)[1]) is not None:
        clear, majority = ferplus_majority(faces.votes)
        result["ferplus_majority"] = measure(ferplus.softmax(dim=1).numpy()[clear], majority)
        result["ferplus_majority"]["faces"] = int(clear.sum())
    return result, probs


def _both(
    logits: Tensor, output: str, card: ModelCard, faces: Faces, clean: NDArray[np.bool_]
) -> dict[str, dict[str, float]]:
    probs = to_probabilities(logits.numpy(), output, card.calibration)
    figures = {"all": measure(probs, faces.labels)}
    if clean.any():
        figures["clean"] = measure(probs[clean], faces.labels[clean])
    return figures


def _under_stress(net: nn.Module, card: ModelCard, faces: Faces, output: str) -> dict[str, float]:
    accuracy = {}
    for stress in STRESSES:
        changed = Faces(stressed(faces.images, stress), faces.labels, faces.votes)
        probs = to_probabilities(predict_logits(net, changed).numpy(), output, card.calibration)
        accuracy[stress] = measure(probs, faces.labels)["accuracy"]
    return accuracy


def ms_per_face(classifier: EmotionClassifier) -> float:
    """Return the median milliseconds from a 640x480 picture to one face's probabilities, on one CPU thread."""
    gray = np.random.default_rng(0).integers(0, 256, (480, 640), dtype=np.uint8)
    box = np.array([[200, 100, 360, 260]])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = []
        for _ in range(TIMED):
            started = time.perf_counter()
            classifier.predict(gray, box)
            times.append(time.perf_counter() - started)
    finally:
        torch.set_num_threads(threads)
    return float(np.median(times)) * 1000


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of folders")
    parser.add_argument("--ferplus", type=Path, help="fer2013new.csv, FER+'s votes")
    parser.add_argument("--split", default="PublicTest", choices=SPLIT_FOLDERS)
    parser.add_argument("--output", default="shipped", choices=OUTPUTS, help="whose details to report")
    parser.add_argument("--out", type=Path, default=Path("runs/evaluation"), help="the report's folder")
    args: Any = parser.parse_args(argv)
    try:
        net, card = load_net(args.weights)
        faces = load_faces(args.data, args.split, args.ferplus)
        training = load_faces(args.data, "Training")
    except (WeightsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    clean = ~near_duplicates(faces.images, training.images)
    figures, probs = evaluate(net, card, faces, clean, args.output)
    title = f"{args.weights.name} on {args.split}, one forward pass a face"
    print(title)
    print(as_text(figures))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "evaluation.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    write_report(args.out / "evaluation.html", title, figures, probs, faces.labels)
    print(f"report in {args.out / 'evaluation.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
