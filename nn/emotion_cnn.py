"""EmotionCNN, of many beginners' projects: three convolution blocks at 224x224, one wide dense layer."""

from torch import Tensor, nn

from nn.prepare import Prepare
from vision.emotions import EMOTIONS

SIDE = 224  # px


class EmotionCNN(nn.Module):
    """A network of 12.9 M parameters, almost all of them in one dense layer."""

    def __init__(self, dropout: float = 0.5, batch_norm: bool = True) -> None:
        """Build the network of its authors, or without batch norm that of this project's version 0.1."""
        super().__init__()
        self.prepare = Prepare(SIDE)
        blocks: list[nn.Module] = []
        for inputs, outputs in ((1, 32), (32, 64), (64, 128)):
            blocks.append(nn.Conv2d(inputs, outputs, 3, padding=1))
            blocks += [nn.BatchNorm2d(outputs)] if batch_norm else []
            blocks += [nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*blocks)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(128 * 28 * 28, 128),
            *([nn.BatchNorm1d(128)] if batch_norm else []),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(128, len(EMOTIONS)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, which are resized to 224x224, into logits (n, 7)."""
        logits: Tensor = self.classifier(self.features(self.prepare(images)))
        return logits
