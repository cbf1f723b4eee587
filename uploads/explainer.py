"""Explains the label of one face: a heat map for each emotion, and the maps of each layer."""

import io
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model import EmotionClassifier
from texts import shorten
from uploads.whole import UNASKED_NOTE, may_be_ready_cut, whole_of
from vision.crops import cut_face
from vision.detector import Detector
from vision.emotions import EMOTIONS
from vision.jpeg import encode_jpeg
from vision.overlay import Scene, lay_heat
from vision.pictures import PictureError, read_picture
from vision.samples import FACE_BOX, load_samples, read_gray
from vision.tracker import Track

if TYPE_CHECKING:  # PyTorch costs the site 1.4 s, and is needed only once a picture is explained
    from torch import nn

FACE_SIDE_PX = 176
QUALITY = 85
LINE_LEVEL = 255
MAX_MAP_PX = 48  # side of a map as it is drawn
MAX_WAIT_S = 10.0  # for the pictures before
JOIN_S = 1.0  # for PyTorch to be loaded; gunicorn gives all parts of the program some seconds
MIN_BRIGHTNESS = 0.15  # of the brightest map: a map with less found nothing
BANDS = ("upper", "middle", "lower"), ("left", "middle", "right")


log = logging.getLogger(__name__)


class BusyError(TimeoutError):
    """Other pictures are being explained; the message says so in one sentence."""


class UnknownSampleError(LookupError):
    """There is no such sample; the message says so in one sentence."""


@dataclass(frozen=True)
class Reason:
    """One emotion: its probability, and the face (JPEG) with the heat map of that emotion.

    place is where the map is brightest, as "upper left" or "middle"; "" where it is dark everywhere.
    """

    emotion: str
    probability: float
    picture: bytes
    place: str


@dataclass(frozen=True)
class Layer:
    """One layer's maps of a face: count maps of side x side, all in one picture (PNG)."""

    count: int
    side: int
    picture: bytes


@dataclass(frozen=True)
class Explanation:
    """One face: how many there were beside it, the face alone (JPEG), seven reasons, the likeliest first.

    places is the size of the maps, (height, width). The note says if the face is the whole picture, or is "".
    """

    others: int
    face: bytes
    reasons: Sequence[Reason]
    layers: Sequence[Layer]
    places: tuple[int, int]
    note: str = ""


