"""From an image and its faces to probabilities."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model import OUTPUTS, EmotionClassifier, preprocess, to_probabilities
from nn.cam import grad_cam, grad_cam_maps
from nn.emotion_net import EmotionNet
from nn.model_card import Calibration, ModelCard
from nn.torch_engine import TorchEngine
from tests.fakes.nets import noise
from vision.crops import cut_face

CARD = ModelCard("emotion", calibration=Calibration((0.1, 0.5, 0.0, -0.4, 0.0, 0.0, -0.2), 1.2))
LOGITS = np.array([[0, 1, 2, 3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 9]], dtype=np.float32)


@pytest.fixture(scope="module")
def classifier(net: EmotionNet) -> EmotionClassifier:
    return EmotionClassifier(TorchEngine(net), CARD)


@st.composite
def spans(draw: st.DrawFn, length: int) -> tuple[int, int]:
    """A start and an end that overlap 0 to length."""
    start = draw(st.integers(-60, length - 1))
    return start, draw(st.integers(max(start, 0) + 1, length + 60))


@st.composite
def pictures_with_boxes(draw: st.DrawFn) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    height, width = draw(st.integers(1, 120)), draw(st.integers(1, 120))
    pairs = draw(st.lists(st.tuples(spans(width), spans(height)), max_size=3))
    boxes = [(x1, y1, x2, y2) for (x1, x2), (y1, y2) in pairs]
    return noise(height, width), np.array(boxes, dtype=np.int32).reshape(-1, 4)


@given(pictures_with_boxes())
def test_any_box_that_overlaps_the_picture_gives_a_crop(
    sample: tuple[NDArray[np.uint8], NDArray[np.int32]],
) -> None:
    gray, boxes = sample
    before = gray.copy()
    crops = preprocess(gray, boxes)
    assert crops.shape == (len(boxes), 48, 48)
    assert crops.dtype == np.uint8
    assert np.array_equal(gray, before)
    for crop, (x1, y1, x2, y2) in zip(crops, boxes, strict=True):
        inside = gray[max(y1, 0) : y2, max(x1, 0) : x2]
        assert inside.min() <= crop.min() <= crop.max() <= inside.max()


@given(st.integers(-47, 99), st.integers(-47, 69))
def test_a_box_over_the_border_repeats_the_border(x1: int, y1: int) -> None:
    gray = noise(70, 100)
    crop = preprocess(gray, np.array([[x1, y1, x1 + 48, y1 + 48]]))[0]
    rows = np.arange(y1, y1 + 48).clip(0, 69)
    columns = np.arange(x1, x1 + 48).clip(0, 99)
    assert np.array_equal(crop, gray[np.ix_(rows, columns)])


def test_a_large_face_is_averaged_not_sampled() -> None:
    checkers = np.indices((144, 144)).sum(axis=0).astype(np.uint8) % 2 * 200
    crop = preprocess(checkers, np.array([[0, 0, 144, 144]]))[0]
    assert 85 < crop.min() <= crop.max() < 115


@pytest.mark.parametrize(
    "box",
    [(5, 5, 5, 20), (5, 5, 20, 5), (20, 5, 5, 20), (5, 20, 20, 5)],
    ids=["no width", "no height", "right before left", "bottom before top"],
)
def test_an_empty_box_is_refused(box: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must have x1 < x2 and y1 < y2"):
        preprocess(noise(40, 60), np.array([box]))


@pytest.mark.parametrize("box", [(-9, 5, 0, 20), (60, 5, 70, 20), (5, -9, 20, 0), (5, 40, 20, 50)])
def test_a_box_wholly_outside_the_picture_is_refused(box: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="outside an image of 60x40"):
        preprocess(noise(40, 60), np.array([box]))


def test_predict_gives_a_row_of_probabilities_a_box(classifier: EmotionClassifier) -> None:
    probs = classifier.predict(noise(90, 120), np.array([[0, 0, 60, 60], [-9, 30, 50, 99]]))
    assert probs.shape == (2, 7)
    assert probs.dtype == np.float32
    assert (probs >= 0).all()
    assert probs.sum(axis=1) == pytest.approx([1, 1])


def test_predict_without_boxes_gives_no_rows(classifier: EmotionClassifier) -> None:
    probs = classifier.predict(noise(90, 120), np.empty((0, 4), dtype=np.int32))
    assert probs.shape == (0, 7)
    assert probs.dtype == np.float32


def test_faces_in_a_batch_do_not_influence_each_other(classifier: EmotionClassifier) -> None:
    gray, boxes = noise(120, 160), np.array([[0, 0, 48, 48], [40, 40, 140, 120], [-20, 90, 30, 140]])
    together = classifier.predict(gray, boxes)
    alone = np.concatenate([classifier.predict(gray, boxes[i : i + 1]) for i in range(3)])
    assert np.abs(together[0] - together[1]).max() > 0.01
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_faces_of_several_pictures_are_read_in_one_pass_as_each_alone(
    classifier: EmotionClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = np.array([[0, 0, 48, 48], [10, 10, 58, 58]])
    pictures = [(noise(60, 80, seed), boxes[seed:], np.array([20.0, -30.0])[seed:]) for seed in (0, 2, 1)]
    alone = [classifier.predict(*picture) for picture in pictures]
    passes: list[int] = []
    classify = classifier.classify

    def count(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        passes.append(len(crops))
        return classify(crops)

    monkeypatch.setattr(classifier, "classify", count)
    together = classifier.predict_each(pictures)
    assert passes == [3]
    assert [probs.shape for probs in together] == [(2, 7), (0, 7), (1, 7)]
    for probs, expected in zip(together, alone, strict=True):
        assert probs == pytest.approx(expected, abs=1e-5)
    assert [probs.shape for probs in classifier.predict_each(pictures[1:2])] == [(0, 7)]


def test_predict_is_the_network_on_the_crops(net: EmotionNet, classifier: EmotionClassifier) -> None:
    gray, boxes = noise(90, 120), np.array([[10, 10, 80, 80]])
    with torch.inference_mode():
        logits = net(torch.from_numpy(preprocess(gray, boxes)).unsqueeze(1).float())
    expected = to_probabilities(logits.numpy(), "shipped", CARD.calibration)
    np.testing.assert_allclose(classifier.predict(gray, boxes), expected, atol=1e-6)


@pytest.mark.parametrize("output", OUTPUTS)
def test_explain_gives_what_predict_gives_and_where_it_was_seen(net: EmotionNet, output: str) -> None:
    gray, boxes = noise(120, 160), np.array([[0, 0, 48, 48], [40, 40, 140, 120], [-20, 90, 30, 140]])
    classifier = EmotionClassifier(TorchEngine(net), CARD, output)
    probs, maps = classifier.explain(gray, boxes)
    np.testing.assert_allclose(probs, classifier.predict(gray, boxes), atol=1e-6)
    assert maps.shape == (3, 7, 6, 6)
    assert maps.dtype == np.float32
    first = 7 if output == "ferplus" else 0
    images = torch.from_numpy(preprocess(gray, boxes)).unsqueeze(1).float()
    for emotion in (0, 6):
        expected = grad_cam(net, images, torch.full((3,), first + emotion), net.trunk) * 36
        np.testing.assert_allclose(maps[:, emotion], expected, atol=1e-4)


def test_explain_without_boxes_gives_no_rows(classifier: EmotionClassifier) -> None:
    probs, maps = classifier.explain(noise(90, 120), np.empty((0, 4), dtype=np.int32))
    assert (probs.shape, maps.shape) == ((0, 7), (0, 7, 6, 6))


def test_a_network_without_a_layer_that_says_where_is_not_explained() -> None:
    other = EmotionClassifier(
        TorchEngine(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2304, 7))), CARD
    )
    assert not other.has_live_maps
    with pytest.raises(ValueError, match="Sequential has no layer of 4x4 px or more"):
        other.explain(noise(90, 120), np.array([[0, 0, 48, 48]]))


def test_a_network_without_a_closed_form_is_explained_by_its_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    layers = (torch.nn.Conv2d(1, 3, 5, 4), torch.nn.Flatten(), torch.nn.Linear(3 * 11 * 11, 7))
    net = torch.nn.Sequential(*layers).eval()
    gray, boxes = noise(90, 120), np.array([[0, 0, 48, 48], [10, 10, 80, 80]])
    classifier = EmotionClassifier(TorchEngine(net), CARD)

    def watched(hooked: torch.nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        assert all(ours is not theirs for ours, theirs in zip(hooked.modules(), net.modules(), strict=True))
        for ours, theirs in zip(hooked.parameters(), net.parameters(), strict=True):
            assert ours.data_ptr() == theirs.data_ptr()  # no second copy in memory
        return grad_cam_maps(hooked, images)

    # another thread may compute the network meanwhile: its layers get no hooks
    monkeypatch.setattr("nn.torch_engine.grad_cam_maps", watched)
    probs, maps = classifier.explain(gray, boxes)
    np.testing.assert_allclose(probs, classifier.predict(gray, boxes), atol=1e-6)
    images = torch.from_numpy(preprocess(gray, boxes)).unsqueeze(1).float()
    for emotion in (0, 6):
        expected = grad_cam(net, images, torch.full((2,), emotion), net[0])
        np.testing.assert_allclose(maps[:, emotion], expected, rtol=1e-4)


def test_a_face_is_cut_out_at_the_side_that_the_card_names() -> None:
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(96 * 96, 7))
    classifier = EmotionClassifier(TorchEngine(net), ModelCard("x", input_side=96))
    assert classifier.crop(noise(90, 120), np.array([[0, 0, 48, 48]])).shape == (1, 96, 96)
    assert classifier.predict(noise(90, 120), np.array([[0, 0, 48, 48]])).shape == (1, 7)


def test_a_tilted_face_is_cut_out_upright_at_the_side_that_the_card_names() -> None:
    gray, box, tilt_deg = noise(90, 120), np.array([30, 20, 80, 70]), 30.0
    classifier = EmotionClassifier(TorchEngine(torch.nn.Flatten()), ModelCard("x", input_side=96))
    crops = classifier.crop(gray, box[None], np.array([tilt_deg]))
    assert np.array_equal(crops, [cut_face(gray, box, 96, tilt_deg)])


def test_a_network_without_a_ferplus_head_is_calibrated_as_a_label_head_is() -> None:
    calibration = Calibration((3.0, 0, 0, 0, 0, 0, 0), 2.0)
    alone = to_probabilities(LOGITS[:, :7], "shipped", calibration)
    np.testing.assert_array_equal(alone, to_probabilities(LOGITS, "shipped", calibration))


@pytest.mark.parametrize(
    "gray",
    [np.zeros((60, 60, 3), np.uint8), np.zeros(60, np.uint8), np.zeros((60, 60), np.float32)],
    ids=["colour", "a row", "float"],
)
def test_predict_refuses_what_is_no_gray_picture(classifier: EmotionClassifier, gray: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"gray must be \(H, W\) uint8"):
        classifier.predict(gray, np.array([[0, 0, 30, 30]]))


@pytest.mark.parametrize(
    "boxes",
    [np.array([0, 0, 30, 30]), np.array([[0, 0, 30]]), np.empty((0, 5), int), np.array([[0.0, 0, 30, 30]])],
    ids=["one flat box", "three columns", "five columns", "float"],
)
def test_predict_refuses_what_are_no_boxes(classifier: EmotionClassifier, boxes: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"boxes must be \(n, 4\)"):
        classifier.predict(noise(60, 60), boxes)


def test_the_label_head_is_read_as_it_was_trained() -> None:
    result = to_probabilities(LOGITS, "fer2013", CARD.calibration)
    np.testing.assert_allclose(result, torch.from_numpy(LOGITS)[:, :7].softmax(dim=1).numpy(), atol=1e-6)


def test_the_ferplus_head_is_read_without_contempt() -> None:
    result = to_probabilities(LOGITS, "ferplus", CARD.calibration)
    assert result.sum() == pytest.approx(1)
    assert result.argmax() == 0


def test_the_shipped_output_is_the_label_head_shifted_and_cooled() -> None:
    result = to_probabilities(LOGITS, "shipped", Calibration((3.0, 0, 0, 0, 0, 0, 0), 2.0))
    expected = (torch.tensor([[3.0, 1, 2, 3, 0, 0, 0]]) / 2).softmax(dim=1)
    np.testing.assert_allclose(result, expected.numpy(), atol=1e-6)


def test_the_shipped_output_adds_the_logs_of_both_heads() -> None:
    calibration = Calibration((3.0, 0, 0, 0, 0, 0, 0), 2.0, 0.5, (0.0, 1, 0, 0, 0, 0, 0))
    result = to_probabilities(LOGITS, "shipped", calibration)
    label = torch.from_numpy(LOGITS)[:, :7].log_softmax(dim=1) + torch.tensor(calibration.shift)
    voters = torch.from_numpy(LOGITS)[:, 7:].log_softmax(dim=1)[:, :7] + torch.tensor(calibration.ferplus_shift)
    expected = ((label + 0.5 * voters) / 2.0).softmax(dim=1)
    np.testing.assert_allclose(result, expected.numpy(), atol=1e-6)


def test_the_heat_maps_of_both_heads_are_added_as_their_logits_are(net: EmotionNet) -> None:
    gray, boxes = noise(120, 160), np.array([[0, 0, 48, 48]])
    card = ModelCard("emotion", calibration=Calibration(ferplus_weight=0.5))
    _, maps = EmotionClassifier(TorchEngine(net), card).explain(gray, boxes)
    _, of_logits = TorchEngine(net).logits_and_maps(preprocess(gray, boxes))
    expected = (of_logits[:, :7] + 0.5 * of_logits[:, 7:14]).clip(min=0)
    np.testing.assert_allclose(maps, expected, atol=1e-6)


def test_without_a_calibration_the_shipped_output_is_the_label_head() -> None:
    np.testing.assert_array_equal(
        to_probabilities(LOGITS, "shipped", Calibration()), to_probabilities(LOGITS, "fer2013", Calibration())
    )


def test_a_mirrored_face_is_read_as_its_mirror_image(classifier: EmotionClassifier) -> None:
    gray, boxes = noise(60, 60), np.array([[0, 0, 60, 60], [0, 0, 60, 60]])
    plain, mirrored = classifier.predict(gray, boxes, None, np.array([False, True]))
    turned = np.ascontiguousarray(gray[:, ::-1])
    np.testing.assert_allclose(mirrored, classifier.predict(turned, boxes[:1])[0], atol=1e-5)
    assert np.abs(plain - mirrored).max() > 1e-4


def test_both_ways_are_the_mean_and_the_mirrored_map_is_turned_back(classifier: EmotionClassifier) -> None:
    crops = preprocess(noise(60, 60), np.array([[0, 0, 60, 60]]))
    probs, maps = classifier.explain_both_ways(crops)
    plain, mirrored = (classifier.explain_crops(c) for c in (crops, np.ascontiguousarray(crops[:, :, ::-1])))
    np.testing.assert_allclose(probs, (plain[0] + mirrored[0]) / 2, atol=1e-6)
    np.testing.assert_allclose(maps, (plain[1] + mirrored[1][..., ::-1]) / 2, atol=1e-5)
    assert [values.shape for values in classifier.explain_both_ways(crops[:0])] == [(0, 7), (0, 7, 6, 6)]


@pytest.mark.parametrize("output", OUTPUTS)
def test_each_output_of_a_classifier_gives_probabilities(net: EmotionNet, output: str) -> None:
    probs = EmotionClassifier(TorchEngine(net), CARD, output).predict(noise(60, 60), np.array([[0, 0, 50, 50]]))
    assert probs.shape == (1, 7)
    assert probs.sum() == pytest.approx(1)


def test_an_unknown_output_is_refused() -> None:
    with pytest.raises(ValueError, match="there are: shipped, fer2013, ferplus"):
        to_probabilities(LOGITS, "best", Calibration())


def test_a_network_without_a_ferplus_head_has_no_such_output() -> None:
    with pytest.raises(ValueError, match="no FER\\+ head"):
        to_probabilities(LOGITS[:, :7], "ferplus", Calibration())
