"""The command line in what pages say: for those who run the site, and not for the visitors of a public one."""

from flask import Flask, current_app, request

PUBLIC = "IS_PUBLIC"  # in the site's config
OWN_COMPUTER = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


def tell_flags(site: Flask, public: bool) -> None:
    """Have `hint` and the templates' `runs_this_site` go by whether the site is for everybody."""
    site.config[PUBLIC] = public
    site.add_template_global(runs_this_site)


def runs_this_site() -> bool:
    """Return whether the visitor may be the one who runs the site, and so is told how to change it."""
    return not current_app.config[PUBLIC] or request.remote_addr in OWN_COMPUTER


def hint(flag: str) -> str:
    """Return the flag that a sentence ends with, as in " (--controls)"; "" for those who cannot set it."""
    return f" ({flag})" if runs_this_site() else ""
