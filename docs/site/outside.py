"""Sphinx: the pages that lie outside `docs/`, and links to them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    "index": "README.md",
    "site/contributing": "CONTRIBUTING.md",
    "site/changes": "CHANGELOG.md",
}
PLACES = {file: page for page, file in PAGES.items()}
LINK = re.compile(r"(\]\()([\w./-]+\.(?:md|cff|png))")


def relinked(text: str, page: str, base: str) -> str:
    """A document whose relative links, from the folder `base`, are right from the site's `page`."""

    def there(match: re.Match[str]) -> str:
        path = ROOT.joinpath(base, match[2]).resolve().relative_to(ROOT.resolve()).as_posix()
        path = PLACES[path] + ".md" if path in PLACES else path.removeprefix("docs/")
        up = "../" * page.count("/")
        return match[1] + up + (path if (ROOT / "docs" / path).exists() else f"../{path}")

    return LINK.sub(there, text)


def read(app, page: str, source: list[str]) -> None:
    """A page named in PAGES begins with the file outside; what is linked outside is linked here."""
    text = relinked(source[0], page, (Path("docs") / page).parent.as_posix())
    if page in PAGES:
        outside = (ROOT / PAGES[page]).read_text(encoding="utf-8")
        text = relinked(outside, page, ".") + "\n" + text.partition("\n")[2]
    source[0] = text


def setup(app) -> dict[str, bool]:
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
