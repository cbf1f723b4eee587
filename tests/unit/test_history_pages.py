"""The pages of what was recorded, and the button that records."""

import csv
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from recording.about import About
from recording.history import History, MeanProbs, Session, Summary
from recording.markers import Marker
from recording.recorder import Recording
from tests.fakes.camera import FakeCrowd
from tests.fakes.images import make_rest, make_track
from tests.fakes.recording import FakeRecorder
from tests.fakes.site import make_fake_site
from vision.emotions import EMOTIONS
from vision.resting_face import read_against
from web.chart import MAX_BINS, MAX_LINES, TimeBins, areas, edges, overall_means, ribbon, stacked
from web.history import MAX_MARKERS, history_pages
from web.moments import Stretch
from web.times import length_of_time, of_clock

START_MS = 1_760_000_000_000
SAD = EMOTIONS.index("sad")


@pytest.fixture
def recorder() -> FakeRecorder:
    return FakeRecorder()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History(str(tmp_path / "history.sqlite"))
    yield history
    history.close()


@contextmanager
def client_of(history: History, recorder: FakeRecorder) -> Iterator[FlaskClient]:
    crowd = FakeCrowd()
    pages = [history_pages(history, recorder)]
    site = make_fake_site(crowd, pages, recorder=recorder)
    yield site.test_client()
    crowd.close()


@pytest.fixture
def client(history: History, recorder: FakeRecorder) -> Iterator[FlaskClient]:
    with client_of(history, recorder) as client:
        yield client


def add(
    history: History, *faces: tuple[int, str, int], started_ms: int = START_MS, source: str = "demo"
) -> int:
    """Write a session of faces as (track_id, emotion, sightings), 100 ms apart, and return its number."""
    session, at_ms, sightings = Session(started_ms), started_ms, []
    for track_id, emotion, many in faces:
        for _ in range(many):
            sightings.append((at_ms, make_track(track_id, (1, 2, 30, 40), emotion)))
            at_ms += 100
    history.write(session, sightings, at_ms, source)
    assert session.session_id is not None
    return session.session_id


def test_every_page_links_to_the_history(client: FlaskClient) -> None:
    assert '<a href="/history"' in client.get("/samples/happy").text


def test_where_the_recordings_are_not_open_no_page_links_to_them(
    history: History, recorder: FakeRecorder
) -> None:
    recorder.open_to_all = False
    with client_of(history, recorder) as client:
        assert "/history" not in client.get("/samples/happy").text
        assert client.get("/history").status_code == 403


def test_a_history_of_nothing_says_what_a_recording_would_hold(client: FlaskClient, history: History) -> None:
    page = client.get("/history")
    assert page.status_code == 200
    assert "Nothing has been recorded yet" in page.text
    assert "never pictures" in page.text
    assert history.database.is_empty()


def test_the_list_shows_each_session_with_its_shares(client: FlaskClient, history: History) -> None:
    number = add(history, (1, "happy", 30), (2, "sad", 10), source="<camera 0>")
    page = client.get("/history").text
    assert f'href="/history/{number}"' in page
    assert '<time datetime="2025-10-09T08:53:20.000Z">2025-10-09 08:53 UTC</time>' in page
    assert re.search(r"4 s · &lt;camera 0&gt; ·\s+2 faces", page)
    assert "happy 75&#8239;%" in page
    assert "sad 25&#8239;%" in page
    assert '<rect class="tone-sad" x="30" width="10"' in page
    assert "fear" not in page


def test_a_long_list_comes_page_by_page(client: FlaskClient, history: History) -> None:
    numbers = [add(history, started_ms=START_MS + number) for number in range(21)]
    first, second = client.get("/history").text, client.get("/history?page=2").text
    assert f'"/history/{numbers[-1]}"' in first
    assert f'"/history/{numbers[0]}"' not in first
    assert f'"/history/{numbers[0]}"' in second
    assert 'rel="next" href="/history?page=2"' in first
    assert 'rel="prev" href="/history?page=1"' in second
    assert "There is no page 3; the last one is 2." in client.get("/history?page=3").text


@pytest.mark.parametrize("page", ["0", "-1", "", "x", "²", "0" * 19 + "19999", "1" * 5000])
def test_a_page_that_is_no_number_is_refused_in_one_sentence(client: FlaskClient, page: str) -> None:
    response = client.get("/history", query_string={"page": page})
    assert response.status_code == 400
    assert "page must be a number from 1" in response.text
    assert page[:200] not in response.text or len(page) < 200


