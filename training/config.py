"""The configuration of a training run, a TOML file in training/configs/."""

import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_origin

CONFIGS = Path(__file__).parent / "configs"
OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("one-cycle", "plateau", "cosine")


@dataclass(frozen=True)
class Config:
    """The settings of a training run; a setting with a default is off by default."""

    network: str
    batch_size: int
    optimizer: str
    learning_rate: float
    weight_decay: float
    schedule: str
    stages: list[list[int]]  # [side in px, epochs], in turn
    seed: int
    network_options: dict[str, Any] = field(default_factory=dict)  # given to the network's constructor
    unfreeze: list[list[Any]] = field(default_factory=list)  # [part's name, epoch in which it begins to learn]
    label_smoothing: float = 0.0
    class_weights: float = 0.0  # 1: every label counts the same, 0: every face; between them, powers
    ferplus_weight: float = 0.0  # of the FER+ head's loss beside the label's
    distill_weight: float = 0.0  # of the teachers' answers; the labels get the rest
    distill_temperature: float = 1.0
    mixup: float = 0.0  # alpha of its Beta distribution
    webcam: float = 0.0  # how often faces are degraded as webcams do, 0 to 1
    tilt_deg: float = 18.0  # how far faces are tilted at most, to either side
    calm_epochs: int = 0  # at the end, without mixup
    sharp_epochs: int = 0  # at the end, without the webcam's degradation
    ema_decay: float = 0.0  # of the averaged weights, per step
    early_stopping: int = 0  # epochs without a better validation loss

    @property
    def epochs(self) -> int:
        """The number of epochs of all stages."""
        return sum(epochs for _, epochs in self.stages)

    def side(self, epoch: int) -> int:
        """Return the side in px of an epoch's images; epochs count from 0. IndexError after the last."""
        for side, epochs in self.stages:
            if epoch < epochs:
                return side
            epoch -= epochs
        raise IndexError(f"the stages end before epoch {epoch}")


def _kind(annotation: Any) -> Any:
    """Return the classes that isinstance checks for a field's annotation; TOML may write 1 for 1.0."""
    return (int, float) if annotation is float else get_origin(annotation) or annotation


def load_config(name: str) -> Config:
    """Return the configuration of a name in training/configs/, or of the path of a TOML file.

    Raises ValueError with one sentence if it is missing, incomplete or impossible.
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
    """Return the configuration in values; ValueError, naming origin, for a missing or impossible one."""
    known = {f.name: f for f in fields(Config)}
    required = {f.name for f in known.values() if f.default is MISSING and f.default_factory is MISSING}
    if missing := required - values.keys():
        raise ValueError(f"{origin} lacks {', '.join(sorted(missing))}")
    if unknown := values.keys() - known.keys():
        raise ValueError(f"{origin} has unknown settings: {', '.join(sorted(unknown))}")
    for name, value in values.items():
        if not isinstance(value, _kind(known[name].type)):
            raise ValueError(f"{origin}: {name} has the wrong type")
    for name, choice in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        if values[name] not in choice:
            raise ValueError(f"{origin}: {name} is one of {', '.join(choice)}")
    if values["batch_size"] < 2:
        raise ValueError(f"{origin}: batch_size is at least 2")
    if not values["stages"] or not _pairs(values["stages"], int):
        raise ValueError(f"{origin}: stages is a list of [side, epochs]")
    if not _pairs(values.get("unfreeze", []), str):
        raise ValueError(f"{origin}: unfreeze is a list of [part, epoch]")
    return Config(**values)


def _pairs(value: list[Any], first: type) -> bool:
    """Return whether each item is a list of a `first` and an int."""
    return all(isinstance(v, list) and [type(i) for i in v] == [first, int] for v in value)
