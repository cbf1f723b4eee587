"""The explanation of one picture, its page, and the pictures that are refused."""

import io
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from app import SAMPLES
from model import EmotionClassifier
from nn.emotion_net import EmotionNet
from nn.model_card import ModelCard
from nn.torch_engine import TorchEngine
from tests.fakes.camera import FakeCrowd
from tests.fakes.images import bright_image, make_track
from tests.fakes.nets import noise
from tests.fakes.recognition import BrightFaces, LyingFaces, fake_pipeline, fake_recognizer
from tests.fakes.site import make_fake_site
from tests.fakes.waiting import PATIENCE_S
from uploads.explainer import (
    LINE_LEVEL,
    Explanation,
    PictureExplainer,
    UnknownSampleError,
    brightest_place,
    draw_layer,
)
from uploads.jobs import Jobs
from uploads.results import Results
from vision.detector import Detections
from vision.emotions import EMOTIONS
from vision.jpeg import encode_jpeg
from vision.resting_face import RestRequest
from vision.tracker import Track
from web.explain import MAX_MB, FindFace, explain_pages
from web.limits import UploadLimiter
from web.protocols import Controls
from web.uploads import upload_pages


class TwoFaces:
    """Finds a large face on the left and a small one on the right of a wide picture, nobody in a narrow one."""

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        found = [(10, 10, 110, 110), (150, 10, 200, 60)] if image.shape[1] >= 200 else []
        return Detections.of_boxes(np.array(found, dtype=np.int32).reshape(-1, 4))

    def close(self) -> None:
        """Have no threads."""


@pytest.fixture(scope="module")
def classifier(net: EmotionNet) -> EmotionClassifier:
    return EmotionClassifier(TorchEngine(net.fuse()), ModelCard("emotion"))


@pytest.fixture(scope="module")
def explainer(classifier: EmotionClassifier, net: EmotionNet) -> PictureExplainer:
    return PictureExplainer(TwoFaces(), classifier, net.fuse, SAMPLES)


@pytest.fixture
def client(explainer: PictureExplainer) -> FlaskClient:
    return client_of(explainer)


def client_of(
    explainer: PictureExplainer, find_face: FindFace | None = None, controls: Controls | None = None
) -> FlaskClient:
    crowd = FakeCrowd()
    crowd.close()
    pages = explain_pages(explainer, UploadLimiter(), find_face)
    return make_fake_site(crowd, [pages], controls=controls).test_client()