def test_a_session_shows_its_charts_its_figures_and_each_face(client: FlaskClient, history: History) -> None:
    number = add(history, (1, "happy", 30), (2, "sad", 10))
    page = client.get(f"/history/{number}").text
    assert "<title>demo, 2025-10-09 08:53 UTC " in page
    assert '<a href="/history" aria-current="true">Recordings</a>' in page
    assert '<svg class="stack" viewBox="0 0 5 100"' in page  # 4 s, and the one that has begun
    assert 'class="bar tone-happy share-54"' in page  # (30 * 0.7 + 10 * 0.05) / 40
    assert "53.7&#8239;%" in page or "53.8&#8239;%" in page
    assert f'href="/history/{number}?face=2#timeline">Face 2</a>' in page
    assert f'href="/history/{number}.csv"' in page
    assert "The chart as a table" in page
    assert page.count('<tr><th scope="row">') == 4


def test_one_face_can_be_looked_at_alone(client: FlaskClient, history: History) -> None:
    number = add(history, (1, "happy", 30), (2, "sad", 10))
    page = client.get(f"/history/{number}?face=2").text
    assert "Face 2 over time" in page
    assert 'class="bar tone-sad share-70"' in page
    response = client.get(f"/history/{number}?face=3")
    assert response.status_code == 404
    assert "There is no face 3 in this session." in response.text


def test_the_strips_agree_with_the_figures_beside_them(client: FlaskClient, history: History) -> None:
    session = Session(START_MS)
    sightings = [(START_MS + n * 250, make_track(1, (1, 2, 30, 40), "happy", sure=n > 2)) for n in range(5)]
    history.write(session, sightings, START_MS + 3000, "demo")
    page = client.get(f"/history/{session.session_id}").text
    assert '<path class="tone-unsure" d="M0 0h1v1h-1z">' in page
    assert '<path class="tone-happy" d="M1 0h1v1h-1z">' in page
    assert re.search(r"unsure 60&#8239;%</span>", page)
    assert "The most frequent label at each moment. Empty: not seen." in page


def test_a_session_without_a_face_says_so(client: FlaskClient, history: History) -> None:
    page = client.get(f"/history/{add(history)}").text
    assert "No face was seen." in page
    assert "<svg" not in page


def test_a_session_of_a_crowd_shows_the_faces_seen_most(client: FlaskClient, history: History) -> None:
    faces = [(track_id, "happy", 1 + (track_id == 40)) for track_id in range(1, 41)]
    page = client.get(f"/history/{add(history, *faces)}").text
    assert "The 30 faces that were seen most, of 40" in page
    assert "Face 40<" in page
    assert "Face 39<" not in page


@pytest.mark.parametrize("path", ["", ".csv", ".jsonl", ".json", "/markers", "/merge", "/delete"])
@pytest.mark.parametrize("number", [7, 2**31, 10**30])
def test_a_session_that_is_not_there_is_a_404(
    client: FlaskClient, history: History, path: str, number: int
) -> None:
    add(history)
    response = client.get(f"/history/{number}{path}")
    assert response.status_code == 404
    assert f"There is no session {number}." in response.text


def test_a_number_of_thousands_of_digits_is_not_repeated(client: FlaskClient) -> None:
    response = client.get(f"/history/{'9' * 4000}")
    assert response.status_code == 404
    assert "There is no session 999" in response.text
    assert "9" * 300 not in response.text


def test_the_export_is_a_file_with_every_sighting(client: FlaskClient, history: History) -> None:
    number = add(history, (1, "happy", 300))
    table = client.get(f"/history/{number}.csv")
    assert table.mimetype == "text/csv"
    assert table.headers["Content-Disposition"] == 'attachment; filename="emotions-20251009T085320Z.csv"'
    assert len(table.text.splitlines()) == 301
    lines = client.get(f"/history/{number}.jsonl")
    assert lines.headers["Content-Disposition"].endswith('Z.jsonl"')
    assert len(lines.text.splitlines()) == 300


def test_no_browser_keeps_a_copy_of_what_may_be_deleted(client: FlaskClient, history: History) -> None:
    number = add(history, (1, "happy", 1))
    for path in ("/history", f"/history/{number}", f"/history/{number}.csv", f"/history/{number}.jsonl"):
        assert client.get(path).headers["Cache-Control"] == "no-store"


