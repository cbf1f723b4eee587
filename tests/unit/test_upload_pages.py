"""Uploads over HTTP: what is shown, who sees it, and what is said when it does not work."""

import csv
import errno
import io
import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidChunkSize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.test import TestResponse

from app import SAMPLES
from tests.fakes.camera import FakeCrowd
from tests.fakes.files import black_png, zip_of
from tests.fakes.images import bright_image, plain_image
from tests.fakes.recognition import fake_pipeline, fake_recognizer
from tests.fakes.site import make_fake_site
from tests.fakes.videos import make_video
from tests.fakes.waiting import PATIENCE_S, until
from uploads.jobs import Jobs
from uploads.recognizer import Reading
from uploads.results import Results
from vision.emotions import DETAILS
from vision.jpeg import encode_jpeg
from vision.samples import load_samples
from web.api import api_pages
from web.limits import UploadLimiter
from web.uploads import upload_pages

JPEG = encode_jpeg(bright_image(), 95)
NOBODY = encode_jpeg(plain_image(20), 95)
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(100)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "jobs"
    folder.mkdir()  # as after the first upload, whichever test is the first
    return folder


@pytest.fixture(scope="module")
def jobs(folder: Path) -> Iterator[Jobs]:
    jobs = Jobs(Results(folder), fake_recognizer(), fake_pipeline, 80, blur=False)
    yield jobs
    jobs.close()


@pytest.fixture(scope="module")
def site(jobs: Jobs) -> Flask:
    return site_of(jobs, UploadLimiter())


def site_of(jobs: Jobs, limiter: UploadLimiter, max_picture_mb: int = 50) -> Flask:
    crowd = FakeCrowd()
    crowd.close()
    api = api_pages(jobs, limiter, max_picture_mb=max_picture_mb)
    return make_fake_site(crowd, (upload_pages(jobs, limiter, max_upload_mb=2), api))


@pytest.fixture
def client(site: Flask) -> FlaskClient:
    return site.test_client()


def send(client: FlaskClient, *files: tuple[str, bytes], **options: Any) -> TestResponse:
    storages = [FileStorage(io.BytesIO(data), name) for name, data in files]
    return client.post("/pictures", data={"files": storages}, **options)


def result_of(client: FlaskClient, *files: tuple[str, bytes]) -> TestResponse:
    """Send files and return the page of their result."""
    response = send(client, *files)
    assert response.status_code == 303, response.text
    address = response.headers["Location"]
    until(lambda: client.get(f"{address}/progress").get_json()["state"] == "done")
    return client.get(address)


def test_the_upload_page_works_without_a_script_and_on_a_phone(client: FlaskClient) -> None:
    page = client.get("/pictures").text
    assert '<form class="upload" id="upload" method="post" enctype="multipart/form-data"' in page
    assert re.search(r'<input type="file" name="files" id="files" accept="[^"]+" multiple', page)
    assert '<button id="send">Read the faces</button>' in page
    assert 'capture="user"' in page
    assert "Up to 2 MB" in page
    assert "deleted after a day" in page
    assert "never stored" not in page


def test_every_page_links_to_it(client: FlaskClient) -> None:
    assert 'href="/pictures"' in client.get("/").text


def test_the_navigation_says_in_which_part_of_the_site_a_page_is(client: FlaskClient) -> None:
    address = send(client, ("a.jpg", JPEG)).headers["Location"]
    for path, current in (("/pictures", "page"), (address, "true"), ("/results", "true")):
        page = client.get(path).text
        assert f'<a href="/pictures" aria-current="{current}">Pictures</a>' in page
        assert page.count("aria-current") == 1
    assert '<a href="/" aria-current="page">Live</a>' in client.get("/").text
    assert '<a href="/" aria-current="true">Live</a>' in client.get("/samples/sad").text
    assert "aria-current" not in client.get("/nothing").text


def test_an_uploads_error_page_leads_back_to_the_upload_page(client: FlaskClient) -> None:
    assert 'href="/pictures">Back to “Pictures”</a>' in client.post("/pictures").text
    assert "Back to “" not in client.get("/nothing").text


