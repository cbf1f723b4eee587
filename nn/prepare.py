"""The preparation of images inside a network: their side, their gray levels, and their channels."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nn.model_card import NORMALISATIONS

# Mean and deviation of each channel of images of 0 to 1.
SCALES = {
    "unit": ((0.0,), (1.0,)),
    "centred": ((0.5,), (0.5,)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
assert set(NORMALISATIONS) == {"standard", *SCALES}


class Prepare(nn.Module):
    """The first step of a network: gray images get the side and the levels of the network's training."""

    def __init__(self, side: int | None = None, normalisation: str = "standard", colours: int = 1) -> None:
        """Prepare images of side x side px, or of any size; ValueError for an unknown normalisation.

        normalisation is one of nn.model_card.NORMALISATIONS. With three colours each is the gray image.
        """
        super().__init__()
        if normalisation not in NORMALISATIONS:
            raise ValueError(f"no normalisation {normalisation!r}; there are: {', '.join(NORMALISATIONS)}")
        self.side, self.normalisation, self.colours = side, normalisation, colours

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, into (n, colours, side, side)."""
        if self.side is not None:
            images = F.interpolate(images, (self.side, self.side), mode="bilinear", align_corners=False)
        if self.normalisation == "standard":
            return standardise(images).expand(-1, self.colours, -1, -1)
        means, deviations = SCALES[self.normalisation]
        if len(means) > self.colours:  # one gray channel has the mean of the colours
            means, deviations = ((sum(values) / len(values),) for values in (means, deviations))
        mean, deviation = (images.new_tensor(values).view(1, -1, 1, 1) for values in (means, deviations))
        return ((images / 255 - mean) / deviation).expand(-1, self.colours, -1, -1)


def standardise(images: Tensor) -> Tensor:
    """Return images (n, 1, h, w), each with mean 0 and standard deviation 1, whatever its light.

    The deviation is at least one gray level, so that a flat image becomes zeros and not noise.
    """
    std, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
    return (images - mean) / std.clamp(min=1.0)
