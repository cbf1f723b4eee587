"""JPEG encoding."""

import cv2

from vision.frames import Image


def encode_jpeg(scene: Image, quality: int) -> bytes:
    """Return scene (H, W, 3) BGR uint8 as JPEG; quality is 1 to 100."""
    ok, jpeg = cv2.imencode(".jpg", scene, (cv2.IMWRITE_JPEG_QUALITY, quality))
    if not ok:
        raise ValueError(f"no JPEG can be made of a picture of {scene.shape}")
    return jpeg.tobytes()
