"""The pages: a notebook's, a Markdown text's, the index. All share one layout and one style sheet."""

import base64
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hmlm_lib.errors import RunError
from hmlm_lib.site.pictures import Figure
from hmlm_lib.site.studies import Study
from hmlm_lib.site.text import Text

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
ELSEWHERE = {"badges", "setup"}  # cells for a notebook opened in a browser somewhere else
SHOWN = ["image/png", "text/html", "text/plain"]  # the first that an output has
_TABLE = re.compile(r"^\| (?!model \|)([^|]+) \|.*\n\|-", re.MULTILINE)


def notebook_page(study: Study, all_studies: Sequence[Study], links: Mapping[str, str]) -> str:
    """HTML of a notebook whose pictures have been taken out."""
    text = Text(f"notebook {study.name}", links)
    body = _cells(study.notebook, text)
    place = all_studies.index(study)
    around = {
        "before": all_studies[place - 1] if place else None,
        "after": all_studies[place + 1] if place + 1 < len(all_studies) else None,
    }
    return _render(
        "text.html.j2",
        all_studies,
        here=study.page,
        title=study.title,
        description=study.question,
        body=body,
        headings=_contents(text),
        origin=f"Notebook {study.name}.ipynb, {study.origin}.",
        **around,
    )


def _cells(notebook: dict, text: Text) -> str:
    """The cells as HTML; their language is fixed, so that a stored and an executed copy are coloured alike."""
    from nbconvert import HTMLExporter
    from nbformat import from_dict
    from nbformat.v4.rwbase import rejoin_lines
    from traitlets.config import Config

    exporter = HTMLExporter(
        template_name="study",
        extra_template_basedirs=[str(TEMPLATES)],
        filters={"markdown2html": text.html},
        config=Config({"NbConvertBase": {"display_data_priority": SHOWN}}),
    )
    cells = [cell for cell in notebook["cells"] if not ELSEWHERE & set(cell["metadata"].get("tags", []))]
    plain = notebook | {"cells": cells, "metadata": {"language_info": {"name": "python"}}}
    return exporter.from_notebook_node(rejoin_lines(from_dict(plain)))[0]


def markdown_page(
    markdown: str, page: str, description: str, origin: str, all_studies: Sequence[Study], links: Mapping[str, str]
) -> str:
    """HTML of a Markdown text; its first heading is the page's title."""
    text = Text(page, links)
    body = text.html(markdown)
    title = next((re.sub(r"<[^>]*>", "", words) for level, _, words in text.headings if level == 1), None)
    if title is None:
        raise RunError(f"{page}: the text has no title; allowed: a line `# title`")
    return _render(
        "text.html.j2",
        all_studies,
        here=page,
        title=title,
        description=description,
        body=body,
        headings=_contents(text),
        origin=origin,
        before=None,
        after=None,
    )


def index_page(
    all_studies: Sequence[Study], figures: Mapping[str, Figure], drawn: Collection[str], links: Mapping[str, str]
) -> str:
    """HTML of the first page: the study, its notebooks, all figures. drawn: those that have a place on a page."""
    text = Text("index", links)
    questions = {study.name: text.html(study.question) for study in all_studies}
    groups = [(study, [one for one in figures.values() if one.name.startswith(study.number)]) for study in all_studies]
    numbers = {study.number for study in all_studies}
    others = [one for one in figures.values() if one.name[:2] not in numbers]
    return _render(
        "index.html.j2",
        all_studies,
        here="index.html",
        title="Hierarchical Molecular Language Models, reproduced",
        description="A study of HMLM in notebooks",
        questions=questions,
        groups=groups,
        others=others,
        drawn=drawn,
        headings=[],
    )


def with_headings(tables: str) -> str:
    """The results with a heading, the setting's name, before the first table of every setting."""
    return _TABLE.sub(lambda found: f"## {found[1]}\n\n{found[0]}", tables)


def style_sheet() -> str:
    """The style of all pages, with the colours of code in light and dark, and the font of formulas.

    The font is written into the sheet, because browsers refuse font files to pages that are opened from disk.
    """
    from pygments.formatters import HtmlFormatter

    light, dark = (HtmlFormatter(style=name).get_style_defs(".highlight") for name in ("default", "github-dark"))
    font = base64.b64encode((HERE / "fonts" / "formulas.woff2").read_bytes()).decode()
    return (
        f"{(HERE / 'style.css').read_text()}\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
        "/* A part of TeX Gyre Termes Math, GUST Font License: tug.org/fonts/licenses/GUST-FONT-LICENSE.txt */\n"
        f'@font-face {{ font-family: "HMLM Formulas"; src: url(data:font/woff2;base64,{font}) format("woff2"); }}\n'
    )


def _contents(text: Text) -> list[tuple[str, str]]:
    return [(anchor, words) for level, anchor, words in text.headings if level == 2]


def _render(template: str, all_studies: Sequence[Study], **values: object) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(template).render(studies=all_studies, **values)
