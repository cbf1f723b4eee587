"""Pictures, ZIPs and videos of visitors: the upload page, and a page a job.

A visitor sees its own uploads. A job's address cannot be guessed, so it can be handed on; everybody who has
it may also delete the results it shows.
"""

import errno
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as WSGIResponse

from recording.history import MeanProbs
from uploads.jobs import Jobs
from uploads.results import TABLE, item_number
from vision.emotions import DETAILS, UNSURE
from vision.pictures import PictureError
from web.bodies import asks_for_whole
from web.chart import stacked
from web.limits import InsufficientStorage, UploadLimiter, busy, receives
from web.responses import NO_STORE, wants_json
from web.results import MAX_ROWS, add_results, made_at
from web.visitors import current_visitor, new_visitor, owner_of, remember

MAX_CARDS = 12  # pictures shown with all their faces at once; of more, each has a page
MAX_LISTED = 100  # results on the upload page
RESULT_GONE = "There is no such result: it was deleted, or is older than a day."
PICTURE_GONE = "There is no such picture in this result."
DOWNLOADS = {"mp4": "video/mp4", "webm": "video/webm", "jpg": "image/jpeg", "csv": "text/csv"}


def upload_pages(
    jobs: Jobs,
    limiter: UploadLimiter,
    max_upload_mb: int,
    samples: Mapping[str, Sequence[Path]] = MappingProxyType({}),
    when_shown: Callable[[], object] = lambda: None,
) -> Blueprint:
    """Return the pages around uploads.

    Args:
        jobs: The reader of uploads.
        limiter: The limiter of what is received at once.
        max_upload_mb: The size of an upload, in MB.
        samples: The sample pictures of each emotion, which can be read in place of an upload.
        when_shown: Called when a result with faces is shown, whose faces may be explained next.
    """
    pages = Blueprint("uploads", __name__)

    @pages.get("/pictures")
    def index() -> str:
        owner = owner_of(current_visitor())
        mine = [(job.job_id, {"title": job.title, **job.status()}) for job in jobs.of_owner(owner)]
        mine += jobs.results.of_owner(owner)
        return render_template(
            "upload.html",
            mine=mine[:MAX_LISTED],
            count=len(mine),
            max_upload_mb=max_upload_mb,
            samples=list(samples),
        )

    @pages.post("/pictures")
    @receives
    def upload() -> WSGIResponse:
        visitor = current_visitor() or new_visitor()
        with limiter.receiving(max_upload_mb, several=True):
            whole = asks_for_whole()
            files = _chosen_sample(samples) or _chosen_files()
            job_id = jobs.submit(owner_of(visitor), files, whole=whole)
        if job_id is None:
            raise busy()
        address = url_for("uploads.job", job_id=job_id)
        response: WSGIResponse = jsonify(address=address) if wants_json() else redirect(address, 303)
        remember(response, visitor)
        return response

    _add_jobs(pages, jobs, when_shown)
    add_results(pages, jobs)
    return pages


def _add_jobs(pages: Blueprint, jobs: Jobs, when_shown: Callable[[], object]) -> None:
    """Add each job's page, which becomes its result's, with what can be done to it and its files."""

    @pages.get("/pictures/<job_id>")
    def job(job_id: str) -> str:
        if active := jobs.find(job_id):
            return render_template("job.html", job_id=job_id, title=active.title, status=active.status())
        result = _found(jobs.results.load(job_id))
        parts = _page_parts(result["items"])
        if parts["face_count"]:
            when_shown()
        return render_template("result.html", job_id=job_id, **result, **parts)

    @pages.get("/pictures/<job_id>/progress")
    def progress(job_id: str) -> Response:
        if active := jobs.find(job_id):
            status = active.status()
        else:
            status = {"state": _found(jobs.results.about(job_id))["state"], "progress": 1.0}
        response = jsonify(status)
        response.headers.update(NO_STORE)
        return response

    @pages.post("/pictures/<job_id>/cancel")
    def cancel(job_id: str) -> WSGIResponse:
        jobs.cancel(job_id)
        return redirect(url_for("uploads.job", job_id=job_id), 303)

    @pages.post("/pictures/<job_id>/whole")
    def whole(job_id: str) -> WSGIResponse:
        """Read a picture in which no face was found as one face."""
        number = request.form.get("picture", type=int)
        try:
            there = number is not None and jobs.read_as_face(job_id, number)
        except PictureError as problem:
            abort(422, str(problem))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise InsufficientStorage from None
            abort(404, RESULT_GONE)
        if there is None:
            raise busy()
        if not there:
            abort(404, PICTURE_GONE)
        shown = number if "alone" in request.form else None
        return redirect(url_for("uploads.job", job_id=job_id, picture=shown, _anchor=f"picture-{number}"), 303)

    @pages.get("/pictures/<job_id>/delete")
    def ask_to_delete(job_id: str) -> str:
        active = jobs.find(job_id)
        title = active.title if active else _found(jobs.results.about(job_id))["title"]
        back = url_for("uploads.job", job_id=job_id)
        return render_template("delete.html", question="Delete this result?", title=title, back=back)

    @pages.post("/pictures/<job_id>/delete")
    def delete(job_id: str) -> WSGIResponse:
        jobs.delete(job_id)
        return redirect(url_for("uploads.index", deleted=1), 303)

    @pages.get("/pictures/<job_id>/<name>")
    def file(job_id: str, name: str) -> Response:
        path = jobs.results.file(job_id, name)
        if path is None:
            abort(404, RESULT_GONE)
        kind = DOWNLOADS[name.rpartition(".")[2]]
        # conditional: a browser asks for parts of a video
        response = send_file(path, kind, "download" in request.args or name == TABLE, name, conditional=True)
        # the table changes where a picture is read again as a face; pictures then have another address
        response.headers["Cache-Control"] = f"private, max-age={0 if name == TABLE else 3600}"
        return response


