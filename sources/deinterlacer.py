"""Whole pictures out of interlaced frames, whose odd and even lines are of two moments."""

from collections.abc import Iterator
from typing import Any

import av
from av.filter import Graph
from av.video.frame import VideoFrame


class Deinterlacer:
    """FFmpeg's bwdif on a stream of frames; those that are not interlaced pass unchanged.

    It looks at the frames around each, so that a frame comes out when the next has gone in.
    """

    def __init__(self) -> None:
        """Begin with no frame."""
        self._graph: Graph | None = None
        self._shape: tuple[Any, ...] = ()

    def feed(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """Take the next frame and yield those that are ready."""
        shape = frame.width, frame.height, frame.format.name, frame.time_base
        if shape != self._shape:
            yield from self.end()
            self._graph, self._shape = _graph(frame), shape
        assert self._graph
        self._graph.vpush(frame)
        yield from _ready(self._graph)

    def end(self) -> Iterator[VideoFrame]:
        """Yield the frames that it still holds."""
        if self._graph:
            graph, self._graph, self._shape = self._graph, None, ()
            graph.vpush(None)
            yield from _ready(graph)


def _graph(frame: VideoFrame) -> Graph:
    """Return a graph for frames like this one."""
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    graph.link_nodes(
        source,
        graph.add("bwdif", mode="send_frame", parity="auto", deint="interlaced"),
        graph.add("buffersink"),
    )
    graph.configure()
    return graph


def _ready(graph: Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
