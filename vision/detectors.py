"""Makes the detectors that the settings name: MTCNN's, which share its networks, or Haar's."""

import logging
from typing import Self

from settings import Settings
from vision.any_way_up import AnyWayUp
from vision.detector import Detector, FollowingDetector
from vision.haar import HaarDetector
from vision.mtcnn import FOUND_MIN, NEW_MIN, MtcnnDetector, MtcnnError, Networks

log = logging.getLogger(__name__)

LIVE_PX = (640, 480)  # width and height in which --min-face-px counts
UPLOAD_PX = (1600, 1200)  # and --min-upload-face-px


class Detectors:
    """The maker of detectors, each for one thread."""

    def __init__(self, settings: Settings, networks: Networks | None) -> None:
        """Make MTCNN's detectors with the networks, or Haar's without."""
        self._settings = settings
        self._networks = networks

    @classmethod
    def load(cls, settings: Settings) -> Self:
        """Return the maker for these settings, that of Haar where MTCNN's weights cannot be used."""
        if settings.detector == "haar":
            return cls(settings, None)
        try:
            return cls(settings, Networks.load())
        except MtcnnError as error:
            log.warning("%s; until then the cascade finds the faces, as with --detector haar", error)
            return cls(settings, None)

    def live(self) -> FollowingDetector:
        """Return a detector for the frames of a camera; raises CascadeError."""
        return self._make(self._settings.min_face_px, LIVE_PX)

    def video(self) -> FollowingDetector:
        """Return a detector for the frames of a video file; raises CascadeError."""
        return self._make(self._settings.min_upload_face_px, UPLOAD_PX, FOUND_MIN)

    def picture(self) -> Detector:
        """Return a detector for pictures, whichever way up with MTCNN; raises CascadeError."""
        if not self._networks:
            return self.video()  # without landmarks, nothing could say which way up a crop is
        # a turned picture's face is mostly a large one, and every search of it can find what is no face
        return AnyWayUp(self.video(), self._make(2 * self._settings.min_upload_face_px, UPLOAD_PX))

    def _make(
        self, min_face_px: int, reference_px: tuple[int, int], new_min: float = NEW_MIN
    ) -> FollowingDetector:
        if self._networks:
            return MtcnnDetector(self._networks, min_face_px, reference_px, new_min)
        return HaarDetector(self._settings.cascade, self._settings.min_face_px)
