"""The page that asks a visitor of a private site for the password or the token, and the way out again."""

import re
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WSGIResponse

from web.credentials import COOKIE, Credentials, forget_cookie, keep_cookie
from web.logins import WINDOW_S, FailedLogins
from web.origins import EMBEDDABLE
from web.responses import NO_STORE

PRIVATE = "This camera is private."
WRONG = "That is not right; try again."
TOO_MANY = "Too many wrong attempts; wait a minute."
OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")  # of this site in every browser: no host, no \, nothing unseen
STYLES = re.compile(r"css/\w+\.css|icon\.svg")  # static files that the page needs, and that show nothing


def login_pages(credentials: Credentials, failed_logins: FailedLogins) -> Blueprint:
    """Return the blueprint with /login and /logout."""
    pages = Blueprint("login", __name__)

    @pages.get("/login")
    def page() -> WSGIResponse:
        """Show the form, or lead on whoever may look already."""
        if not credentials or credentials.match():
            return redirect(own_path(request.args.get("next", "")))
        return login_form(credentials, own_path(request.args.get("next", "")), "", 200)

    @pages.post("/login")
    def enter() -> WSGIResponse:
        """Give the browser a cookie for the right password or token, and lead it where it wanted to go."""
        wanted = own_path(request.form.get("next", ""))
        cookie = credentials.cookie_for(*(request.form.get(name, "") for name in ("user", "password", "token")))
        if not cookie and credentials:
            if failed_logins.add(request.remote_addr or ""):
                return login_form(credentials, wanted, TOO_MANY, 429)
            return login_form(credentials, wanted, WRONG, 401)
        response = redirect(wanted, 303)
        if cookie:
            keep_cookie(response, cookie)
        return response

    @pages.post("/logout")
    def leave() -> WSGIResponse:
        """Take the cookie back."""
        response = redirect(url_for("login.page"), 303)
        forget_cookie(response)
        return response

    @pages.app_context_processor
    def tell_templates() -> dict[str, bool]:
        """Tell every page whether its visitor can log out."""
        return {"can_log_out": bool(credentials) and COOKIE in request.cookies}

    return pages


def is_open_to_strangers() -> bool:
    """Return whether the current request is for the login page, or for a file that gives it its looks."""
    if request.endpoint == "static":
        return bool(STYLES.fullmatch((request.view_args or {}).get("filename", "")))
    return request.blueprint == "login" or request.endpoint == "common.emotion_styles"


def wants_form() -> bool:
    """Return whether the current request is a person's for a page, and not a program's or a picture's."""
    view = current_app.view_functions.get(request.endpoint or "")
    if hasattr(view, EMBEDDABLE) or request.path.startswith("/api/"):
        return False
    kinds = ("text/plain", "text/html")
    return request.accept_mimetypes.best_match(kinds, "text/plain") == "text/html"


def login_form(credentials: Credentials, wanted: str, problem: str, status: int) -> Response:
    """Return the page with the form, which leads on to the path that was wanted."""
    page = render_template("login.html", credentials=credentials, wanted=wanted, problem=problem)
    # no WWW-Authenticate: browsers would ask for a password by themselves, before they show the page
    response = make_response(page, status, NO_STORE)
    if status == 429:
        response.headers["Retry-After"] = str(WINDOW_S)
    if COOKIE in request.cookies and not credentials.match():
        forget_cookie(response)  # one that is wrong would count as a wrong try with every request
    return response


def wanted_path() -> str:
    """Return the current request's path, without a token; that of the first page if it changes something."""
    if request.method not in ("GET", "HEAD"):
        return own_path("")
    query = urlencode([pair for pair in request.args.items(multi=True) if pair[0] != "token"])
    return own_path(quote(request.script_root + request.path) + (f"?{query}" if query else ""))


def own_path(text: str) -> str:
    """Return text if it is a path of this site, else that of its first page."""
    return text if OWN_PATH.fullmatch(text) else f"{request.script_root}/"
