"""Training from faces to a weights file: stopped, resumed, stopped early, refused."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from model import EmotionClassifier
from nn.checkpoint import save_weights
from nn.emotion_net import EmotionNet
from nn.model_card import ModelCard
from nn.registry import NETWORKS, load_net
from settings import ROOT
from tests.fakes.fer2013 import write_fer2013
from tests.fakes.nets import lively
from tests.fakes.waiting import PATIENCE_S
from training.augment import augment
from training.config import Config
from training.data import Faces, load_faces
from training.losses import ask_teachers, distill_loss
from training.run import Run
from training.train import main
from vision.emotions import EMOTIONS
from vision.samples import load_samples, read_face

pytestmark = pytest.mark.training

SETTINGS: dict[str, Any] = {
    "network": "emotion",
    "batch_size": 8,
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "weight_decay": 0.01,
    "schedule": "one-cycle",
    "label_smoothing": 0.1,
    "ferplus_weight": 1.0,
    "mixup": 0.2,
    "webcam": 0.3,
    "calm_epochs": 1,
    "ema_decay": 0.5,
    "stages": [[24, 1], [30, 1]],
    "seed": 1,
}
COSINE = {"schedule": "cosine", "unfreeze": [["0.", 1]], "class_weights": 1.0, "optimizer": "sgd"}
PLATEAU = {"schedule": "plateau", "early_stopping": 5, "ema_decay": 0.0}


class TinyNet(nn.Sequential):
    """Every kind of layer that the networks have, and hardly any weights."""

    def __init__(self, outputs: int = 15) -> None:
        features = (nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveMaxPool2d(3), nn.ReLU())
        super().__init__(*features, nn.Flatten(), nn.Dropout(0.3), nn.Linear(36, outputs))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = super().forward(images / 255)  # type: ignore[no-untyped-call]  # torch's
        return logits


@pytest.fixture
def tiny_net(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS, "emotion", TinyNet)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen faces to learn from and seven to check with, of noise."""
    rng = np.random.default_rng(0)
    splits = ["Training"] * 16 + ["PublicTest"] * 7
    rows = [(number % 7, rng.integers(0, 256, 48 * 48), split) for number, split in enumerate(splits)]
    return write_fer2013(tmp_path_factory.mktemp("data") / "fer2013.csv", rows)


def write_config(folder: Path, **changes: Any) -> Path:
    values = SETTINGS | changes
    path = folder / "tiny.toml"
    path.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items()))
    return path


def train(folder: Path, data: Path, *more: str, **changes: Any) -> int:
    """Run the command line in folder and return its exit status."""
    config = write_config(folder, **changes)
    return main(
        ["--config", str(config), "--data", str(data), "--out", str(folder / "run"), "--threads", "1", *more]
    )


def two_splits(data: Path) -> tuple[Faces, Faces]:
    return load_faces(data, "Training"), load_faces(data, "PublicTest")


def state_of(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / "run" / "state.pt", weights_only=True)
    return state


def weights_of(folder: Path) -> Path:
    return folder / "run" / "weights.safetensors"


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a failed command left on stderr."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the whole network."""
    folder = tmp_path_factory.mktemp("finished")
    assert train(folder, data) == 0
    return folder


def test_a_run_writes_weights_that_the_site_can_use(finished: Path) -> None:
    classifier = EmotionClassifier.load(weights_of(finished))
    probs = classifier.predict(np.full((60, 60), 90, dtype=np.uint8), np.array([[0, 0, 50, 50]]))
    assert probs.sum() == pytest.approx(1)


def test_the_card_says_where_the_weights_come_from(finished: Path, data: Path) -> None:
    card = EmotionClassifier.load(weights_of(finished)).card
    assert card.network == "emotion"
    assert card.training == {**asdict(Config(**SETTINGS)), "epoch": 2, "faces": 16}
    assert card.data_sha256 == load_faces(data, "Training").sha256()
    assert tuple(card.classes) == EMOTIONS


