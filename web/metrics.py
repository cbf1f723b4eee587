"""The figures of the site, for Prometheus."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from outputs.base import OutputStatus
from outputs.camera_outputs import CameraOutputs
from recording.recorder import Recorder
from relay.cameras import Cameras
from streaming.audience import Audience
from streaming.browser_cameras import BrowserCameras
from streaming.viewable import Viewable


class SiteCollector(Collector):
    """Reads the counts where they are kept, whenever it is asked."""

    def __init__(self, camera: Viewable, audience: Audience) -> None:
        self._camera = camera
        self._audience = audience

    def collect(self) -> Iterator[Metric]:
        """Yield every figure of the site."""
        yield from self._camera_metrics()
        yield from self._audience_metrics()

    def _camera_metrics(self) -> Iterator[Metric]:
        state = self._camera.state()
        counts = state.counts
        yield CounterMetricFamily("fer_frames", "Frames annotated.", counts.frames)
        yield CounterMetricFamily("fer_dropped_frames", "Frames skipped for newer ones.", counts.dropped)
        yield CounterMetricFamily("fer_failed_frames", "Frames that could not be annotated.", counts.faults)
        reopenings = max(counts.openings - 1, 0)
        yield CounterMetricFamily("fer_reopenings", "Times the source was reopened.", reopenings)
        yield GaugeMetricFamily("fer_fps", "Annotated frames per second, now.", state.fps)
        yield GaugeMetricFamily(
            "fer_latency_seconds", "Time from capture to publication.", state.latency_ms / 1000
        )
        yield GaugeMetricFamily("fer_up", "1 while the source sends frames.", int(state.running))
        steps = CounterMetricFamily("fer_step_seconds", "Time spent in each step.", labels=["step"])
        for step, spent_s in counts.step_s.items():
            steps.add_metric([step], spent_s)
        yield steps

    def _audience_metrics(self) -> Iterator[Metric]:
        audience, sender = self._audience, self._audience.sender
        yield GaugeMetricFamily("fer_viewers", "Viewers of the stream.", len(audience))
        yield CounterMetricFamily("fer_refused_viewers", "Viewers turned away at the limit.", audience.refused)
        yield CounterMetricFamily("fer_sent_bytes", "Bytes sent to viewers.", sender.sent_bytes)
        yield CounterMetricFamily("fer_sent_parts", "Pictures and events sent.", sender.sent_parts)
        skipped = sender.skipped_pictures
        yield CounterMetricFamily("fer_skipped_pictures", "Pictures that slow viewers missed.", skipped)


class CamerasCollector(Collector):
    """Reads what the processes of all cameras report, so that every web process says the same."""

    def __init__(self, cameras: Cameras) -> None:
        self._cameras = cameras

    def collect(self) -> Iterator[Metric]:
        """Yield the figures of every camera; raises RedisError."""
        label = ["camera"]
        up = GaugeMetricFamily("fer_up", "1 while the camera's process answers.", labels=label)
        frames = CounterMetricFamily("fer_frames", "Frames annotated.", labels=label)
        dropped = CounterMetricFamily("fer_dropped_frames", "Frames skipped for newer ones.", labels=label)
        failed = CounterMetricFamily("fer_failed_frames", "Frames that could not be annotated.", labels=label)
        viewers = GaugeMetricFamily("fer_viewers", "Viewers, through all web processes.", labels=label)
        reports = self._cameras.reports()
        for name, report in reports.items():
            up.add_metric([name], int(report is not None))
            if report:
                frames.add_metric([name], report.counts.frames)
                dropped.add_metric([name], report.counts.dropped)
                failed.add_metric([name], report.counts.faults)
                viewers.add_metric([name], sum(map(len, report.viewers.values())))
        yield from (up, frames, dropped, failed, viewers)
        yield from output_metrics(
            ({"camera": name}, report.outputs) for name, report in reports.items() if report
        )


class BrowserCameraCollector(Collector):
    """Reads what the browser cameras have counted."""

    def __init__(self, cameras: BrowserCameras) -> None:
        self._browser_cameras = cameras

    def collect(self) -> Iterator[Metric]:
        """Yield every figure of the browser cameras."""
        counts = self._browser_cameras.counts()
        yield GaugeMetricFamily("fer_mirrors", "Visitors with their own camera.", len(self._browser_cameras))
        refused = "Visitors turned away at the limit."
        yield CounterMetricFamily("fer_refused_mirrors", refused, counts["refused"])
        yield CounterMetricFamily("fer_mirror_frames", "Visitors' frames read.", counts["frames"])
        failed = "Visitors' frames that could not be read."
        yield CounterMetricFamily("fer_failed_mirror_frames", failed, counts["failed"])
        yield CounterMetricFamily("fer_mirror_faces", "Faces read in them.", counts["faces"])
        yield CounterMetricFamily("fer_mirror_batches", "Rounds, one batch of faces each.", counts["batches"])
        yield CounterMetricFamily("fer_mirror_seconds", "CPU time spent in them.", counts["seconds"])


class OutputCollector(Collector):
    """Reads what the outputs do."""

    def __init__(self, outputs: CameraOutputs) -> None:
        self._outputs = outputs

    def collect(self) -> Iterator[Metric]:
        """Yield every figure of the outputs."""
        yield from output_metrics([({}, self._outputs.status())])


def output_metrics(found: Iterable[tuple[Mapping[str, str], Sequence[OutputStatus]]]) -> list[Metric]:
    """Return the figures of outputs, each status with further labels; all have the same labels."""
    found = list(found)
    labels = [*(found[0][0] if found else ()), "output"]
    sent = CounterMetricFamily("fer_output_sent", "Frames and markers sent.", labels=labels)
    dropped = CounterMetricFamily("fer_output_dropped", "Frames and markers dropped.", labels=labels)
    connected = GaugeMetricFamily("fer_output_connected", "1 while a receiver is there.", labels=labels)
    problem = GaugeMetricFamily("fer_output_problem", "1 while there is a problem.", labels=labels)
    for more, statuses in found:
        for status in statuses:
            values = [*more.values(), status.output]
            sent.add_metric(values, status.sent)
            dropped.add_metric(values, status.dropped)
            connected.add_metric(values, int(status.connected))
            problem.add_metric(values, int(bool(status.problem)))
    return [sent, dropped, connected, problem]


class RecorderCollector(Collector):
    """Reads what the recorder does, and what it has counted in all its sessions."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def collect(self) -> Iterator[Metric]:
        """Yield every figure of the recorder."""
        now, counts = self._recorder.state(), self._recorder.counts()
        yield GaugeMetricFamily("fer_recording", "1 while a session is recorded.", int(now.on))
        yield CounterMetricFamily("fer_recorded_sightings", "Sightings written.", counts["written"])
        yield GaugeMetricFamily("fer_waiting_sightings", "Sightings not written yet.", now.waiting)
        dropped = "Sightings lost because too many waited."
        yield CounterMetricFamily("fer_dropped_sightings", dropped, counts["dropped"])
        problem = "1 while the database cannot be written."
        yield GaugeMetricFamily("fer_recording_problem", problem, int(bool(now.problem)))
