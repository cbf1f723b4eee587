import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.fakes.images import make_track, plain_image
from vision.colours import BLACK, bgr, contrast
from vision.emotions import DETAILS, EMOTIONS, UNSURE_COLOUR
from vision.overlay import View, count_words, draw, draw_no_signal
from vision.tracker import Track


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


@given(
    st.tuples(st.integers(-400, 800), st.integers(-400, 800), st.integers(1, 500)),
    st.integers(1, 400),
    st.integers(1, 400),
    st.booleans(),
)
def test_any_box_can_be_drawn_on_any_picture(
    place: tuple[int, int, int], height: int, width: int, flip: bool
) -> None:
    x, y, side = place
    image = plain_image(100, height, width)
    track = heated(make_track(1, (x, y, x + side, y + side)), 2, 2)
    view = View(bars=True, heat=True, flip=flip)
    assert draw(image, [track], view, hidden=[track.box]).shape == image.shape


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


@pytest.mark.parametrize("name", EMOTIONS)
def test_unsure_is_paler_than_every_emotion_and_far_paler_than_neutral(name: str) -> None:
    least = 2 if name == "neutral" else 1.2
    assert contrast(BLACK, bgr(UNSURE_COLOUR)) / contrast(BLACK, bgr(DETAILS[name].colour)) > least


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


def test_only_what_the_view_asks_for_is_drawn() -> None:
    image, track = plain_image(100, 240, 320), make_track(1, (50, 80, 150, 180), "sad")
    assert (draw(image, [track], View(boxes=False, labels=False)) == image).all()
    seen = [
        draw(image, [track], view) for view in (View(labels=False), View(boxes=False), View(), View(bars=True))
    ]
    for one, other in itertools.combinations(seen, 2):
        assert (one != other).any()


def heated(track: Track, row: int, column: int) -> Track:
    maps = np.zeros((7, 6, 6), dtype=np.float32)
    maps[EMOTIONS.index(track.emotion), row, column] = 3
    return replace(track, maps=maps)


@pytest.mark.parametrize("flip", [False, True])
def test_the_heat_map_is_where_the_emotion_was_seen_and_nowhere_else(flip: bool) -> None:
    image = plain_image(100, 240, 320)
    track = heated(make_track(1, (40, 60, 160, 180), "sad"), 1, 4)
    scene = draw(image, [track], View(boxes=False, labels=False, heat=True, flip=flip))
    changed = np.abs(scene.astype(int) - 100).sum(axis=-1)
    if flip:
        changed = changed[:, ::-1]
    y, x = np.unravel_index(changed.argmax(), changed.shape)
    assert abs(x - (40 + 4.5 * 20)) <= 6
    assert abs(y - (60 + 1.5 * 20)) <= 6
    assert changed[60:180, 40:90].max() == 0
    changed[60:180, 40:160] = 0
    assert changed.max() == 0


def test_of_seven_maps_that_of_the_named_emotion_is_drawn() -> None:
    image = plain_image(100, 240, 320)
    track = heated(make_track(1, (40, 60, 160, 180), "sad"), 1, 4)
    other = replace(track, emotion="happy")
    view = View(boxes=False, labels=False, heat=True)
    assert (draw(image, [track], view) != image).any()
    assert (draw(image, [other], view) == image).all()


def test_a_mirrored_picture_has_its_boxes_mirrored_and_its_words_not() -> None:
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    left, right = make_track(1, (20, 80, 120, 180), "sad"), make_track(1, (200, 80, 300, 180), "sad")
    assert (draw(image, [], View(flip=True)) == image[:, ::-1]).all()
    mirrored = draw(image, [left], View(flip=True))
    assert (mirrored == draw(np.ascontiguousarray(image[:, ::-1]), [right])).all()