def test_the_card_has_the_figures_of_the_validation_faces(finished: Path) -> None:
    metrics = EmotionClassifier.load(weights_of(finished)).card.metrics
    names = ["accuracy", "accuracy_se", "macro_f1", "loss", "ece"]
    assert list(metrics) == [f"PublicTest {name}" for name in names]
    assert metrics["PublicTest accuracy"] * 7 == pytest.approx(
        round(metrics["PublicTest accuracy"] * 7), abs=1e-4
    )
    assert 0 < metrics["PublicTest loss"] < 10


def test_the_weights_are_the_averaged_ones(finished: Path) -> None:
    weights = load_net(weights_of(finished))[0].state_dict()
    state = state_of(finished)
    name = "head.weight"
    assert torch.equal(weights[name], state["ema"][f"module.{name}"].half().float())
    assert not torch.equal(state["ema"][f"module.{name}"], state["net"][name])


@pytest.mark.usefixtures("tiny_net")
def test_a_run_prints_its_figures(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(tmp_path, data) == 0
    out = capsys.readouterr().out
    metrics = load_net(weights_of(tmp_path))[1].metrics
    assert f"accuracy     {metrics['PublicTest accuracy']:.4f}" in out
    assert f"weights in {weights_of(tmp_path)}" in out


def repeated(faces: Faces, times: int) -> Faces:
    """The same faces several times an epoch: as many steps, with fewer epochs to check and to save."""
    images, labels, votes = (
        np.concatenate([part] * times) for part in (faces.images, faces.labels, faces.votes)
    )
    return Faces(images, labels, votes)


@pytest.mark.usefixtures("tiny_net")
def test_training_learns_to_tell_bars_from_columns(tmp_path: Path) -> None:
    labels = np.arange(16, dtype=np.int64) % 2
    images = np.zeros((16, 48, 48), dtype=np.uint8)
    images[labels == 0, 18:30] = 255
    images[labels == 1, :, 18:30] = 255
    config = Config(**SETTINGS | {"stages": [[24, 5]], "learning_rate": 0.05, "webcam": 0, "mixup": 0})
    faces = Faces(images, labels, np.zeros((16, 10), dtype=np.int64))
    run = Run(config, repeated(faces, 5), faces, tmp_path)  # 50 steps
    before = run.metrics(24)["loss"]
    run.run()
    assert run.metrics(24)["accuracy"] == 1
    assert run.metrics(24)["loss"] < before


def stopping_after(step: int) -> type[Run]:
    """A run in which somebody presses Ctrl-C during that step, counted from 1."""

    class Interrupted(Run):
        def _train_step(self, net: nn.Module, batch: Tensor, side: int) -> Tensor:
            loss = super()._train_step(net, batch, side)
            if self.step == step:
                signal.raise_signal(signal.SIGINT)
            return loss

    return Interrupted


def stop_and_resume(
    folder: Path, data: Path, step: int, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("training.train.Run", stopping_after(step))
        assert train(folder, data, **changes) == 130
    assert state_of(folder)["step"] == step
    assert train(folder, data, "--resume", **changes) == 0


def assert_same_run(first: Path, second: Path) -> None:
    a, b = state_of(first), state_of(second)
    for part in ("net", "ema"):
        for name, value in a[part].items():
            assert torch.equal(value, b[part][name]), f"{part} {name}"
    assert (a["step"], a["best"], a["schedule"]) == (b["step"], b["best"], b["schedule"])
    assert weights_of(first).read_bytes() == weights_of(second).read_bytes()


@pytest.fixture(scope="module", params=[{}, PLATEAU, COSINE], ids=["one-cycle", "plateau", "cosine"])
def never_stopped(
    request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """The folder of a run from its first step to its last, and how its settings differ."""
    folder, changes = tmp_path_factory.mktemp("never_stopped"), request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "emotion", TinyNet)
        assert train(folder, data, **changes) == 0
    return folder, changes


@pytest.mark.usefixtures("tiny_net")
@pytest.mark.parametrize("step", [1, 2, 3, 4])  # 2 and 4 are the last of their epochs
def test_a_run_stopped_at_any_step_ends_as_one_never_stopped(
    tmp_path: Path,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    never_stopped: tuple[Path, dict[str, Any]],
) -> None:
    whole, changes = never_stopped
    stop_and_resume(tmp_path, data, step, monkeypatch, changes)
    assert_same_run(whole, tmp_path)


@pytest.mark.usefixtures("tiny_net")
def test_a_stopped_run_names_the_flag_that_continues_it(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("training.train.Run", stopping_after(1))
    assert train(tmp_path, data) == 130
    assert "--resume continues the run" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.usefixtures("tiny_net")
def test_resuming_a_finished_run_changes_nothing(tmp_path: Path, data: Path) -> None:
    assert train(tmp_path, data) == 0
    before = weights_of(tmp_path).read_bytes()
    assert train(tmp_path, data, "--resume") == 0
    assert weights_of(tmp_path).read_bytes() == before


@pytest.mark.usefixtures("tiny_net")
def test_resuming_without_a_state_is_refused(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, data, "--resume") == 2
    assert "nothing to resume in" in error_of(capsys)


@pytest.mark.usefixtures("tiny_net")
def test_resuming_with_another_configuration_is_refused(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, data) == 0
    capsys.readouterr()
    assert train(tmp_path, data, "--resume", seed=2) == 2
    assert "another configuration" in error_of(capsys)


@pytest.mark.usefixtures("tiny_net")
def test_a_run_started_before_a_setting_existed_is_resumed(tmp_path: Path, data: Path) -> None:
    assert train(tmp_path, data) == 0
    state = state_of(tmp_path)
    del state["config"]["erase"]
    state["config"]["tilt_deg"] = state["config"].pop("tilt_degrees")  # its name in version 0.1
    del state["history"]
    torch.save(state, tmp_path / "run" / "state.pt")
    assert train(tmp_path, data, "--resume") == 0


@pytest.mark.usefixtures("tiny_net")
def test_missing_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(tmp_path, tmp_path / "none.csv") == 2
    assert "no data at" in error_of(capsys)
    assert not (tmp_path / "run").exists()


def test_an_unknown_configuration_is_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", "bsae", "--data", str(data)]) == 2
    assert "no training configuration 'bsae'" in error_of(capsys)


@pytest.mark.usefixtures("tiny_net")
@pytest.mark.parametrize("changes", [{}, PLATEAU], ids=["one-cycle", "plateau"])
def test_fewer_faces_than_a_batch_are_refused(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any]
) -> None:
    assert train(tmp_path, data, **changes, batch_size=17) == 2
    assert "--set batch_size=" in error_of(capsys)


class Scripted(Run):
    """A run that learns nothing: the validation losses are given."""

    losses: list[float]

    def _train_epoch(self, net: nn.Module, epoch: int) -> float:  # noqa: ARG002 - as in Run
        self.step += self.steps_per_epoch
        return 1.0

    def metrics(self, side: int) -> dict[str, float]:  # noqa: ARG002 - as in Run
        return {"loss": self.losses[self.epoch - 1], "accuracy": 0.5, "macro_f1": 0.5}


def scripted(folder: Path, losses: list[float], kind: type[Scripted] = Scripted, **changes: Any) -> Scripted:
    images, labels = np.zeros((8, 48, 48), dtype=np.uint8), np.zeros(8, dtype=np.int64)
    faces = Faces(images, labels, np.zeros((8, 10), dtype=np.int64))
    config = Config(**SETTINGS | PLATEAU | {"stages": [[24, len(losses)]]} | changes)
    run = kind(config, faces, faces, folder)
    run.losses = losses
    return run


@pytest.mark.usefixtures("tiny_net")
def test_early_stopping_stops_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    run = scripted(tmp_path, [3, 2, 2.5, 2.4, 1], early_stopping=2)
    run.run()
    assert run.epoch == 4
    assert load_net(tmp_path / "weights.safetensors")[1].training["epoch"] == 2


@pytest.mark.usefixtures("tiny_net")
def test_without_early_stopping_the_last_epoch_is_kept(tmp_path: Path) -> None:
    run = scripted(tmp_path, [3, 2, 2.5, 2.4, 2.3], early_stopping=0)
    run.run()
    assert load_net(tmp_path / "weights.safetensors")[1].training["epoch"] == 5


@pytest.mark.usefixtures("tiny_net")
def test_the_epoch_with_the_best_accuracy_can_be_kept(tmp_path: Path) -> None:
    class Accurate(Scripted):
        def metrics(self, side: int) -> dict[str, float]:
            return super().metrics(side) | {"accuracy": [0.3, 0.6, 0.5, 0.6][self.epoch - 1]}

    run = scripted(tmp_path, [3, 2, 1, 0.5], early_stopping=0, keep="accuracy", kind=Accurate)
    run.run()
    assert load_net(tmp_path / "weights.safetensors")[1].training["epoch"] == 2


@pytest.mark.usefixtures("tiny_net")
def test_a_run_says_what_it_trains_and_draws_how_it_went(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, data, "--faces", "14", class_weights=1.0) == 0
    captured = capsys.readouterr()
    assert "network emotion, 603 parameters, on " in captured.out
    assert "14 faces to train on, 7 to validate; 2 epochs" in captured.out
    assert "disgust            2           1     1.00" in captured.out
    assert "training loss" in captured.out
    assert "recall angry" in captured.out
    assert captured.err == ""
    history = state_of(tmp_path)["history"]
    assert [epoch["epoch"] for epoch in history] == [1, 2]
    assert 0 <= history[1]["training_accuracy"] <= 1
    assert np.array(history[1]["confusion"]).sum() == 7
    for name in ("curves.png", "confusion.png"):
        assert (tmp_path / "run" / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("tiny_net")
def test_training_accuracy_counts_the_faces_that_were_named_as_labelled(tmp_path: Path) -> None:
    labels = np.arange(16, dtype=np.int64) % 2
    images = np.zeros((16, 48, 48), dtype=np.uint8)
    images[labels == 0, 18:30] = 255
    config = Config(**SETTINGS | {"stages": [[24, 6]], "learning_rate": 0.05, "webcam": 0, "mixup": 0})
    faces = Faces(images, labels, np.zeros((16, 10), dtype=np.int64))
    run = Run(config, repeated(faces, 5), faces, tmp_path)
    run.run()
    accuracies = [epoch["training_accuracy"] for epoch in run.history]
    assert accuracies[0] < accuracies[-1] > 0.95


@pytest.mark.usefixtures("tiny_net")
def test_freezing_random_weights_is_warned_of(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, data, unfreeze=[["0.", 1]]) == 0
    assert "warning: 0. of a network with random weights learn nothing until epoch 2" in capsys.readouterr().err


@pytest.mark.usefixtures("tiny_net")
@pytest.mark.parametrize(("losses", "share"), [([2, 2, 2, 2], 1), ([2, 2, 2, 2, 2], 0.5), ([6, 5, 4, 3, 2], 1)])
def test_the_learning_rate_halves_when_the_loss_stands_still(
    tmp_path: Path, losses: list[float], share: float
) -> None:
    run = scripted(tmp_path, losses, early_stopping=0)
    run.run()
    assert run.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * share)


@pytest.mark.usefixtures("tiny_net")
def test_a_run_can_begin_with_the_weights_of_another(tmp_path: Path, data: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    assert train(first, data) == 0
    still = {"learning_rate": 1e-12, "weight_decay": 0.0, "ema_decay": 0.0}
    assert train(second, data, "--init", str(weights_of(first)), **still) == 0
    first_state, second_state = (load_net(weights_of(folder))[0].state_dict() for folder in (first, second))
    assert torch.equal(first_state["6.weight"], second_state["6.weight"])
    card = load_net(weights_of(second))[1]
    assert card.training["before"]["data_sha256"] == card.data_sha256


def test_the_shipped_network_learns_on_from_a_few_faces_in_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for emotion, paths in load_samples(ROOT / "static" / "samples").items():
        for number, path in enumerate(paths):
            folder = tmp_path / "faces" / ("train" if number else "validation") / emotion
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / path.name), read_face(path))
    arguments = ["--config", "own-faces", "--data", str(tmp_path / "faces"), "--epochs", "1"]
    weights, out = ROOT / "weights" / "emotion.safetensors", tmp_path / "runs"
    assert main([*arguments, "--init", str(weights), "--out", str(out)]) == 0
    assert "35 faces to train on, 7 to validate" in capsys.readouterr().out
    assert load_net(out / "weights.safetensors")[1].metrics["PublicTest accuracy"] > 0.7  # still


@pytest.mark.usefixtures("tiny_net")
def test_weights_to_begin_with_that_are_not_there_are_named(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, data, "--init", str(tmp_path / "none.safetensors")) == 2
    assert "no weights at" in error_of(capsys)


@pytest.mark.usefixtures("tiny_net")
def test_a_finished_run_is_not_overwritten_by_accident(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, data) == 0
    capsys.readouterr()
    assert train(tmp_path, data) == 2
    assert "holds a run already" in error_of(capsys)


@pytest.mark.usefixtures("tiny_net")
def test_weights_of_a_network_in_another_form_are_refused(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    make_run(first, network_options={"outputs": 7}, stages=[[24, 1]]).run()
    capsys.readouterr()
    assert train(second, data, "--init", str(first / "weights.safetensors")) == 2
    assert "trained in another form" in error_of(capsys)


def test_a_larger_network_begins_with_what_a_smaller_one_learned(tmp_path: Path) -> None:
    torch.manual_seed(0)
    small = EmotionNet()
    lively(small)
    save_weights(tmp_path / "small.safetensors", small, ModelCard("emotion"))
    run = make_run(tmp_path / "run", network_options={"depths": [1, 2, 2, 3], "dropout": 0.1})
    run.start_from(tmp_path / "small.safetensors")
    images = run.images.float()
    with torch.inference_mode():
        expected, begun = small.half().float()(images), run.net.eval()(images)
    assert expected.std() > 0.01
    torch.testing.assert_close(begun, expected, atol=1e-3, rtol=1e-3)
    assert run.before["network"] == "emotion"


@pytest.mark.usefixtures("tiny_net")
def test_the_end_of_a_run_is_without_what_webcams_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, float]] = []

    def watched(images: Tensor, side: int, webcam: float, tilt_degrees: float, **more: Any) -> Tensor:
        asked.append((webcam, tilt_degrees))
        return augment(images, side, webcam, tilt_degrees, **more)

    monkeypatch.setattr("training.run.augment", watched)
    make_run(tmp_path, stages=[[24, 3]], webcam=0.3, sharp_epochs=2, tilt_degrees=10).run()
    assert asked == [(0.3, 10), (0.0, 10), (0.0, 10)]


