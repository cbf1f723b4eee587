"""Pictures, ZIPs and videos that visitors send: the upload page, a page a job, and all results together.

A visitor is a browser, known by a cookie that cannot be guessed: it sees what it has sent. A job's address
cannot be guessed either, so it can be handed on; whoever has it may also delete what it shows.
"""

import hashlib
import io
import os
import secrets
from collections import Counter
from datetime import UTC, datetime
from typing import IO, Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as WSGIResponse

from recording.history import MeanProbs
from uploads.jobs import Jobs
from uploads.results import TABLE, json_rows
from vision.emotions import EMOTIONS
from vision.faces import COLUMNS, Table
from web.chart import stacked
from web.limits import UploadLimiter, busy, receives
from web.responses import NO_STORE

COOKIE = "fer_visitor"
COOKIE_AGE_S = 24 * 3600  # as long as results are kept
MAX_CARDS = 12  # pictures shown with all their faces at once; of more, each has a page
MAX_ROWS = 1000  # of a page; a CSV has them all
GONE = "There is no such result: it was deleted, or is older than a day."
DOWNLOADS = {"mp4": "video/mp4", "webm": "video/webm", "jpg": "image/jpeg", "csv": "text/csv"}


def upload_pages(jobs: Jobs, gate: UploadLimiter, max_upload_mb: int) -> Blueprint:
    """Return the pages around uploads of up to max_upload_mb."""
    pages = Blueprint("uploads", __name__)

    @pages.get("/pictures")
    def index() -> str:
        owner = _hashed(request.cookies.get(COOKIE, ""))
        mine = [(job.job_id, {"title": job.title, **job.told()}) for job in jobs.of_owner(owner)]
        mine += jobs.results.of_owner(owner)
        return render_template("upload.html", mine=mine, max_upload_mb=max_upload_mb)

    @pages.post("/pictures")
    @receives
    def upload() -> WSGIResponse:
        visitor = request.cookies.get(COOKIE) or secrets.token_urlsafe(16)
        with gate.receiving(max_upload_mb, several=True):
            chosen = [file for file in request.files.getlist("files") if file.filename]
            if not chosen:
                abort(400, "No file was chosen.")
            files = [(file.filename or "", _kept(file.stream)) for file in chosen]
            job_id = jobs.take(_hashed(visitor), files)
        if job_id is None:
            raise busy()
        address = url_for("uploads.job", job_id=job_id)
        as_json = request.accept_mimetypes.best == "application/json"
        response: WSGIResponse = jsonify(address=address) if as_json else redirect(address, 303)
        response.set_cookie(
            COOKIE, visitor, COOKIE_AGE_S, secure=request.is_secure, httponly=True, samesite="Lax"
        )
        return response

    @pages.get("/pictures/<job_id>")
    def job(job_id: str) -> str:
        if waiting := jobs.find(job_id):
            return render_template("job.html", job_id=job_id, title=waiting.title, told=waiting.told())
        result = _found(jobs.results.load(job_id))
        return render_template("result.html", job_id=job_id, **result, **_shown(result["items"]))

    @pages.get("/pictures/<job_id>/progress")
    def progress(job_id: str) -> Response:
        if waiting := jobs.find(job_id):
            told = waiting.told()
        else:
            told = {"state": _found(jobs.results.about(job_id))["state"], "progress": 1.0}
        response = jsonify(told)
        response.headers.update(NO_STORE)
        return response

    @pages.post("/pictures/<job_id>/cancel")
    def cancel(job_id: str) -> WSGIResponse:
        jobs.cancel(job_id)
        return redirect(url_for("uploads.job", job_id=job_id), 303)

    @pages.post("/pictures/<job_id>/delete")
    def delete(job_id: str) -> WSGIResponse:
        jobs.delete(job_id)
        return redirect(url_for("uploads.index"), 303)

    @pages.get("/pictures/<job_id>/<name>")
    def file(job_id: str, name: str) -> Response:
        path = jobs.results.file(job_id, name)
        if path is None:
            abort(404, GONE)
        kind = DOWNLOADS[name.rpartition(".")[2]]
        # conditional: a browser asks for parts of a video
        sent = send_file(path, kind, "download" in request.args or name == TABLE, name, conditional=True)
        sent.headers["Cache-Control"] = "private, max-age=3600"
        return sent

    @pages.get("/results")
    def results() -> str:
        rows = _rows_of(_hashed(request.cookies.get(COOKIE, "")))
        return render_template("results.html", rows=rows[:MAX_ROWS], count=len(rows), emotions=EMOTIONS)

    @pages.get("/results.csv")
    def results_csv() -> Response:
        text = io.StringIO()
        table = Table(text, ("upload", "uploaded_at", *COLUMNS))
        for row in _rows_of(_hashed(request.cookies.get(COOKIE, ""))):
            table.add([[row["title"], f"{row['made_at']:%Y-%m-%dT%H:%M:%SZ}", *row["cells"]]])
        headers = {"Content-Disposition": "attachment; filename=results.csv", **NO_STORE}
        return Response(text.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)

    def _rows_of(owner: str) -> list[dict[str, Any]]:
        """Return a row a face of pictures and videos, and one for each file without a face, newest first."""
        return [
            {"job_id": job_id, "title": result["title"], "made_at": _time(result), "face": face, "cells": cells}
            for job_id, _ in jobs.results.of_owner(owner)
            if (result := jobs.results.load(job_id))
            for face, cells in json_rows(result["items"])
        ]

    return pages


def _hashed(visitor: str) -> str:
    """Return what is kept of a visitor's cookie; of none, what nobody's is."""
    return hashlib.sha256(visitor.encode()).hexdigest() if visitor else ""


def _kept(stream: IO[bytes]) -> IO[bytes]:
    """Return an upload's file, still nameless, for longer than its request."""
    kept = os.fdopen(os.dup(stream.fileno()), "rb")
    kept.seek(0)
    return kept


def _found(result: dict[str, Any] | None) -> dict[str, Any]:
    """Return a result, or what is told about it, for its page; answers 404 if there is none."""
    if result is None:
        abort(404, GONE)
    return result | {"made_at": _time(result)}


def _time(result: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(result["made_at"], UTC)


def _shown(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a result's page shows of its items: one of many pictures where ?picture= asks for it."""
    pictures = [item for item in items if item["kind"] == "picture"]
    asked = request.args.get("picture", type=int)
    one = [item for item in pictures if item["scene"] == f"{asked}.jpg"] if asked is not None else []
    if asked is not None and not one:
        abort(404, "There is no such picture in this result.")
    faces = [face for item in pictures for face in item["faces"]]
    named = Counter(face["emotion"] if face["sure"] else "unsure" for face in faces)
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
    }


def _with_chart(video: dict[str, Any]) -> dict[str, Any]:
    points = video["timeline"]["points"]
    shares = [MeanProbs(number, 1, tuple(probs)) for number, (_, probs) in enumerate(points) if probs]
    return video | {"chart": stacked(shares), "stretches": len(points)}
