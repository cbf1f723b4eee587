"""What machines ask: is it alive, do frames come, and the figures."""

from collections.abc import Iterable

from flask import Blueprint, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from streaming.audience import Audience
from streaming.viewable import Viewable
from web.metrics import SiteCollector
from web.responses import NO_STORE


def health_pages(camera: Viewable, audience: Audience, more_figures: Iterable[Collector] = ()) -> Blueprint:
    """Return the pages for whoever looks after the site."""
    pages = Blueprint("health", __name__)
    figures = (SiteCollector(camera, audience), *more_figures)

    @pages.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", content_type="text/plain", headers=NO_STORE)

    @pages.get("/readyz")
    def readyz() -> Response:
        status, says = readiness(camera)
        return Response(f"{says}\n", status, content_type="text/plain; charset=utf-8", headers=NO_STORE)

    @pages.get("/metrics")
    def metrics() -> Response:
        return exposition(figures)

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
        return 200, "frames are coming"
    return (503, "no frame has come yet") if now.viewers else (200, "nobody watches, so the source is closed")
