"""Markers come by JSON or a form, and each mistake is one sentence."""

import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from app import send_marker
from recording.about import About, AboutError
from recording.markers import Marker, MarkerError, parse_label, parse_time
from settings import LOOPBACK
from tests.fakes.camera import FakeCrowd
from tests.fakes.recording import FakeRecorder
from tests.fakes.site import make_fake_site
from web.security import Access


@pytest.fixture
def recorder() -> FakeRecorder:
    return FakeRecorder()


@pytest.fixture
def client(recorder: FakeRecorder) -> Iterator[FlaskClient]:
    crowd = FakeCrowd()
    yield make_fake_site(crowd, recorder=recorder).test_client()
    crowd.close()


def test_a_marker_comes_as_json_or_as_a_form(client: FlaskClient, recorder: FakeRecorder) -> None:
    recorder.start()
    before_s = time.time()
    answer = client.post("/markers", json={"label": "stimulus on", "time": 1760000000.25})
    assert answer.status_code == 201
    arrived_s = answer.get_json()["arrived_time"]
    assert before_s - 0.001 <= arrived_s <= time.time() + 0.001
    assert answer.get_json() == {
        **{"number": 1, "label": "stimulus on", "time": 1760000000.25},
        **{"caller_time": 1760000000.25, "arrived_time": arrived_s},
    }
    answer = client.post("/markers", data={"label": "off", "time": ""})
    assert (answer.get_json()["number"], answer.get_json()["caller_time"]) == (2, None)
    assert answer.get_json()["time"] == answer.get_json()["arrived_time"]
    text = b'{"label": 7, "time": "1760000000.25"}'  # as Python's urllib sends it
    client.post("/markers", data=text, content_type="application/x-www-form-urlencoded")
    assert recorder.now.last_marker
    assert (recorder.now.last_marker.label, recorder.now.last_marker.caller_unix_ms) == ("7", 1760000000250)
    state = client.get("/state").get_json()["recording"]
    assert (state["markers"], state["last_marker"]) == (3, {"label": "7", "time": 1760000000.25})
    assert [(it["number"], it["label"]) for it in state["recent_markers"]] == [
        *((1, "stimulus on"), (2, "off"), (3, "7"))
    ]
    assert state["recent_markers"][0]["time"] == 1760000000.25


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "label is missing: send a few words, such as “stimulus on”."),
        ({"label": " \n\0"}, "label is missing: send a few words, such as “stimulus on”."),
        ({"label": "x" * 101}, "label must have at most 100 characters, not 101."),
        ({"label": ["x"]}, "label must be text, such as “stimulus on”."),
        ({"label": True}, "label must be text, such as “stimulus on”."),
        *(
            (
                {"label": "x", "time": time},
                "time must be a number: Unix time in seconds, such as 1760000000.25.",
            )
            for time in ("now", True, [1], "nan", 10**400)
        ),
        (
            {"label": "x", "time": 1760000000250},
            "time must be Unix time in seconds; this one looks like milliseconds.",
        ),
        ([], "Send a JSON object or a form, such as {“label”: “stimulus on”}."),
    ],
)
def test_each_mistake_is_one_sentence(
    client: FlaskClient, recorder: FakeRecorder, values: Any, sentence: str
) -> None:
    recorder.start()
    answer = client.post("/markers", json=values)
    assert (answer.status_code, answer.text, answer.mimetype) == (400, f"{sentence}\n", "text/plain")
    answer = client.post("/markers", json=values, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.get_json()) == (400, {"error": sentence})
    assert recorder.now.markers == 0


@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"label":' * 7000])
def test_json_that_is_nested_too_deeply_is_a_mistake_like_any_other(
    client: FlaskClient, recorder: FakeRecorder, body: bytes
) -> None:
    recorder.start()
    answer = client.post("/markers", data=body)
    assert answer.status_code == 400
    assert answer.text.startswith("Send a JSON object or a form")


def test_without_a_session_there_is_nothing_to_mark(client: FlaskClient) -> None:
    answer = client.post("/markers", json={"label": "on"})
    assert (answer.status_code, answer.text) == (
        409,
        "Nothing is being recorded, so there is nothing to mark.\n",
    )


