"""Gives each person each expression: the shape and the tones of faces that look alike and show the emotion.

A person's expression is the average of the faces of that emotion that look most like the person. How far their
own looks lie from the mean face towards the person says how much of the person is in that average already; the
rest is added.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from training.portraits.canvas import YS, Flow, Plane, blur, ellipse, smoothstep
from training.portraits.flow import FEATURES, WHOLE_FACE, after, flow_between, inverted, pull

# How far an expression goes beyond its average, in the order of EMOTIONS: a mild caricature where it is faint.
GAINS = (1.05, 1.0, 1.25, 1.0, 1.1, 1.0, 1.0)
# How much less of the person is added: the low brows of a man make disgust and fear look angry.
LESS_OF_PERSON = (0.0, 0.4, 0.2, 0.0, 0.0, 0.0, 0.0)
EXPRESSION_SIGMAS = (18.0, 14.0, 10.0)
PERSON_SIGMAS = (16.0, 12.0, 9.0)
INNER = ellipse(127.5, 138, 56, 80, 0.4)  # beyond it, a face's tones are those of the person at rest
UPPER = smoothstep((172 - YS) / 30)  # only there tones are exaggerated: a mouth tears
CHIN = ellipse(127.5, 226, 44, 19, 0.5)  # hands and shadows there differ from face to face
MUCH = 0.45  # difference of tones between expression and rest where the person's own tones no longer fit


@dataclass
class Expression:
    """A face (256, 256) in its own shape, and the flow from the mean resting face to that shape."""

    face: Plane
    flow: Flow


@dataclass
class Rest:
    """A person at rest in the shape of the mean face, and the flow from the mean face to the person's shape."""

    face: Plane
    flow: Flow


def flow_to_expression(rest: Plane, expression: Plane) -> Flow:
    """Return the flow from the mean resting face to an emotion's mean face, both symmetric."""
    return flow_between(rest, expression, EXPRESSION_SIGMAS, FEATURES)


def at_rest(mean_rest: Plane, person: Plane) -> Rest:
    """Return a person's resting face, given as a symmetric average, beside the mean resting face."""
    flow = flow_between(mean_rest, person, PERSON_SIGMAS, WHOLE_FACE)
    return Rest(pull(person, flow, cv2.INTER_CUBIC), flow)


def express(
    mean_rest: Plane, rest: Rest, mean: Plane, mean_flow: Flow, own: Plane, share: float, gain: float
) -> Expression:
    """Return a person's face with an expression.

    Args:
        mean_rest: The mean resting face, symmetric.
        rest: The person at rest.
        mean: The emotion's mean face, symmetric.
        mean_flow: The flow from mean_rest to `mean`.
        own: The average of the emotion's faces that look like the person, symmetric.
        share: How much of the person is in `own` already, 0 to 1.
        gain: How far the expression goes beyond `own`.
    """
    to_own = after(mean_flow, flow_between(mean, own, EXPRESSION_SIGMAS, FEATURES))
    back = inverted(to_own)
    person = pull(rest.face - mean_rest, back)  # all that is the person's, in the shape of `own`
    at_rest_there = pull(mean_rest, back, cv2.INTER_CUBIC)
    inner = pull(INNER, back)
    change = own - at_rest_there - np.float32(share) * person
    change += pull(CHIN, back) * (blur(change, 14) - change)
    much = blur(np.abs(blur(change, 2)), 5) * inner
    fitting = 1 - inner + inner * np.exp(-((much / MUCH) ** 2))
    # where the expression changes much the tones are those of `own`, so that no resting mouth shines through
    face = at_rest_there + blur(person, 1.2) * (fitting + (1 - fitting) * np.float32(share))
    stronger = 1 + np.float32(gain - 1) * pull(UPPER, back)
    face = face + change * inner * stronger
    flow = rest.flow + np.float32(gain) * (to_own - np.float32(share) * rest.flow)
    return Expression(pull(face, inverted(pull(flow - to_own, back)), cv2.INTER_CUBIC), flow)
