"""The way of a frame's faces to the outputs: nothing waits for a receiver, and what is lost is counted."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from outputs.base import Moment
from outputs.camera_outputs import CameraOutputs, moment_of
from outputs.delivery import Delivery, DeliveryWaits
from outputs.slots import SLOTS, Slots
from tests.fakes.camera import Watched
from tests.fakes.images import make_track
from tests.fakes.outputs import FakeOutput
from tests.fakes.waiting import PATIENCE_S, until
from vision.frames import AnnotatedFrame
from vision.tracker import KEEP_S, Track

QUICK = DeliveryWaits(tick_s=0.02, min_pause_s=0.02, max_pause_s=0.05)


def frame_at(t_s: float, *faces: Track, index: int = 0, problem: str = "") -> AnnotatedFrame:
    """Return a frame captured at t_s, in which all the faces were found."""
    found = [replace(face, seen_s=t_s) for face in faces]
    return AnnotatedFrame(index, t_s, t_s + 0.01, b"", found, problem=problem)


def frames(count: int) -> list[AnnotatedFrame]:
    return [frame_at(1.0 + n / 30, make_track(1, (0, 0, 9, 9)), index=n) for n in range(count)]


def moment_at(t_s: float) -> Moment:
    return Moment(int(t_s), t_s, (640, 480), [])


@pytest.fixture
def output() -> FakeOutput:
    return FakeOutput()


@pytest.fixture
def camera() -> Watched:
    return Watched()


@pytest.fixture
def outputs(camera: Watched, output: FakeOutput) -> Iterator[CameraOutputs]:
    with closing(CameraOutputs(camera, [output], QUICK)) as outputs:
        yield outputs


def put_all(camera: Watched, frames: list[AnnotatedFrame], output: FakeOutput) -> None:
    """Put the frames one by one, each when the last has arrived."""
    for count, frame in enumerate(frames, len(output.moments) + 1):
        camera.annotated.put(frame)
        until(partial(_has, output, count))


def _has(output: FakeOutput, count: int) -> bool:
    return len(output.moments) == count


def connected(outputs: CameraOutputs) -> bool:
    return all(status.connected for status in outputs.status())


def test_every_frame_reaches_the_output_with_the_faces_that_were_found_in_it(
    camera: Watched, outputs: CameraOutputs, output: FakeOutput
) -> None:
    outputs.start()
    until(lambda: connected(outputs))
    put_all(camera, frames(5), output)
    assert [moment.frame for moment in output.moments] == [0, 1, 2, 3, 4]
    assert [face.track_id for face in output.moments[0].faces] == [1]
    [status] = outputs.status()
    assert (status.sent, status.dropped, status.connected, status.problem) == (5, 0, True, "")


def test_a_face_that_is_only_drawn_where_it_was_is_not_sent() -> None:
    frame = frame_at(5.0, make_track(1, (0, 0, 9, 9)), make_track(2, (0, 0, 9, 9)))
    lost = replace(frame.tracks[1], seen_s=4.9)
    frame = replace(frame, tracks=[frame.tracks[0], lost], scene=np.zeros((480, 640, 3), np.uint8))
    moment = moment_of(frame)
    assert ([face.track_id for face in moment.faces], moment.size_px) == ([1], (640, 480))


def test_a_frame_that_says_no_signal_is_not_sent(
    camera: Watched, outputs: CameraOutputs, output: FakeOutput
) -> None:
    outputs.start()
    until(lambda: connected(outputs))
    camera.annotated.put(frame_at(1.0, problem="no picture"))
    put_all(camera, [frame_at(1.1)], output)
    assert [moment.captured_s for moment in output.moments] == [1.1]


def test_the_outputs_keep_the_camera_open_while_they_are_on(
    camera: Watched, outputs: CameraOutputs, output: FakeOutput
) -> None:
    assert camera.viewing_now == 0
    outputs.start()
    outputs.start()
    assert camera.viewing_now == 1
    assert outputs.stop()
    assert (camera.viewing_now, output.closed) == (0, 1)
    camera.annotated.put(frame_at(1.0))
    assert output.moments == []


def test_without_outputs_the_camera_is_left_alone(camera: Watched) -> None:
    outputs = CameraOutputs(camera, [])
    outputs.start()
    outputs.marker("begin", 1.0)
    assert (camera.viewing_now, outputs.status(), outputs.close()) == (0, [], True)


def test_a_receiver_that_stands_still_never_delays_the_camera_and_loses_the_oldest_frames(
    output: FakeOutput,
) -> None:
    delivery = Delivery(output, max_waiting=10, waits=QUICK)
    delivery.start()
    until(lambda: delivery.status().connected)
    output.go_on.clear()
    started_s = time.monotonic()
    for number in range(500):
        delivery.put(moment_at(number + 1.0))
    assert time.monotonic() - started_s < 5  # each send would wait for two minutes
    output.go_on.set()
    until(lambda: delivery.status().sent + delivery.status().dropped == 500)
    delivery.end()
    assert delivery.join(PATIENCE_S)
    # one was being sent, and at most ten waited
    assert [moment.frame for moment in output.moments][-10:] == list(range(491, 501))
    assert len(output.moments) == delivery.status().sent <= 11


def test_a_receiver_that_is_away_is_tried_again_and_what_it_missed_is_counted(
    camera: Watched, outputs: CameraOutputs, output: FakeOutput
) -> None:
    output.away = "Nobody is there."
    outputs.start()
    until(lambda: output.opened > 2)
    for frame in frames(7):
        camera.annotated.put(frame)
    [status] = outputs.status()
    assert (status.sent, status.dropped, status.connected, status.problem) == (0, 7, False, "Nobody is there.")
    output.away = ""
    until(lambda: connected(outputs))
    put_all(camera, [frame_at(9.0)], output)
    [status] = outputs.status()
    assert (status.sent, status.dropped, status.problem) == (1, 7, "")
    assert [moment.captured_s for moment in output.moments] == [9.0]  # none of a moment long gone


def test_a_receiver_that_dies_between_frames_is_noticed_and_found_again(
    outputs: CameraOutputs, output: FakeOutput
) -> None:
    outputs.start()
    until(lambda: connected(outputs))
    output.away = "The connection was lost."
    until(lambda: outputs.status()[0].problem)
    output.away = ""
    until(lambda: connected(outputs))
    assert (output.opened >= 2, output.closed >= 1) == (True, True)


def test_the_pause_between_two_tries_grows(output: FakeOutput) -> None:
    output.away = "Nobody is there."
    delivery = Delivery(output, waits=DeliveryWaits(min_pause_s=0.01, max_pause_s=30))
    delivery.start()
    until(lambda: output.opened >= 4)
    time.sleep(0.3)  # after 0.01, 0.02, 0.04 and so on there is time for no more than five tries
    assert output.opened <= 7
    delivery.end()
    assert delivery.join(PATIENCE_S)


def test_markers_wait_for_a_receiver_and_keep_their_times(outputs: CameraOutputs, output: FakeOutput) -> None:
    output.away = "Nobody is there."
    outputs.start()
    until(lambda: output.opened)
    outputs.marker("begin", 1000.5)
    outputs.marker("end", 1001.5)
    output.away = ""
    until(lambda: len(output.markers) == 2)
    assert output.markers == [("begin", 1000.5), ("end", 1001.5)]
    assert outputs.status()[0].dropped == 0


def test_a_marker_that_could_not_be_sent_is_sent_when_it_can(
    outputs: CameraOutputs, output: FakeOutput
) -> None:
    output.refuses_markers = True
    outputs.start()
    outputs.marker("begin", 1000.5)
    outputs.marker("end", 1001.5)
    until(lambda: outputs.status()[0].problem == "It takes no markers.")
    output.refuses_markers = False
    until(lambda: output.markers == [("begin", 1000.5), ("end", 1001.5)])
    assert (outputs.status()[0].sent, outputs.status()[0].dropped) == (2, 0)


def test_a_marker_that_an_output_cannot_take_at_all_is_dropped(
    outputs: CameraOutputs, output: FakeOutput
) -> None:
    outputs.start()
    outputs.marker("", 1000.5)
    outputs.marker("end", 1001.5)
    until(lambda: output.markers == [("end", 1001.5)])
    until(lambda: outputs.status()[0].sent == 1)
    assert outputs.status()[0].dropped == 1


def test_outputs_that_are_started_again_while_a_receiver_holds_them_have_one_thread(output: FakeOutput) -> None:
    camera = Watched()
    outputs = CameraOutputs(camera, [output], replace(QUICK, join_s=0.1))
    outputs.start()
    until(lambda: connected(outputs))
    output.go_on.clear()
    camera.annotated.put(frame_at(1.0))
    until(lambda: not outputs._deliveries[0]._moments)
    assert outputs.stop() is False
    outputs.start()
    output.go_on.set()
    until(lambda: len(output.moments) == 1)
    put_all(camera, [frame_at(2.0)], output)
    assert output.opened == 1
    assert outputs.close()


def test_a_receiver_that_holds_its_thread_is_not_waited_for_at_the_end(output: FakeOutput) -> None:
    camera = Watched()
    outputs = CameraOutputs(camera, [output, FakeOutput()], replace(QUICK, join_s=0.2))
    outputs.start()
    until(lambda: connected(outputs))
    output.go_on.clear()
    camera.annotated.put(frame_at(1.0))
    until(lambda: not outputs._deliveries[0]._moments)
    started_s = time.monotonic()
    assert outputs.close() is False
    assert time.monotonic() - started_s < 5
    output.go_on.set()


def test_no_more_markers_wait_than_frames_may(output: FakeOutput) -> None:
    delivery = Delivery(output, max_waiting=3, waits=QUICK)
    for number in range(5):
        delivery.marker(str(number), 0.0)
    assert delivery.status().dropped == 2
    delivery.start()
    until(lambda: len(output.markers) == 3)
    delivery.end()
    assert delivery.join(PATIENCE_S)
    assert [label for label, _ in output.markers] == ["2", "3", "4"]


def test_frames_that_nobody_hears_are_counted_as_dropped(
    camera: Watched, outputs: CameraOutputs, output: FakeOutput
) -> None:
    output.heard = False
    outputs.start()
    until(lambda: output.opened)
    until(lambda: _dropped_after_a_frame(camera, outputs))
    assert output.moments == []
    assert not connected(outputs)


def _dropped_after_a_frame(camera: Watched, outputs: CameraOutputs) -> int:
    camera.annotated.put(frame_at(time.monotonic()))
    return outputs.status()[0].dropped


def test_an_output_that_wants_fewer_frames_gets_one_a_period_and_has_lost_none() -> None:
    output = FakeOutput(period_s=0.5)
    delivery = Delivery(output, waits=QUICK)
    delivery.start()
    until(lambda: delivery.status().connected)
    for number in range(31):
        delivery.put(moment_at(10 + number / 30))
    until(lambda: len(output.moments) == 3)
    delivery.end()
    assert delivery.join(PATIENCE_S)
    assert [round(moment.captured_s, 2) for moment in output.moments] == [10, 10.5, 11]
    assert delivery.status().dropped == 0


def test_a_fault_in_an_output_is_told_and_the_others_go_on(camera: Watched) -> None:
    class Broken(FakeOutput):
        def send(self, moment: Moment) -> None:
            raise ZeroDivisionError(moment.frame)

    broken, whole = Broken(), FakeOutput()
    with closing(CameraOutputs(camera, [broken, whole], DeliveryWaits(min_pause_s=PATIENCE_S))) as outputs:
        outputs.start()
        until(lambda: connected(outputs))
        put_all(camera, frames(2), whole)
        until(lambda: outputs.status()[0].problem)
        put_all(camera, frames(5)[2:], whole)
        assert outputs.status()[0].problem == "The output failed; the log says why."
        assert outputs.status()[1].problem == ""


class TestSlots:
    def test_the_largest_of_new_faces_comes_first(self) -> None:
        small, large = make_track(1, (0, 0, 9, 9)), make_track(2, (0, 0, 50, 50))
        assert Slots().place([small, large], 1.0) == [large, small, None, None]

    def test_a_face_stays_in_its_place_though_another_is_larger_now(self) -> None:
        slots = Slots()
        first, second = make_track(1, (0, 0, 9, 9)), make_track(2, (0, 0, 50, 50))
        slots.place([first], 1.0)
        assert slots.place([first, second], 1.1)[:2] == [first, second]
        assert slots.place([second], 1.2)[:2] == [None, second]

    def test_a_face_that_comes_back_with_its_number_has_its_place_again(self) -> None:
        slots = Slots()
        face, other = make_track(1, (0, 0, 9, 9)), make_track(2, (0, 0, 50, 50))
        slots.place([face], 1.0)
        assert slots.place([other], 1.0 + KEEP_S)[:2] == [None, other]
        assert slots.place([face, other], 1.0 + KEEP_S)[:2] == [face, other]

    def test_a_place_is_free_when_its_face_is_gone_for_good(self) -> None:
        slots = Slots()
        slots.place([make_track(1, (0, 0, 9, 9))], 1.0)
        other = make_track(2, (0, 0, 50, 50))
        assert slots.place([other], 1.1 + KEEP_S)[0] == other

    def test_a_face_too_many_waits_for_a_place(self) -> None:
        slots = Slots()
        many = [make_track(number, (0, 0, 9, 9)) for number in range(1, SLOTS + 2)]
        assert slots.place(many, 1.0) == many[:SLOTS]
        left = many[1:]
        assert slots.place(left, 2.0 + KEEP_S) == [many[SLOTS], *many[1:SLOTS]]