def test_only_those_mark_who_may_record(client: FlaskClient, recorder: FakeRecorder) -> None:
    recorder.describe(About("Ann", "", ("P01",)), ["on"])
    recorder.start()
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/markers", json={"label": "on"}, headers=foreign).status_code == 403
    recorder.open_to_all = False
    answer = client.post("/markers", json={"label": "on"})
    assert answer.status_code == 403
    assert "Visitors may neither record here" in answer.text
    assert recorder.now.markers == 0
    # nor do they learn who is recorded
    assert "Ann" not in client.get("/state").text + client.get("/").text


def test_an_experiment_in_a_page_that_may_embed_marks_and_others_do_not(recorder: FakeRecorder) -> None:
    crowd, lab = FakeCrowd(), "http://localhost:8000"
    access = Access(LOOPBACK, embedders=[lab])
    client = make_fake_site(crowd, recorder=recorder, access=access).test_client()
    crowd.close()
    recorder.start()
    body = b'{"label": "face on", "time": 1760000000}'  # as text, so browsers ask for no permission first
    for origin, status in ((lab, 201), ("http://localhost:8001", 403)):
        headers = {"Sec-Fetch-Site": "same-site", "Origin": origin}
        answer = client.post("/markers", data=body, content_type="text/plain", headers=headers)
        assert answer.status_code == status
        assert client.post("/recording", data={"on": "false"}, headers=headers).status_code == 403
    assert recorder.now.on
    assert recorder.now.markers == 1


def test_a_body_that_is_too_large_is_refused(client: FlaskClient, recorder: FakeRecorder) -> None:
    recorder.start()
    assert client.post("/markers", data=b'{"label": "' + b"x" * 70_000 + b'"}').status_code == 413


def test_a_label_is_one_line_and_a_number_is_one_too() -> None:
    assert parse_label("  two\n words\x00 \ud800") == "two words"
    assert parse_label("\u202egpj\u202c.exe \u2067אב\u2069") == "gpj.exe אב"  # no turn that goes on behind it
    assert parse_label("👩\u200d🔬 می\u200cخ") == "👩\u200d🔬 می\u200cخ"
    assert [parse_label(value) for value in (7, 2.5)] == ["7", "2.5"]
    with pytest.raises(MarkerError):
        parse_label(None)
    assert [parse_time(value) for value in (None, "", 0, "1.5", 1760000000.2504)] == [
        *(None, None, 0, 1500),
        1760000000250,
    ]


def test_a_marker_goes_to_the_outputs_with_its_moment() -> None:
    outputs = FakeOutputs()
    send_marker(cast("Any", outputs), Marker(1, "on", 1500, 2000))
    assert outputs.markers == [("on", 1.5)]


class FakeOutputs:
    """Outputs that keep what they are told."""

    def __init__(self) -> None:
        self.markers: list[tuple[str, float]] = []

    def marker(self, label: str, unix_s: float) -> None:
        self.markers.append((label, unix_s))


def test_a_recording_is_told_what_it_is_about(client: FlaskClient, recorder: FakeRecorder) -> None:
    form = {"name": " Pilot  1", "note": "a\r\n b", "tags": "P01, happy film,\nP01,", "labels": "on,off"}
    assert client.post("/recording", data={"on": "true", **form}).status_code == 303
    assert recorder.now.on
    assert recorder.now.about == About("Pilot 1", "a\n b", ("P01", "happy film"))
    assert recorder.now.labels == ("on", "off")
    assert client.post("/recording", data={"name": "Pilot 2"}).status_code == 303
    assert recorder.now.on  # and the rest stays as it was
    assert recorder.now.about == About("Pilot 2", "a\n b", ("P01", "happy film"))
    state = client.get("/state").get_json()["recording"]
    assert (state["name"], state["tags"], state["labels"]) == ("Pilot 2", ["P01", "happy film"], ["on", "off"])


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("name", "x" * 121, "name must have at most 120 characters, not 121."),
        ("note", "x" * 4001, "note must have at most 4000 characters, not 4001."),
        ("tags", "x" * 61, "each of the tags must have at most 60 characters, not 61."),
        ("tags", ",".join(map(str, range(21))), "there must be at most 20 tags, not 21."),
        ("labels", ",".join("abcdefghij"), "there must be at most 9 labels, one for each of the keys 1 to 9."),
    ],
)
def test_what_is_too_much_is_refused_in_one_sentence(
    client: FlaskClient, recorder: FakeRecorder, field: str, text: str, sentence: str
) -> None:
    answer = client.post("/recording", data={"on": "true", field: text}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.get_json()) == (400, {"error": sentence})
    assert not recorder.now.on
    with pytest.raises(AboutError):
        About.parse("x" * 121, "", "")
