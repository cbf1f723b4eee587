"""The examples in the documentation, as the tests run them."""

import re
from typing import NamedTuple

from settings import ROOT

DOCUMENTED = "http://localhost:5000"  # where every example supposes the site


class Example(NamedTuple):
    """A block of code below a heading of a page."""

    heading: str
    language: str
    code: str

    def at(self, url: str) -> str:
        """Return the code for a site at this URL."""
        assert DOCUMENTED in self.code
        return self.code.replace(DOCUMENTED, url.rstrip("/"))


def examples(page: str, *languages: str) -> list[Example]:
    """Return the examples of a page of docs/ in these languages, in order."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found, heading = [], ""
    parts = re.findall(r"^#+ ([^\n]+)$|^```(\w+)\n(.+?)^```$", text, re.MULTILINE | re.DOTALL)
    for title, language, code in parts:
        heading = title or heading
        if language in languages:
            found.append(Example(heading, language, code))
    return found
