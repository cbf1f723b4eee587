"""What is recorded is there, in both databases alike; each of their errors is one sentence."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event

from recording.about import About
from recording.database import PRAGMAS, Database, DatabaseError, RefusedError, UrlError
from recording.history import History, Search, Session, Sighting
from recording.markers import Marker
from recording.merging import MergeError, merge_sessions
from recording.tables import TABLES
from tests.fakes.images import make_rest, make_track
from tests.fakes.postgres import PASSWORD, Postgres
from tests.fakes.server import free_port
from tests.fakes.waiting import PATIENCE_S
from vision.emotions import EMOTIONS

START_MS = 1_760_000_000_000


@pytest.fixture
def history(database_url: str) -> Iterator[History]:
    history = History(database_url)
    yield history
    history.close()


Record = Callable[..., Session]


@pytest.fixture
def record(history: History) -> Record:
    """Return a function that writes one session: faces as (track_id, emotion, sightings), 100 ms apart."""

    def record(
        *faces: tuple[int, str, int], started_ms: int = START_MS, source: str = "demo", sure: bool = True
    ) -> Session:
        session, at_ms, sightings = Session(started_ms), started_ms, []
        for track_id, emotion, many in faces:
            for _ in range(many):
                sightings.append((at_ms, make_track(track_id, (1, 2, 30, 40), emotion, sure)))
                at_ms += 100
        history.write(session, sightings, at_ms, source)
        return session

    return record


def test_a_session_comes_back_as_it_was_written(history: History, record: Record) -> None:
    session = record((3, "happy", 2), (7, "sad", 1), source="Tür, cam=0")
    (summary,) = history.sessions(0, 10)
    assert (summary.session_id, summary.key) == (session.session_id, session.key)
    assert (summary.started_unix_ms, summary.ended_unix_ms) == (START_MS, START_MS + 300)
    assert (summary.source, summary.sightings, summary.faces) == ("Tür, cam=0", 3, 2)
    assert {name: number for name, number in summary.counts.items() if number} == {"happy": 2, "sad": 1}
    rows = list(history.sightings(summary.session_id))
    assert [row.number for row in rows] == [0, 1, 2]
    assert [row.track_id for row in rows] == [3, 3, 7]
    last = rows[-1]
    assert (last.at_ms, last.x1, last.y1, last.x2, last.y2) == (START_MS + 200, 1, 2, 30, 40)
    assert (last.emotion, last.sure) == ("sad", True)
    expected = [0.7 if name == "sad" else 0.05 for name in EMOTIONS]
    assert list(last[-11:-4]) == pytest.approx(expected)
    assert list(last[-4:]) == [None] * 4  # neither brightness nor landmarks were known, and no resting face


def test_what_is_not_sure_counts_as_unsure(history: History, record: Record) -> None:
    record((1, "happy", 2), sure=False)
    (summary,) = history.sessions(0, 10)
    assert (summary.counts["happy"], summary.counts["unsure"]) == (0, 2)


def test_a_face_is_counted_over_several_writes(history: History) -> None:
    session = Session(START_MS)
    for number in range(3):
        at_ms = START_MS + number * 1000
        history.write(session, [(at_ms, make_track(5, (0, 0, 9, 9), "fear"))], at_ms, "demo")
    (face,) = history.faces(session.session_id or 0, 10)
    assert (face.track_id, face.first_unix_ms, face.last_unix_ms) == (5, START_MS, START_MS + 2000)
    assert face.counts["fear"] == 3
    assert session.written == 3


def test_sightings_that_arrived_although_the_answer_was_lost_are_not_added_twice(history: History) -> None:
    session = Session(START_MS)
    first = [(START_MS, make_track(1, (0, 0, 9, 9)))]
    more = [(START_MS + 1, make_track(1, (0, 0, 9, 9))), (START_MS + 2, make_track(2, (0, 0, 9, 9)))]
    history.write(session, first, START_MS, "demo")
    history.write(session, more, START_MS + 2, "demo")
    session.written = 1  # as it is when the connection breaks while the answer is under way
    history.write(session, [*more, (START_MS + 3, make_track(2, (0, 0, 9, 9)))], START_MS + 3, "demo")
    (summary,) = history.sessions(0, 10)
    assert (summary.sightings, session.written) == (4, 4)
    assert [row.at_ms - START_MS for row in history.sightings(summary.session_id)] == [0, 1, 2, 3]
    assert sum(face.counts["happy"] for face in history.faces(summary.session_id, 10)) == 4


def test_a_session_that_was_deleted_while_it_is_written_begins_anew(history: History, record: Record) -> None:
    session = record((1, "happy", 5))
    assert history.delete(session.session_id or 0)
    history.write(session, [(START_MS, make_track(1, (0, 0, 9, 9)))], START_MS, "demo")
    (summary,) = history.sessions(0, 10)
    assert (summary.sightings, summary.session_id) == (1, session.session_id)


def test_a_clock_that_is_set_back_shortens_no_session(history: History) -> None:
    session, track = Session(START_MS), make_track(1, (0, 0, 9, 9))
    for at_ms in (START_MS - 5000, START_MS + 3000, START_MS - 7_200_000):
        history.write(session, [(at_ms, track)], at_ms, "demo")
    (summary,) = history.sessions(0, 10)
    assert (summary.started_unix_ms, summary.ended_unix_ms) == (START_MS, START_MS + 3000)
    assert summary.sightings == 3


def test_a_session_without_a_face_is_a_session(history: History) -> None:
    history.write(Session(START_MS), [], START_MS + 5000, "demo")
    (summary,) = history.sessions(0, 10)
    assert (summary.ended_unix_ms, summary.faces, sum(summary.counts.values())) == (START_MS + 5000, 0, 0)
    assert history.faces(summary.session_id, 10) == []
    assert history.mean_probs(summary, 1) == []
    assert list(history.sightings(summary.session_id)) == []


def test_the_newest_sessions_come_first_and_page_by_page(history: History, record: Record) -> None:
    for number in range(5):
        record(started_ms=START_MS + number, source=str(number))
    assert history.count() == 5
    assert [summary.source for summary in history.sessions(0, 2)] == ["4", "3"]
    assert [summary.source for summary in history.sessions(4, 2)] == ["0"]


def test_a_number_that_is_not_there_is_none(history: History, record: Record) -> None:
    assert history.session(1) is None
    record((1, "happy", 1))
    assert history.session(99) is None
    assert not history.delete(99)


def test_stretches_of_time_hold_their_mean(history: History, record: Record) -> None:
    session = record((1, "happy", 10), (2, "sad", 5))  # 1 s and 0.5 s
    summary = history.session(session.session_id or 0)
    assert summary
    happy, sad = EMOTIONS.index("happy"), EMOTIONS.index("sad")
    shares = history.mean_probs(summary, 1)
    assert [(share.bin, share.sightings) for share in shares] == [(0, 10), (1, 5)]
    assert shares[0].probs[happy] == pytest.approx(0.7)
    assert shares[1].probs[sad] == pytest.approx(0.7)
    (both,) = history.mean_probs(summary, 2)
    assert both.probs[happy] == pytest.approx((10 * 0.7 + 5 * 0.05) / 15)
    assert [(share.bin, share.sightings) for share in history.mean_probs(summary, 1, 2)] == [(1, 5)]
    assert history.mean_probs(summary, 1, 99) == []


def test_a_stretch_is_labelled_as_it_was_named_most_unsure_or_not(history: History) -> None:
    session = Session(START_MS)
    named = [
        *[(0, 1, "happy", True), (300, 1, "sad", True), (600, 1, "sad", True)],
        *[(2000, 1, "sad", False), (2300, 1, "happy", False), (2600, 1, "sad", True)],
        *[(-5000, 1, "fear", True), (2700, 2, "fear", True), (2800, 3, "fear", True)],
    ]
    sightings = [
        (START_MS + at_ms, make_track(track_id, (0, 0, 9, 9), emotion, sure))
        for at_ms, track_id, emotion, sure in named
    ]
    history.write(session, sightings, START_MS + 3000, "demo")
    summary = history.session(session.session_id or 0)
    assert summary
    assert history.labels(summary, 1, [1, 2]) == {1: {0: "sad", 2: "unsure"}, 2: {2: "fear"}}
    assert history.labels(summary, 3, [1]) == {1: {0: "sad"}}
    assert history.labels(summary, 1, [99]) == {}


def test_a_second_is_summed_over_several_writes(history: History) -> None:
    session = Session(START_MS)
    for number, emotion in enumerate(("happy", "sad", "sad", "sad")):
        at_ms = START_MS + number * 200
        history.write(session, [(at_ms, make_track(1, (0, 0, 9, 9), emotion))], at_ms, "demo")
    summary = history.session(session.session_id or 0)
    assert summary
    (share,) = history.mean_probs(summary, 1)
    assert share.sightings == 4
    assert share.probs[EMOTIONS.index("sad")] == pytest.approx((3 * 0.7 + 0.05) / 4)


def test_a_session_is_found_by_its_words_and_its_tags(history: History, record: Record) -> None:
    for number, about in enumerate(
        (About("Pilot 1", "coughed at 10:32", ("P01", "happy film")), About("100 %", "", ("P02",)), About())
    ):
        session = record(started_ms=START_MS + number)
        history.describe(session.session_id or 0, about)
    found = {
        text: [one.about.name for one in history.sessions(0, 10, Search(text))]
        for text in ("pilot", "COUGHED", "film", "demo", "0 %", "1_0", "nothing")
    }
    assert found == {
        **{"pilot": ["Pilot 1"], "COUGHED": ["Pilot 1"], "film": ["Pilot 1"]},
        **{"demo": ["", "100 %", "Pilot 1"], "0 %": ["100 %"], "1_0": [], "nothing": []},
    }
    assert history.count(Search("demo")) == 3
    assert [one.about.tags for one in history.sessions(0, 10, Search(tag="P01"))] == [("P01", "happy film")]
    assert history.count(Search(tag="P0")) == history.count(Search("pilot", "P02")) == 0
    history.describe(session.session_id or 0, About(tags=("P02",)))
    assert history.tags(2) == ["P02", "P01"]


def marker_at(number: int, ms: int, label: str = "on") -> Marker:
    return Marker(number, label, START_MS + ms, START_MS + ms + 3)


def test_markers_come_back_in_the_order_of_their_moments_and_are_not_added_twice(history: History) -> None:
    session = Session(START_MS, About("Pilot", "a note", ("P01",)), '{"a": 1}')
    marks = [marker_at(1, 500), Marker(2, "by the server", None, START_MS + 200)]
    for _ in range(2):
        history.write(session, [], START_MS + 600, "demo", marks)
        session.session_id, session.about_written = None, About()  # as when the answer was lost
    history.write(session, [], START_MS + 900, "demo", [marker_at(3, 100, "off")])
    (summary,) = history.sessions(0, 10)
    assert (summary.about, summary.setup) == (About("Pilot", "a note", ("P01",)), '{"a": 1}')
    found = history.markers(summary.session_id)
    assert [marker.number for marker in found] == [3, 2, 1]
    assert found[1:] == [marks[1], marks[0]]
    history.delete(summary.session_id)
    assert history.markers(summary.session_id) == []
    assert history.tags(9) == []


def test_what_is_said_of_a_session_while_it_is_written_is_kept(history: History) -> None:
    session = Session(START_MS)
    history.write(session, [], START_MS, "demo")
    history.describe(session.session_id or 0, About("by the page"))
    history.write(session, [], START_MS + 1, "demo")
    assert history.sessions(0, 1)[0].about.name == "by the page"
    session.about = About("by the recorder")
    history.write(session, [], START_MS + 2, "demo")
    assert history.sessions(0, 1)[0].about.name == "by the recorder"


def test_brightness_and_the_pose_of_a_head_are_kept_as_whole_numbers(history: History) -> None:
    session, points = (
        Session(START_MS),
        np.array([[10, 20], [30, 20], [26, 30], [13, 40], [27, 40]], np.float32),
    )
    tracks = [replace(make_track(1, (0, 0, 9, 9)), landmarks=points), make_track(2, (0, 0, 9, 9))]
    sightings: list[Sighting] = [*((START_MS, track, 87.6) for track in tracks), (START_MS + 1, tracks[1])]
    history.write(session, sightings, START_MS + 1, "demo")
    rows: list[tuple[int | None, ...]] = [
        tuple(row[-4:-1]) for row in history.sightings(session.session_id or 0)
    ]
    assert rows == [(88, 0, 27), (88, None, None), (None, None, None)]


def test_resting_faces_are_kept_with_the_sightings_that_were_read_against_them(history: History) -> None:
    session, plain = Session(START_MS), make_track(1, (0, 0, 9, 9))
    first, second = (make_rest(since_unix_s=START_MS / 1000 + after_s) for after_s in (0.25, 0.75))
    rests = [None, first, None, second, second]
    seen: list[Sighting] = [(START_MS + 200 * at, replace(plain, rest=it)) for at, it in enumerate(rests)]
    seen.append((START_MS + 900, replace(make_track(2, (0, 0, 9, 9)), rest=second)))  # of the same moment
    for part in (seen[:4], seen[4:]):
        history.write(session, part, START_MS + 900, "demo")
    number = session.session_id or 0
    after_ms = [row.rest_ms and row.rest_ms - START_MS for row in history.sightings(number)]
    assert after_ms == [None, 250, None, 750, 750, 750]
    found = history.rests(number)
    assert [*found] == [(1, START_MS + 250), (1, START_MS + 750), (2, START_MS + 750)]
    assert found[1, START_MS + 250].probs == pytest.approx(first.probs)
    assert {rest.name for rest in found.values()} == {""}
    named = replace(plain, rest=replace(second, name="Anna"))
    history.write(session, [(START_MS + 1000, named)], START_MS + 1000, "demo")
    assert [rest.name for rest in history.rests(number).values()] == ["", "Anna", ""]
    history.delete(number)
    assert history.rests(number) == {}


def test_a_stretch_of_a_session_is_read_alone(history: History, record: Record) -> None:
    session = record((1, "happy", 10), (2, "sad", 15))  # 1 s and 1.5 s
    summary = history.session(session.session_id or 0)
    assert summary
    rows = list(history.sightings(summary.session_id, range(START_MS + 1000, START_MS + 2000)))
    assert [row.at_ms - START_MS for row in rows] == list(range(1000, 2000, 100))
    means = history.mean_probs(summary, 1, seconds=range(1, 2))
    assert [(mean.bin, mean.sightings) for mean in means] == [(0, 10)]


def test_two_parts_become_one_session(history: History) -> None:
    earlier, later = Session(START_MS, About("Pilot", "", ("P01",))), Session(START_MS + 5300, About("Pilot"))
    seen = {
        earlier: [
            (START_MS + ms, make_track(1 + ms // 500, (0, 0, 9, 9), "happy")) for ms in range(0, 900, 100)
        ],
        later: [
            (START_MS + 5300 + ms, replace(make_track(1, (0, 0, 9, 9), "sad"), rest=make_rest()))
            for ms in range(0, 1500, 100)
        ],
    }
    for session, (number, ms) in zip(seen, ((1, 100), (1, 5400)), strict=True):
        end_ms = seen[session][-1][0]
        history.write(session, seen[session], end_ms, "demo", [marker_at(number, ms)])
    numbers = earlier.session_id or 0, later.session_id or 0
    assert merge_sessions(history, numbers[1], numbers[0]) == numbers[0]
    (merged,) = history.sessions(0, 9)
    assert (merged.session_id, merged.sightings, merged.faces) == (numbers[0], 24, 3)
    assert (merged.started_unix_ms, merged.ended_unix_ms) == (START_MS, START_MS + 6700)
    assert merged.about == About("Pilot", "", ("P01",))
    rows = list(history.sightings(numbers[0]))
    assert [row.number for row in rows] == list(range(24))
    assert [row.at_ms for row in rows] == [at_ms for part in seen.values() for at_ms, _ in part]
    assert [row.track_id for row in rows] == [1] * 5 + [2] * 4 + [3] * 15
    assert [(face.track_id, face.counts["sad"]) for face in history.faces(numbers[0], 9)] == [
        (1, 0),
        (2, 0),
        (3, 15),
    ]
    assert [(mean.bin, mean.sightings) for mean in history.mean_probs(merged, 1)] == [(0, 9), (5, 7), (6, 8)]
    (sad, *_) = [mean.probs[EMOTIONS.index("sad")] for mean in history.mean_probs(merged, 1, 3)]
    assert sad == pytest.approx(0.7)
    assert [(one.number, one.at_unix_ms - START_MS) for one in history.markers(numbers[0])] == [
        (1, 100),
        (2, 5400),
    ]
    assert [*history.rests(numbers[0])] == [(3, START_MS + 250)]
    assert [row.rest_ms for row in rows] == [None] * 9 + [START_MS + 250] * 15


def test_a_session_that_somebody_deletes_while_it_is_merged_is_merged_wholly_or_not_at_all(
    database_url: str, history: History, record: Record
) -> None:
    first, second = (record((1, "happy", 5), started_ms=START_MS + 10_000 * part) for part in range(2))
    elsewhere = History(database_url)
    deleting = threading.Thread(target=elsewhere.delete, args=(second.session_id,))

    def delete_before_the_first_change(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        if sql.startswith(("UPDATE", "DELETE")) and deleting.ident is None:
            deleting.start()
            deleting.join(0.5)  # which the merging holds up

    event.listen(history.database._engine, "before_cursor_execute", delete_before_the_first_change)
    merged_id = merge_sessions(history, first.session_id or 0, second.session_id or 0)
    deleting.join(PATIENCE_S)
    summary = history.session(merged_id)
    assert summary
    assert (summary.sightings, len(list(history.sightings(merged_id)))) == (10, 10)
    elsewhere.close()


def test_what_is_said_of_a_session_that_was_deleted_is_dropped(history: History, record: Record) -> None:
    session_id = record().session_id or 0
    history.delete(session_id)
    history.describe(session_id, About("Pilot", "", ("P01",)))
    assert history.count() == 0


def test_sessions_that_are_not_parts_of_one_are_not_merged(history: History, record: Record) -> None:
    one = record((1, "happy", 30)).session_id or 0
    overlapping = record((1, "happy", 3), started_ms=START_MS + 1000).session_id or 0
    other = record((1, "happy", 3), started_ms=START_MS + 9000, source="another").session_id or 0
    for pair, sentence in (
        ((one, one), "with itself"),
        ((one, overlapping), "overlap in time"),
        ((one, other), "come from different cameras: demo and another"),
        ((one, 99), "no longer exists"),
    ):
        with pytest.raises(MergeError, match=sentence):
            merge_sessions(history, *pair)
    summary = history.session(one)
    assert summary
    assert history.merge_candidates(summary, 9) == []
    near, far = (record(started_ms=START_MS + after_ms).session_id for after_ms in (4000, 8000))
    assert [it.session_id for it in history.merge_candidates(summary, 9)] == [near, far]
    assert history.count() == 5


def test_the_faces_seen_most_are_those_that_are_returned(history: History, record: Record) -> None:
    session = record((1, "happy", 1), (2, "sad", 3), (3, "fear", 2))
    assert [face.track_id for face in history.faces(session.session_id or 0, 2)] == [2, 3]


def test_a_long_session_is_read_in_parts(database_url: str, record: Record) -> None:
    session, reader = record((1, "happy", 8)), History(database_url, rows_a_read=3)
    times = [row.at_ms for row in reader.sightings(session.session_id or 0)]
    reader.close()
    assert times == [START_MS + 100 * number for number in range(8)]


def test_deleting_takes_everything_that_belongs_to_a_session_and_nothing_else(
    history: History, record: Record
) -> None:
    gone, kept = record((1, "happy", 3)), record((1, "sad", 2), started_ms=START_MS + 1)
    assert history.delete(gone.session_id or 0)
    assert list(history.sightings(gone.session_id or 0)) == []
    assert history.faces(gone.session_id or 0, 10) == []
    assert [summary.session_id for summary in history.sessions(0, 10)] == [kept.session_id]
    assert len(list(history.sightings(kept.session_id or 0))) == 2
    later = record(started_ms=START_MS + 2)
    assert (later.session_id or 0) > (kept.session_id or 0)
    assert history.delete_all() == 2
    assert history.count() == 0


def test_the_number_of_a_deleted_session_is_not_given_again(history: History, record: Record) -> None:
    gone = record()
    history.delete_all()
    assert record().session_id != gone.session_id


def test_only_what_ended_long_ago_is_deleted_by_age(history: History, record: Record) -> None:
    record((1, "happy", 10))  # ends after a second
    kept = record((1, "happy", 11), started_ms=START_MS)
    assert history.delete_ended_before(START_MS + 1001, START_MS + 9000) == 1
    assert [summary.key for summary in history.sessions(0, 10)] == [kept.key]


def test_two_programs_share_one_database(database_url: str, history: History, record: Record) -> None:
    record((1, "happy", 1))
    other = History(database_url)
    other.write(Session(START_MS + 1), [(START_MS + 1, make_track(1, (0, 0, 9, 9)))], START_MS + 1, "other")
    assert [summary.source for summary in history.sessions(0, 10)] == ["other", "demo"]
    other.close()


def test_looking_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "instance" / "history.sqlite"
    history = History(str(path))
    assert (history.count(), history.sessions(0, 10), history.session(1)) == (0, [], None)
    assert (history.delete_all(), history.delete_ended_before(START_MS, START_MS)) == (0, 0)
    assert not path.parent.exists()


def test_a_sqlite_file_may_be_written_while_it_is_read_and_forgets_what_is_deleted(tmp_path: Path) -> None:
    history = History(str(tmp_path / "a.sqlite"))
    history.write(Session(START_MS), [], START_MS, "a name to forget")
    with history.database.begin() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    assert mode == "wal"
    history.delete_all()
    history.close()
    assert b"a name to forget" not in (tmp_path / "a.sqlite").read_bytes()


def test_a_file_that_is_deleted_under_the_program_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    history = History(str(path))
    session = Session(START_MS)
    track = make_track(1, (0, 0, 9, 9))
    history.write(session, [(START_MS, track)], START_MS, "demo")
    for part in tmp_path.iterdir():
        part.unlink()
    assert history.count() == 0
    history.write(session, [(START_MS + 1, track)], START_MS + 1, "demo")
    (summary,) = history.sessions(0, 10)
    assert summary.sightings == 1
    history.close()


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_bytes(b"no database" * 100)])
def test_what_is_no_database_is_one_sentence(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "a.sqlite"
    make(path)
    history = History(str(path))
    with pytest.raises(DatabaseError) as caught:
        history.count()
    assert str(caught.value) in (
        f"The database {path} cannot be used: unable to open database file.",
        f"The database {path} cannot be used: file is not a database.",
    )
    history.close()


def test_a_full_disk_is_one_sentence_and_nothing_is_lost_or_doubled_when_there_is_room_again(
    tmp_path: Path,
) -> None:
    path, session = str(tmp_path / "a.sqlite"), Session(START_MS)
    history = History(path, pragmas=(*PRAGMAS, "max_page_count = 20"))
    part = [(START_MS + number, make_track(1, (0, 0, 9, 9))) for number in range(1000)]
    history.write(session, part[:10], START_MS, "demo")
    with pytest.raises(DatabaseError, match="database or disk is full"):
        history.write(session, part[10:], START_MS, "demo")
    assert session.written == 10
    history.close()
    history = History(path)
    history.write(session, part[10:], START_MS, "demo")
    assert [row.at_ms - START_MS for row in history.sightings(session.session_id or 0)] == list(range(1000))
    history.close()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    history = History(str(tmp_path / "file" / "a.sqlite"))
    with pytest.raises(DatabaseError, match=r"cannot be used: .* \(.*\)\.$"):
        history.write(Session(START_MS), [], START_MS, "demo")
    history.close()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:s3cret@host/name",
        "postgresql://ann:s3cret",
        "postgresql://ann:p@s3cret@host/name",
        "postgresql+psycopg2://ann:s3cret@host/name",
        "://s3cret",
        "sqlite://",
    ],
)
def test_an_address_of_another_kind_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UrlError, match="must be a file or postgresql://") as caught:
        Database(url, TABLES)
    assert "s3cret" not in str(caught.value)


def test_sqlites_own_address_is_taken_too(tmp_path: Path) -> None:
    history = History(f"sqlite:///{tmp_path}/a.sqlite")
    history.write(Session(START_MS), [], START_MS, "demo")
    assert (tmp_path / "a.sqlite").exists()
    history.close()


def test_a_server_that_is_not_there_is_one_sentence_without_the_password() -> None:
    history = History(f"postgres://ann:s3cret@127.0.0.1:{free_port()}/name")
    with pytest.raises(DatabaseError) as caught:
        history.count()
    assert "The database PostgreSQL 127.0.0.1/name cannot be used: " in str(caught.value)
    assert "refused" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    history.close()


@pytest.mark.server
def test_a_wrong_password_or_name_is_one_sentence(postgres: Postgres) -> None:
    right = postgres.make_database("names")
    for wrong, reason in (
        (right.replace("s3cr", "wr0ng"), "password authentication failed"),
        (right.replace("/names", "/none"), 'database "none" does not exist'),
    ):
        history = History(wrong)
        with pytest.raises(DatabaseError, match=reason) as caught:
            history.count()
        assert "wr0ng" not in str(caught.value)
        assert PASSWORD not in str(caught.value)
        assert "\n" not in str(caught.value)
        history.close()


@pytest.mark.server
def test_who_may_not_make_tables_may_use_them(postgres: Postgres) -> None:
    url = postgres.make_database("shared")
    owner = History(url)
    owner.write(Session(START_MS), [], START_MS, "demo")
    with owner.database.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE writer LOGIN PASSWORD 'w'")
        connection.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO writer")
        connection.exec_driver_sql("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO writer")
    owner.close()
    writer = History(url.replace("fer:s3cr%3At%40", "writer:w"))
    writer.write(Session(START_MS), [], START_MS, "demo")
    assert writer.count() == 2
    writer.close()


@pytest.mark.server
def test_a_server_that_goes_away_and_comes_back_is_used_again(postgres: Postgres) -> None:
    history = History(postgres.make_database("restarts"))
    session, track = Session(START_MS), make_track(1, (0, 0, 9, 9))
    history.write(session, [(START_MS, track)], START_MS, "demo")
    postgres.stop()
    with pytest.raises(DatabaseError, match="refused"):
        history.write(session, [(START_MS + 1, track)], START_MS + 1, "demo")
    postgres.start()
    history.write(session, [(START_MS + 1, track)], START_MS + 1, "demo")
    assert [summary.sightings for summary in history.sessions(0, 10)] == [2]
    history.close()


def test_a_value_that_the_database_refuses_is_no_database_that_is_away(
    history: History, database_url: str
) -> None:
    source, error = ("\0", RefusedError) if "postgresql" in database_url else ("\ud83d", UnicodeError)
    with pytest.raises(error):
        history.write(Session(1000), [(1000, make_track(1, (0, 0, 9, 9)))], 1000, source)
    history.write(Session(1000), [(1000, make_track(1, (0, 0, 9, 9)))], 1000, "demo")
    assert history.count() == 1
