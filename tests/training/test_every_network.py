"""Every network trains, is measured, explained, exported, and runs live, in ONNX as in PyTorch."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from app import SAMPLES, create_app
from nn.checkpoint import save_weights
from nn.engines import load_onnx, load_torch
from nn.pooled import PooledNet
from nn.registry import NETWORKS, load_net
from server.lifetime import close_site
from settings import Settings
from tests.fakes.faces import write_drawn_faces
from tests.fakes.nets import lively, noise
from training.compare import main as compare
from training.config import load_config
from training.evaluate import main as evaluate
from training.explain import main as explain
from training.export import main as export
from training.train import main as train
from vision.emotions import DETAILS, EMOTIONS

pytestmark = [
    pytest.mark.training,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # torch's exporter's own
]

# The configuration of each network, and what makes it quick enough for a test without another layer.
CONFIGS: dict[str, tuple[str, list[str]]] = {
    "emotion": ("emotion-cpu", []),
    "base": ("base", []),
    "emotion-cnn": ("emotion-cnn", []),
    "resnet": ("resnet18", ["unfreeze=[]"]),
    "resnet-transfer": ("transfer-resnet18", []),
    "resemotenet": ("resemotenet", ["network_options.width=16"]),
    "se-vgg": ("teacher-se-vgg", []),
    "vgg16": ("transfer-vgg16", ["network_options.dense=32"]),
    "efficientnet-b0": ("transfer-efficientnet-b0", []),
}
CROPS = np.stack([noise(48, 48), 255 - noise(48, 48)])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drawn_faces(tmp_path_factory.mktemp("data") / "fer2013.csv", training=14, validation=7)


def test_every_network_has_a_configuration() -> None:
    assert {name: load_config(config).network for name, (config, _) in CONFIGS.items()} == {
        name: name for name in NETWORKS
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_trained_measured_explained_exported_and_runs_live(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.inference.TIMED", 2)
    config, changes = CONFIGS[name]
    run = tmp_path / "run"
    weights = run / "weights.safetensors"
    flags = [flag for change in (*changes, "batch_size=7", "early_stopping=0") for flag in ("--set", change)]
    where = ["--data", str(data), "--out", str(run), "--threads", "1"]
    assert train(["--config", config, *flags, "--epochs", "1", "--faces", "14", *where]) == 0
    assert {path.name for path in run.iterdir()} >= {"curves.png", "confusion.png", "weights.safetensors"}
    assert load_net(weights)[1].training["faces"] == 14
    (run / "state.pt").unlink()  # which is large

    assert evaluate([str(weights), "--data", str(data), "--out", str(tmp_path / "report")]) == 0
    assert compare([str(run), "--data", str(data)]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(f"| `run` | {name} |"))
    assert "| 1 epoch of 14 faces |" in row
    picture = tmp_path / "why.png"
    face = str(SAMPLES / "happy" / "01.jpg")
    assert explain([str(weights), face, "--whole", "--out", str(picture)]) == 0
    assert cv2.imread(str(picture)) is not None

    runs_live(weights, tmp_path)
    net, card = load_net(weights)
    save_weights(weights, lively(net, 48), card)  # so that each layer says something, after so little training
    assert export([str(weights)]) == 0
    answers_in_onnx_as_in_pytorch(weights)
    runs_live(weights, tmp_path)


def answers_in_onnx_as_in_pytorch(weights: Path) -> None:
    """Compare the engines' logits and maps of two pictures."""
    (onnx_engine, card), (engine, _) = load_onnx(weights), load_torch(weights)
    assert card == load_net(weights)[1]
    np.testing.assert_allclose(onnx_engine.logits(CROPS), engine.logits(CROPS), atol=2e-3)
    assert onnx_engine.has_live_maps == engine.has_live_maps
    theirs, ours = (each.logits_and_maps(CROPS)[1] for each in (onnx_engine, engine))
    np.testing.assert_allclose(theirs, ours, atol=2e-3 * float(ours.max()))


def runs_live(weights: Path, tmp_path: Path) -> None:
    """Watch the demo with these weights, and ask why a face is named as it is."""
    threads = torch.get_num_threads()
    database = str(tmp_path / "history.sqlite")
    settings = Settings(source="demo", weights=str(weights), database_url=database, min_face_px=80, idle_s=0)
    site = create_app(settings)  # whose camera does no more than is asked for
    try:
        client = site.test_client()
        with Image.open(io.BytesIO(client.get("/snapshot.jpg").data)) as picture:
            assert picture.size == (640, 480)
        heat = client.post("/view", json={"heat": True})
        assert heat.status_code == (200 if isinstance(load_net(weights)[0], PooledNet) else 400)
        page = client.get("/explain/happy/1")
        assert page.status_code == 200
        text = page.get_data(as_text=True)
        assert all(f"The network saw {DETAILS[emotion].adjective}" in text for emotion in EMOTIONS)
        answer = client.post("/api/v1/predict", data=(SAMPLES / "happy" / "01.jpg").read_bytes())
        assert answer.status_code == 200
    finally:
        assert close_site(site)
        torch.set_num_threads(threads)
