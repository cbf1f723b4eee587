"""A network's logits and probabilities for many faces, and the time that one face takes."""

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model import EmotionClassifier, to_probabilities
from nn.model_card import INPUT_SIDE, ModelCard
from training.augment import resize
from training.data import Faces

BATCH = 256
TIMED = 300  # faces


@torch.inference_mode()
def predict_logits(net: nn.Module, faces: Faces, side: int = INPUT_SIDE, device: str = "cpu") -> Tensor:
    """Return the logits (n, 7 or 15) float of all faces, in eval mode, one forward pass each.

    Args:
        net: The network, which is on the device.
        faces: The faces.
        side: The side in px that the faces are resized to.
        device: The device that computes them; the logits are on the CPU.
    """
    net.eval()
    images = torch.from_numpy(faces.images).unsqueeze(1)
    batches = (resize(batch.to(device).float(), side) for batch in images.split(BATCH))
    return torch.cat([net(batch).cpu() for batch in batches])


def predict_probs(net: nn.Module, card: ModelCard, faces: Faces, output: str) -> NDArray[np.float32]:
    """Return the probabilities (n, 7) float32 of all faces by one of model.OUTPUTS; ValueError for another."""
    return to_probabilities(predict_logits(net, faces).numpy(), output, card.calibration)


def ms_per_face(*classifiers: EmotionClassifier) -> list[float]:
    """Return the median ms from a 640x480 image to one face's probabilities of each, on one CPU thread.

    They take turns, so that other work on the machine slows them alike.
    """
    gray = np.random.default_rng(0).integers(0, 256, (480, 640), dtype=np.uint8)
    box = np.array([[200, 100, 360, 260]])
    times_s = np.empty((TIMED, len(classifiers)))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for turn in times_s:
        for number, classifier in enumerate(classifiers):
            started_s = time.perf_counter()
            classifier.predict(gray, box)
            turn[number] = time.perf_counter() - started_s
    torch.set_num_threads(threads)
    return [float(ms) for ms in np.median(times_s, axis=0) * 1000]
