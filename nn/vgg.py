"""VGG-16 without batch norm, as ImageNet's (Simonyan & Zisserman 2015, arXiv 1409.1556), for transfer.

The parameters have torchvision's names, so that torchvision's checkpoints fit.
"""

from torch import Tensor, nn

from nn.prepare import Prepare
from vision.emotions import EMOTIONS

PLAN = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions
SIDE = 112  # px
POOLED = 7  # px


class VGG16(nn.Module):
    """Five stages of 3x3 convolutions, and three dense layers, of which the last is new in a transfer."""

    def __init__(self, dropout: float = 0.5, dense: int = 4096) -> None:
        super().__init__()
        self.prepare = Prepare(SIDE)
        layers: list[nn.Module] = []
        inputs = 1
        for channels, depth in PLAN:
            for _ in range(depth):
                layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU(inplace=True)]
                inputs = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(POOLED)
        self.classifier = nn.Sequential(
            nn.Linear(inputs * POOLED * POOLED, dense),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(dense, dense),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(dense, len(EMOTIONS)),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, which are resized to 112x112, into logits (n, 7)."""
        logits: Tensor = self.classifier(self.pool(self.features(self.prepare(images))).flatten(1))
        return logits

    def load_pretrained(self, state: dict[str, Tensor]) -> None:
        """Load a torchvision VGG-16's state but its last layer, its first summed over the three colours."""
        ours = {name: value for name, value in self.state_dict().items() if name.startswith("classifier.6.")}
        state = {"features.0.weight": state["features.0.weight"].sum(dim=1, keepdim=True)} | {
            name: value for name, value in state.items() if name != "features.0.weight" and name not in ours
        }
        self.load_state_dict(state | ours)
