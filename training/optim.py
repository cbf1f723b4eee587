"""The optimizer, the learning-rate schedule, and the unfreezing of a network's parts."""

from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, OneCycleLR, ReduceLROnPlateau

from training.config import Config


def make_optimizer(net: nn.Module, config: Config) -> torch.optim.Optimizer:
    """Return the configuration's optimizer of all the network's parameters."""
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), rate, 0.9, weight_decay=decay, nesterov=True)
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(net.parameters(), rate, weight_decay=decay)


class Schedule:
    """The learning rate's schedule over a run, of any kind in training.config.SCHEDULES."""

    def __init__(self, optimizer: torch.optim.Optimizer, config: Config, steps_per_epoch: int) -> None:
        """Begin the configuration's schedule, which changes the optimizer's learning rate."""
        total = config.epochs * steps_per_epoch
        self._inner: OneCycleLR | CosineAnnealingLR | LambdaLR | ReduceLROnPlateau
        if config.schedule == "one-cycle":
            self._inner = OneCycleLR(optimizer, config.learning_rate, total_steps=total, pct_start=0.2)
        elif config.schedule == "cosine":
            self._inner = CosineAnnealingLR(optimizer, total, config.min_learning_rate)
        elif config.schedule == "constant":
            self._inner = LambdaLR(optimizer, lambda _step: 1.0)
        else:
            self._inner = ReduceLROnPlateau(optimizer, factor=0.5, patience=3)

    def after_step(self) -> None:
        """Advance a schedule by steps; called after each step."""
        if not isinstance(self._inner, ReduceLROnPlateau):
            self._inner.step()

    def after_epoch(self, validation_loss: float) -> None:
        """Advance a schedule by the validation loss; called after each epoch."""
        if isinstance(self._inner, ReduceLROnPlateau):
            self._inner.step(validation_loss)

    def state_dict(self) -> dict[str, Any]:
        """Return the schedule's state, for a resumed run."""
        state: dict[str, Any] = self._inner.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state of `state_dict`."""
        self._inner.load_state_dict(state)


def thaw(net: nn.Module, unfreeze: list[list[Any]], epoch: int) -> bool:
    """Unfreeze the parts that are due by this epoch, freeze the others, and return whether anything changed.

    unfreeze lists [beginning of the parameters' names, epoch]; parts that it does not list always learn.
    """
    changed = False
    for name, parameter in net.named_parameters():
        epochs = [due for part, due in unfreeze if name.startswith(part)]
        learns = all(epoch >= due for due in epochs)
        changed = changed or parameter.requires_grad != learns
        parameter.requires_grad_(learns)
    return changed
