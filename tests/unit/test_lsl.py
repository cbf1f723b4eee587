"""Faces as samples of the Lab Streaming Layer; tests/server has a receiver in another process."""

import math
import re
import time

import numpy as np
import pytest
from pylsl import local_clock

from outputs.lsl import CHANNELS, LslOutput, clock_offset_s, face_channels, to_local_clock
from outputs.slots import SLOTS
from settings import ROOT
from tests.fakes.images import make_track
from vision.emotions import EMOTIONS

SECTION = (ROOT / "docs" / "outputs.md").read_text("utf-8").split("## LSL")[1]


def test_a_face_is_its_number_its_probabilities_and_its_place() -> None:
    names = [name for name, _, _ in CHANNELS]
    face = dict(zip(names, face_channels(make_track(7, (10, 20, 110, 120), "sad", sure=False)), strict=True))
    assert (face["number"], face["sure"], [face[side] for side in ("x1", "y1", "x2", "y2")]) == (
        7,
        0,
        [10, 20, 110, 120],
    )
    assert [face[name] for name in EMOTIONS] == pytest.approx([0.7 if e == "sad" else 0.05 for e in EMOTIONS])
    assert (face["valence"], face["arousal"]) == pytest.approx((-0.468, -0.053), abs=1e-6)


def test_a_place_without_a_face_is_a_gap() -> None:
    values = face_channels(None)
    assert len(values) == len(CHANNELS)
    assert all(map(math.isnan, values))


def test_a_frame_keeps_its_age_on_the_local_clock() -> None:
    captured_s = time.monotonic() - 2.5
    assert local_clock() - to_local_clock(captured_s) == pytest.approx(2.5, abs=0.05)


def test_the_local_clock_of_linux_is_the_monotonic_one() -> None:
    assert clock_offset_s() == pytest.approx(0, abs=0.001)


def test_the_stream_says_what_it_has_and_by_which_clock() -> None:
    info = LslOutput("faces", "hall")._describe_faces()
    assert (info.name(), info.type(), info.nominal_srate()) == ("faces", "Expression", 0.0)
    labels, units = info.get_channel_labels(), info.get_channel_units()
    assert info.channel_count() == len(labels) == SLOTS * len(CHANNELS)
    assert labels[:3] == ["face1_number", "face1_sure", "face1_angry"]
    assert labels[-1] == "face4_y2"
    assert units[: len(CHANNELS)] == [unit for _, unit, _ in CHANNELS]
    assert info.desc().child("acquisition").child_value("camera") == "hall"
    offset = float(info.desc().child("clock").child_value("unix_less_local_clock_s"))
    assert local_clock() + offset == pytest.approx(time.time(), abs=0.5)


def test_a_stream_that_is_begun_again_has_the_same_source() -> None:
    first, second = (LslOutput("faces", "hall")._describe_faces().source_id() for _ in range(2))
    assert first == second
    assert LslOutput("faces", "door")._describe_faces().source_id() != first


def test_without_a_receiver_nobody_hears_and_nothing_waits() -> None:
    output = LslOutput("nobody wants it", "hall")
    output.open()
    assert not output.is_heard()
    output.marker("begin", time.time())
    output.close()


def test_the_documents_table_has_every_channel_with_its_unit() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", SECTION, re.MULTILINE)
    assert rows == [(name, unit) for name, unit, _ in CHANNELS]
    assert f"| {SLOTS * len(CHANNELS)}, float32 |" in SECTION
    assert np.isfinite(face_channels(make_track(1, (0, 0, 9, 9)))).all()
