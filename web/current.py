"""The camera that the current request is about: the one that its address names, or the only one."""

from typing import Any

from flask import Flask, g

from web.shown import ShownCamera, ShownCameras


def current() -> ShownCamera:
    """Return the camera of the current request, for a view whose address names one or whose site has one."""
    camera: ShownCamera = g.camera
    return camera


def current_or_none() -> ShownCamera | None:
    """Return the camera of the current request; None where it has none, as on the wall."""
    camera: ShownCamera | None = g.get("camera")
    return camera


def find_by_address(site: Flask, cameras: ShownCameras, default: ShownCamera | None) -> None:
    """Give each request the camera that <camera> in its address names, else the default one.

    Addresses that `url_for` makes for pages of a camera name the same camera. The camera is looked up after
    the request has passed the site's guard, so that strangers cannot try out names.
    """

    @site.url_value_preprocessor
    def take_name(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        """Take the camera's name out of what the view is given."""
        g.camera_name = (values or {}).pop("camera", None)

    @site.before_request
    def find() -> None:
        """Look the camera up."""
        if g.camera_name is not None:
            g.camera = cameras.find(g.camera_name)
        elif default:
            g.camera = default

    @site.url_defaults
    def put_name_back(endpoint: str, values: dict[str, Any]) -> None:
        """Give `url_for` the name for another page of the same camera."""
        camera = current_or_none()
        if camera and site.url_map.is_endpoint_expecting(endpoint, "camera"):
            values.setdefault("camera", camera.name)
