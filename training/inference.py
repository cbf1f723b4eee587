"""A network's logits for many faces."""

import torch
from torch import Tensor, nn

from nn.model_card import INPUT_SIDE
from training.augment import resize
from training.data import Faces

BATCH = 256


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
