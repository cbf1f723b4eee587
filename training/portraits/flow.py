"""Smooth flows between average faces, by which an expression or a person is carried to another face.

Optical flow (DIS: Kroeger et al. 2016) is trusted where there are edges and carried over to the rest by
normalised convolution (Knutsson & Westin 1993), coarse to fine.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from training.portraits.average import features
from training.portraits.canvas import SIDE, XS, YS, Flow, Plane, blur, ellipse, sharpen

MAX_STEP_PX = 20.0
ROUGH_PX = 4.0  # roughness at which a found flow counts little
# Where flow is looked for: the whole face between two people; eyes, brows, nose and mouth between expressions.
WHOLE_FACE = blur(ellipse(127.5, 140, 78, 104, 0.3), 3)
FEATURES = blur(ellipse(127.5, 140, 50, 72, 0.3), 3)
# Beyond it nothing moves.
HEAD = blur(ellipse(127.5, 134, 82, 104, 0.4), 4)


def flow_between(first: Plane, second: Plane, sigmas: Sequence[float], where: Plane) -> Flow:
    """Return the symmetric flow (256, 256, 2) with which second(x + flow) looks like first(x).

    Args:
        first: The face in whose px the flow is.
        second: The other face.
        sigmas: How smooth the flow is in each of two rounds, from coarse to fine, in px.
        where: Where edges are trusted, (256, 256), 0 to 1.
    """
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    target = features(sharpen(first, 1.0, 4))
    trust = _edges(target.astype(np.float32)) * where + np.float32(0.002)
    flow = np.zeros((SIDE, SIDE, 2), np.float32)
    for sigma in (sigma for sigma in sigmas for _ in range(2)):
        moved = features(sharpen(pull(second, flow), 1.0, 4))
        step = np.asarray(dis.calc(target, moved, np.zeros_like(flow)), dtype=np.float32)
        found = np.clip(step, -MAX_STEP_PX, MAX_STEP_PX)
        rough = np.linalg.norm(found - blur(found, 8), axis=2)
        flow = _spread(pull(flow, found) + found, trust * np.exp(-((rough / ROUGH_PX) ** 2)), sigma)
    return np.clip(blur(_symmetric(blur(flow, 4)), 3), -MAX_STEP_PX, MAX_STEP_PX) * HEAD[..., None]


def pull(image: Plane, flow: Flow, interpolation: int = cv2.INTER_LINEAR) -> Plane:
    """Return an image or flow as it is at x + flow(x)."""
    x, y = XS + flow[..., 0], YS + flow[..., 1]
    return np.asarray(cv2.remap(image, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE))


def inverted(flow: Flow) -> Flow:
    """Return the flow back, by which a place that the flow has moved returns."""
    back = np.zeros_like(flow)
    for _ in range(8):
        back = -pull(flow, back)
    return back


def after(first: Flow, second: Flow) -> Flow:
    """Return the flow that goes by `first` and from there by `second`."""
    return first + pull(second, first)


def _edges(image: Plane) -> Plane:
    """Return the strength of the edges at each place, 0 to 1."""
    smooth = blur(image, 1.5)
    energy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(smooth, cv2.CV_32F, 0, 1) ** 2
    energy = np.minimum(energy, np.quantile(energy, 0.9))
    return np.asarray(energy / energy.max(), dtype=np.float32)


def _spread(flow: Flow, trust: Plane, sigma: float) -> Flow:
    """Return a flow smoothed by normalised convolution: each place counts as far as it is trusted."""
    return blur(flow * trust[..., None], sigma) / np.maximum(blur(trust, sigma), 1e-6)[..., None]


def _symmetric(flow: Flow) -> Flow:
    turned = flow[:, ::-1] * np.array([-1, 1], np.float32)
    return (flow + turned) / np.float32(2)
