"""A training run: the network, its optimizer, its steps, and the state from which it is resumed.

Every step seeds its own randomness, so that a resumed run ends with the same weights as one never stopped.
"""

import pickle
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from model import to_probabilities
from nn.checkpoint import save_weights
from nn.emotion_net import EmotionNet
from nn.model_card import Calibration, ModelCard
from nn.registry import build, load_net
from training.augment import augment
from training.config import FORMERLY, Config
from training.data import Faces
from training.grow import grow
from training.inference import predict_logits
from training.losses import (
    Answers,
    ask_teachers,
    distill_loss,
    ferplus_targets,
    heads,
    label_loss,
    label_weights,
    mix,
)
from training.metrics import confusion, measure, recall_by_emotion
from training.optim import Schedule, make_optimizer, thaw
from training.plots import write_plots
from training.workers import Workers
from vision.emotions import EMOTIONS

STATE_FILE = "state.pt"
WEIGHTS_FILE = "weights.safetensors"
SHOW_EVERY = 20  # steps, of the progress bar's figures
PLOT_S = 30.0  # between two drawings of the run's plots
GROWING_FACES = 1024  # that a grown network takes its batch statistics from


class Stopped(Exception):  # noqa: N818 - no error
    """The run was stopped by the user; its state is saved."""


