"""What makes a folder of pages a site that needs no network.

Every link leads somewhere, and nothing is loaded from outside.
"""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {("link", "href"), ("use", "href"), ("object", "data")}  # beside every src and srcset
_STYLE = re.compile(r"@import|url\(\s*['\"]?(?!data:|#)", re.IGNORECASE)


class _Page(HTMLParser):
    """The ids of a page, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            elif name in ("src", "srcset", "poster") or (tag, name) in _LOADED:
                self.loaded.append(value or "")
            elif name == "href":
                self.links.append(value or "")


def faults(folder: Path) -> list[str]:
    """One line for each link that leads nowhere and each thing a page or style sheet would load from outside."""
    folder = folder.resolve()
    pages = {path: _Page(path.read_text()) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder)
        found += [f"{name} loads {url} from outside" for url in page.loaded if _outside(url)]
        local = [url for url in page.links + page.loaded if not _outside(url)]
        found += [f"{name}: the link {url!r} leads nowhere" for url in local if not _leads(path, url, pages)]
    styles = [path for path in sorted(folder.rglob("*.css")) if _STYLE.search(path.read_text())]
    return found + [f"{path.relative_to(folder)} loads another file" for path in styles]


def _outside(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def _leads(page: Path, url: str, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(url)
    if parts.scheme:
        return True  # data: carries its content
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_file():
        return False
    return not parts.fragment or (target in pages and unquote(parts.fragment) in pages[target].ids)