def test_bars_are_beside_the_box_where_there_is_room_and_in_the_picture_always() -> None:
    image = plain_image(100, 240, 320)
    view = View(boxes=False, labels=False, bars=True)
    for box, columns in (((20, 20, 120, 120), slice(0, 120)), ((200, 20, 300, 120), slice(200, 320))):
        scene = draw(image, [make_track(1, box)], view)
        assert (scene[:, columns] == 100).all()
        assert (scene != image).any()


def test_the_bars_of_one_face_hide_no_other_face_where_there_is_room() -> None:
    image = plain_image(100, 480, 640)
    boxes = [(100, 180, 200, 280), (220, 180, 320, 280), (340, 180, 440, 280)]
    tracks = [make_track(number, box) for number, box in enumerate(boxes, 1)]
    scene = draw(image, tracks, View(boxes=False, labels=False, bars=True))
    for x1, y1, x2, y2 in boxes:
        assert (scene[y1:y2, x1:x2] == 100).all()
    alone = [draw(image, [track], View(boxes=False, labels=False, bars=True)) for track in tracks[:1]]
    painted = (scene != 100).any(axis=-1).sum()
    assert painted >= 2.9 * (alone[0] != 100).any(axis=-1).sum()  # nor each other


def test_among_several_faces_each_label_has_its_number() -> None:
    image = plain_image(100, 240, 320)
    far = make_track(9, (220, 150, 300, 230))
    first, second = (draw(image, [make_track(number, (20, 80, 120, 180)), far]) for number in (1, 2))
    alone = [draw(image, [make_track(number, (20, 80, 120, 180))]) for number in (1, 2)]
    assert (first != second).any()
    assert (alone[0] == alone[1]).all()


