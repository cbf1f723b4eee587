"""python -m training.train --config base --data fer2013.csv: from faces to a weights file.

A run can be stopped (Ctrl-C) and goes on where it was with the same command and --resume: every step
seeds its own randomness, so a resumed run ends with the same weights as one that was never stopped.
"""

import argparse
import pickle
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from model import Card, EmotionNet, WeightsError, load_weights, save_weights
from training.augment import augment
from training.config import Config, load_config
from training.data import Faces, load_faces
from training.evaluate import confusion, measure, predict_logits, report

STATE_FILE = "state.pt"
WEIGHTS_FILE = "weights.safetensors"


class Stopped(Exception):  # noqa: N818 - no error
    """The user asked the run to stop; its state is saved."""


class Run:
    """One training run: the network, its optimizer, and where it stands."""

    def __init__(self, config: Config, training: Faces, validation: Faces, folder: Path) -> None:
        self.config, self.training, self.validation, self.folder = config, training, validation, folder
        self.data_sha256 = training.sha256()
        torch.manual_seed(config.seed)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.net = EmotionNet(config.dropout, config.dense_dropout).to(self.device)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stubs
        decay = config.ema_decay
        self.ema = AveragedModel(self.net, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.steps_per_epoch = len(training) // config.batch_size
        if not self.steps_per_epoch:
            raise ValueError(f"{len(training)} faces are fewer than a batch of {config.batch_size}")
        self.schedule = self._make_schedule()
        self.step = 0
        self.best_loss, self.best_epoch = float("inf"), -1
        self.stopping = False
        self.before: dict[str, Any] = {}  # the card of the weights that the run began with

    def _make_schedule(self) -> OneCycleLR | ReduceLROnPlateau:
        if self.config.schedule == "plateau":
            return ReduceLROnPlateau(self.optimizer, factor=0.5, patience=3)
        total = self.config.epochs * self.steps_per_epoch
        return OneCycleLR(self.optimizer, self.config.learning_rate, total_steps=total, pct_start=0.2)

    @property
    def epoch(self) -> int:
        """The epoch that the next step belongs to, counted from 0."""
        return self.step // self.steps_per_epoch

    def run(self) -> None:
        """Train to the end of the stages, or until early stopping; raises Stopped when asked to stop."""
        while self.epoch < self.config.epochs and not self._is_stale():
            epoch = self.epoch
            loss = self._train_epoch(epoch)
            self._validate(epoch, loss)
            self.save()
            if self.stopping:
                raise Stopped

    def _is_stale(self) -> bool:
        patience = self.config.early_stopping
        return bool(patience) and self.epoch - self.best_epoch > patience

    def _train_epoch(self, epoch: int) -> float:
        order = torch.randperm(len(self.training), generator=torch.Generator().manual_seed(epoch))
        batches = order[: self.steps_per_epoch * self.config.batch_size].split(self.config.batch_size)
        done = self.step % self.steps_per_epoch
        total, steps = 0.0, 0
        side = self.config.side(epoch)
        title = f"epoch {epoch + 1}/{self.config.epochs} at {side} px"
        with tqdm(batches[done:], title, len(batches), initial=done, mininterval=1) as bar:
            for batch in bar:
                total, steps = total + self._train_step(batch, side), steps + 1
                bar.set_postfix(loss=f"{total / steps:.3f}", refresh=False)
                if self.stopping and self.step % self.steps_per_epoch:
                    self.save()
                    raise Stopped
        return total / max(steps, 1)

    def _train_step(self, batch: Tensor, side: int) -> float:
        torch.manual_seed(self.config.seed * 1_000_003 + self.step)
        self.net.train()
        images = torch.from_numpy(self.training.images)[batch].unsqueeze(1).to(self.device).float()
        labels = torch.from_numpy(self.training.labels)[batch].to(self.device)
        images = augment(images, side).contiguous(memory_format=torch.channels_last)
        loss = F.cross_entropy(self.net(images), labels, label_smoothing=self.config.label_smoothing)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if isinstance(self.schedule, OneCycleLR):
            self.schedule.step()
        self.ema.update_parameters(self.net)
        self.step += 1
        return float(loss.detach())

    def result(self) -> nn.Module:
        """Return the network that counts: the averaged one where the run averages."""
        return self.ema.module if self.config.ema_decay else self.net

    def _validate(self, epoch: int, training_loss: float) -> None:
        metrics = self.metrics(self.config.side(epoch))
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(metrics["loss"])
        tqdm.write(
            f"epoch {epoch + 1}: training loss {training_loss:.4f}, PublicTest loss {metrics['loss']:.4f}, "
            f"accuracy {metrics['accuracy']:.4f}, macro-F1 {metrics['macro_f1']:.4f}"
        )
        if metrics["loss"] < self.best_loss or not self.config.early_stopping:
            self.best_loss, self.best_epoch = metrics["loss"], epoch
            self._write_weights(epoch, metrics)

    def metrics(self, side: int) -> dict[str, float]:
        """Return the figures of the network as it is now, on PublicTest's pictures at that side in px."""
        logits = predict_logits(self.result(), self.validation, side, self.device)
        return measure(logits, self.validation.labels)

    def _write_weights(self, epoch: int, metrics: dict[str, float]) -> None:
        net = EmotionNet()
        net.load_state_dict(self.result().state_dict())
        card = Card(
            network=self.config.network,
            training={
                **asdict(self.config),
                "epoch": epoch + 1,
                "faces": len(self.training),
                **({"before": self.before} if self.before else {}),
            },
            metrics={f"PublicTest {name}": round(value, 5) for name, value in metrics.items()},
            data_sha256=self.data_sha256,
        )
        save_weights(self.folder / WEIGHTS_FILE, net, card)

    def save(self) -> None:
        """Write everything that a resumed run needs; the old state stays until the new one is whole."""
        state = {
            "config": asdict(self.config),
            "net": self.net.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "step": self.step,
            "data_sha256": self.data_sha256,
            "best": (self.best_loss, self.best_epoch),
            "before": self.before,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / (STATE_FILE + ".partial")
        torch.save(state, partial)
        partial.replace(self.folder / STATE_FILE)

    def start_from(self, weights: Path) -> None:
        """Begin with these weights; WeightsError if they cannot be loaded. The card will say so."""
        net, card = load_weights(weights)
        self.net.load_state_dict(net.state_dict())
        self.before = asdict(card)

    def resume(self) -> None:
        """Take up the state in the run's folder; ValueError if it is not there or of another config."""
        path = self.folder / STATE_FILE
        if not path.is_file():
            raise ValueError(f"nothing to resume in {self.folder}")
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
        except (RuntimeError, pickle.UnpicklingError, EOFError):
            raise ValueError(f"{path} is damaged") from None
        if state["config"] != asdict(self.config):
            raise ValueError(f"{self.folder} was started with another configuration")
        if state["data_sha256"] != self.data_sha256:
            raise ValueError(f"{self.folder} was started with other data")
        self.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.step = state["step"]
        self.best_loss, self.best_epoch = state["best"]
        self.before = state["before"]

    def report(self) -> str:
        """Return the figures of the weights as they were written: the best epoch's, in float16."""
        net, _ = load_weights(self.folder / WEIGHTS_FILE)
        logits = predict_logits(net, self.validation, self.config.stages[-1][0])
        labels = self.validation.labels
        return report(measure(logits, labels), confusion(logits, labels))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--config", default="base", help="a name in training/configs/, or a TOML file")
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of folders")
    parser.add_argument("--out", type=Path, help="the run's folder (default: runs/CONFIG)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--init", type=Path, help="weights to begin with, instead of random ones")
    parser.add_argument("--resume", action="store_true", help="go on where the run was stopped")
    args: Any = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    try:
        config = load_config(args.config)
        training = load_faces(args.data, "Training")
        validation = load_faces(args.data, "PublicTest")
        run = Run(config, training, validation, args.out or Path("runs") / Path(args.config).stem)
        if args.init:
            run.start_from(args.init)
        if args.resume:
            run.resume()
        elif (run.folder / STATE_FILE).exists():
            raise ValueError(f"{run.folder} holds a run already: go on with --resume, or give another --out")
    except (ValueError, WeightsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return _train(run)


def _train(run: Run) -> int:
    def stop(_signum: int, _frame: FrameType | None) -> None:
        run.stopping = True

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        run.run()
    except Stopped:
        print(f"stopped; go on with --resume (state in {run.folder})")
        return 130
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    try:
        print(run.report())
    except WeightsError as error:  # the loss was never a number
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"weights in {run.folder / WEIGHTS_FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