def test_a_pictures_page_shows_its_faces_with_sorted_bars(client: FlaskClient) -> None:
    page = result_of(client, ("a.jpg", JPEG)).text
    assert "1 picture, 1 face." in page
    assert "happy 70%" in page
    bars = re.findall(r'class="bar tone-\w+ share-(\d+)"', page)
    assert bars == ["70", *["5"] * 6]
    pictures = re.findall(r'<img src="(/pictures/[^"]+)"', page)
    assert len(pictures) == 3
    assert re.search(r'<img src="/pictures/[^"]+/0-1-heat.jpg" alt="Where the network saw happy"', page)
    for address in pictures:
        response = client.get(address, buffered=True)
        assert response.content_type == "image/jpeg"
        assert response.data[:2] == b"\xff\xd8"


def test_faces_have_the_same_number_in_the_picture_and_in_the_list(client: FlaskClient) -> None:
    page = result_of(client, ("a.jpg", JPEG)).text
    assert '<a href="#face-0-1" id="box-0-1"' in page
    assert '<li id="face-0-1" data-box="box-0-1"' in page
    assert re.search(r'<rect x="\d+" y="\d+" width="\d+" height="\d+"/>', page)
    assert "Explain this face" not in page  # where nothing explains


def test_a_sample_is_read_in_place_of_an_upload(jobs: Jobs) -> None:
    shown: list[str] = []
    pages = upload_pages(
        jobs, UploadLimiter(), 2, load_samples(SAMPLES), when_shown=lambda: shown.append("shown")
    )
    crowd = FakeCrowd()
    crowd.close()
    client = make_fake_site(crowd, [pages]).test_client()
    page = client.get("/pictures").text
    for name, details in DETAILS.items():
        assert re.search(
            rf'name="sample" value="{name}/\d" [^>]+>.*?<img [^>]+></span> {details.adjective}<', page
        )
    assert shown == []
    response = client.post("/pictures", data={"sample": "disgust/2"})
    assert response.status_code == 303
    assert "<h1>disgusted face 2.jpg</h1>" in client.get(response.headers["Location"]).text
    assert shown == ["shown"]  # so that its faces can be explained soon
    for sample in ("disgust/0", "disgust/99", "bored/1", "", "../1", "disgust"):
        response = client.post("/pictures", data={"sample": sample})
        assert (response.status_code, "no such sample" in response.text) == (404, True)


def test_each_emotion_is_offered_by_another_person(jobs: Jobs) -> None:
    crowd = FakeCrowd()
    crowd.close()
    pages = [upload_pages(jobs, UploadLimiter(), 2, load_samples(SAMPLES))]
    page = make_fake_site(crowd, pages).test_client().get("/pictures").text
    offered = re.findall(r'name="sample" value="(\w+)/(\d)" [^>]+><span [^>]+><img src="/static/([^"]+)"', page)
    assert [name for name, _, _ in offered] == list(DETAILS)
    assert all(file == f"samples/{name}/0{number}.jpg" for name, number, file in offered)
    assert len({number for _, number, _ in offered}) > 5


def test_without_sample_pictures_none_is_offered(client: FlaskClient) -> None:
    assert "try a sample" not in client.get("/pictures").text
    assert client.post("/pictures", data={"sample": "happy/1"}).status_code == 404


def test_each_row_of_the_table_of_all_results_leads_to_its_own_face_or_file(site: Flask, clip: bytes) -> None:
    client = site.test_client()
    address = send(client, ("a.jpg", JPEG), ("b.jpg", NOBODY), ("c.jpg", b"x"), ("d.jpg", JPEG)).headers[
        "Location"
    ]
    film = result_of(client, ("clip.avi", clip)).request.path
    links = dict(re.findall(r'<td class="name"><a href="([^"]+)">([^<]+)</a>', client.get("/results").text))
    assert links == {
        f"{film}#item-0": "clip.avi",
        f"{address}?picture=0#face-0-1": "a.jpg",
        f"{address}?picture=1#picture-1": "b.jpg",
        f"{address}#item-2": "c.jpg",
        f"{address}?picture=3#face-3-1": "d.jpg",
    }
    for link in links:
        path, _, anchor = link.partition("#")
        assert f'id="{anchor}"' in client.get(path).text


def test_no_face_many_faces_and_unreadable_files_are_said(client: FlaskClient) -> None:
    page = result_of(client, ("a.jpg", JPEG), ("b.jpg", NOBODY), ("c.heic", HEIC)).text
    assert "2 pictures, 1 face; 1 picture has none." in page
    assert "No face was found" in page
    assert "HEIC pictures cannot be read" in page


