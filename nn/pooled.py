"""Networks that end in average pooling and one linear layer, whose class activation maps have a closed form."""

import torch
from torch import Tensor, nn


class PooledNet(nn.Module):
    """A network of features, average pooling, dropout and one linear layer; a subclass defines the features."""

    dropout: nn.Module
    head: nn.Linear

    def features(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, into features (n, c, h, w), before the pooling."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, into logits (n, k)."""
        return self.read(self.features(images))

    def read(self, features: Tensor) -> Tensor:
        """Turn features (n, c, h, w) into logits (n, k)."""
        logits: Tensor = self.head(self.dropout(features.mean(dim=(2, 3))))
        return logits

    def read_with_maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Turn images (n, 1, h, w) into logits (n, k) and their class activation maps (n, k, h, w)."""
        features = self.features(images)
        return self.read(features), class_maps(features, self.head.weight)


def class_maps(features: Tensor, weights: Tensor) -> Tensor:
    """Return class activation maps (n, k, h, w) of features (n, c, h, w) (Zhou et al. 2016, arXiv 1512.04150).

    The weights (k, c) are those of the linear layer behind the average pooling. A map holds what each place
    adds to a class's logit; its mean is the logit without the bias.
    """
    return torch.einsum("nchw,kc->nkhw", features, weights)