def make_run(folder: Path, teachers: Sequence[nn.Module] = (), times: int = 1, **changes: Any) -> Run:
    """A run on eight faces of noise, each of which voters saw clearly, and an epoch so many times each."""
    rng = np.random.default_rng(0)
    votes = np.zeros((8, 10), dtype=np.int64)
    votes[np.arange(8), np.arange(8) % 7] = 10
    faces = Faces(rng.integers(0, 256, (8, 48, 48), dtype=np.uint8), np.arange(8) % 7, votes)
    return Run(Config(**SETTINGS | changes), repeated(faces, times), faces, folder, teachers)


@pytest.mark.usefixtures("tiny_net")
def test_parts_learn_from_the_epoch_on_that_is_theirs(tmp_path: Path) -> None:
    run = make_run(tmp_path, unfreeze=[["0.", 1]], stages=[[24, 1], [24, 1]], ema_decay=0.0)
    stem, head = (run.net.get_parameter(name) for name in ("0.weight", "6.weight"))
    values = []

    class Watched(SummaryWriter):
        def add_scalar(self, tag: str, *args: Any) -> None:  # noqa: ARG002 - as in tensorboard
            if tag == "Training/loss":
                values.append((stem.detach().clone(), head.detach().clone()))

    begun = (stem.detach().clone(), head.detach().clone())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.run.SummaryWriter", Watched)
        run.run()
    assert torch.equal(values[0][0], begun[0])
    assert not torch.equal(values[0][1], begun[1])
    assert not torch.equal(values[1][0], begun[0])


