from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settings import Settings, SettingsError, flag, read_settings, variable


def test_the_defaults_serve_on_this_machine_only() -> None:
    settings = read_settings([], {})
    assert (settings.source, settings.host, settings.port) == ("auto", "127.0.0.1", 5000)


def test_a_flag_goes_before_its_variable_and_a_variable_before_the_default() -> None:
    environ = {"FER_PORT": "8000", "FER_SMOOTHING_S": "0.5"}
    settings = read_settings(["--port", "9000"], environ)
    assert (settings.port, settings.smoothing_s, settings.jpeg_quality) == (9000, 0.5, 80)


def test_on_this_machine_the_site_has_its_names_behind_a_proxy_the_proxys_too_and_elsewhere_any() -> None:
    assert "localhost" in Settings().answers_to
    assert Settings(host="0.0.0.0", public=True).answers_to == []
    proxied = Settings(proxied_as="faces.example.org,hall.example.org", public=True).answers_to
    assert {"localhost", "faces.example.org", "hall.example.org"} <= set(proxied)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read_settings([], {"FER_PORT": ""}).port == 5000


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--port", "0"], "--port must be from 1 to 65535, not 0"),
        (["--port", "http"], "--port must be a whole number, not 'http'"),
        (["--smoothing-s", "nan"], "--smoothing-s must be from 0 to 10, not nan"),
        (["--jpeg-quality", "101"], "--jpeg-quality must be from 1 to 100, not 101"),
        (
            ["--proxied-as", "https://faces.example.org"],
            "--proxied-as must be host names like faces.example.org, comma-separated, "
            "not 'https://faces.example.org'",
        ),
    ],
)
def test_an_impossible_value_is_refused_in_one_sentence(argv: list[str], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_settings(argv, {})
    assert str(error.value) == message


@pytest.mark.parametrize(
    "name", ["name", "controls", "embed", "proxied_as", "port", "smoothing_s", "blur", "host"]
)
def test_an_error_repeats_little_of_a_long_value(name: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_settings([], {f"FER_{name.upper()}": "9 " * 5_000_000})
    assert len(str(error.value)) < 500


def test_a_long_name_of_no_setting_is_repeated_in_part() -> None:
    with pytest.raises(SettingsError) as error:
        read_settings([], {"FER_" + "X" * 10_000: "1"})
    assert len(str(error.value)) < 500


def test_an_impossible_variable_is_called_by_its_name() -> None:
    with pytest.raises(SettingsError, match="FER_PORT must be a whole number"):
        read_settings([], {"FER_PORT": "five"})


@given(
    st.integers(1, 65535),
    st.floats(0, 10),
    st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1),
)
def test_settings_survive_the_way_through_the_environment(port: int, smoothing_s: float, source: str) -> None:
    settings = Settings(port=port, smoothing_s=smoothing_s, source=source)
    assert read_settings([], settings.to_environment()) == settings


def test_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_settings(["--help"], {})
    printed = capsys.readouterr().out
    assert all(flag(item) in printed for item in fields(Settings))


def test_every_setting_has_a_variable_of_the_same_name() -> None:
    assert {variable(item) for item in fields(Settings)} == Settings().to_environment().keys()


def test_a_setting_is_still_read_by_the_name_of_the_version_before() -> None:
    assert read_settings(["--max-mirrors", "3"], {}).max_browser_cameras == 3
    assert read_settings([], {"FER_MAX_MIRRORS": "4"}).max_browser_cameras == 4
    assert read_settings([], {"FER_MAX_MIRRORS": "4", "FER_MAX_BROWSER_CAMERAS": "5"}).max_browser_cameras == 5


@pytest.mark.parametrize(("wrong", "right"), [("FER_PROT", "FER_PORT"), ("FER_MINFACE", "FER_MIN_FACE_PX")])
def test_a_misspelt_variable_is_refused_with_the_nearest_right_name(wrong: str, right: str) -> None:
    with pytest.raises(SettingsError, match=f"there is no setting {wrong}; did you mean {right}"):
        read_settings([], {wrong: "1"})