def picture_number(page: str) -> str:
    """Return what the button of the first picture without a face sends."""
    found = re.search(r'<button name="picture" value="(\d+)">Read the whole picture as a face</button>', page)
    assert found, page
    return found[1]


def test_a_picture_without_a_face_can_be_treated_as_one(client: FlaskClient) -> None:
    address = send(client, ("a.jpg", JPEG), ("b.jpg", NOBODY)).headers["Location"]
    before = client.get(address).text
    assert before.count("Read the whole picture as a face") == 1
    [scene] = re.findall(r'<img src="([^"]+/1.jpg)"', before)
    response = client.post(f"{address}/whole", data={"picture": picture_number(before)})
    assert (response.status_code, response.headers["Location"]) == (303, f"{address}#picture-1")
    page = client.get(address).text
    assert "Read the whole picture as a face" not in page
    assert "2 pictures, 2 faces." in page
    assert "48 px. The whole picture was read as a face." in page
    assert 'id="picture-1"' in page
    assert f'<img src="{scene}?whole=1"' in page  # browsers keep the picture of before
    assert "max-age=0" in client.get(f"{address}/faces.csv", buffered=True).headers["Cache-Control"]


def test_among_many_pictures_each_without_a_face_has_the_button(client: FlaskClient) -> None:
    many = [(f"{number}.jpg", NOBODY if number == 5 else JPEG) for number in range(13)]
    response = send(client, *many)
    address = response.headers["Location"]
    until(lambda: client.get(f"{address}/progress").get_json()["state"] == "done")
    assert picture_number(client.get(address).text) == "5"
    alone = client.get(f"{address}?picture=5").text
    assert '<input type="hidden" name="alone" value="1">' in alone
    response = client.post(f"{address}/whole", data={"picture": picture_number(alone), "alone": "1"})
    assert response.headers["Location"] == f"{address}?picture=5#picture-5"
    assert "The whole picture was read as a face." in client.get(f"{address}?picture=5").text


@pytest.mark.parametrize(("path", "picture"), [("", "7"), ("", "x"), ("", ""), ("x", "0")])
def test_what_is_no_picture_of_a_result_cannot_be_treated_as_a_face(
    client: FlaskClient, path: str, picture: str
) -> None:
    address = send(client, ("b.jpg", NOBODY)).headers["Location"]
    response = client.post(f"{address}{path}/whole", data={"picture": picture})
    assert response.status_code == 404
    assert "There is no such picture in this result." in response.text


def test_a_whole_upload_can_be_sent_as_faces(client: FlaskClient) -> None:
    assert 'name="whole" id="whole" value="1"' in client.get("/pictures").text
    ways: list[tuple[str, dict[str, str]]] = [("/pictures?whole=1", {}), ("/pictures", {"whole": "1"})]
    for path, sent in ways:
        files = [FileStorage(io.BytesIO(NOBODY), "a.jpg")]
        address = client.post(path, data={"files": files, **sent}).headers["Location"]
        assert "1 picture, 1 face." in client.get(address).text
    response = client.post("/pictures?whole=x", data={"files": [FileStorage(io.BytesIO(NOBODY), "a.jpg")]})
    assert (response.status_code, "whole must be 1" in response.text) == (400, True)


def test_a_reading_as_a_whole_is_in_the_table_of_all_results(site: Flask) -> None:
    client = site.test_client()
    client.post("/pictures?whole=1", data={"files": [FileStorage(io.BytesIO(NOBODY), "a.jpg")]})
    [row] = csv.DictReader(io.StringIO(client.get("/results.csv").text[1:]))
    assert (row["emotion"], row["remark"]) == ("happy", "The whole picture was read as a face.")


def test_an_upload_of_which_nothing_could_be_read_does_not_look_like_a_success(site: Flask) -> None:
    client = site.test_client()
    response = send(client, ("clip.MP4", b"hello"), ("z.zip", b"hello"), ("a.jpg", b"hello"), ("b.zip", b""))
    page = client.get(response.headers["Location"]).text
    assert "Nothing could be read." in page
    assert "</b> This is no video that can be read.<" in page
    assert "</b> This is no ZIP that can be read.<" in page
    assert page.count("This is not a picture: JPEG") == page.count("The file is empty.") == 1
    assert re.search(r"clip.MP4 and 3 more</a>\s*<span>not readable</span>", client.get("/pictures").text)
    send(client, ("really.zip", JPEG))
    assert re.search(r"really.zip</a>\s*<span>done</span>", client.get("/pictures").text)


