"""Answers for machines: whether frames come, and the figures."""

from collections.abc import Iterable

from flask import Blueprint, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from streaming.viewable import Viewable
from web.current import current
from web.metrics import SiteCollector
from web.responses import NO_STORE, sentence


def health_pages(more_figures: Iterable[Collector] = ()) -> Blueprint:
    """Return the blueprint with a camera's /readyz and /metrics; more_figures are added to the latter."""
    pages = Blueprint("health", __name__)

    @pages.get("/readyz")
    def readyz() -> Response:
        """Say whether frames come."""
        status, says = readiness(current().camera)
        return sentence(says, status, NO_STORE)

    @pages.get("/metrics")
    def metrics() -> Response:
        """Return the figures for Prometheus."""
        return exposition([SiteCollector(current().camera, current().audience), *more_figures])

    return pages


def exposition(figures: Iterable[Collector]) -> Response:
    """Return the figures as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in figures:
        registry.register(collector)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4, headers=NO_STORE)


def readiness(camera: Viewable) -> tuple[int, str]:
    """Return the status and the sentence of /readyz; a camera that nobody watches is ready to be opened."""
    now = camera.state()
    problem = now.problem or (now.newest.problem if now.newest else "")
    if problem:
        return 503, problem
    if now.newest:
        return 200, "frames are arriving"
    return (
        (503, "no frame has arrived yet") if now.viewers else (200, "nobody watches, so the source is closed")
    )
