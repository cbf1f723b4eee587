"""A training run's settings: one TOML file each in training/configs/."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

CONFIGS = Path(__file__).parent / "configs"
NETWORKS = ("base",)
SCHEDULES = ("one-cycle", "plateau")


@dataclass(frozen=True)
class Config:
    """Everything that decides how a run goes, besides its data."""

    network: str
    batch_size: int
    learning_rate: float
    weight_decay: float
    dropout: float  # of whole channels, in the convolution blocks
    dense_dropout: float
    label_smoothing: float
    ema_decay: float  # of the averaged weights, per step; 0: no averaging
    schedule: str
    early_stopping: int  # epochs without a better validation loss; 0: never
    stages: list[list[int]]  # [side in px, epochs], in turn
    seed: int

    @property
    def epochs(self) -> int:
        return sum(epochs for _, epochs in self.stages)

    def side(self, epoch: int) -> int:
        """Return the side in px of the pictures of an epoch, counted from 0."""
        for side, epochs in self.stages:
            if epoch < epochs:
                return side
            epoch -= epochs
        raise IndexError(f"the stages end before epoch {epoch}")


KINDS: dict[str, type | tuple[type, ...]] = {
    field.name: (int, float) if field.type is float else field.type
    for field in fields(Config)
    if isinstance(field.type, type)
}


def load_config(name: str) -> Config:
    """Return the configuration of that name in training/configs/, or in the TOML file of that path.

    Raises ValueError with one clear sentence if there is none or it is not complete.
    """
    path = Path(name) if name.endswith(".toml") else CONFIGS / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise ValueError(f"no training configuration {name!r}; there are: {known}")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from None
    return parse_config(values, str(path))


def parse_config(values: dict[str, Any], origin: str) -> Config:
    """Return the configuration in values; ValueError names what is missing, unknown or impossible."""
    names = {field.name for field in fields(Config)}
    if missing := names - values.keys():
        raise ValueError(f"{origin} lacks {', '.join(sorted(missing))}")
    if unknown := values.keys() - names:
        raise ValueError(f"{origin} has unknown settings: {', '.join(sorted(unknown))}")
    for name, known in (("network", NETWORKS), ("schedule", SCHEDULES)):
        if values[name] not in known:
            raise ValueError(f"{origin}: {name} is one of {', '.join(known)}")
    for name, kind in KINDS.items():
        if not isinstance(values[name], kind):
            raise ValueError(f"{origin}: {name} has the wrong type")
    if values["batch_size"] < 2:
        raise ValueError(f"{origin}: batch_size is at least 2")
    stages = values["stages"]
    if not (isinstance(stages, list) and stages and all(isinstance(s, list) and len(s) == 2 for s in stages)):
        raise ValueError(f"{origin}: stages is a list of [side, epochs]")
    return Config(**values)
