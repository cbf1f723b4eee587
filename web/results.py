"""All results of a visitor together: a table of their faces, and the same as CSV."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from flask import Blueprint, Response, redirect, render_template, url_for
from werkzeug.wrappers import Response as WSGIResponse

from recording.export import as_csv
from uploads.jobs import Jobs
from uploads.results import ResultRow
from vision.emotions import EMOTIONS
from vision.faces import COLUMNS, REMARK_COLUMN
from web.downloads import download
from web.paging import Page
from web.visitors import current_visitor, owner_of

MAX_ROWS = 1000  # of a page
RESULT_COLUMNS = ("upload", "uploaded_at", *COLUMNS)


def add_results(pages: Blueprint, jobs: Jobs) -> None:
    """Add /results, /results.csv and /results/delete to the pages around uploads."""
    kept = jobs.results

    @pages.get("/results")
    def results() -> str:
        owner = owner_of(current_visitor())
        page = Page.requested(kept.count_rows(owner), MAX_ROWS)
        rows = [_table_row(row) for row in islice(kept.rows(owner, page.first), page.size)]
        return render_template("results.html", rows=rows, page=page, emotions=EMOTIONS)

    @pages.get("/results.csv")
    def results_csv() -> Response:
        rows = _csv_rows(kept.rows(owner_of(current_visitor())))
        return download(as_csv(rows, RESULT_COLUMNS), "results.csv", "text/csv")

    @pages.get("/results/delete")
    def ask_to_delete_all() -> str:
        count = len(_own_ids(jobs))
        what = "the one result" if count == 1 else f"all {count} results"
        title, back = "Everything that this browser has sent in the last day.", url_for("uploads.results")
        return render_template("delete.html", question=f"Delete {what}?", title=title, back=back)

    @pages.post("/results/delete")
    def delete_all() -> WSGIResponse:
        own = _own_ids(jobs)
        for job_id in own:
            jobs.delete(job_id)
        return redirect(url_for("uploads.index", deleted=len(own)), 303)


def _own_ids(jobs: Jobs) -> set[str]:
    """Return the ids of the current visitor's uploads, those that are still being read, too."""
    owner = owner_of(current_visitor())
    return {job.job_id for job in jobs.of_owner(owner)} | {job_id for job_id, _ in jobs.results.of_owner(owner)}


def made_at(about: dict[str, Any]) -> datetime:
    """Return the time, in UTC, at which a result was made."""
    return datetime.fromtimestamp(about["made_at"], UTC)


def _table_row(row: ResultRow) -> dict[str, Any]:
    """Return a row of the page with all results; address leads to its face or file, picture to the cut-out."""
    picture = ""
    if row.kind == "picture":
        anchor = f"face-{row.item}-{row.face['track_id']}" if row.face else f"picture-{row.item}"
        address = url_for("uploads.job", job_id=row.job_id, picture=row.item, _anchor=anchor)
        if row.face:
            cut = f"{row.item}-{row.face['track_id']}.jpg"
            picture = url_for("uploads.file", job_id=row.job_id, name=cut)
    else:
        address = url_for("uploads.job", job_id=row.job_id, _anchor=f"item-{row.item}")
    about = {"title": row.about["title"], "made_at": made_at(row.about), "address": address, "picture": picture}
    return {"face": row.face, "cells": row.cells, "remark": row.cells[REMARK_COLUMN], **about}


def _csv_rows(rows: Iterator[ResultRow]) -> Iterator[list[object]]:
    """Yield rows in the order of RESULT_COLUMNS."""
    for row in rows:
        yield [row.about["title"], f"{made_at(row.about):%Y-%m-%dT%H:%M:%SZ}", *row.cells]