def test_deleting_asks_first_and_works_without_javascript(client: FlaskClient, history: History) -> None:
    number = add(history, (1, "happy", 1))
    page = client.get(f"/history/{number}/delete").text
    assert "Delete this session?" in page
    assert '<form class="actions" method="post">' in page
    assert f'href="/history/{number}">Keep</a>' in page
    assert history.count() == 1
    response = client.post(f"/history/{number}/delete")
    assert (response.status_code, response.headers["Location"]) == (303, "/history?deleted=1")
    assert '<p class="note" role="status">Deleted: 1 session.</p>' in client.get(response.location).text
    for address in (
        "/history",
        "/history?deleted=",
        "/history?deleted=-1",
        "/history?deleted=<b>",
        "/history?deleted=1e999",
    ):
        assert "Deleted" not in client.get(address).text
    assert history.count() == 0
    assert client.post(f"/history/{number}/delete").status_code == 404


def test_all_can_be_deleted_at_once(client: FlaskClient, history: History) -> None:
    for number in range(3):
        add(history, started_ms=START_MS + number)
    assert "Delete all 3 sessions?" in client.get("/history/delete").text
    response = client.post("/history/delete")
    assert response.status_code == 303
    assert "Deleted: 3 sessions." in client.get(response.location).text
    assert history.count() == 0


def test_another_site_deletes_and_records_nothing(
    client: FlaskClient, history: History, recorder: FakeRecorder
) -> None:
    number = add(history)
    foreign = {"Sec-Fetch-Site": "cross-site"}
    for path in (f"/history/{number}/delete", "/history/delete", "/recording"):
        assert client.post(path, headers=foreign, data={"on": "true"}).status_code == 403
    assert history.count() == 1
    assert not recorder.now.on


def test_what_is_being_recorded_says_so_and_is_not_deleted(
    client: FlaskClient, history: History, recorder: FakeRecorder
) -> None:
    number = add(history, (1, "happy", 1))
    summary = history.session(number)
    assert summary
    recorder.start()
    recorder.key = summary.key
    for path in ("/history", f"/history/{number}"):
        page = client.get(path).text
        assert "being recorded" in page
        assert "/delete" not in page  # what would be refused is not offered
    for path in (f"/history/{number}/delete", "/history/delete"):
        response = client.post(path)
        assert response.status_code == 409
        assert "stop the recording first" in response.text
    assert history.count() == 1


def test_a_database_that_cannot_be_used_is_a_503_with_the_sentence(
    client: FlaskClient, history: History, tmp_path: Path
) -> None:
    number = add(history)
    history.close()
    (tmp_path / "history.sqlite").write_bytes(b"no database" * 100)
    for path in ("/history", f"/history/{number}", f"/history/{number}.csv", "/history/delete"):
        response = client.get(path)
        assert response.status_code == 503
        assert "cannot be used: file is not a database." in response.text
        as_json = client.get(path, headers={"Accept": "application/json"})
        assert (as_json.status_code, as_json.mimetype) == (503, "application/json")
        assert as_json.get_json()["error"].endswith("cannot be used: file is not a database.")
    assert client.post("/history/delete").status_code == 503
    assert client.get("/state").status_code == 200


def test_a_history_of_a_newer_version_is_a_503_with_the_sentence(history: History, tmp_path: Path) -> None:
    number = add(history)
    history.close()
    with closing(sqlite3.connect(tmp_path / "history.sqlite")) as database:
        database.execute("UPDATE schema_version SET version = 1000")
        database.commit()
    with (
        closing(History(str(tmp_path / "history.sqlite"))) as reopened,
        client_of(reopened, FakeRecorder()) as now,
    ):
        for path in ("/history", f"/history/{number}", f"/history/{number}.csv"):
            response = now.get(path)
            assert response.status_code == 503
            assert "a newer version of this program wrote it (schema 1000, this" in response.text


def record_button(page: str) -> tuple[str, str]:
    """Return the value and the words of the button that switches the recording."""
    found = re.search(r'<button class="tool" name="on" value="(\w+)">.*?<span>(.*?)</span></button>', page)
    assert found
    return found[1], found[2]


