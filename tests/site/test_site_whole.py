"""The site of the committed notebooks: read as text, and in a browser where there is one."""

import re
from html.parser import HTMLParser

import pytest

from hmlm_lib.paths import ROOT
from hmlm_lib.site import Inputs, build
from hmlm_lib.site.check import faults

FIGURES = sorted(path.stem for path in (ROOT / "figures").glob("*.png"))
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
PAGES = ["index", "findings", "results", "glossary", *NOTEBOOKS]
LOADED = "async () => { for (const one of document.images) { one.loading = 'eager'; await one.decode(); } }"
MEASURED = """() => ({
    page: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    pictures: [...document.images].map(one => one.naturalWidth),
    formulas: [...document.querySelectorAll('math')].map(one => one.getBoundingClientRect().width),
    font: [...document.fonts].some(one => one.family.includes('HMLM Formulas') && one.status == 'loaded'),
})"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of what is committed; no notebook counts as executed."""
    folder = tmp_path_factory.mktemp("site")
    given = Inputs(
        notebooks=ROOT / "notebooks",
        executed=folder / "quick",
        figures=ROOT / "figures",
        results=ROOT / "reports" / "results.md",
        findings=ROOT / "reports" / "findings.md",
        site=folder / "site",
    )
    build(given, lambda line: None)
    return given.site


class Words(HTMLParser):
    """The words of a page outside code and formulas, and the texts that stand for its pictures."""

    def __init__(self, text):
        super().__init__()
        self.words, self.alternatives, self.headings, self.within = [], [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag in ("pre", "code", "style", "math"):
            self.within.append(tag)
        if tag == "img":
            self.alternatives.append(dict(attrs).get("alt"))
        self.headings += tag == "h1"

    def handle_endtag(self, tag):
        if self.within and self.within[-1] == tag:
            self.within.pop()

    def handle_data(self, data):
        if not self.within:
            self.words.append(data)


def test_it_is_whole_and_names_every_figure_and_notebook(site):
    assert faults(site) == []
    assert {path.stem for path in site.glob("*.html")} == set(PAGES)
    index = (site / "index.html").read_text()
    for name in FIGURES:
        assert f'<img src="thumbnails/{name}.webp"' in index, name
        assert f'href="figures/{name}.csv"' in index, name
    for name in NOTEBOOKS:
        assert f'<h3><a href="{name}.html">' in index, name


def test_every_figure_of_a_notebook_has_its_place_on_the_notebooks_page(site):
    index = (site / "index.html").read_text()
    for name in FIGURES:
        for notebook in NOTEBOOKS:
            if name[:2] == notebook[:2]:
                assert f'href="{notebook}.html#{name}"' in index, name


@pytest.mark.parametrize("name", PAGES)
def test_no_formula_is_left_as_tex_and_every_page_can_be_read_aloud(site, name):
    text = (site / f"{name}.html").read_text()
    page = Words(text)
    words = " ".join(page.words)
    assert not re.search(r"\$|\\[a-z]", words), re.search(r".{30}(\$|\\[a-z]).{30}", words)
    assert page.headings == 1
    assert all(page.alternatives)
    assert '<html lang="en">' in text


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_opens_from_disk_and_fits_the_screen(site, browser, width):
    context = browser.new_context(viewport={"width": width, "height": 900})
    tab = context.new_page()
    complaints, asked = [], []
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    tab.on("request", lambda request: asked.append(request.url))
    for name in PAGES:
        tab.goto((site / f"{name}.html").as_uri())
        tab.evaluate(LOADED)
        seen = tab.evaluate(MEASURED)
        text = (site / f"{name}.html").read_text()
        assert seen["page"] == 0, f"{name} is {seen['page']} pixels too wide"
        assert len(seen["pictures"]) == text.count("<img ")
        assert len(seen["formulas"]) == text.count("<math")
        assert all(size > 0 for size in seen["pictures"] + seen["formulas"]), name
        assert not seen["formulas"] or seen["font"]
    context.close()
    assert complaints == []
    assert all(url.startswith(("file:", "data:")) for url in asked)
    assert len(asked) > len(FIGURES)
