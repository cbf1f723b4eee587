"""The configuration of a training run, a TOML file in training/configs/."""

import tomllib
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_origin

CONFIGS = Path(__file__).parent / "configs"
OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("one-cycle", "plateau", "cosine", "constant")
KEPT = ("last", "loss", "accuracy")
FORMERLY = {"tilt_deg": "tilt_degrees"}  # names of settings in earlier versions, which are still accepted


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
    flip: bool = True  # every other face is mirrored
    tilt_degrees: float = 18.0  # how far faces are tilted at most, to either side
    zoom: float = 1.25  # the largest factor by which faces are enlarged or shrunk; 1: not at all
    shift: float = 0.1  # how far faces are moved at most, of their side
    jitter: float = 0.0  # how far brightness and contrast are changed at most, as a share
    erase: float = 0.0  # how often a rectangle is covered (random erasing), 0 to 1
    webcam: float = 0.0  # how often faces are degraded as webcams do, 0 to 1
    calm_epochs: int = 0  # at the end, without mixup
    sharp_epochs: int = 0  # at the end, without the webcam's degradation
    ema_decay: float = 0.0  # of the averaged weights, per step
    early_stopping: int = 0  # epochs that are not better than the best
    keep: str = (
        ""  # the epoch that is written: last, or best by loss or accuracy; "": last, or loss if it stops early
    )
    min_learning_rate: float = 0.0  # at the end of the cosine schedule

    @property
    def epochs(self) -> int:
        """The number of epochs of all stages."""
        return sum(epochs for _, epochs in self.stages)

    @property
    def judged_by(self) -> str:
        """What makes an epoch better than another: loss, accuracy, or last, by which each is."""
        return self.keep or ("loss" if self.early_stopping else "last")

    def movements(self) -> dict[str, Any]:
        """Return the arguments of training.augment.augment that hold for the whole run."""
        names = ("tilt_degrees", "flip", "zoom", "shift", "jitter", "erase")
        return {name: getattr(self, name) for name in names}

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


def load_config(name: str, changes: Sequence[str] = (), epochs: int | None = None) -> Config:
    """Return the configuration of a name in training/configs/, or of the path of a TOML file.

    Args:
        name: The name or the path.
        changes: Settings that differ, each "name=value"; "network_options.dropout=0.3" is one of the network's.
        epochs: The number of epochs, if it differs: the stages are cut, or the last one is longer.

    Raises:
        ValueError: It is missing, incomplete or impossible; the message is one sentence.
    """
    path = Path(name) if name.endswith(".toml") else CONFIGS / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise ValueError(f"no training configuration {name!r}; there are: {known}")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from None
    for change in changes:
        _change(values, change)
    if epochs is not None:
        values["stages"] = _resized(values.get("stages", []), epochs)
    return parse_config(values, str(path))


def _change(values: dict[str, Any], change: str) -> None:
    """Set one of the values as "name=value" says, the value as in TOML or a bare word; raises ValueError."""
    name, equals, text = change.partition("=")
    *outer, last = (part.strip() for part in name.split("."))
    if not (equals and last):
        raise ValueError(f"--set takes name=value, not {change!r}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    for part in outer:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise ValueError(f"--set {change}: {part} is no table")
    values[last] = value


def _resized(stages: list[list[int]], epochs: int) -> list[list[int]]:
    """Return stages of so many epochs altogether; ValueError for less than one."""
    if epochs < 1:
        raise ValueError("--epochs must be at least 1")
    resized = []
    for side, length in stages:
        resized.append([side, min(length, epochs)])
        epochs -= length
        if epochs <= 0:
            return resized
    resized[-1][1] += epochs
    return resized


def parse_config(values: dict[str, Any], origin: str) -> Config:
    """Return the configuration in values; ValueError, naming origin, for a missing or impossible one."""
    values = {FORMERLY.get(name, name): value for name, value in values.items()}
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
            raise ValueError(f"{origin}: {name} must be one of {', '.join(choice)}")
    if values.get("keep", "") not in ("", *KEPT):
        raise ValueError(f"{origin}: keep must be one of {', '.join(KEPT)}")
    if values.get("zoom", 1.0) < 1:
        raise ValueError(f"{origin}: zoom must be at least 1")
    if values["batch_size"] < 2:
        raise ValueError(f"{origin}: batch_size must be at least 2")
    if not values["stages"] or not _pairs(values["stages"], int):
        raise ValueError(f"{origin}: stages must be a list of [side, epochs]")
    if not _pairs(values.get("unfreeze", []), str):
        raise ValueError(f"{origin}: unfreeze must be a list of [part, epoch]")
    return Config(**values)


def _pairs(value: list[Any], first: type) -> bool:
    """Return whether each item is a list of a `first` and an int."""
    return all(isinstance(v, list) and [type(i) for i in v] == [first, int] for v in value)
