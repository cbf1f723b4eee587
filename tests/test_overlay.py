import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotions import DETAILS, EMOTIONS
from overlay import UNSURE_COLOUR, bgr, draw, draw_no_signal
from tests.fakes import make_track, plain_image


def test_drawing_leaves_the_frame_as_it_was() -> None:
    image = plain_image(100, 240, 320)
    scene = draw(image, [make_track(1, (50, 60, 150, 160))])
    assert (image == 100).all()
    assert (scene != image).any()


def test_a_box_is_drawn_in_the_colour_of_its_emotion() -> None:
    scene = draw(plain_image(100, 240, 320), [make_track(1, (50, 80, 150, 180), "sad")])
    assert tuple(scene[180, 60]) == bgr(DETAILS["sad"].colour)


def test_an_unsure_face_says_so_in_gray_and_names_no_emotion() -> None:
    happy, sad = (
        draw(plain_image(100, 240, 320), [make_track(1, (50, 80, 150, 180), emotion, sure=False)])
        for emotion in ("happy", "sad")
    )
    assert tuple(happy[180, 60]) == bgr(UNSURE_COLOUR)
    assert (happy == sad).all()


@given(st.tuples(*[st.integers(-400, 800)] * 4), st.integers(1, 400), st.integers(1, 400))
def test_any_box_can_be_drawn_on_any_picture(box: tuple[int, int, int, int], height: int, width: int) -> None:
    image = plain_image(100, height, width)
    assert draw(image, [make_track(1, box)]).shape == image.shape


def test_a_face_at_the_upper_border_has_its_label_inside_the_picture() -> None:
    scene = draw(plain_image(100, 240, 320), [make_track(1, (200, 0, 318, 120))])
    label = (scene == bgr(DETAILS["happy"].colour)).all(axis=-1)
    assert label[:24, 200:].sum() > 500


def test_the_no_signal_picture_differs_with_its_reason() -> None:
    one, other = draw_no_signal("camera 0 is not connected"), draw_no_signal("the file ended")
    assert one.shape == (480, 640, 3)
    assert one.dtype == np.uint8
    assert (one != other).any()


def test_a_very_long_reason_still_makes_a_picture() -> None:
    assert draw_no_signal("word " * 500 + "x" * 3000).shape == (480, 640, 3)


@pytest.mark.parametrize("name", EMOTIONS)
def test_every_emotion_has_a_colour_of_its_own(name: str) -> None:
    others = {DETAILS[other].colour for other in EMOTIONS if other != name}
    assert DETAILS[name].colour not in others


def test_a_hidden_face_is_not_recognisable_and_the_rest_is_untouched() -> None:
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    scene = draw(image, [], hidden=[(200, 100, 360, 260)])
    face = scene[100:260, 200:360]
    assert len(np.unique(face.reshape(-1, 3), axis=0)) <= 64
    assert np.array_equal(scene[:, :160], image[:, :160])
    assert np.array_equal(scene[301:], image[301:])


@pytest.mark.parametrize("box", [(-50, -50, 20, 20), (630, 470, 900, 900), (700, 500, 800, 600)])
def test_a_hidden_box_may_reach_over_the_edge(box: tuple[int, int, int, int]) -> None:
    image = np.full((480, 640, 3), 90, dtype=np.uint8)
    assert draw(image, [], hidden=[box]).shape == image.shape
