"""ResNets (He et al. 2016, arXiv 1512.03385): one for 48x48 gray faces, and one for transfer from ImageNet.

The trunk's parameters have torchvision's names, so that torchvision's checkpoints fit.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from nn.pooled import PooledNet
from nn.prepare import Prepare
from vision.emotions import EMOTIONS

DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}  # blocks a layer
TRANSFER_SIDE = 112  # px; ImageNet's networks shrink an image 32 times


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            shrink = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shrink, nn.BatchNorm2d(outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, inputs, h, w) into features (n, outputs, h / stride, w / stride)."""
        inner = F.relu(self.bn1(self.conv1(images)), inplace=True)
        return F.relu(self.bn2(self.conv2(inner)) + self.downsample(images), inplace=True)


class Trunk(nn.Module):
    """The layers before the head; the stem and the pooling decide how soon an image shrinks."""

    def __init__(self, depth: int, stem: nn.Conv2d, pool: nn.Module) -> None:
        """Build a ResNet of depth 18 or 34; ValueError for another depth."""
        super().__init__()
        if depth not in DEPTHS:
            raise ValueError(f"a ResNet here has a depth of {' or '.join(map(str, DEPTHS))}, not {depth}")
        self.conv1, self.bn1, self.pool = stem, nn.BatchNorm2d(64), pool
        inputs = 64
        for number, blocks in enumerate(DEPTHS[depth]):
            outputs = 64 * 2**number
            layer = [BasicBlock(inputs, outputs, 2 if number else 1)]
            layer += [BasicBlock(outputs, outputs, 1) for _ in range(blocks - 1)]
            self.add_module(f"layer{number + 1}", nn.Sequential(*layer))
            inputs = outputs
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, c, h, w) into features (n, 512, h', w')."""
        features: Tensor = self.pool(F.relu(self.bn1(self.conv1(images)), inplace=True))
        for number in range(1, 5):
            features = self.get_submodule(f"layer{number}")(features)
        return features


class FieldResNet(nn.Module):
    """A ResNet for 48x48: a 3x3 stem at stride 1 without max-pooling, and a head of two layers.

    With fifteen outputs it has EmotionNet's two heads and can be a teacher.
    """

    def __init__(self, depth: int = 18, outputs: int = len(EMOTIONS)) -> None:
        super().__init__()
        self.prepare = Prepare()
        self.trunk = Trunk(depth, nn.Conv2d(1, 64, 3, padding=1, bias=False), nn.Identity())
        self.head = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(512, 256),
            nn.BatchNorm1d(256),
            nn.ReLU(inplace=True),
            nn.Dropout(0.25),
            nn.Linear(256, outputs),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, into logits (n, outputs)."""
        logits: Tensor = self.head(self.trunk(self.prepare(images)).mean(dim=(2, 3)))
        return logits

    def load_pretrained(self, state: dict[str, Tensor]) -> None:
        """Load the trunk of a torchvision ResNet's state without its first convolution, which is larger."""
        state = {name: value for name, value in state.items() if not name.startswith(("fc.", "conv1."))}
        self.trunk.load_state_dict(state | {"conv1.weight": self.trunk.conv1.weight})


class TransferResNet(PooledNet):
    """An ImageNet ResNet whose first layer takes one channel."""

    def __init__(self, depth: int = 18, dropout: float = 0.0) -> None:
        super().__init__()
        self.prepare = Prepare(TRANSFER_SIDE)
        stem = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
        self.trunk = Trunk(depth, stem, nn.MaxPool2d(3, 2, 1))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(512, len(EMOTIONS))

    def features(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, which are resized to 112x112, into (n, 512, 4, 4)."""
        features: Tensor = self.trunk(self.prepare(images))
        return features

    def load_pretrained(self, state: dict[str, Tensor]) -> None:
        """Load the trunk of a torchvision ResNet's state, its first layer summed over the three colours."""
        state = {name: value for name, value in state.items() if not name.startswith("fc.")}
        self.trunk.load_state_dict(state | {"conv1.weight": state["conv1.weight"].sum(dim=1, keepdim=True)})