@pytest.mark.usefixtures("tiny_net")
def test_a_student_learns_the_answers_of_its_teacher(tmp_path: Path) -> None:
    torch.manual_seed(3)
    teacher = TinyNet()
    nn.init.normal_(teacher.get_parameter("6.weight"), std=3)
    changes: dict[str, Any] = {"distill_weight": 1.0, "distill_temperature": 2.0, "learning_rate": 0.05}
    changes |= {"stages": [[48, 4]], "webcam": 0.0, "mixup": 0.0, "ema_decay": 0.0}
    run = make_run(tmp_path, [teacher], times=20, **changes)  # 80 steps
    images = run.images[:8].float()
    targets = ask_teachers([teacher], images, 2.0)

    def apart() -> float:
        with torch.no_grad():
            return float(distill_loss(run.net.eval()(images), targets, 2.0))

    before = apart()
    run.run()
    assert apart() < before / 2


def test_teachers_without_a_distill_weight_are_refused(
    tmp_path: Path, data: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, data, "--teacher", str(weights_of(finished))) == 2
    assert "needs a configuration with a distill_weight" in error_of(capsys)


@pytest.mark.usefixtures("tiny_net")
def test_a_run_keeps_a_tensorboard_log(tmp_path: Path) -> None:
    make_run(tmp_path).run()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert "Validation/accuracy" in log.Tags()["scalars"]
    assert [event.step for event in log.Scalars("Training/loss")] == [1, 2]