def encoded(width: int = 240, height: int = 120, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(noise(height, width)).save(file, kind, **options)
    return file.getvalue()


def size_of(picture: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(picture)) as opened:
        return opened.size


def test_the_largest_face_is_explained_as_the_classifier_reads_it(
    explainer: PictureExplainer, classifier: EmotionClassifier
) -> None:
    explanation = explainer.explain(encoded())
    box = np.array([[10, 10, 110, 110]] * 2)
    probs = classifier.predict(noise(120, 240), box, None, np.array([False, True])).mean(axis=0)
    assert explanation.others == 1
    assert {r.emotion: pytest.approx(r.probability) for r in explanation.reasons} == dict(
        zip(EMOTIONS, probs.tolist(), strict=True)
    )
    shares = [reason.probability for reason in explanation.reasons]
    assert shares == sorted(shares, reverse=True)
    assert len({reason.picture for reason in explanation.reasons}) > 1
    assert [(layer.count, layer.side) for layer in explanation.layers] == [
        (32, 48),
        (64, 24),
        *[(128, 12)] * 2,
        *[(256, 6)] * 3,
    ]


def test_a_tilted_face_is_explained_upright(classifier: EmotionClassifier, net: EmotionNet) -> None:
    image = np.full((150, 200), 30, dtype=np.uint8)
    image[20:116, 16:112] = 160 + cv2.resize(noise(6, 6) // 4, (96, 96), interpolation=cv2.INTER_LINEAR)
    lying = np.ascontiguousarray(np.rot90(image, -1))

    def explained(detector: BrightFaces, picture: NDArray[np.uint8]) -> Explanation:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        return PictureExplainer(detector, classifier, net.fuse, SAMPLES).explain(file.getvalue())

    upright, turned = explained(BrightFaces(), image), explained(LyingFaces(), lying)
    shown, expected = (
        {reason.emotion: reason.picture for reason in explanation.reasons} | {"face": explanation.face}
        for explanation in (turned, upright)
    )
    for name, picture in shown.items():
        pixels, wanted = (
            np.asarray(Image.open(io.BytesIO(jpeg)), dtype=np.int16) for jpeg in (picture, expected[name])
        )
        assert np.abs(pixels - wanted).mean() < 2  # turned crops are blurred at their borders
    assert explained(BrightFaces(), lying).face != turned.face


def test_a_face_over_the_border_is_explained(classifier: EmotionClassifier, net: EmotionNet) -> None:
    class AtTheCorner(BrightFaces):
        def detect(self, _image: NDArray[np.uint8]) -> Detections:
            return Detections.of_boxes(np.array([[-9, -9, 60, 60]], dtype=np.int32))

    explainer = PictureExplainer(AtTheCorner(), classifier, net.fuse, SAMPLES)
    assert size_of(explainer.explain(encoded()).face) == (176, 176)


def test_a_layers_picture_shows_every_map_on_its_own_scale() -> None:
    maps = np.zeros((20, 2, 2), dtype=np.float32)
    maps[0, 0, 1], maps[19, 1, 0] = 5, 0.5
    layer = draw_layer(maps)
    with Image.open(io.BytesIO(layer.picture)) as opened:
        indices = np.asarray(opened)
    assert indices.shape == (6, 48)  # 16 maps in a row, each with a line
    assert indices[0, 1] == indices[4, 9] == LINE_LEVEL - 1
    assert (indices[2] == LINE_LEVEL).all()
    assert (indices[:3, 3:5] == [[0, 0], [0, 0], [LINE_LEVEL, LINE_LEVEL]]).all()


def test_a_sample_is_explained(explainer: PictureExplainer) -> None:
    assert len(explainer.explain_sample("happy", 6).reasons) == 7
    for emotion, number in (("happy", 0), ("happy", 7), ("bored", 1)):
        with pytest.raises(UnknownSampleError, match=emotion):
            explainer.explain_sample(emotion, number)


def test_who_waits_too_long_is_told_to_come_back(classifier: EmotionClassifier, net: EmotionNet) -> None:
    explainer = PictureExplainer(TwoFaces(), classifier, net.fuse, SAMPLES, max_wait_s=0.01)
    client = client_of(explainer)
    with explainer._turn():
        answers: list[int] = []
        other = threading.Thread(target=lambda: answers.append(client.get("/explain/sad/1").status_code))
        other.start()
        other.join(PATIENCE_S)
    assert answers == [503]
    assert client.get("/explain/sad/1").status_code == 200


def test_the_page_shows_the_reasons_and_the_layers_of_an_upload(client: FlaskClient) -> None:
    assert 'type="file"' in client.get("/explain").text
    response = client.post("/explain", data={"picture": (io.BytesIO(encoded()), "../../x.png")})
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert "The largest of 2 faces is explained." in response.text
    assert response.text.count("data:image/jpeg;base64,") == 1 + len(EMOTIONS)
    assert response.text.count("data:image/png;base64,") == 7
    assert "img-src 'self' data:;" in response.headers["Content-Security-Policy"]


def test_a_picture_that_is_cut_to_a_face_is_explained_as_a_whole(client: FlaskClient) -> None:
    response = client.post("/explain", data={"picture": (io.BytesIO(encoded(100, 90)), "cut.png")})
    assert response.status_code == 200
    assert "No face was found; the whole picture was read as one." in response.text
    assert response.text.count("data:image/jpeg;base64,") == 1 + len(EMOTIONS)


@pytest.mark.parametrize(
    ("data", "status", "sentence"),
    [
        (encoded(100, 140), 422, "No face was found in this picture"),
        (b"<html></html>", 422, "This is not a picture"),
        (encoded()[:3000], 422, "The picture is cut off"),
        (b"", 422, "The file is empty."),
    ],
    ids=["nobody", "html", "cut off", "empty"],
)
def test_what_cannot_be_explained_is_said_in_one_sentence(
    client: FlaskClient, data: bytes, status: int, sentence: str
) -> None:
    response = client.post("/explain", data={"picture": (io.BytesIO(data), "x.jpg")})
    assert response.status_code == status
    assert f'role="alert">{sentence}' in response.text


def test_a_form_sent_without_choosing_a_picture_is_told_so(client: FlaskClient) -> None:
    response = client.post("/explain", data={"picture": (io.BytesIO(b""), "")})
    assert response.status_code == 400
    assert 'role="alert">Choose a picture first.' in response.text


def test_a_samples_explanation_says_what_its_label_is(client: FlaskClient) -> None:
    assert "This sample is labelled afraid." in client.get("/explain/fear/3").text
    upload = client.post("/explain", data={"picture": (io.BytesIO(encoded()), "x.png")}).text
    assert "is labelled" not in upload
    assert "areas that speak against it stay dark." in upload


def test_every_sample_face_leads_to_its_explanation(client: FlaskClient) -> None:
    page = client.get("/samples/fear").text
    assert re.findall(r'href="/explain/fear/(\d)"', page) == list("123456")


def test_a_picture_that_is_too_large_is_refused_before_it_is_read(client: FlaskClient) -> None:
    environ = {"CONTENT_LENGTH": str(MAX_MB * 1_000_000 + 1)}
    upload = {"picture": (io.BytesIO(encoded()), "x.png")}
    response = client.post("/explain", data=upload, environ_overrides=environ)
    assert response.status_code == 413
    assert "The picture is larger than 12 MB." in response.text


def test_who_sends_while_others_do_is_asked_to_come_back(explainer: PictureExplainer) -> None:
    crowd = FakeCrowd()
    pages = [explain_pages(explainer, UploadLimiter(at_once=0))]
    site = make_fake_site(crowd, pages)
    response = site.test_client().post("/explain", data={"picture": (io.BytesIO(encoded()), "a.png")})
    crowd.close()
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"


def test_an_upload_without_a_picture_and_a_sample_that_is_not_there_are_said(client: FlaskClient) -> None:
    assert client.post("/explain", data={"other": "x"}).status_code == 400
    assert client.post("/explain", data=b"x", content_type="multipart/form-data; boundary=").status_code == 400
    assert client.get("/explain/happy/99").status_code == 404


@pytest.mark.parametrize("mistake", [ValueError("shapes differ"), KeyError("heat"), TimeoutError("lock")])
def test_a_mistake_in_the_program_is_not_shown_as_one_of_the_picture(
    classifier: EmotionClassifier, net: EmotionNet, mistake: Exception
) -> None:
    class Mistaken(TwoFaces):
        def detect(self, image: NDArray[np.uint8]) -> Detections:  # noqa: ARG002  # as in Detector
            raise mistake

    client = client_of(PictureExplainer(Mistaken(), classifier, net.fuse, SAMPLES))
    client.application.testing = True  # Flask's client then raises what a server logs and answers with 500
    with pytest.raises(type(mistake)):
        client.post("/explain", data={"picture": (io.BytesIO(encoded()), "x.png")})


def test_a_face_that_is_known_is_explained_in_its_box_with_the_numbers_that_were_read(
    explainer: PictureExplainer,
) -> None:
    picture = encoded(200, 100)
    probs = dict.fromkeys(EMOTIONS, 0.05) | {"sad": 0.7}
    box = np.array([0.25, 0.1, 0.75, 0.9])
    explanation = explainer.explain_face(picture, box, 0.0, probs)
    assert {reason.emotion: reason.probability for reason in explanation.reasons} == probs
    assert explanation.reasons[0].emotion == "sad"
    with Image.open(io.BytesIO(explanation.face)) as face:
        shown = np.asarray(face.convert("L"), dtype=np.int16)
    wanted = cv2.resize(noise(100, 200)[10:90, 50:150], (176, 176), interpolation=cv2.INTER_CUBIC)
    assert np.abs(shown - wanted).mean() < 25  # another method of scaling; noise elsewhere differs by 80


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [(0, 0, "upper left"), (5, 2, "lower middle"), (2, 3, "middle"), (3, 5, "middle right")],
)
def test_the_brightest_place_of_a_map_is_said_in_words(row: int, column: int, words: str) -> None:
    share = np.zeros((6, 6), dtype=np.float32)
    assert brightest_place(share) == ""
    share[row, column] = 0.5
    assert brightest_place(share) == words


def test_the_first_explanation_is_prepared_in_the_background_once(
    classifier: EmotionClassifier, net: EmotionNet
) -> None:
    loads: list[str] = []

    def load() -> nn.Module:
        loads.append(threading.current_thread().name)
        return net.fuse()

    explainer = PictureExplainer(TwoFaces(), classifier, load, SAMPLES)
    client = client_of(explainer)
    assert explainer.close()  # which has nothing to join
    for _ in range(2):
        assert client.get("/explain").status_code == 200
    assert explainer.close()
    client.get("/explain/sad/1")
    assert loads == ["explainer"]


def test_a_network_that_cannot_be_loaded_ends_the_preparation_and_not_the_site(
    classifier: EmotionClassifier, caplog: pytest.LogCaptureFixture
) -> None:
    def load() -> nn.Module:
        raise OSError("gone")

    explainer = PictureExplainer(TwoFaces(), classifier, load, SAMPLES)
    explainer.warm_up()
    assert explainer.close()
    assert "could not be loaded" in caplog.text


def test_a_network_that_takes_long_to_be_loaded_does_not_hold_up_the_end(
    classifier: EmotionClassifier, net: EmotionNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()

    def load() -> nn.Module:
        assert go.wait(PATIENCE_S)
        return net.fuse()

    monkeypatch.setattr("uploads.explainer.JOIN_S", 0.05)
    explainer = PictureExplainer(TwoFaces(), classifier, load, SAMPLES)
    explainer.warm_up()
    assert not explainer.close()
    go.set()
    explainer._warming.join(PATIENCE_S)
    assert explainer.close()


class TestFacesOfResults:
    """/explain/result/JOB/PICTURE/FACE."""

    @pytest.fixture
    def address(self, tmp_path: Path, explainer: PictureExplainer) -> Iterator[tuple[FlaskClient, str]]:
        """Return a client, and the address of a result with one face."""
        jobs = Jobs(Results(tmp_path), fake_recognizer(), fake_pipeline, 80, blur=False)
        crowd, limiter = FakeCrowd(), UploadLimiter()
        crowd.close()
        pages = [upload_pages(jobs, limiter, 2), explain_pages(explainer, limiter, results=jobs.results)]
        client = make_fake_site(crowd, pages).test_client()
        sent = {"files": (io.BytesIO(encode_jpeg(bright_image(240, 320), 90)), "me.jpg")}
        yield client, client.post("/pictures", data=sent).headers["Location"]
        jobs.close()

    def test_each_face_of_a_result_leads_to_its_explanation_and_back(
        self, address: tuple[FlaskClient, str]
    ) -> None:
        client, result = address
        job_id = result.rpartition("/")[2]
        assert f'href="/explain/result/{job_id}/0/1"' in client.get(result).text
        visitor = client.application.test_client()  # whoever has the address may
        response = visitor.get(f"/explain/result/{job_id}/0/1")
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-store"
        assert "Most likely happy, 70%" in response.text
        assert "Face 1 of 1 in me.jpg" in response.text
        assert f'href="{result}?picture=0#face-0-1"' in response.text

    def test_nothing_is_explained_that_is_not_there(self, address: tuple[FlaskClient, str]) -> None:
        client, result = address
        job_id = result.rpartition("/")[2]
        for path in (f"{job_id}/0/2", f"{job_id}/1/1", f"{'x' * 22}/0/1"):
            response = client.get(f"/explain/result/{path}")
            assert response.status_code == 404
            assert "There is no such face" in response.text
        client.post(f"{result}/delete")
        assert client.get(f"/explain/result/{job_id}/0/1").status_code == 404


def test_faces_in_the_explanation_are_small_pictures_of_their_own(explainer: PictureExplainer) -> None:
    explanation: Explanation = explainer.explain(encoded())
    assert {size_of(picture) for picture in [explanation.face, *(r.picture for r in explanation.reasons)]} == {
        (176, 176)
    }
    assert cv2.imdecode(np.frombuffer(explanation.face, np.uint8), cv2.IMREAD_GRAYSCALE) is not None


class Hiding:
    """Controls of a picture that hides its faces, as `switch` says."""

    fixed: tuple[str, ...] = ()
    open_to_all = True

    def __init__(self, switch: str) -> None:
        self.switch = switch

    def read(self) -> dict[str, object]:
        return {"blur": False, "emoji": False, "flip": False, self.switch: True}

    def rest(self, request: RestRequest) -> None:
        raise NotImplementedError

    def change(self, changes: dict[str, object]) -> None:
        """Change nothing."""

    def reset(self) -> None:
        """Reset nothing."""


def one_live_face(track_id: int) -> tuple[NDArray[np.uint8], Track] | None:
    """Give face 3 of a live picture, its head leaning to the right."""
    if track_id != 3:
        return None
    eyes = [(40, 40), (80, 60), (60, 70), (40, 90), (70, 100)]
    image = noise(160, 160)[..., None].repeat(3, axis=-1)
    return image, replace(make_track(3, (20, 20, 120, 120)), landmarks=np.array(eyes, dtype=np.float32))


def test_a_live_face_is_explained_as_it_stands_in_the_newest_picture(
    classifier: EmotionClassifier, explainer: PictureExplainer
) -> None:
    client = client_of(explainer, one_live_face)
    page = client.get("/explain/live/3")
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    found = one_live_face(3)
    assert found
    image, track = found
    assert track.tilt_deg == pytest.approx(26.6, abs=0.1)
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8)
    crop = classifier.crop(gray, np.array([track.box]), np.array([track.tilt_deg]))
    probs, _ = classifier.explain_both_ways(crop)
    best = EMOTIONS[int(probs[0].argmax())]
    assert explainer.explain_track(image, track).reasons[0].emotion == best
    assert f"{probs[0].max() * 100:.0f}%" in page.text


def test_a_live_face_that_is_gone_or_hidden_is_not_explained(explainer: PictureExplainer) -> None:
    page = client_of(explainer, one_live_face).get("/explain/live/4")
    assert page.status_code == 404
    assert "This face is no longer in the picture." in page.text
    for switch in ("blur", "emoji"):
        page = client_of(explainer, one_live_face, Hiding(switch)).get("/explain/live/3")
        assert page.status_code == 403
        assert "Faces are hidden in the live picture" in page.text
        assert "data:image" not in page.text
    assert client_of(explainer, one_live_face, Hiding("flip")).get("/explain/live/3").status_code == 200