class PictureExplainer:
    """Explains one picture at a time, so that the live stream keeps its share of the machine."""

    def __init__(
        self,
        detector: Detector,
        classifier: EmotionClassifier,
        load_net: "Callable[[], nn.Module]",
        samples: Path,
        *,
        max_wait_s: float = MAX_WAIT_S,
    ) -> None:
        """load_net returns the classifier's network in PyTorch, and is called with the first picture."""
        self._detector = detector
        self._classifier = classifier
        self._load_net = load_net
        self._net: nn.Module | None = None
        self._samples = load_samples(samples)
        self._max_wait_s = max_wait_s
        self._lock = threading.Lock()
        self._warming = threading.Thread(target=self._warm_up, name="explainer", daemon=True)

    def warm_up(self) -> None:
        """Load PyTorch and the network in the background, once; a first picture would wait for them."""
        with suppress(RuntimeError):  # it was started already
            self._warming.start()

    def close(self) -> bool:
        """Join the thread of `warm_up`; False if it does not end in time."""
        if self._warming.ident is not None:
            self._warming.join(JOIN_S)
        return not self._warming.is_alive()

    def explain(self, data: bytes) -> Explanation:
        """Return the explanation of the largest face in a picture file; raises PictureError or BusyError.

        A picture that may be a ready-cut face, and has none that is found, is explained as a whole.
        """
        with self._turn():
            image = read_picture(data).image
            gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
            faces = self._detector.detect(image)
            if not len(faces) and may_be_ready_cut((image.shape[1], image.shape[0])):
                whole = self._explain(gray, whole_of(image).boxes[0])
                return replace(whole, note=UNASKED_NOTE)
            if not len(faces):
                raise PictureError(
                    "No face was found in this picture; choose one of a face that looks at the camera."
                )
            return self._explain(gray, faces.boxes[0], float(faces.tilts_deg[0]), len(faces) - 1)

    def explain_sample(self, emotion: str, number: int) -> Explanation:
        """Return the explanation of a sample, counted from 1; raises UnknownSampleError or BusyError."""
        paths = self._samples.get(emotion, [])
        if not 1 <= number <= len(paths):
            raise UnknownSampleError(f"There is no sample {shorten(number)} of “{shorten(emotion)}”.")
        gray = read_gray(paths[number - 1])
        with self._turn():
            return self._explain(gray, np.array(FACE_BOX))

    def explain_face(
        self, data: bytes, box: NDArray[np.float64], tilt_deg: float, probs: Mapping[str, float]
    ) -> Explanation:
        """Return the explanation of a face that is known already; raises PictureError or BusyError.

        Args:
            data: A picture file with the face.
            box: The face (4,) xyxy in shares of the picture's width and height.
            tilt_deg: The angle in degrees of the line of the eyes.
            probs: The probability of each emotion, as it was read in the larger picture.
        """
        with self._turn():
            image = read_picture(data).image
            gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
            height, width = gray.shape
            found = self._explain(gray, np.round(box * ([width, height] * 2)).astype(np.int32), tilt_deg)
        reasons = [replace(reason, probability=probs[reason.emotion]) for reason in found.reasons]
        return replace(found, reasons=sorted(reasons, key=lambda reason: -reason.probability))

    def _warm_up(self) -> None:
        blank, box = np.zeros((MAX_MAP_PX, MAX_MAP_PX), dtype=np.uint8), [[0, 0, MAX_MAP_PX, MAX_MAP_PX]]
        try:
            self._activations(self._classifier.crop(blank, np.array(box)))
        except Exception:
            log.exception("the network could not be loaded for explanations")

    def explain_track(self, image: NDArray[np.uint8], track: Track) -> Explanation:
        """Return the explanation of a face in an image (H, W, 3) uint8 BGR; raises BusyError."""
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        with self._turn():
            return self._explain(gray, np.array(track.box), track.tilt_deg)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._max_wait_s):
            raise BusyError("Other pictures are being explained; try again in a moment.")
        try:
            yield
        finally:
            self._lock.release()

    def _explain(
        self, gray: NDArray[np.uint8], box: NDArray[np.integer[Any]], tilt_deg: float = 0.0, others: int = 0
    ) -> Explanation:
        """Return the explanation of the face in a box (4,) xyxy px, shown upright as the network reads it."""
        crops = self._classifier.crop(gray, box[None], np.array([tilt_deg]))
        probs, maps = self._classifier.explain_both_ways(crops)
        layers = [draw_layer(maps) for maps in self._activations(crops)]
        face = cut_face(gray, box, min(int(box[2] - box[0]), FACE_SIDE_PX), tilt_deg)
        face = cv2.resize(face, (FACE_SIDE_PX, FACE_SIDE_PX), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
        scene = cv2.cvtColor(face, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
        shares = maps[0] / max(float(maps[0].max()), 1e-6)  # one scale for all seven, so that they compare
        reasons = [
            Reason(emotion, float(p), encode_jpeg(with_map(scene, share), QUALITY), brightest_place(share))
            for emotion, p, share in zip(EMOTIONS, probs[0], shares, strict=True)
        ]
        reasons.sort(key=lambda reason: -reason.probability)
        return Explanation(others, encode_jpeg(scene, QUALITY), reasons, layers, maps.shape[2:])

    def _activations(self, crops: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Return each layer's maps of one crop (1, side, side), in order, without those of one px.

        Maps are (c, h, w) float32.
        """
        # here, because it takes seconds, and nothing else of the site needs it
        import torch

        from nn.cam import activations

        self._net = self._net or self._load_net()
        images = torch.from_numpy(crops).unsqueeze(1).float()
        return [maps[0].numpy() for maps in activations(self._net, images).values() if maps.shape[2] > 1]


def with_map(scene: Scene, share: NDArray[np.float32]) -> Scene:
    """Return a copy of scene with the map share (h, w), 0 to 1, over all of it."""
    scene = scene.copy()
    lay_heat(scene, share, (0, 0, scene.shape[1], scene.shape[0]))
    return scene


def brightest_place(share: NDArray[np.float32]) -> str:
    """Return in words where a map share (h, w), 0 to 1, is brightest; "" where it is dark everywhere."""
    if share.max() < MIN_BRIGHTNESS:
        return ""
    row, column = (
        names[min(int(place * 3 // size), 2)]
        for names, place, size in zip(
            BANDS, np.unravel_index(int(share.argmax()), share.shape), share.shape, strict=True
        )
    )
    return row if row == column else f"{row} {column}"


def draw_layer(maps: NDArray[np.float32]) -> Layer:
    """Return maps (c, h, w) side by side, each on its own scale, as one picture with a colour map."""
    count, side = maps.shape[0], maps.shape[2]
    if side > MAX_MAP_PX:
        maps = np.stack(
            [cv2.resize(one, (MAX_MAP_PX, MAX_MAP_PX), interpolation=cv2.INTER_AREA) for one in maps]
        )
    columns = min(count, 32 if count > 64 else 16)
    low, high = (pick(maps, axis=(1, 2), keepdims=True) for pick in (np.min, np.max))
    scaled = ((maps - low) / np.maximum(high - low, 1e-6) * (LINE_LEVEL - 1)).astype(np.uint8)
    tiles = np.pad(scaled, ((0, -count % columns), (0, 1), (0, 1)), constant_values=LINE_LEVEL)
    rows = tiles.reshape(-1, columns, *tiles.shape[1:]).swapaxes(1, 2)
    picture = Image.fromarray(rows.reshape(rows.shape[0] * rows.shape[1], -1), "P")
    picture.putpalette(_inferno())
    png = io.BytesIO()
    picture.save(png, "PNG")
    return Layer(count, side, png.getvalue())


@cache
def _inferno() -> bytes:
    """Return the heat maps' colours as Pillow wants a palette, with gray for the lines between maps."""
    colours = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_INFERNO)
    colours[LINE_LEVEL] = 110
    return np.ascontiguousarray(colours[:, 0, ::-1]).tobytes()