def test_a_hostile_name_is_shown_as_text(client: FlaskClient) -> None:
    names = ["<script>alert(1)</script>.jpg", "猫 Füße.jpg", "x" * 300 + ".jpg", "../../etc/passwd"]
    page = result_of(client, *((name, JPEG) for name in names)).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.jpg" in page
    assert "猫 Füße.jpg" in page
    assert "x" * 250 not in page
    assert "../../etc/passwd" in page


def test_more_pictures_than_fit_are_a_table_and_each_has_a_page(client: FlaskClient) -> None:
    data = zip_of(*((f"{number:02}.jpg", JPEG) for number in range(14)), ("notes.txt", b"hello"))
    page = result_of(client, ("z.zip", data))
    assert page.text.count("<tr") == 15
    assert 'class="bar tone-happy share-100"' in page.text
    assert "<b>notes.txt</b> This is not a picture" in page.text
    one = client.get(f"{page.request.path}?picture=3").text
    assert 'aria-label="03.jpg"' in one
    assert one.count('class="reading"') == 1
    assert "<title>03.jpg " in one
    assert client.get(f"{page.request.path}?picture=99").status_code == 404


def test_a_tally_counts_the_unsure_too(client: FlaskClient, jobs: Jobs) -> None:
    address = send(client, ("a.jpg", JPEG)).headers["Location"]
    job_id = address.rpartition("/")[2]
    result = jobs.results.load(job_id)
    assert result
    sure = result["items"][0]
    unsure = sure | {"faces": [sure["faces"][0] | {"sure": False}]}
    jobs.results.save(job_id, result | {"items": [sure] * 9 + [unsure] * 4})
    page = client.get(address).text
    assert "13 pictures, 13 faces." in page
    assert re.findall(r'class="bar tone-(\w+) share-\d+"><b>\w+</b> (\d+)', page) == [
        ("happy", "9"),
        ("unsure", "4"),
    ]


def test_a_script_is_told_the_address_and_errors_as_json(client: FlaskClient) -> None:
    as_json = {"Accept": "application/json"}
    response = send(client, ("a.jpg", JPEG), headers=as_json)
    assert client.get(response.get_json()["address"]).status_code == 200
    response = client.post("/pictures", headers=as_json)
    assert (response.status_code, response.get_json()) == (400, {"error": "No file was chosen."})


def test_a_visitor_sees_what_it_has_sent_and_nobody_else_does(site: Flask) -> None:
    ann, bob, nobody = site.test_client(), site.test_client(), site.test_client()
    address = send(ann, ("anns.jpg", JPEG)).headers["Location"]
    send(bob, ("bobs.jpg", JPEG))
    for path in ("/pictures", "/results", "/results.csv"):
        assert "anns.jpg" in ann.get(path).text
        assert "bobs.jpg" not in ann.get(path).text
        assert "anns.jpg" not in nobody.get(path).text
    assert nobody.get(address).status_code == 200  # handed on by its address
    cookie = ann.get_cookie("fer_visitor")
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site) == (True, "Lax")
    assert len(cookie.value) == 22


def test_a_cookie_that_was_set_by_hand_opens_nothing(site: Flask) -> None:
    mine = site.test_client()
    send(mine, ("mine.jpg", JPEG))
    for value in ("", "x", "../.."):
        other = site.test_client()
        other.set_cookie("fer_visitor", value)
        assert "mine.jpg" not in other.get("/results").text


def test_all_results_are_one_table_and_one_csv_with_formulas_defused(site: Flask) -> None:
    client = site.test_client()
    send(client, ("=cmd.jpg", JPEG), ("empty.jpg", b""))
    result_of(client, ("z.zip", zip_of(("@in.jpg", JPEG))))
    response = client.get("/results.csv")
    assert response.headers["Content-Disposition"] == 'attachment; filename="results.csv"'
    rows = list(csv.DictReader(io.StringIO(response.text.removeprefix("\ufeff"))))
    assert [row["file"] for row in rows] == ["'@in.jpg", "'=cmd.jpg", "empty.jpg"]
    assert rows[0]["upload"] == "z.zip"
    assert rows[1]["emotion"] == "happy"
    assert rows[2]["remark"] == "The file is empty."
    page = client.get("/results").text
    assert page.count("<tr>") == 4
    assert 'class="sortable"' in page


