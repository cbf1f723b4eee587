"""BaseNet, the network of many FER2013 projects: four convolution blocks, two dense layers, seven logits."""

from collections.abc import Sequence

from torch import Tensor, nn

from nn.prepare import Prepare
from vision.emotions import EMOTIONS


class BaseNet(nn.Module):
    """The base network of FER2013 projects.

    Inside a block, max-pooling comes before ReLU and dropout: it commutes with ReLU and with dropout of whole
    channels, so both work on a quarter of the values with the same result.
    """

    def __init__(self, dropout: float = 0.1, dense_dropout: float = 0.4) -> None:
        super().__init__()
        self.prepare = Prepare()
        self.features = nn.Sequential(
            _conv_block(1, 64, 3, dropout),
            _conv_block(64, 128, 5, dropout),
            _conv_block(128, 512, 3, dropout),
            # 2x2 max-pooling at 48 px; smaller training images also end at 3x3
            _conv_block(512, 512, 3, dropout, pool=nn.AdaptiveMaxPool2d(3)),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            *_dense_block(512 * 3 * 3, 256, dense_dropout),
            *_dense_block(256, 512, dense_dropout),
            nn.Linear(512, len(EMOTIONS)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, into logits (n, 7)."""
        logits: Tensor = self.classifier(self.features(self.prepare(images)))
        return logits


def _conv_block(
    inputs: int, outputs: int, kernel: int, dropout: float, pool: nn.Module | None = None
) -> nn.Sequential:
    """Return a convolution with batch norm, pooling (2x2 by default), ReLU and dropout of channels."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        pool or nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Dropout2d(dropout),
    )


def _dense_block(inputs: int, outputs: int, dropout: float) -> Sequence[nn.Module]:
    """Return a linear layer with batch norm, ReLU and dropout."""
    return (
        nn.Linear(inputs, outputs, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
    )
