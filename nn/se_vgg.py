"""SE-VGG, a teacher: a VGG (Simonyan & Zisserman 2015, arXiv 1409.1556) with squeeze-and-excitation."""

from torch import Tensor, nn

from nn.emotion_net import SqueezeExcite
from nn.pooled import PooledNet
from nn.prepare import Prepare
from vision.emotions import EMOTIONS

PLAN = ((64, 2), (128, 2), (256, 3), (512, 3))  # channels, convolutions


class SEVGG(PooledNet):
    """Four stages of 3x3 convolutions, each followed by squeeze-and-excitation and 2x2 max-pooling."""

    def __init__(self, outputs: int = len(EMOTIONS), dropout: float = 0.3) -> None:
        super().__init__()
        self.prepare = Prepare()
        layers: list[nn.Module] = []
        inputs = 1
        for channels, depth in PLAN:
            for _ in range(depth):
                layers += [
                    nn.Conv2d(inputs, channels, 3, padding=1, bias=False),
                    nn.BatchNorm2d(channels),
                    nn.ReLU(inplace=True),
                ]
                inputs = channels
            layers += [SqueezeExcite(channels), nn.MaxPool2d(2)]
        self.trunk = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(inputs, outputs)

    def features(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, into features (n, 512, h / 16, w / 16)."""
        features: Tensor = self.trunk(self.prepare(images))
        return features
