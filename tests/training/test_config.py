"""The settings of a training run."""

from pathlib import Path
from typing import Any

import pytest
import torch

from nn.registry import build
from training.config import CONFIGS, Config, load_config, parse_config

pytestmark = pytest.mark.training

SETTINGS: dict[str, Any] = {
    "network": "base",
    "batch_size": 8,
    "optimizer": "sgd",
    "learning_rate": 1e-3,
    "weight_decay": 0.01,
    "schedule": "one-cycle",
    "stages": [[24, 2], [36, 3], [48, 1]],
    "seed": 1,
}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: str(path.stem))
def test_every_configuration_loads_by_name_and_by_path(path: Path) -> None:
    config = load_config(path.stem)
    assert config == load_config(str(path))
    assert config.side(config.epochs - 1) in (44, 48)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: str(path.stem))
def test_the_network_of_every_configuration_can_be_built(path: Path) -> None:
    config = load_config(path.stem)
    with torch.device("meta"):
        build(config.network, config.network_options)


def test_the_default_configuration_is_there() -> None:
    assert (CONFIGS / "emotion.toml").is_file()


def test_the_side_walks_the_stages() -> None:
    config = parse_config(SETTINGS, "here")
    assert config.epochs == 6
    assert [config.side(epoch) for epoch in range(6)] == [24, 24, 36, 36, 36, 48]
    with pytest.raises(IndexError):
        config.side(6)


def test_an_unknown_configuration_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"no training configuration 'bsae'; there are: .*base"):
        load_config("bsae")


def test_broken_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("seed = = 1")
    with pytest.raises(ValueError, match=r"mine\.toml is not valid TOML"):
        load_config(str(path))


def test_settings_can_be_changed_for_one_run() -> None:
    changes = [
        "learning_rate=3e-4",
        "keep=accuracy",
        "network_options.dropout=0.3",
        "unfreeze = []",
        "flip=false",
    ]
    config = load_config("resnet18", changes, epochs=7)
    assert (config.learning_rate, config.keep, config.unfreeze, config.flip) == (3e-4, "accuracy", [], False)
    assert config.network_options == {"depth": 18, "dropout": 0.3}
    assert config.stages == [[48, 7]]


@pytest.mark.parametrize(
    ("epochs", "stages"),
    [
        (1, [[24, 1]]),
        (34, [[24, 34]]),
        (40, [[24, 34], [32, 6]]),
        (70, [[24, 34], [32, 16], [40, 14], [48, 6]]),
    ],
)
def test_fewer_epochs_cut_the_stages_and_more_lengthen_the_last(epochs: int, stages: list[list[int]]) -> None:
    assert load_config("emotion-cpu", epochs=epochs).stages == stages


@pytest.mark.parametrize("change", ["flip", "=3", "seed.x=3", "speed=3", "seed=abc"])
def test_an_impossible_change_is_named(change: str) -> None:
    with pytest.raises(ValueError, match=change.partition("=")[0].partition(".")[0] or "name=value"):
        load_config("base", [change])


def test_no_epoch_is_refused() -> None:
    with pytest.raises(ValueError, match="--epochs must be at least 1"):
        load_config("base", epochs=0)


def test_a_setting_of_version_0_1_keeps_its_former_name() -> None:
    assert parse_config({**SETTINGS, "tilt_deg": 5.0}, "here").tilt_degrees == 5


def test_the_fields_recipes_are_their_authors() -> None:
    resnet, cnn, base = (load_config(name) for name in ("resnet18", "emotion-cnn", "base"))
    assert (resnet.learning_rate, resnet.min_learning_rate, resnet.erase, resnet.early_stopping) == (
        2e-4,
        1e-6,
        0.3,
        10,
    )
    assert (resnet.unfreeze, resnet.class_weights, resnet.weight_decay) == ([["trunk", 5]], 1.0, 1e-4)
    assert (cnn.batch_size, cnn.epochs, cnn.jitter, cnn.tilt_degrees, cnn.judged_by) == (
        32,
        50,
        0.2,
        0,
        "accuracy",
    )
    assert (base.epochs, base.network_options["dropout"], base.judged_by) == (200, 0.2, "loss")


@pytest.mark.parametrize("name", SETTINGS)
def test_a_missing_setting_is_named(name: str) -> None:
    values = {key: value for key, value in SETTINGS.items() if key != name}
    with pytest.raises(ValueError, match=f"here lacks {name}"):
        parse_config(values, "here")


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ValueError, match="unknown settings: epochs, momentum"):
        parse_config({**SETTINGS, "momentum": 0.9, "epochs": 3}, "here")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schedule", "sawtooth"),
        ("keep", "best"),
        ("zoom", 0.5),
        ("optimizer", "lamb"),
        ("network", 3),
        ("unfreeze", [["head"]]),
        ("unfreeze", [[1, "head"]]),
        ("mixup", "0.2"),
        ("batch_size", 0),
        ("batch_size", "64"),
        ("learning_rate", "1e-3"),
        ("stages", []),
        ("stages", [[48]]),
    ],
)
def test_an_impossible_setting_is_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"here.*{name}"):
        parse_config({**SETTINGS, name: value}, "here")


def test_a_configuration_can_be_made_from_its_settings() -> None:
    assert parse_config(SETTINGS, "here") == Config(**SETTINGS)