class Run:
    """A run that trains a network and writes its weights into the run's folder."""

    def __init__(
        self,
        config: Config,
        training: Faces,
        validation: Faces,
        folder: Path,
        teachers: Sequence[nn.Module] = (),
        workers: Workers | None = None,
        bf16: bool = False,
    ) -> None:
        """Build the network with random weights.

        Args:
            config: The run's configuration.
            training: The faces to train on.
            validation: The faces to measure on after each epoch.
            folder: The run's folder, made when something is written.
            teachers: The networks to learn from, if any.
            workers: The processes that share each batch; this one alone by default.
            bf16: Whether to compute in bfloat16.

        Raises:
            ValueError: The network is unknown, or there are fewer faces than a batch has.
        """
        self.config, self.training, self.validation, self.folder = config, training, validation, folder
        self.workers, self.bf16 = workers or Workers(), bf16
        self.device = self.workers.device
        self.data_sha256 = training.sha256()
        self.images = torch.from_numpy(training.images).unsqueeze(1).to(self.device)
        self.labels = F.one_hot(torch.from_numpy(training.labels), len(EMOTIONS)).float().to(self.device)
        self.votes = ferplus_targets(training.votes).to(self.device)
        self.label_weights = label_weights(training.labels, config.class_weights).to(self.device)
        self.teachers = [teacher.to(self.device, memory_format=torch.channels_last) for teacher in teachers]  # type: ignore[call-overload]  # not in its stubs
        torch.manual_seed(config.seed)
        self.net = build(config.network, config.network_options).to(self.device)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stubs
        self.ema = AveragedModel(self.net, multi_avg_fn=self._average, use_buffers=True)
        self.optimizer = make_optimizer(self.net, config)
        self.steps_per_epoch = len(training) // config.batch_size
        if not self.steps_per_epoch:
            raise ValueError(
                f"{len(training)} faces are fewer than a batch of {config.batch_size}; "
                "give --set batch_size= a smaller number"
            )
        self.schedule = Schedule(self.optimizer, config, self.steps_per_epoch)
        self.step = 0
        self.best_loss, self.best_epoch = float("inf"), -1  # or minus the accuracy: as `judged_by` says
        self.hits = torch.zeros((), device=self.device)  # faces of this epoch that were named as labelled
        self.confusion = np.zeros((len(EMOTIONS), len(EMOTIONS)), dtype=np.int64)  # of the last validation
        self.history: list[dict[str, Any]] = []  # the figures of each epoch
        self.plotted_s = time.monotonic()
        self.training_accuracy = 0.0
        self.stopping = False
        self.before: dict[str, Any] = {}  # the card of the weights of `start_from`

    @property
    def epoch(self) -> int:
        """The epoch of the next step, from 0."""
        return self.step // self.steps_per_epoch

    def run(self) -> None:
        """Train to the end of the stages or until early stopping; raises Stopped after `stopping` is set."""
        net = self.workers.wrap(self.net)
        with SummaryWriter(str(self.folder / "tensorboard"), purge_step=self.epoch + 1) as log:
            while self.epoch < self.config.epochs and not self._is_stale():
                epoch = self.epoch
                if thaw(self.net, self.config.unfreeze, epoch):
                    net = self.workers.wrap(self.net)
                loss = self._train_epoch(net, epoch)
                self._validate(epoch, loss, log)
                self.save()
                if self.workers.agree(self.stopping):
                    raise Stopped

    def _is_stale(self) -> bool:
        """Return whether early stopping ends the run."""
        patience = self.config.early_stopping
        return bool(patience) and self.epoch - self.best_epoch > patience

    def _train_epoch(self, net: nn.Module, epoch: int) -> float:
        """Train the rest of an epoch, and return the mean training loss; raises Stopped."""
        order = torch.randperm(len(self.training), generator=torch.Generator().manual_seed(epoch))
        batches = order[: self.steps_per_epoch * self.config.batch_size].split(self.config.batch_size)
        done = self.step % self.steps_per_epoch
        losses: list[Tensor] = []  # on the device: reading each at once would make it wait
        self.hits.zero_()
        side = self.config.side(epoch)
        title = f"epoch {epoch + 1}/{self.config.epochs} at {side} px"
        quiet = None if self.workers.leads else True  # None: shown in a terminal, not in a log
        with tqdm(batches[done:], title, len(batches), initial=done, mininterval=1, disable=quiet) as bar:
            for batch in bar:
                losses.append(self._train_step(net, batch, side))
                if len(losses) % SHOW_EVERY == 0:
                    loss, accuracy = torch.stack(losses).mean(), self._accuracy(len(losses))
                    bar.set_postfix(loss=f"{loss:.3f}", accuracy=f"{accuracy:.3f}", refresh=False)
                if self.step % self.steps_per_epoch and self.workers.agree(self.stopping):
                    self.save()
                    raise Stopped
        self.training_accuracy = self._accuracy(len(losses))
        return float(torch.stack(losses).mean()) if losses else 0.0

    def _average(self, averaged: Any, weights: Any, _count: Any) -> None:
        """Move the averaged weights, a list of tensors, towards this step's.

        The decay grows to the configuration's, so that a short run's average is not that of its first steps.
        """
        decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        get_ema_multi_avg_fn(decay)(averaged, weights, _count)

    def _accuracy(self, steps: int) -> float:
        """Return the share of this process's faces of so many steps that were named as labelled."""
        return float(self.hits) / max(steps * self.config.batch_size / self.workers.size, 1)

    def _train_step(self, net: nn.Module, batch: Tensor, side: int) -> Tensor:
        """Train one step on the faces of the batch's indices (b,), and return its loss, a scalar."""
        torch.manual_seed(self.config.seed * 1_000_003 + self.step * self.workers.size + self.workers.rank)
        net.train()
        images, answers = self._examples(self.workers.share(batch).to(self.device), side)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bf16):
            logits = net(images)
            targets = ask_teachers(self.teachers, images, self.config.distill_temperature)
        loss = self._loss(logits.float(), targets, answers)
        self.hits += (heads(logits)[0].argmax(dim=1) == answers.labels.argmax(dim=1)).sum()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.after_step()
        self.ema.update_parameters(self.net)
        self.step += 1
        return loss.detach()

    def _examples(self, batch: Tensor, side: int) -> tuple[Tensor, Answers]:
        """Return the batch's augmented images (b, 1, side, side) and their targets."""
        config, left = self.config, self.config.epochs - self.epoch
        webcam = config.webcam if left > config.sharp_epochs else 0.0
        images = augment(self.images[batch].float(), side, webcam, **config.movements())
        labels, votes = self.labels[batch], self.votes[batch]
        alpha = config.mixup
        if alpha and left > config.calm_epochs:
            share = float(torch.distributions.Beta(alpha, alpha).sample())
            images, labels, votes = (mix(share, t) for t in (images, labels, votes))
        return images.contiguous(memory_format=torch.channels_last), Answers(labels, votes)

    def _loss(self, logits: Tensor, targets: list[Tensor], answers: Answers) -> Tensor:
        """Return the loss of the batch's answers, and of the teachers' probabilities if there are teachers."""
        config = self.config
        loss = label_loss(logits, answers, config.label_smoothing, config.ferplus_weight, self.label_weights)
        if not targets:
            return loss
        distilled = distill_loss(logits, targets, config.distill_temperature)
        return (1 - config.distill_weight) * loss + config.distill_weight * distilled

    def result(self) -> nn.Module:
        """Return the network to write: the averaged one if the run averages weights."""
        return self.ema.module if self.config.ema_decay else self.net

    def _validate(self, epoch: int, training_loss: float, log: SummaryWriter) -> None:
        """Measure the network after an epoch, log the figures, and write the weights if they are better."""
        metrics = self.metrics(self.config.side(epoch))
        self.schedule.after_epoch(metrics["loss"])
        judged_by = self.config.judged_by
        badness = -metrics["accuracy"] if judged_by == "accuracy" else metrics["loss"]
        better = badness < self.best_loss or judged_by == "last"
        if better:
            self.best_loss, self.best_epoch = badness, epoch
        rate = self.optimizer.param_groups[0]["lr"]
        recalls = recall_by_emotion(self.confusion)
        self.history.append(
            {
                "epoch": epoch + 1,
                "training_loss": training_loss,
                "training_accuracy": self.training_accuracy,
                **metrics,
                "recall": recalls,
                "learning_rate": rate,
                "confusion": self.confusion.tolist(),
            }
        )
        if not self.workers.leads:
            return
        tqdm.write(
            f"epoch {epoch + 1}: training loss {training_loss:.4f}, accuracy {self.training_accuracy:.4f}; "
            f"validation loss {metrics['loss']:.4f}, accuracy {metrics['accuracy']:.4f}, "
            f"macro-F1 {metrics['macro_f1']:.4f}; recall "
            + ", ".join(f"{name} {recall:.2f}" for name, recall in recalls.items())
        )
        training = {"loss": training_loss, "accuracy": self.training_accuracy, "learning_rate": rate}
        for group, figures in (("Training", training), ("Validation", metrics), ("Recall", recalls)):
            for name, value in figures.items():
                log.add_scalar(f"{group}/{name}", value, epoch + 1)
        if better:
            self._write_weights(epoch, metrics)
        if time.monotonic() - self.plotted_s > PLOT_S:
            self.write_plots()

    def write_plots(self) -> None:
        """Draw curves.png, and confusion.png of the written weights' epoch, into the run's folder."""
        if self.history:
            write_plots(self.folder, self.history, self.best_epoch + 1)
        self.plotted_s = time.monotonic()

    def metrics(self, side: int) -> dict[str, float]:
        """Return the present network's figures, by its label head, on PublicTest at that side in px."""
        return self._measure(self.result(), side)

    def final_metrics(self) -> dict[str, float]:
        """Return the figures of the written weights, which are the best epoch's in float16."""
        net, _ = load_net(self.folder / WEIGHTS_FILE)
        return self._measure(net.to(self.device), self.config.stages[-1][0])

    def _measure(self, net: nn.Module, side: int) -> dict[str, float]:
        """Return a network's figures, by its label head, on the validation faces."""
        logits = predict_logits(net, self.validation, side, self.device)
        probs = to_probabilities(logits.numpy(), "fer2013", Calibration())
        self.confusion = confusion(probs, self.validation.labels)
        return measure(probs, self.validation.labels)

    def _write_weights(self, epoch: int, metrics: dict[str, float]) -> None:
        """Write the network of an epoch with its card."""
        card = ModelCard(
            network=self.config.network,
            network_options=self.config.network_options,
            training={
                **asdict(self.config),
                "epoch": epoch + 1,
                "faces": len(self.training),
                **({"before": self.before} if self.before else {}),
            },
            metrics={f"PublicTest {name}": round(value, 5) for name, value in metrics.items()},
            data_sha256=self.data_sha256,
        )
        save_weights(self.folder / WEIGHTS_FILE, self.result(), card)

    def save(self) -> None:
        """Write the run's state into its folder; the old state stays until the new one is complete."""
        if not self.workers.leads:
            return
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
            "history": self.history,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / (STATE_FILE + ".partial")
        torch.save(state, partial)
        partial.replace(self.folder / STATE_FILE)

    def start_from(self, weights: Path) -> None:
        """Load weights to begin with, of this network or of a smaller EmotionNet; the run's card records them.

        Raises WeightsError if they cannot be loaded, ValueError if this network cannot begin with them.
        """
        net, card = load_net(weights)
        if (card.network, card.network_options) == (self.config.network, self.config.network_options):
            self.net.load_state_dict(net.state_dict())
        elif isinstance(net, EmotionNet) and isinstance(self.net, EmotionNet):
            grow(net, self.net.cpu(), self.images[:GROWING_FACES].float().cpu())
            self.net.to(self.device)
        else:
            raise ValueError(f"{weights} holds the network {card.network}, trained in another form")
        self.before = asdict(card)

    def resume(self) -> None:
        """Load the state in the run's folder; ValueError if it is missing, damaged, or of another run."""
        path = self.folder / STATE_FILE
        if not path.is_file():
            raise ValueError(f"nothing to resume in {self.folder}")
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
        except (RuntimeError, pickle.UnpicklingError, EOFError):
            raise ValueError(f"{path} is damaged") from None
        config = {FORMERLY.get(name, name): value for name, value in state["config"].items()}
        if Config(**config) != self.config:  # what it lacks had its default
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
        self.history = state.get("history", [])  # version 0.1 kept none