def test_many_results_come_page_by_page_and_the_csv_has_them_all(jobs: Jobs, site: Flask) -> None:
    client = site.test_client()
    address = send(client, ("a.jpg", JPEG)).headers["Location"]
    result = jobs.results.load(address.rpartition("/")[2])
    assert result
    [picture] = result["items"]
    faces = [picture["faces"][0] | {"track_id": number} for number in range(1, 1201)]
    jobs.results.save(jobs.results.begin(), result | {"items": [picture | {"faces": faces}]})

    first, second = client.get("/results").text, client.get("/results?page=2").text
    assert (first.count("<tr>"), second.count("<tr>")) == (1001, 202)
    assert "Rows 1 to 1000 of 1201; the CSV has all." in first
    assert "Rows 1001 to 1201 of 1201" in second
    assert 'rel="next" href="/results?page=2"' in first
    assert 'rel="prev" href="/results?page=1"' in second
    assert client.get("/results?page=3").status_code == 404
    assert client.get("/results?page=x").status_code == 400

    parts = list(client.get("/results.csv").iter_encoded())
    assert len(parts) > 10
    assert b"".join(parts).count(b"\n") == 1202


def test_the_upload_page_lists_the_newest_hundred(jobs: Jobs, site: Flask) -> None:
    client = site.test_client()
    address = send(client, ("a.jpg", JPEG)).headers["Location"]
    result = jobs.results.load(address.rpartition("/")[2])
    assert result
    for number in range(110):
        jobs.results.save(jobs.results.begin(), result | {"title": f"{number}.jpg"})
    page = client.get("/pictures").text
    assert page.count('<li><a href="/pictures/') == 100
    assert "The newest 100 of 111; the table has all." in page
    assert ">109.jpg<" in page
    assert ">a.jpg<" not in page


def test_a_jobs_own_csv_is_a_download(client: FlaskClient) -> None:
    response = client.get(f"{result_of(client, ('a.jpg', JPEG)).request.path}/faces.csv", buffered=True)
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert response.content_type.startswith("text/csv")


def test_deleting_takes_the_results_away_at_once(client: FlaskClient, jobs: Jobs) -> None:
    address = send(client, ("a.jpg", JPEG)).headers["Location"]
    assert f'href="{address}/delete">Delete …</a>' in client.get(address).text
    question = client.get(f"{address}/delete").text
    assert "Delete this result?" in question
    assert "a.jpg" in question
    assert '<form class="actions" method="post">' in question
    assert f'href="{address}">Keep</a>' in question
    assert client.get(address).status_code == 200  # asking deletes nothing
    response = client.post(f"{address}/delete")
    assert (response.status_code, response.location) == (303, "/pictures?deleted=1")
    assert '<p class="note" role="status">Deleted: 1 result.</p>' in client.get(response.location).text
    files = ("/0.jpg", "/faces.csv", "/progress", "/delete")
    for path in (address, *(f"{address}{file}" for file in files)):
        response = client.get(path)
        assert response.status_code == 404
        assert "deleted, or is older than a day" in response.text
    assert not jobs.results.folder(address.rpartition("/")[2]).exists()


def test_all_that_one_browser_sent_is_deleted_at_once_and_nothing_of_others(site: Flask) -> None:
    own, other, stranger = (site.test_client() for _ in range(3))
    addresses = [send(own, (name, JPEG)).location for name in ("a.jpg", "b.jpg")]
    kept = send(other, ("c.jpg", JPEG)).location
    assert "Delete all 2 results?" in own.get("/results/delete").text
    assert 'href="/results">Keep</a>' in own.get("/results/delete").text
    assert 'href="/results/delete">Delete all …</a>' in own.get("/results").text
    assert "Delete all 0 results?" in stranger.get("/results/delete").text
    assert stranger.post("/results/delete").location == "/pictures?deleted=0"
    assert [own.get(address).status_code for address in addresses] == [200, 200]
    response = own.post("/results/delete")
    assert (response.status_code, response.location) == (303, "/pictures?deleted=2")
    assert "Deleted: 2 results." in own.get(response.location).text
    assert [own.get(address).status_code for address in addresses] == [404, 404]
    assert own.get(kept).status_code == 200


