"""The interface is what its description says: schemathesis makes requests out of it and checks the answers."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.fakes.camera import FakeCrowd
from tests.fakes.images import bright_image
from tests.fakes.recognition import fake_recognizer
from tests.fakes.site import make_fake_site
from uploads.jobs import Jobs
from uploads.recognizer import File, Reading
from vision.jpeg import encode_jpeg
from web.api import MAX_PICTURE_MB, api_pages
from web.limits import UploadLimiter
from web.openapi import describe

pytestmark = pytest.mark.server  # starts none, but takes as long

schemathesis.openapi.media_type("image/jpeg", st.just(encode_jpeg(bright_image(), 90)))


class Reader(Jobs):
    """Reads as Jobs does, and takes no jobs."""

    def __init__(self) -> None:
        self.recognizer = fake_recognizer()

    def read(
        self, name: str, data: bytes, *, whole: bool = False, rest: Sequence[bytes] = ()
    ) -> Reading | None:
        at_rest = self.recognizer.read_rest(File("", one) for one in rest) if rest else None
        [reading] = self.recognizer.read([File(name, data)], whole=whole, rest=at_rest)
        return reading


@pytest.fixture(scope="module")
def site() -> Iterator[Flask]:
    crowd, reader = FakeCrowd(), Reader()
    crowd.close()
    yield make_fake_site(crowd, [api_pages(reader, UploadLimiter())])
    reader.recognizer.close()


@pytest.mark.parametrize(("path", "method"), [("/api/v1/predict", "POST"), ("/api/v1/openapi.json", "GET")])
def test_answers_are_as_described(site: Flask, path: str, method: str) -> None:
    operation = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", site)[path][method]

    answered: set[int] = set()

    @settings(suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy())
    def answers(case: Any) -> None:
        # a description cannot say which bytes are a picture, so valid requests may be refused
        answer = case.call_and_validate(excluded_checks=[positive_data_acceptance])
        answered.add(answer.status_code)

    answers()
    assert 200 in answered


def test_every_route_of_the_interface_is_described(site: Flask) -> None:
    routes = {rule.rule for rule in site.url_map.iter_rules() if rule.rule.startswith("/api/")}
    assert set(describe(MAX_PICTURE_MB)["paths"]) == routes