def test_the_button_switches_the_recording(client: FlaskClient, recorder: FakeRecorder) -> None:
    assert client.get("/state").get_json()["recording"]["on"] is False
    assert record_button(client.get("/").text) == ("true", "Record")
    response = client.post("/recording", data={"on": "true"})
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert recorder.now.on
    assert record_button(client.get("/").text) == ("false", "Stop recording")
    response = client.post("/recording", data={"on": "false"}, headers={"Accept": "application/json"})
    assert response.get_json() == {
        **{"on": False, "session": None, "sightings": 0, "waiting": 0, "dropped": 0, "problem": ""},
        **{"seconds": 0.0, "since": None, "saved": {"session": 1, "seconds": 66.0, "faces": 4}},
        **{"name": "", "tags": [], "labels": [], "markers": 0, "last_marker": None},
        "recent_markers": [],
    }
    assert not recorder.now.on
    assert client.post("/recording", data={"on": "perhaps"}).status_code == 400


def test_the_picture_itself_says_that_it_is_recorded(client: FlaskClient, recorder: FakeRecorder) -> None:
    (stage,) = re.findall(r'<div class="stage" id="screen">(.*?)</div>', client.get("/").text, re.S)
    assert '<span class="rec" hidden><b>REC</b>' in stage
    recorder.start()
    (stage,) = re.findall(r'<div class="stage" id="screen">(.*?)</div>', client.get("/").text, re.S)
    assert '<span class="rec"><b>REC</b>' in stage
    recording = client.get("/state").get_json()["recording"]
    assert (recording["seconds"], recording["since"]) == (66.0, 1_764_000_000.0)
    assert client.get("/cameras").get_json()["cameras"][0]["recording"] == {"on": True, "seconds": 66.0}


def saved(page: str) -> str:
    found = re.search(r'<p class="note" id="saved".*?</p>', page, re.S)
    assert found
    return found[0]


def test_after_stop_the_page_says_what_was_saved_and_links_to_it(
    client: FlaskClient, recorder: FakeRecorder
) -> None:
    recorder.start()
    assert " hidden>" in saved(client.get("/").text)
    answer = client.post("/recording", data={"on": "false"})
    shown = saved(client.get(answer.location).text)
    assert "hidden" not in shown
    assert "Saved: 1 min 6 s, 4 faces." in shown
    assert 'href="/history/1">Open</a>' in shown
    assert 'href="/history/1.csv" download>CSV</a>' in shown
    assert " hidden>" in saved(client.get("/").text)  # once


def test_whoever_may_not_see_recordings_gets_no_links_to_them(
    client: FlaskClient, recorder: FakeRecorder
) -> None:
    recorder.stop()
    recorder.open_to_all = False
    assert 'id="saved"' not in client.get("/?saved").text


def notice(page: str) -> str:
    found = re.search(r'<p class="note" id="recording-notice".*?</p>', page, re.S)
    assert found
    return found[0]


def test_a_notice_stands_on_the_page_while_it_runs(client: FlaskClient, recorder: FakeRecorder) -> None:
    assert " hidden>" in notice(client.get("/").text)
    recorder.start()
    shown = notice(client.get("/").text)
    assert "hidden" not in shown
    assert "This session is being recorded</b>: times, boxes and emotions; no pictures." in shown


def test_a_problem_of_the_recording_stands_there_too(client: FlaskClient, recorder: FakeRecorder) -> None:
    recorder.now = Recording(True, 1, 5, 70, 3, "The database is away.")
    assert "The database is away.</p>" in client.get("/").text
    recording = client.get("/state").get_json()["recording"]
    assert (recording["waiting"], recording["dropped"]) == (70, 3)


def test_where_visitors_may_not_they_neither_record_nor_read_nor_delete(
    client: FlaskClient, history: History, recorder: FakeRecorder
) -> None:
    recorder.open_to_all = False
    number = add(history)
    recorder.start()
    page = client.get("/").text
    assert "hidden" not in notice(page)
    assert "recording-form" not in page
    for path in ("/history", f"/history/{number}", f"/history/{number}.csv"):
        assert client.get(path).status_code == 403
    for path in ("/history/delete", f"/history/{number}/delete", "/recording"):
        assert client.post(path, data={"on": "false"}).status_code == 403
    assert "Visitors may neither record here" in client.get("/history").text
    assert recorder.now.on
    assert history.count() == 1