def test_another_site_can_neither_send_nor_delete(client: FlaskClient) -> None:
    address = send(client, ("a.jpg", JPEG)).headers["Location"]
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert send(client, ("b.jpg", JPEG), headers=foreign).status_code == 403
    for path in (f"{address}/delete", "/results/delete"):
        assert client.post(path, headers=foreign).status_code == 403
    assert client.get(address).status_code == 200


def test_a_video_is_given_in_the_parts_that_a_browser_asks_for(client: FlaskClient, folder: Path) -> None:
    address = send(client, ("a.jpg", JPEG)).headers["Location"]
    (folder / address.rpartition("/")[2] / "7.mp4").write_bytes(bytes(range(100)))
    response = client.get(f"{address}/7.mp4", headers={"Range": "bytes=10-19"}, buffered=True)
    assert (response.status_code, response.data) == (206, bytes(range(10, 20)))
    assert response.content_type == "video/mp4"
    response = client.get(f"{address}/7.mp4?download", buffered=True)
    assert "attachment" in response.headers["Content-Disposition"]


@pytest.mark.parametrize(
    "asked",
    [
        *(
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=x-9",
            "bytes=0-x",
            "bytes=9-3",
            "bytes=--5",
            "bytes= ",
            "lines=0-9",
        ),
        *(
            "bytes=100-",
            "bytes=500-600",
            "bytes=0-9,20-29",
            "bytes=-500",
            "bytes=99-",
            "bytes=²-³",
            ",",
            "bytes=,",
        ),
        *(f"bytes={10**30}-", f"bytes=0-{10**30}", f"bytes={'9' * 5000}-", "bytes=0-" + "9" * 5000),
    ],
)
def test_a_range_that_makes_no_sense_is_no_error_of_the_server(
    client: FlaskClient, folder: Path, asked: str
) -> None:
    address = send(client, ("a.jpg", JPEG)).headers["Location"]
    (folder / address.rpartition("/")[2] / "7.mp4").write_bytes(bytes(100))
    for path in (f"{address}/7.mp4", "/static/icon.svg"):
        response = client.get(path, headers={"Range": asked.encode().decode("latin-1")}, buffered=True)
        assert response.status_code in (200, 206, 416)


def test_an_upload_that_is_too_large_is_refused_with_the_limit(client: FlaskClient) -> None:
    form = {"content_type": "multipart/form-data; boundary=b"}
    response = client.post("/pictures", data=b"--b\r\n" + bytes(3_000_000), **form)
    assert response.status_code == 413
    assert "An upload may have 2 MB and 500 files; this one has more." in response.text


def test_the_other_pages_take_no_large_requests(client: FlaskClient) -> None:
    address = send(client, ("a.jpg", JPEG)).headers["Location"]
    response = client.post(f"{address}/nothing", data=bytes(100_000))
    assert response.status_code == 405


class BrokenChunks(io.RawIOBase):
    """A body in chunks, the first of which does not say its length, as gunicorn reads it."""

    def readable(self) -> bool:
        return True

    def seek(self, *_: int) -> int:  # to where it is
        return 0

    def readinto(self, _buffer: Any) -> int:
        raise InvalidChunkSize(b"zz")


