"""The faces that a result keeps as small pictures, to be explained without a second upload."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uploads.recognizer import CROP_MARGIN
from uploads.results import Results
from vision.detector import Detections


@dataclass(frozen=True)
class KeptFace:
    """A face of a result: its file's name, its cut-out (JPEG), and its place in that.

    Attributes:
        file: The name of the file as it was sent.
        data: The cut-out, which has a margin around the face.
        box: The face in shares of the cut-out's width and height, (4,) float64 xyxy; it may reach beyond.
        tilt_deg: The angle in degrees of the line of the eyes, as `Detections.tilts_deg`.
        probs: The result's probability of each emotion.
        count: The number of faces in its picture.
    """

    file: str
    data: bytes
    box: NDArray[np.float64]
    tilt_deg: float
    probs: dict[str, float]
    count: int


def find_kept_face(results: Results, job_id: str, number: int, face: int) -> KeptFace | None:
    """Return a face, counted from 1, of the picture of that number in a result.

    None where there is no such face, where the result is gone, or where its faces were hidden.
    """
    result = results.load(job_id)
    items: list[dict[str, Any]] = result["items"] if result else []
    item = next((one for one in items if one.get("scene") == f"{number}.jpg"), None)
    if item is None or item.get("hidden") or not 1 <= face <= len(item["faces"]):
        return None
    path = results.file(job_id, item["crops"][face - 1])
    if path is None:
        return None
    found = item["faces"][face - 1]
    box = _box_in_cut(np.array(found["box"], dtype=np.float64), (item["width"], item["height"]))
    return KeptFace(item["file"], path.read_bytes(), box, _tilt_deg(found), found["probs"], len(item["faces"]))


def _box_in_cut(box: NDArray[np.float64], size_px: tuple[int, int]) -> NDArray[np.float64]:
    """Return a box (4,) xyxy px of a picture of size_px in shares of what `recognizer.cut_out` cuts out."""
    margin = CROP_MARGIN * (box[2] - box[0])
    width, height = size_px
    left, top = max(box[0] - margin, 0.0), max(box[1] - margin, 0.0)
    right, bottom = min(box[2] + margin, width), min(box[3] + margin, height)
    shares: NDArray[np.float64] = (box - [left, top, left, top]) / ([right - left, bottom - top] * 2)
    return shares


def _tilt_deg(face: dict[str, Any]) -> float:
    """Return the angle of the line of the eyes of a face as JSON, in degrees; 0 where it is unknown."""
    if not face.get("landmarks"):
        return 0.0
    landmarks = np.array([face["landmarks"]], dtype=np.float32)
    return float(Detections(np.zeros((1, 4), dtype=np.int32), landmarks).tilts_deg[0])
