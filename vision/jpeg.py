"""JPEG encoding."""

import cv2

from vision.frames import Image


def encode_jpeg(scene: Image, quality: int) -> bytes:
    """Return scene (H, W, 3) uint8 BGR as a JPEG of quality 1 to 100; ValueError if OpenCV cannot encode it."""
    ok, jpeg = cv2.imencode(".jpg", scene, (cv2.IMWRITE_JPEG_QUALITY, quality))
    if not ok:
        raise ValueError(f"OpenCV cannot encode an image of shape {scene.shape} as JPEG")
    return jpeg.tobytes()