def painted(scene: NDArray[np.uint8], image: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return the box around what differs."""
    rows, columns = np.nonzero((scene != image).any(axis=-1))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


COUNT = View(boxes=False, labels=False, count=True)


@pytest.mark.parametrize(("count", "words"), [(0, "no face"), (1, "1 face"), (2, "2 faces"), (12, "12 faces")])
def test_the_number_of_faces_is_said_in_plain_words(count: int, words: str) -> None:
    assert count_words(count) == words


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("size", [(240, 320), (1080, 1920)])
def test_the_count_is_bottom_left_in_proportion_to_the_picture_and_never_mirrored(
    size: tuple[int, int], flip: bool
) -> None:
    height, width = size
    image = plain_image(100, height, width)
    scene = draw(image, [], replace(COUNT, flip=flip))
    x1, y1, x2, y2 = painted(scene, image)
    assert x1 == height - y2 == max(13, height // 26) // 2
    assert x2 < width / 2
    assert 0.03 < (y2 - y1) / height < 0.1
    assert (scene == draw(image, [], COUNT)).all()


@pytest.mark.parametrize("level", [0, 27, 128, 255])
def test_the_count_is_legible_on_any_picture(level: int) -> None:
    image = plain_image(level, 240, 320)
    image[:] = (36, 31, 27) if level == 27 else level  # its own ground
    x1, y1, x2, y2 = painted(draw(plain_image(100, 240, 320), [], COUNT), plain_image(100, 240, 320))
    label = draw(image, [], COUNT)[y1:y2, x1:x2]
    dark, bright = label.min(), label.max()
    assert (bright, dark) == (255, 27)
    assert (label.max(axis=-1) > 200).mean() > 0.05


def test_the_count_tells_how_many_faces_are_shown() -> None:
    image = plain_image(100, 240, 320)
    faces = [make_track(number, (20 * number, 20, 20 * number + 15, 35)) for number in range(1, 4)]
    scenes = [draw(image, faces[:count], COUNT) for count in range(4)]
    for one, other in itertools.combinations(scenes, 2):
        assert (one != other).any()


@pytest.mark.parametrize(
    ("view", "box"),
    [(View(), (4, 222, 60, 300)), (View(boxes=False, labels=False, bars=True), (130, 120, 230, 235))],
    ids=["label", "bars"],
)
def test_the_count_hides_no_words_of_a_face(view: View, box: tuple[int, int, int, int]) -> None:
    image = plain_image(100, 240, 320)
    low = make_track(1, box)  # whose words lie where the count would
    plain, counted = draw(image, [low], view), draw(image, [low], replace(view, count=True))
    x1, y1, x2, y2 = painted(counted, plain)
    assert (plain[y1:y2, x1:x2] == 100).all()
    assert (x1 > 160, y1 > 120) == (True, True)  # bottom right
    high = make_track(1, (100, 60, 180, 140))
    assert painted(draw(image, [high], replace(view, count=True)), draw(image, [high], view))[0] < 10


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 30))
def test_a_count_is_drawn_on_any_picture_or_left_out(height: int, width: int, faces: int) -> None:
    image = plain_image(100, height, width)
    tracks = [make_track(number, (0, 0, width, height)) for number in range(1, faces + 1)]
    assert draw(image, tracks, View(count=True)).shape == image.shape


POINTS = np.array([[80, 100], [120, 100], [100, 125], [85, 145], [115, 145]], dtype=np.float32)
MARKS = View(boxes=False, labels=False, landmarks=True)


@pytest.mark.parametrize("flip", [False, True])
def test_a_dot_lies_on_each_landmark_and_nowhere_else(flip: bool) -> None:
    image = plain_image(100, 240, 320)
    face = replace(make_track(1, (50, 60, 150, 160), "sad"), landmarks=POINTS)
    scene = draw(image, [face], replace(MARKS, flip=flip))
    seen = scene[:, ::-1] if flip else scene
    changed = (seen != 100).any(axis=-1)
    for x, y in POINTS.astype(int):
        assert (seen[y - 1 : y + 2, x - 1 : x + 2] == bgr(DETAILS["sad"].colour)).all(axis=-1).any()
        changed[y - 6 : y + 7, x - 6 : x + 7] = False
    assert not changed.any()


def test_a_face_without_landmarks_is_drawn_without_dots() -> None:
    image = plain_image(100, 240, 320)
    assert (draw(image, [make_track(1, (50, 60, 150, 160))], MARKS) == image).all()


def test_a_landmark_outside_the_picture_is_no_fault() -> None:
    image = plain_image(100, 240, 320)
    face = replace(make_track(1, (-90, -90, 20, 20)), landmarks=POINTS - 200)
    assert draw(image, [face], MARKS).shape == image.shape


@pytest.mark.parametrize("name", [*EMOTIONS, "unsure"])
@pytest.mark.parametrize("level", [*range(0, 256, 15)])
def test_a_box_is_seen_on_any_picture(name: str, level: int) -> None:
    """Its corners have a colour and a rim, one of which differs from the ground."""
    sure = name != "unsure"
    scene = draw(
        plain_image(level, 240, 320),
        [make_track(1, (60, 80, 160, 180), name if sure else "sad", sure=sure)],
        View(labels=False),
    )
    corner = {(int(b), int(g), int(r)) for b, g, r in scene[170:190, 61:75].reshape(-1, 3)}
    assert max(contrast((level, level, level), colour) for colour in corner) > 2


def test_each_bar_has_a_light_rim_that_shows_it_on_the_dark_ground() -> None:
    fear = make_track(1, (20, 80, 120, 180), "fear")
    scene = draw(plain_image(0, 240, 320), [fear], View(boxes=False, labels=False, bars=True))
    colours = scene.reshape(-1, 3).astype(int)
    dark = np.abs(colours - 0.75 * np.array(bgr(DETAILS["fear"].colour))).max(axis=1) < 3
    assert dark.sum() > 50  # the bar, three quarters opaque
    rows, columns = np.nonzero(dark.reshape(240, 320))
    frame = scene[rows.min() - 1, columns.min() : columns.max() + 1].astype(int)
    assert frame.min() > 180
