"""EmotionCNN, of many beginners' projects: three convolution blocks at 224x224, one wide dense layer."""

import torch.nn.functional as F
from torch import Tensor, nn

from nn.emotion_net import standardise
from vision.emotions import EMOTIONS

SIDE = 224  # px


class EmotionCNN(nn.Module):
    """A network of 12.9 M parameters, almost all of them in one dense layer."""

    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for inputs, outputs in ((1, 32), (32, 64), (64, 128)):
            blocks += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*blocks)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(128 * 28 * 28, 128),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(128, len(EMOTIONS)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, which are resized to 224x224, into logits (n, 7)."""
        large = F.interpolate(images, (SIDE, SIDE), mode="bilinear", align_corners=False)
        logits: Tensor = self.classifier(self.features(standardise(large)))
        return logits
