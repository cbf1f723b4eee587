"""The program's settings: each with its name and unit, its default, its range and a line of help.

A setting is read from its flag (--min-face-px), else from its variable (FER_MIN_FACE_PX), else it is the
default.
"""

import argparse
import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from texts import shorten

ROOT = Path(__file__).parent
VERSION = "live-facial-emotions 0.2.0"  # as in pyproject.toml
PREFIX = "FER_"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")  # addresses that only this machine reaches
ROLES = ("all", "camera", "web")
NAME = re.compile(r"[\w-]{1,40}", re.ASCII)
USUAL_PORTS = {"http": "80", "https": "443"}  # left out of an origin
ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+)(:[0-9]{1,5})?", re.IGNORECASE)
HIDDEN = "…"  # in place of the host of an address
ESCAPES = "in a password write %40 for @, %2F for /, %23 for #, %3F for ?, %25 for %"
ORIGIN = re.compile(r"https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII)
HOST_NAMES = re.compile(r"[\w.-]+(,[\w.-]+)*", re.ASCII)
_BOOLS = {"true": True, "1": True, "false": False, "0": False}


class StartError(Exception):
    """The program cannot start; the message says why, in one sentence."""


class SettingsError(StartError):
    """A setting has an impossible value; the message says which, in one sentence."""


def _setting(
    default: Any,
    help: str,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    formerly: str = "",
    secret: bool = False,
) -> Any:
    """Return a field of Settings; formerly is its name in an earlier version, which is still accepted.

    A secret one is left out of the settings' repr.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "formerly": formerly}
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """The program's settings; the constructor raises SettingsError for a value out of range."""

    role: str = _setting(
        "all",
        "part of the site that this process runs: all; or, with --redis-url, camera (publish one camera) "
        "or web (show all cameras); `python main.py camera` and `python main.py web` set it, too",
        choices=ROLES,
    )
    redis_url: str = _setting(
        "",
        "address of the Redis that connects camera processes and web hosts, such as redis://HOST:6379/0; "
        "web hosts also share their count of failed logins there",
        secret=True,
    )
    name: str = _setting(
        "camera",
        "name under which a camera process publishes its camera, and which --osc, --mqtt and --lsl use for it",
    )
    workers: int = _setting(1, "number of worker processes of a web host", 1, 64)
    source: str = _setting(
        "auto",
        "source to watch: auto (camera 0, or the demo if there is none), a camera number or device, a "
        "video file (looped), a folder of pictures, an http(s):// or rtsp:// URL, or demo; in a password "
        "in a URL, write %40 for @, %2F for /, %23 for #, %3F for ?, %25 for %",
        secret=True,
    )
    host: str = _setting(
        "127.0.0.1",
        "address to serve on; 0.0.0.0 lets other machines watch, and needs --auth, --token or --public",
    )
    auth: str = _setting("", "user:password required of every visitor; @FILE reads it from a file", secret=True)
    token: str = _setting(
        "",
        "token required of every visitor, as ?token= or a bearer token; @FILE reads it from a file",
        secret=True,
    )
    public: bool = _setting(False, "let everybody who can reach the address watch, without a password")
    proxied_as: str = _setting(
        "",
        "host names, comma-separated, that a reverse proxy serves this site under; visitors' addresses "
        "are then read from the proxy's X-Forwarded-For",
    )
    embed: str = _setting(
        "",
        "origins, comma-separated, such as https://hall.example.org, whose pages may show the stream, the "
        "snapshot and the events, and send event markers",
    )
    port: int = _setting(5000, "port to serve on", 1, 65535)
    weights: str = _setting(str(ROOT / "weights" / "emotion.safetensors"), "weights file of the network")
    network: str = _setting(
        "",
        "network of a PyTorch checkpoint from another project, given in --weights: emotion, base, "
        "emotion-cnn, resnet, resnet-transfer, resemotenet, se-vgg, vgg16 or efficientnet-b0",
    )
    classes: str = _setting(
        "angry,disgust,fear,happy,sad,surprise,neutral",
        "with --network: the seven emotions in the checkpoint's order, comma-separated",
    )
    normalisation: str = _setting(
        "standard",
        "with --network: gray levels that the checkpoint expects: standard (each face with mean 0 and "
        "deviation 1), unit (0 to 1), centred (-1 to 1), or imagenet (by ImageNet's mean and deviation)",
        choices=("standard", "unit", "centred", "imagenet"),
    )
    input_side_px: int = _setting(
        0, "with --network: side of the faces that the checkpoint expects; 0: 48, as in FER2013", 0, 512
    )
    device: str = _setting(
        "auto",
        "device that runs the network: cpu, cuda, mps, or auto for the fastest one available",
        choices=("auto", "cpu", "cuda", "mps"),
    )
    engine: str = _setting(
        "auto",
        "library that runs the network: onnx, torch, or auto (onnx if an .onnx file made from the weights "
        "lies next to them)",
        choices=("auto", "onnx", "torch"),
    )
    cascade: str = _setting(str(ROOT / "haarcascade_frontalface_alt2.xml"), "cascade file of the detector haar")
    detector: str = _setting(
        "mtcnn",
        "face detector: mtcnn, which also finds tilted, small and partly hidden faces, or haar, the "
        "cascade, which is used if MTCNN's weights are missing",
        choices=("mtcnn", "haar"),
    )
    camera_width_px: int = _setting(640, "width requested from a camera", 160, 3840)
    camera_height_px: int = _setting(480, "height requested from a camera", 120, 2160)
    min_face_px: int = _setting(
        40,
        "side of the smallest face to find in a frame of 640x480, scaled up for larger frames; smaller "
        "values take longer",
        20,
        1000,
    )
    min_upload_face_px: int = _setting(
        20,
        "side of the smallest face that mtcnn finds in uploaded files, where pictures are read at 1600 "
        "px; haar uses --min-face-px",
        12,
        1000,
    )
    smoothing_s: float = _setting(
        0.3, "seconds over which a face's probabilities are smoothed; 0: no smoothing", 0, 10
    )
    unsure_below: float = _setting(
        0.4,
        "probability below which a face is labelled unsure; a live label stays until its probability has "
        "been 0.13 below this for half a second; 0: never",
        0,
        1,
    )
    blur: bool = _setting(
        False, "pixelate faces, so that only the emotion can be recognised; no page can switch this off"
    )
    controls: str = _setting(
        "auto",
        "visitors who may change the picture for everybody, record, and see and delete recordings: everybody, "
        "nobody, or auto (nobody with --public)",
        choices=("auto", "everybody", "nobody"),
    )
    jpeg_quality: int = _setting(80, "JPEG quality of the stream", 1, 100)
    record: bool = _setting(False, "record from the start: times, boxes and emotions, never pictures")
    database_url: str = _setting(
        str(ROOT / "instance" / "history.sqlite"),
        "database of recordings: a SQLite file, or postgresql://USER:PASSWORD@HOST/NAME",
        secret=True,
    )
    keep_days: int = _setting(
        0,
        "days after which an ended recording is deleted, checked at the start and every hour; 0: never",
        0,
        36500,
    )
    osc: str = _setting(
        "",
        "HOST:PORT that receives the faces of every frame as Open Sound Control, for TouchDesigner, Max "
        "and Unity",
    )
    mqtt: str = _setting(
        "",
        "broker that receives the faces twice a second, for Home Assistant and Node-RED: "
        "mqtt://HOST/PREFIX or mqtts://HOST/PREFIX, with a password mqtt://USER:PASSWORD@HOST:1883/PREFIX",
        secret=True,
    )
    lsl: str = _setting(
        "", "name of the Lab Streaming Layer stream with the faces of every frame, for LabRecorder"
    )
    max_viewers: int = _setting(256, "largest number of viewers at the same time", 1, 4096)
    max_upload_mb: int = _setting(
        200, "largest size of an upload of pictures, ZIPs and videos, in megabytes", 1, 4000
    )
    max_browser_cameras: int = _setting(
        8,
        "largest number of visitors who use their own camera (/camera) at the same time; 0: none",
        0,
        32,
        formerly="max_mirrors",
    )
    idle_s: float = _setting(10.0, "seconds without viewers until the camera is closed", 0, 3600)
    stall_s: float = _setting(
        3.0,
        'seconds without a new frame until the stream says "No signal" and why, and /readyz answers 503; '
        "for a slow camera at least two and a half of its periods",
        0.2,
        60,
    )
    log_level: str = _setting(
        "info",
        "lowest severity that is logged: debug, info, warning or error",
        choices=("debug", "info", "warning", "error"),
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            low, high = item.metadata["low"], item.metadata["high"]
            value = getattr(self, item.name)
            # `not (low <= value)` rather than `value < low`, so that NaN is refused too
            if low is not None and not (low <= value <= high):
                raise SettingsError(f"{flag(item)} must be from {low} to {high}, not {shorten(value)}")
            choices = item.metadata["choices"]
            if choices and value not in choices:
                raise SettingsError(f"{flag(item)} must be one of {', '.join(choices)}, not {shorten(value)!r}")
        if self.proxied_as and not HOST_NAMES.fullmatch(self.proxied_as):
            raise SettingsError(
                "--proxied-as must be host names like faces.example.org, comma-separated, "
                f"not {shorten(self.proxied_as)!r}"
            )
        for origin in self.embedders:
            if not is_origin(origin):
                raise SettingsError(
                    f"--embed must be origins like https://hall.example.org, not {shorten(origin)!r}"
                )
        self.check_exposure(self.host)
        if self.role != "all" and not self.redis_url:
            raise SettingsError(f"--role {self.role} needs --redis-url")
        if self.role == "web" and (self.osc or self.mqtt or self.lsl):
            raise SettingsError(
                "--osc, --mqtt and --lsl belong to the process that owns the camera: give them to "
                "`python main.py camera`"
            )
        if self.workers > 1 and self.role != "web":
            raise SettingsError(
                f"{self.workers} workers would each open the camera; only --role web can have more than one"
            )
        if not NAME.fullmatch(self.name):
            raise SettingsError(f"--name must be 1 to 40 letters, digits, - or _, not {shorten(self.name)!r}")

    def check_exposure(self, host: str) -> None:
        """Raise SettingsError if other machines reach that address without a password and without --public."""
        reachable = host not in LOOPBACK or self.proxied_as
        if reachable and self.role != "camera" and not (self.auth or self.token or self.public):
            raise SettingsError(
                f"others could watch the camera on {shorten(self.proxied_as or host)}: "
                "give --auth user:password or --token TOKEN, or allow it with --public"
            )

    @property
    def open_controls(self) -> bool:
        """Whether every visitor may use the controls that change the picture for everybody."""
        return self.controls == "everybody" or (self.controls == "auto" and not self.public)

    @property
    def answers_to(self) -> list[str]:
        """The host names that requests may have; empty if any may."""
        if self.proxied_as:
            return [*LOOPBACK, *self.proxied_as.split(",")]
        return list(LOOPBACK) if self.host in LOOPBACK else []

    @property
    def embedders(self) -> list[str]:
        """The origins whose pages may show the stream, the snapshot and the events."""
        return self.embed.split(",") if self.embed else []

    def to_environment(self) -> dict[str, str]:
        """Return the settings as FER_* variables, for another process of the program."""
        return {variable(item): str(getattr(self, item.name)) for item in fields(self)}


def is_origin(text: str) -> bool:
    """Return whether text is an origin exactly as browsers send it: lower case, without path or usual port."""
    if not ORIGIN.fullmatch(text):
        return False
    scheme, _, rest = text.partition("://")
    port = rest.rpartition("]")[2].partition(":")[2]
    return not port or (port != USUAL_PORTS[scheme] and port[0] != "0" and int(port) < 65536)


def mask_address(text: str) -> str:
    """Return text with no more of the address at its end than scheme, host and port; the rest may be secret.

    Where the host may be part of a password with an unescaped sign, it is hidden, too: "rtsp://…".
    """
    found = ADDRESS.search(text)
    if not found:
        return text
    scheme, authority, rest = found.groups()
    host = authority.rpartition("@")[2]
    shown = host if HOST.fullmatch(host) and "@" not in rest else HIDDEN
    return f"{text[: found.start()]}{scheme}://{shown}"


def has_host(address: str) -> bool:
    """Return whether an address names a host; signs of a password that are not escaped can take its place."""
    found = ADDRESS.match(address)
    return bool(found and HOST.fullmatch(found[2].rpartition("@")[2]))


def flag(item: "Field[Any]") -> str:
    """Return a setting's flag."""
    return "--" + item.name.replace("_", "-")


def variable(item: "Field[Any]") -> str:
    """Return a setting's environment variable."""
    return PREFIX + item.name.upper()


def variables(item: "Field[Any]") -> list[str]:
    """Return a setting's variables, its present one before its former one; the first that is set counts."""
    formerly = item.metadata["formerly"]
    return [variable(item)] + ([PREFIX + formerly.upper()] if formerly else [])


def read_settings(argv: Sequence[str] = (), environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in flags and variables.

    Args:
        argv: The command line without the program; its first word may be a role.
        environ: The environment variables.

    Raises:
        SettingsError: A value is impossible, or a FER_* variable is no setting.
        SystemExit: A flag is unknown, or --help was given.
    """
    if argv and argv[0] in ROLES:
        argv = ["--role", *argv]
    args = vars(_parser().parse_args(argv))
    _check_variables(environ)
    values: dict[str, Any] = {}
    for item in fields(Settings):
        if args[item.name] is not None:
            values[item.name] = _convert(item, args[item.name], flag(item))
            continue
        for name in variables(item):
            if environ.get(name):
                values[item.name] = _convert(item, environ[name], name)
                break
    return Settings(**values)


def _check_variables(environ: Mapping[str, str]) -> None:
    """Raise SettingsError for a FER_* variable that belongs to no setting."""
    known = [name for item in fields(Settings) for name in variables(item)]
    for name in environ:
        if name.startswith(PREFIX) and name not in known:
            nearest = difflib.get_close_matches(name, known, 1, 0)
            raise SettingsError(f"there is no setting {shorten(name)}; did you mean {nearest[0]}?")


def _convert(item: "Field[Any]", text: str, name: str) -> Any:
    """Return text as a setting's type; the SettingsError for other text begins with name."""
    default: Any = item.default
    kind = type(default)
    if kind is bool:
        if text.lower() not in _BOOLS:
            raise SettingsError(f"{name} must be true or false, not {shorten(text)!r}")
        return _BOOLS[text.lower()]
    try:
        return kind(text)
    except ValueError:
        expected = "a whole number" if kind is int else "a number"
        raise SettingsError(f"{name} must be {expected}, not {shorten(text)!r}") from None


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the program's flags."""
    parser = argparse.ArgumentParser(
        prog="python main.py",
        description="Show a camera in the browser, with a box and an emotion for every face.",
        epilog="Each setting is also an environment variable: --min-face-px is FER_MIN_FACE_PX.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=VERSION)
    for item in fields(Settings):
        text = item.metadata["help"].replace("%", "%%")  # argparse formats it
        if item.default is False:
            parser.add_argument(flag(item), action="store_const", const="true", help=text)
            continue
        default = f"(default: {_relative(item.default)})" if item.default else ""
        parser.add_argument(flag(item), metavar="VALUE", help=f"{text} {default}")
        if formerly := item.metadata["formerly"]:
            old = "--" + formerly.replace("_", "-")
            parser.add_argument(old, dest=item.name, help=argparse.SUPPRESS)
    return parser


def _relative(default: object) -> str:
    """Return a default as --help shows it, paths relative to the program's folder."""
    return str(default).removeprefix(str(ROOT) + os.sep)