@pytest.mark.usefixtures("tiny_net")
def test_an_unknown_network_is_named(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(tmp_path, data, network="vgg") == 2
    assert "no network 'vgg'" in error_of(capsys)


@pytest.mark.server
def test_two_processes_share_a_run_and_agree(tmp_path: Path, data: Path) -> None:
    config = write_config(tmp_path, stages=[[24, 1]])
    command = [sys.executable, "-m", "tests.fakes.two_processes", "--config", str(config), "--data", str(data)]
    command += ["--out", str(tmp_path / "run"), "--threads", "1"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=4 * PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("weights in") == 1  # only the first process reports
    assert state_of(tmp_path)["step"] == 2
    assert load_net(weights_of(tmp_path))[1].training["faces"] == 16


@pytest.mark.usefixtures("tiny_net")
def test_a_short_runs_average_is_of_its_last_steps(tmp_path: Path, data: Path) -> None:
    changes = {"stages": [[24, 10]], "ema_decay": 0.999, "schedule": "constant", "learning_rate": 1e-2}
    assert train(tmp_path, data, **changes) == 0
    state = state_of(tmp_path)
    begun = Run(Config(**SETTINGS | changes), *two_splits(data), tmp_path / "other").net.state_dict()
    now, average = state["net"]["6.weight"], state["ema"]["module.6.weight"]
    assert (average - now).norm() < 0.5 * (begun["6.weight"] - now).norm()