def _chosen_sample(samples: Mapping[str, Sequence[Path]]) -> list[tuple[str, IO[bytes]]]:
    """Return the sample that the current request names, as sample=happy/1, like a file; [] if it names none.

    Answers 404 if there is no such sample.
    """
    sent = request.form.get("sample")
    if sent is None:
        return []
    emotion, _, number = sent.partition("/")
    paths = {str(at): path for at, path in enumerate(samples.get(emotion, ()), 1)}
    if number not in paths:
        abort(404, "There is no such sample picture.")
    return [(f"{DETAILS[emotion].adjective} face {number}.jpg", paths[number].open("rb"))]


def _chosen_files() -> list[tuple[str, IO[bytes]]]:
    """Return the names and files in the current request; answers 400 if there are none."""
    chosen = [file for file in request.files.getlist("files") if file.filename]
    if not chosen:
        abort(400, "No file was chosen.")
    return [(file.filename or "", _duplicate(file.stream)) for file in chosen]


def _duplicate(stream: IO[bytes]) -> IO[bytes]:
    """Return an upload's file, still nameless, open for longer than its request."""
    file = os.fdopen(os.dup(stream.fileno()), "rb")
    file.seek(0)
    return file


def _found(result: dict[str, Any] | None) -> dict[str, Any]:
    """Return a result, or `Results.about`, for its page; answers 404 if there is none."""
    if result is None:
        abort(404, RESULT_GONE)
    return result | {"made_at": made_at(result)}


def _page_parts(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the parts of a result's page: one of many pictures where ?picture= asks for it."""
    items = [item | {"number": item_number(at, item)} for at, item in enumerate(items)]
    pictures = [item for item in items if item["kind"] == "picture"]
    number = request.args.get("picture", type=int)
    one = [item for item in pictures if item["scene"] == f"{number}.jpg"] if number is not None else []
    if number is not None and not one:
        abort(404, PICTURE_GONE)
    at = pictures.index(one[0]) if one else 0
    faces = [face for item in pictures for face in item["faces"]]
    named = Counter(face["emotion"] if face["sure"] else UNSURE for face in faces)
    return {
        "cards": one or (pictures if len(pictures) <= MAX_CARDS else []),
        "listed": [] if one or len(pictures) <= MAX_CARDS else pictures[:MAX_ROWS],
        "picture_count": len(pictures),
        "face_count": len(faces),
        "without": sum(not item["faces"] for item in pictures),
        "named_counts": named.most_common(),
        "remarks": [] if one else [item for item in items if item["kind"] == "remark"],
        "videos": [] if one else [_with_chart(item) for item in items if item["kind"] == "video"],
        "one": bool(one),
        "previous": pictures[at - 1] if one and at else None,
        "next": pictures[at + 1] if one and at + 1 < len(pictures) else None,
    }


def _with_chart(video: dict[str, Any]) -> dict[str, Any]:
    """Return a video's item with its chart: an SVG path an emotion, and the number of time bins."""
    points = video["timeline"]["points"]
    bins = [MeanProbs(number, 1, tuple(probs)) for number, (_, probs) in enumerate(points) if probs]
    return video | {"chart": stacked(bins), "bin_count": len(points)}
