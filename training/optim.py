"""How a network learns: optimizer, learning-rate schedule, and which of its parts learn yet."""

from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau

from training.config import Config


def make_optimizer(net: nn.Module, config: Config) -> torch.optim.Optimizer:
    """Return the configuration's optimizer over all of the network's parameters."""
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), rate, 0.9, weight_decay=decay, nesterov=True)
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(net.parameters(), rate, weight_decay=decay)


class Schedule:
    """The learning rate over the run: told of each step, and of each epoch's validation loss."""

    def __init__(self, optimizer: torch.optim.Optimizer, config: Config, steps_per_epoch: int) -> None:
        total = config.epochs * steps_per_epoch
        self._inner: OneCycleLR | CosineAnnealingLR | ReduceLROnPlateau
        if config.schedule == "one-cycle":
            self._inner = OneCycleLR(optimizer, config.learning_rate, total_steps=total, pct_start=0.2)
        elif config.schedule == "cosine":
            self._inner = CosineAnnealingLR(optimizer, total)
        else:
            self._inner = ReduceLROnPlateau(optimizer, factor=0.5, patience=3)

    def after_step(self) -> None:
        if not isinstance(self._inner, ReduceLROnPlateau):
            self._inner.step()

    def after_epoch(self, validation_loss: float) -> None:
        if isinstance(self._inner, ReduceLROnPlateau):
            self._inner.step(validation_loss)

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = self._inner.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._inner.load_state_dict(state)


def thaw(net: nn.Module, unfreeze: list[list[Any]], epoch: int) -> bool:
    """Let the parts learn whose turn has come by this epoch; return whether anything changed.

    unfreeze lists [beginning of the parameters' names, epoch]; parts that it does not name always learn.
    """
    changed = False
    for name, parameter in net.named_parameters():
        turns = [turn for part, turn in unfreeze if name.startswith(part)]
        learns = all(epoch >= turn for turn in turns)
        changed = changed or parameter.requires_grad != learns
        parameter.requires_grad_(learns)
    return changed