def test_no_page_has_styles_or_scripts_of_its_own(client: FlaskClient, history: History) -> None:
    number = add(history, (1, "happy", 5))
    for path in ("/", "/history", f"/history/{number}", "/history/delete"):
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]* src=)", client.get(path).text)


def test_a_session_has_the_name_the_note_and_the_tags_that_it_is_given(
    client: FlaskClient, history: History
) -> None:
    number = add(history, (1, "happy", 5))
    form = {"name": "Pilot <1>", "note": "first line\nsecond", "tags": "P01, happy film"}
    answer = client.post(f"/history/{number}/about", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/history/{number}")
    page = client.get(f"/history/{number}").text
    assert re.search(r"<h1>Pilot &lt;1&gt;\s", page)
    assert "<title>Pilot &lt;1&gt;, 2025-10-09 08:53 UTC " in page
    assert "first line\nsecond</p>" in page
    assert '<a href="/history?tag=happy+film">happy film</a>' in page
    assert 'value="P01, happy film"' in page
    client.post(f"/history/{number}/about", data={"note": ""})
    summary = history.session(number)
    assert summary
    assert summary.about == About("Pilot <1>", "", ("P01", "happy film"))
    answer = client.post(f"/history/{number}/about", data={"name": "x" * 121})
    assert answer.status_code == 400
    assert "name must have at most 120 characters, not 121." in answer.text


def test_the_list_is_searched_page_by_page(client: FlaskClient, history: History) -> None:
    for number in range(22):
        session = add(history, started_ms=START_MS + number)
        history.describe(session, About(f"Pilot {number}", "", ("P01",) if number else ()))
    first = client.get("/history?q=pilot&tag=P01").text
    assert "21 sessions found." in first
    assert 'rel="next" href="/history?page=2&amp;q=pilot&amp;tag=P01"' in first
    assert "Pilot 1<" in client.get("/history?q=pilot&tag=P01&page=2").text
    assert "<option selected>P01</option>" in first
    nothing = client.get("/history?q=zebra").text
    assert "No sessions found." in nothing
    assert 'value="zebra"' in nothing
    assert "Nothing has been recorded yet" not in nothing
    assert "Delete all" not in nothing  # it would not delete what was found, but all


def test_two_parts_are_merged_after_asking(
    client: FlaskClient, history: History, recorder: FakeRecorder
) -> None:
    first = add(history, (1, "happy", 10))
    second = add(history, (1, "sad", 5), started_ms=START_MS + 5000)
    add(history, source="another", started_ms=START_MS + 9000)
    page = client.get(f"/history/{second}/merge").text
    assert page.count('type="radio"') == 1
    assert f'value="{first}"' in page
    summary = history.session(first)
    assert summary
    recorder.key = summary.key
    assert 'type="radio"' not in client.get(f"/history/{second}/merge").text
    answer = client.post(f"/history/{second}/merge", data={"other": first})
    assert answer.status_code == 409
    assert "stop the recording first" in answer.text
    recorder.key = ""
    for other, status in (("", 400), ("x", 400), ("99", 404), (str(second), 409), ("3", 409)):
        assert client.post(f"/history/{second}/merge", data={"other": other}).status_code == status
    answer = client.post(f"/history/{second}/merge", data={"other": first})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/history/{first}")
    assert history.count() == 2
    assert "Face 2<" in client.get(f"/history/{first}").text


def write_marked(history: History) -> int:
    """Write 10 s of one face, happy for 4 s and sad then, with three markers; return the session's number."""
    session = Session(START_MS, About("Pilot", "", ("P01",)))
    seen = [
        (START_MS + ms, make_track(1, (1, 2, 30, 40), "happy" if ms < 4000 else "sad"), 80.0)
        for ms in range(0, 10_000, 100)
    ]
    markers = [
        Marker(1, "on; <off>", START_MS + 4050, START_MS + 4060),
        Marker(2, "off", None, START_MS + 6000),
        Marker(3, "end", START_MS + 11_000, START_MS + 10_000),
    ]
    history.write(session, seen, START_MS + 10_000, "demo", markers)
    return session.session_id or 0


def test_markers_are_lines_in_the_chart_and_rows_of_a_table(client: FlaskClient, history: History) -> None:
    number = write_marked(history)
    page = client.get(f"/history/{number}").text
    assert page.count('class="mark" d="M4.05 0v100M6 0v100M10 0v100"') == 8  # the stack, and each emotion
    assert f'<a href="/history/{number}?at=4.05#timeline">0:04</a>' in page
    assert "on; &lt;off&gt;</th>" in page
    assert page.count("<td>caller</td>") == 2
    part = client.get(f"/history/{number}?from=4&to=5").text
    assert 'class="mark" d="M0.05 0v100"' in part


def test_thousands_of_markers_make_no_endless_page(client: FlaskClient, history: History) -> None:
    session, length_ms = Session(START_MS), 3_600_000
    markers = [Marker(n + 1, f"trigger {n}", None, START_MS + 600 * n) for n in range(6000)]
    history.write(session, [(START_MS, make_track(1, (1, 2, 30, 40), "happy"))], START_MS + length_ms, "demo")
    history.write(session, [], START_MS + length_ms, "demo", markers)
    page = client.get(f"/history/{session.session_id}").text
    assert len(page) < 1_000_000
    assert f"The first {MAX_MARKERS:,} of 6,000; choose a range to see later ones" in page
    assert "trigger 999<" in page
    assert "trigger 1000<" not in page
    [path] = set(re.findall(r'class="mark" d="([^"]*)"', page))
    places = [float(place) for place in re.findall(r"M([0-9.]+) 0v100", path)]
    assert MAX_LINES / 2 < len(places) <= MAX_LINES
    assert places[0] == 0
    assert 115 < places[-1] < 117  # all along the chart
    part = client.get(f"/history/{session.session_id}?from=3599&to=3600").text
    assert "trigger 5999<" in part
    assert "The first" not in part


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_markers_come_as_json_in_parts(client: FlaskClient, history: History, count: int) -> None:
    session = Session(START_MS)
    markers = [Marker(number, f"“{number}”", None, START_MS + number) for number in range(1, count + 1)]
    history.write(session, [], START_MS + 5000, "demo", markers)
    parts = list(client.get(f"/history/{session.session_id}/markers").iter_encoded())
    assert [one["marker"] for one in json.loads(b"".join(parts))] == [marker.label for marker in markers]
    assert max(map(len, parts)) < 40_000


def test_a_link_to_a_moment_shows_its_place_and_its_values(client: FlaskClient, history: History) -> None:
    number = write_marked(history)
    for at in ("4.5", str(START_MS / 1000 + 4.5), "0:04.5", "0:00:04.5"):
        page = client.get(f"/history/{number}?at={at}").text
        assert page.count('class="cursor" d="M4.5 0v100"') == 8
        assert '<li class="tone-sad">sad <b>70&#8239;%</b></li>' in page
        assert (
            '<time class="clock" datetime="2025-10-09T08:53:24.500Z">08:53:24</time> (0:04, this second)'
            in page
        )
    assert "No face was seen then." in client.get(f"/history/{number}?at=10.2").text


@pytest.mark.parametrize(
    "query",
    ["at=x", f"from={'x' * 5000}", "at=nan", "from=1:2:3:4", "to=inf", "at=-1", "at=99", "at=1800000000"],
)
def test_a_moment_that_cannot_be_is_refused_in_one_sentence(
    client: FlaskClient, history: History, query: str
) -> None:
    for suffix in ("", ".csv") if "at=" not in query else ("",):
        answer = client.get(f"/history/{write_marked(history)}{suffix}?{query}")
        assert answer.status_code == 400
        assert re.search(
            r"(at|from|to) (must be seconds since|is outside the session, which is 10 s)", answer.text
        )
        assert len(answer.text) < 5000


def test_a_stretch_has_figures_a_chart_and_a_table_of_its_own(client: FlaskClient, history: History) -> None:
    number = write_marked(history)
    page = client.get(f"/history/{number}?from=3&to=0:04.5").text  # the seconds 3 and 4
    assert re.search(r"Only 0:03 to 0:05 of this session, 2 s\.", page)
    assert "happy 50&#8239;%" in page
    assert "sad 50&#8239;%" in page
    assert re.search(r'class="bar tone-happy share-3[78]">37.5', page)  # (0.7 + 0.05) / 2
    assert '<svg class="stack" viewBox="0 0 2 100"' in page
    assert '<path class="tone-sad" d="M1 0h1v1h-1z">' in page
    assert f'href="/history/{number}.csv?from=3&amp;to=5"' in page
    table = client.get(f"/history/{number}.csv?from=3&to=5").text
    rows = list(csv.DictReader(io.StringIO(table.removeprefix("\ufeff"))))
    assert [float(row["seconds"]) for row in rows] == [round(3 + n / 10, 1) for n in range(20)]
    assert sum(float(row["happy"]) for row in rows) / len(rows) == pytest.approx(0.375)
    assert [row["marker"] for row in rows if row["marker"]] == ["on; <off>"]
    # the other way round, and to the end
    assert "Only 0:03 to 0:05" in client.get(f"/history/{number}?from=4.2&to=3").text
    assert len(client.get(f"/history/{number}.jsonl?from=9").text.splitlines()) == 11  # with a marker


def test_the_files_of_a_session_have_its_markers(client: FlaskClient, history: History) -> None:
    number = write_marked(history)
    rows = list(csv.DictReader(io.StringIO(client.get(f"/history/{number}.csv").text.removeprefix("\ufeff"))))
    marked = {row["seconds"]: row["marker"] for row in rows if row["marker"]}
    assert marked == {"4.1000": "on; <off>", "6.0000": "off", "9.9000": "end"}
    lines = [json.loads(line) for line in client.get(f"/history/{number}.jsonl").text.splitlines()]
    assert [line["marker"] for line in lines if "marker" in line] == ["on; <off>", "off", "end"]
    assert [line["seconds"] for line in lines[40:43]] == [4.0, 4.05, 4.1]
    assert lines[-1]["marker"] == "end"
    markers = client.get(f"/history/{number}/markers").get_json()
    assert markers[0] == {
        **{"time": "2025-10-09T08:53:24.050Z", "seconds": 4.05, "session": number, "source": "demo"},
        **{"marker": "on; <off>", "caller_time": "2025-10-09T08:53:24.050Z"},
        **{"arrived_time": "2025-10-09T08:53:24.060Z"},
    }
    assert markers[1]["caller_time"] is None
    answer = client.get(f"/history/{number}/markers?format=csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="markers-20251009T085320Z.csv"'
    assert [row["marker"] for row in csv.DictReader(io.StringIO(answer.text))] == ["on; <off>", "off", "end"]
    assert client.get(f"/history/{number}/markers?format=xml").status_code == 400


def test_a_session_is_exported_with_and_without_its_resting_faces(
    client: FlaskClient, history: History
) -> None:
    plain, rest = make_track(1, (0, 0, 9, 9), "sad"), make_rest("sad", START_MS / 1000, "Anna")
    rested = replace(plain, probs=read_against(plain.probs, rest.probs), rest=rest)
    session = Session(START_MS)
    history.write(session, [(START_MS, plain), (START_MS + 100, rested)], START_MS + 100, "demo")
    address = f"/history/{session.session_id}"

    def sad(query: str) -> list[float]:
        rows = csv.DictReader(io.StringIO(client.get(f"{address}.csv{query}").text.removeprefix("\ufeff")))
        return [float(row["sad"]) for row in rows]

    assert sad("?rest=without") == pytest.approx([0.7, 0.7], abs=2e-4)
    assert sad("") == sad("?rest=with") == pytest.approx([0.7, float(rested.probs[SAD])], abs=2e-4)
    lines = client.get(f"{address}.jsonl?rest=without")
    assert "without-rest.jsonl" in lines.headers["Content-Disposition"]
    seen = [json.loads(line) for line in lines.text.splitlines()]
    assert [row["rest_since"] for row in seen] == [None, "2025-10-09T08:53:20.000Z"]
    assert [row["sad"] for row in seen] == pytest.approx([0.7, 0.7], abs=2e-4)
    (face,) = client.get(f"{address}.json").get_json()["RestingFaces"]["Faces"]
    assert (face["track_id"], face["rest_since"], face["name"]) == (1, seen[1]["rest_since"], "Anna")
    assert face["probs"]["sad"] == 0.7
    assert f'href="{address}.csv?rest=without"' in client.get(address).text
    assert "rest=without" not in client.get(f"/history/{add(history, (1, 'sad', 2))}").text
    refused = client.get(f"{address}.csv?rest=never")
    assert refused.status_code == 400
    assert "rest must be with or without." in refused.text


def test_the_sidecar_describes_the_table_as_it_is(client: FlaskClient, history: History) -> None:
    number = write_marked(history)
    header = client.get(f"/history/{number}.csv").text.removeprefix("\ufeff").splitlines()[0].split(",")
    sidecar = client.get(f"/history/{number}.json").get_json()
    assert sidecar["Columns"] == header
    assert all(sidecar[name]["Description"] for name in header)
    assert list(sidecar["emotion"]["Levels"]) == list(EMOTIONS)
    assert sidecar["x1"]["Units"] == "px"
    assert list(client.get(f"/history/{number}/markers").get_json()[0]) == list(sidecar["MarkerColumns"])
    assert sidecar["Session"]["Name"] == "Pilot"
    assert sidecar["Session"]["Tags"] == ["P01"]
    assert sidecar["RecordedWith"] is None


def mean(number: int, emotion: str, sightings: int = 1) -> MeanProbs:
    return MeanProbs(number, sightings, tuple(1.0 * (name == emotion) for name in EMOTIONS))


def summary_of(length_ms: int) -> Summary:
    return Summary(1, "", "", START_MS, START_MS + length_ms, 0, 0, {})


@pytest.mark.parametrize(
    ("length_ms", "expected"),
    [
        (0, (1, 1)),
        (999, (1, 1)),
        (1000, (2, 1)),
        (119_999, (120, 1)),
        (120_000, (61, 2)),
        (36_000_000, (120, 301)),
    ],
)
def test_a_session_is_divided_into_few_bins(length_ms: int, expected: tuple[int, int]) -> None:
    bins = TimeBins.of(summary_of(length_ms))
    assert (bins.count, bins.length_s) == expected
    assert bins.count <= MAX_BINS
    assert bins.count * bins.length_s * 1000 > length_ms


def test_what_a_clock_that_was_set_back_puts_outside_is_not_drawn() -> None:
    means = [mean(number, "happy") for number in (-4, 0, 3, 4)]
    assert [one.bin for one in TimeBins(4, 1).clip(means)] == [0, 3]


def test_a_stack_covers_the_whole_height_in_the_emotions_order() -> None:
    paths = stacked([MeanProbs(2, 1, (0.5, 0, 0, 0.5, 0, 0, 0))])
    assert tuple(paths) == EMOTIONS
    assert paths["angry"] == "M2 0h1v100h-1z"
    assert paths["disgust"] == paths["happy"] == "M2 50h1v50h-1z"
    assert paths["neutral"] == "M2 100h1v0h-1z"


def test_lines_lie_between_the_bands_and_not_at_the_ends_of_the_stack() -> None:
    path = edges([MeanProbs(2, 1, (0.5, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05))])
    assert path == "M2 50h1M2 60h1M2 70h1M2 80h1M2 90h1M2 95h1"


def test_each_emotion_has_an_area_as_high_as_its_mean() -> None:
    assert areas([mean(1, "sad")])["sad"] == "M1 0h1v100h-1z"
    assert areas([mean(1, "sad")])["happy"] == "M1 100h1v0h-1z"


def test_a_stretch_is_divided_as_a_session_is() -> None:
    bins = TimeBins.of(summary_of(36_000_000), Stretch(600, 900))
    assert (bins.first_s, bins.length_s, bins.count) == (600, 3, 100)
    assert [bins.x(seconds) for seconds in (600, 601.5, 900)] == [0, 0.5, 100]
    assert bins.ticks(4) == [600, 675, 750, 825, 900]


def test_a_ribbon_has_each_bins_label() -> None:
    assert ribbon({5: "sad", 0: "sad", 1: "happy"}) == {
        "sad": "M0 0h1v1h-1zM5 0h1v1h-1z",
        "happy": "M1 0h1v1h-1z",
    }


def test_a_mean_counts_every_sighting_alike() -> None:
    figures = overall_means([mean(0, "sad", 3), mean(1, "happy", 1)])
    assert (figures["sad"], figures["happy"], figures["fear"]) == (0.75, 0.25, 0)
    assert set(overall_means([]).values()) == {0}


def test_times_are_told_as_people_do() -> None:
    assert [length_of_time(s * 1000) for s in (0, 59.6, 61, 3720)] == [
        "0 s",
        "1 min 0 s",
        "1 min 1 s",
        "1 h 2 min",
    ]
    assert [of_clock(s) for s in (0, 65, 3723)] == ["0:00", "1:05", "1:02:03"]
