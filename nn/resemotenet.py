"""ResEmoteNet: convolutions, squeeze-and-excitation and wide residual blocks (Roy 2024, arXiv 2409.10545)."""

import torch.nn.functional as F
from torch import Tensor, nn

from nn.emotion_net import SqueezeExcite
from nn.prepare import Prepare
from vision.emotions import EMOTIONS

SIDE = 64  # px


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, both at stride 2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, 2, 1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2), nn.BatchNorm2d(outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, inputs, h, w) into features (n, outputs, h / 2, w / 2)."""
        return F.relu(self.body(images) + self.shortcut(images), inplace=True)


class ResEmoteNet(nn.Module):
    """The network of the paper, with one gray channel instead of three colours."""

    def __init__(self, dropout: float = 0.2, width: int = 64, excite_bias: bool = False) -> None:
        """Build the network of its authors, or a narrower one; excite_bias is for files of version 0.1."""
        super().__init__()
        self.prepare = Prepare(SIDE)
        layers: list[nn.Module] = []
        for inputs, outputs, dropped in (
            (1, width, dropout),
            (width, width * 2, dropout),
            (width * 2, width * 4, 0.0),
        ):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool2d(2), nn.Dropout(dropped)]
        layers.append(SqueezeExcite(width * 4, reduction=16, bias=excite_bias))
        layers += [ResidualBlock(width * times, width * times * 2) for times in (4, 8, 16)]
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        dense: list[nn.Module] = []
        for times in (32, 16, 8):
            dense += [nn.Linear(width * times, width * times // 2), nn.ReLU(inplace=True), nn.Dropout(0.5)]
        self.classifier = nn.Sequential(*dense, nn.Linear(width * 4, len(EMOTIONS)))

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, which are resized to 64x64, into logits (n, 7)."""
        logits: Tensor = self.classifier(self.features(self.prepare(images)))
        return logits
