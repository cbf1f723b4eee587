"""When a source is late, and what is said of it."""

import numpy as np
import pytest

from sources.signal import MAX_PATIENCE_S, PERIODS, Signal
from vision.frames import Frame


def frame(index: int) -> Frame:
    return Frame(index, float(index), np.zeros((1, 1, 3), np.uint8))


@pytest.fixture
def signal() -> Signal:
    """A signal that was opened at 100 s, of a live source that is late after 3 s."""
    signal = Signal(stall_s=3.0, first_gap_s=7.5)
    signal.wait_from(100.0)
    signal.close()
    signal.open(is_live=True)
    return signal


def test_a_live_source_has_longer_for_its_first_pictures(signal: Signal) -> None:
    assert signal.find_problem("cam", 107.4) == ""
    assert signal.find_problem("cam", 107.6) == "cam has sent no picture for 7.5 s"


def test_a_source_is_late_by_its_longest_period_of_late(signal: Signal) -> None:
    for index in range(4):
        signal.receive(frame(index), 100.0 + 2.0 * index)
        signal.finish(frame(index), 100.1 + 2.0 * index)
    assert signal.patience_s() == PERIODS * 2
    signal.receive(frame(4), 1000.0)
    assert signal.patience_s() == MAX_PATIENCE_S
    signal.close()
    assert signal.patience_s() == 3.0


def test_a_sign_of_life_is_no_picture_and_no_silence(signal: Signal) -> None:
    shown = frame(0)
    signal.receive(shown, 101.0)
    signal.finish(shown, 101.1)
    for t_s in range(102, 130):
        signal.receive(None, t_s)
        assert signal.find_problem("cam", t_s + 0.5) == ""


def test_a_frame_that_is_not_finished_is_a_problem_and_a_fault_is_another(signal: Signal) -> None:
    shown = frame(0)
    signal.receive(shown, 101.0)
    signal.receive(None, 104.0)
    assert signal.find_problem("cam", 104.1) == "The picture is frozen: no frame has been finished for 3 s"
    signal.fault = "ValueError()"
    assert signal.find_problem("cam", 104.1) == "Frames cannot be processed; the log says why"
    signal.finish(shown, 104.2)
    assert (signal.find_problem("cam", 104.3), signal.fault) == ("", "")


def test_a_reported_problem_goes_before_all_others_until_it_is_over(signal: Signal) -> None:
    signal.report("cam is gone", 101.0)
    assert signal.find_problem("cam", 999.0) == "cam is gone"
    signal.receive(frame(0), 999.0)
    signal.report("", 999.0)
    assert signal.find_problem("cam", 1001.9) == ""
    assert signal.find_problem("cam", 1002.1).startswith("The picture is frozen")
    signal.forget()
    assert signal.find_problem("cam", 1001.9) == ""
