"""The ablation of a configuration."""

import json
from pathlib import Path

import pytest

from tests.fakes.faces import write_drawn_faces
from training.ablate import AS_IT_IS, as_table, main, switched
from training.config import load_config

pytestmark = pytest.mark.training


def test_each_switch_is_turned_alone_and_the_other_way() -> None:
    config = load_config("resnet18")
    variants = switched(config)
    assert list(variants) == [
        AS_IT_IS,
        "without class weights",
        "without label smoothing",
        "without random erasing",
        "without freezing at first",
    ]
    assert variants["without random erasing"].erase == 0
    assert variants["without random erasing"].class_weights == config.class_weights
    plain = switched(load_config("base"))
    assert plain["with freezing at first"].unfreeze == [["features", 66]]
    assert plain["with class weights"].class_weights == 1


def test_the_table_says_what_each_switch_is_worth() -> None:
    row = {"accuracy": 0.5, "accuracy_se": 0.01, "macro_f1": 0.4, "loss": 1.2}
    table = as_table({AS_IT_IS: row, "with x": row | {"accuracy": 0.53}})
    assert "| as configured | 50.0 ± 1.0 % |  | 0.400 | 1.200 |" in table
    assert "| with x | 53.0 ± 1.0 % | +3.0 | 0.400 | 1.200 |" in table


def test_the_command_trains_each_and_prints_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write_drawn_faces(tmp_path / "fer2013.csv"), tmp_path / "out"
    small = ["batch_size=8", "stages=[[24, 1]]", "network_options.channels=[8, 8, 8, 8]", "ema_decay=0.0"]
    flags = [flag for change in small for flag in ("--set", change)]
    where = ["--data", str(data), "--out", str(out), "--faces", "16", "--epochs", "1", "--threads", "1"]
    assert main(["--config", "emotion-cpu", *flags, *where]) == 0
    assert "| without label smoothing |" in capsys.readouterr().out
    assert len(json.loads((out / "ablation.json").read_text())) == 5
    assert (out / "with-random-erasing" / "curves.png").is_file()


def test_missing_data_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path / "none.csv")]) == 2
    assert "no data at" in capsys.readouterr().err