@pytest.mark.parametrize("path", ["/pictures", "/api/v1/predict"])
def test_chunks_that_are_broken_are_a_mistake_of_who_sends_them(client: FlaskClient, path: str) -> None:
    response = client.post(
        path,
        input_stream=BrokenChunks(),
        headers={"Transfer-Encoding": "chunked"},
        content_type="multipart/form-data; boundary=b",
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == 400
    assert "The upload was interrupted; try again." in response.text


def test_a_full_disk_while_receiving_is_told(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullFile(io.BytesIO):
        def write(self, *_: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", lambda **_: FullFile())
    response = send(client, ("a.jpg", JPEG))
    assert response.status_code == 507
    assert "disk is full" in response.text


def test_a_full_disk_while_keeping_is_told_and_leaves_nothing(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    before = set(folder.iterdir())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("uploads.result_writer.ResultWriter._write_jpeg", full)
    assert send(client, ("a.jpg", JPEG)).status_code == 507
    assert set(folder.iterdir()) == before


def test_who_stops_sending_is_told(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stalled(io.BytesIO):
        def write(self, *_: object) -> int:
            raise TimeoutError

    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", lambda **_: Stalled())
    response = send(client, ("a.jpg", JPEG))
    assert response.status_code == 408
    assert "Nothing came for 30 seconds." in response.text


@pytest.mark.server
def test_two_hundred_uploads_at_once_are_read_or_sent_away_and_pages_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    jobs = Jobs(Results(folder), fake_recognizer(), fake_pipeline, 80, blur=False, max_wait_s=0.05)
    site = site_of(jobs, UploadLimiter())
    answers: list[TestResponse] = []
    start = threading.Barrier(200)

    def upload() -> None:
        client = site.test_client()
        start.wait(PATIENCE_S)
        answers.append(send(client, ("a.jpg", JPEG)))

    threads = [threading.Thread(target=upload) for _ in range(200)]
    for thread in threads:
        thread.start()
    assert site.test_client().get("/healthz").status_code == 200
    for thread in threads:
        thread.join(PATIENCE_S)
    codes = Counter(answer.status_code for answer in answers)
    assert sum(codes.values()) == 200
    assert set(codes) == {303, 503}
    assert len(list(folder.iterdir())) == codes[303]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["Retry-After"] == "5"
    assert "try again in a moment" in refused.text
    assert send(site.test_client(), ("a.jpg", JPEG)).status_code == 303
    jobs.close()


def test_no_more_are_received_at_once_than_may(site: Flask) -> None:
    limiter = UploadLimiter(1)
    with site.test_request_context("/pictures", method="POST"):
        with (
            limiter.receiving(1),
            pytest.raises(ServiceUnavailable),
            limiter.receiving(1),
        ):
            pytest.fail("two were let in")
        with limiter.receiving(1):
            pass


FRAMES = [plain_image(), bright_image()]
KINDS = (
    JPEG,
    zip_of(("a.jpg", JPEG), ("b.txt", b"hello")),
    make_video(FRAMES),
    make_video(FRAMES, container="mpeg", encoder="mpeg2video"),
    b"RIFF    AVI LIST" + bytes(80),
    b"",
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=5),
    st.text(min_size=1, max_size=40),
)
def test_whatever_is_uploaded_is_answered_with_a_page(
    client: FlaskClient, data: bytes, changes: list[tuple[int, int]], name: str
) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        if damaged:
            damaged[place % len(damaged)] = value
    response = send(client, (name, bytes(damaged)))
    assert response.status_code in (303, 400, 503)
    if response.status_code == 303:
        assert client.get(response.headers["Location"]).status_code == 200


class BusyJobs(Jobs):
    """Jobs that read too much to read a picture more."""

    def __init__(self, jobs: Jobs) -> None:
        self.results = jobs.results

    def read(self, *_: object, **__: object) -> Reading | None:
        return None


class TestApi:
    """POST /api/v1/predict."""

    def test_a_picture_as_it_is_gives_its_faces(self, client: FlaskClient) -> None:
        response = client.post("/api/v1/predict", data=JPEG, content_type="image/jpeg")
        reading = response.get_json()
        assert (reading["width"], reading["height"], reading["note"]) == (64, 48, "")
        [face] = reading["faces"]
        names = ["track_id", "box", "landmarks", "emotion", "confidence", "sure", "probs", "valence", "arousal"]
        assert list(face) == [*names, "rest"]
        assert (face["track_id"], face["emotion"], face["confidence"]) == (1, "happy", 0.7)

    def test_a_form_gives_the_same(self, client: FlaskClient) -> None:
        plain = client.post("/api/v1/predict", data=JPEG).get_json()
        form = client.post("/api/v1/predict", data={"file": (io.BytesIO(JPEG), "a.jpg")}).get_json()
        assert form == plain

    @pytest.mark.parametrize(("query", "faces"), [("", 0), ("?whole=0", 0), ("?whole=1", 1)])
    def test_the_whole_picture_is_a_face_when_asked(self, client: FlaskClient, query: str, faces: int) -> None:
        path = f"/api/v1/predict{query}"
        answers = [
            client.post(path, data=NOBODY).get_json(),
            client.post(path, data=NOBODY, content_type="application/x-www-form-urlencoded").get_json(),
            client.post(path, data={"file": (io.BytesIO(NOBODY), "a.jpg")}).get_json(),
        ]
        assert [len(answer["faces"]) for answer in answers] == [faces] * 3
        assert [answer["whole"] for answer in answers] == [bool(faces)] * 3

    def test_a_form_can_ask_for_the_whole_picture(self, client: FlaskClient) -> None:
        form = {"file": (io.BytesIO(NOBODY), "a.jpg"), "whole": "1"}
        assert client.post("/api/v1/predict", data=form).get_json()["whole"] is True

    def test_any_other_whole_is_refused(self, client: FlaskClient) -> None:
        response = client.post("/api/v1/predict?whole=yes", data=NOBODY)
        assert response.status_code == 400
        assert response.get_json()["error"] == "whole must be 1, to read each whole picture as a face, or 0."

    def test_faces_are_read_against_the_pictures_of_a_resting_face(self, client: FlaskClient) -> None:
        form = {"file": (io.BytesIO(JPEG), "a.jpg"), "rest": [(io.BytesIO(JPEG), "rest.jpg") for _ in range(2)]}
        [face] = client.post("/api/v1/predict", data=form).get_json()["faces"]
        assert face["emotion"] == "neutral"  # it is as happy as at rest
        assert face["rest"]["probs"]["happy"] == 0.7

    def test_pictures_of_a_resting_face_without_a_face_are_refused(self, client: FlaskClient) -> None:
        form = {"file": (io.BytesIO(JPEG), "a.jpg"), "rest": [(io.BytesIO(NOBODY), "rest.jpg")]}
        response = client.post("/api/v1/predict", data=form)
        assert response.status_code == 422
        assert response.get_json()["error"] == "No face was found in the pictures of the resting face."

    def test_nine_pictures_of_a_resting_face_are_too_many(self, client: FlaskClient) -> None:
        form = {"file": (io.BytesIO(JPEG), "a.jpg"), "rest": [(io.BytesIO(JPEG), "rest.jpg") for _ in range(9)]}
        assert client.post("/api/v1/predict", data=form).status_code == 400

    def test_nothing_is_kept(self, client: FlaskClient, folder: Path) -> None:
        before = len(list(folder.iterdir()))
        client.post("/api/v1/predict", data=JPEG)
        assert len(list(folder.iterdir())) == before

    @pytest.mark.parametrize(
        ("data", "status", "sentence"),
        [
            (b"", 400, "The request has no picture."),
            (b"<html>", 415, "This is not a picture"),
            (HEIC, 415, "HEIC pictures cannot be read"),
            (JPEG[:-40], 422, "cut off"),
            (black_png(30_000, 30_000), 413, "million pixels"),
            (zip_of(("a.jpg", JPEG)), 415, "This is not a picture"),
        ],
        ids=["empty", "HTML", "HEIC", "truncated", "huge", "ZIP"],
    )
    def test_what_cannot_be_read_gets_its_status_and_one_sentence(
        self, client: FlaskClient, data: bytes, status: int, sentence: str
    ) -> None:
        response = client.post("/api/v1/predict", data=data, content_type="image/jpeg")
        assert response.status_code == status
        assert list(response.get_json()) == ["error"]
        assert sentence in response.get_json()["error"]

    def test_a_form_without_the_picture_is_told(self, client: FlaskClient) -> None:
        response = client.post("/api/v1/predict", data={"picture": (io.BytesIO(JPEG), "a.jpg")})
        assert response.status_code == 400
        assert "part “file”" in response.get_json()["error"]
        response = client.post("/api/v1/predict", data={"file": (io.BytesIO(b""), "a.jpg")})
        assert (response.status_code, response.get_json()) == (400, {"error": "The request has no picture."})

    def test_other_ways_are_refused_in_json_too(self, client: FlaskClient) -> None:
        assert "error" in client.get("/api/v1/predict").get_json()
        assert "error" in client.get("/api/v1/nothing").get_json()

    def test_too_large_a_picture_is_refused(self, jobs: Jobs) -> None:
        client = site_of(jobs, UploadLimiter(), max_picture_mb=0).test_client()
        response = client.post("/api/v1/predict", data=JPEG)
        assert response.status_code == 413
        assert response.get_json() == {"error": "An upload may have 0 MB; this one has more."}

    def test_when_too_many_are_read_the_next_is_sent_away(self, jobs: Jobs) -> None:
        client = site_of(BusyJobs(jobs), UploadLimiter()).test_client()
        response = client.post("/api/v1/predict", data=JPEG)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert "try again" in response.get_json()["error"]
