"""The site put together: pages, figures, tables and notebooks in one folder that appears whole or not at all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hmlm_lib import paths
from hmlm_lib.errors import RunError
from hmlm_lib.files import folder_whole
from hmlm_lib.profiles import get_profile
from hmlm_lib.site import pages, pictures
from hmlm_lib.site.check import faults
from hmlm_lib.site.studies import Study, studies

GLOSSARY = "GLOSSARY.md"  # beside the notebooks


@dataclass(frozen=True)
class Inputs:
    """What a site is made of, and where it goes."""

    notebooks: Path
    executed: Path  # folder of one profile's executed notebooks
    figures: Path
    results: Path
    findings: Path
    site: Path


def inputs(profile: str) -> Inputs:
    """The study's own places; RunError for a profile that does not exist."""
    return Inputs(
        notebooks=paths.notebooks_dir(),
        executed=paths.reports_dir(get_profile(profile).name),
        figures=paths.figures_dir(),
        results=paths.ROOT / "reports" / "results.md",
        findings=paths.ROOT / "reports" / "findings.md",
        site=paths.reports_dir("site"),
    )


def build(given: Inputs, say: Callable[[str], None] = print) -> Path:
    """Write the site and return its first page; the same inputs give the same bytes.

    say: gets a line for every notebook whose stored outputs are shown, because it was not executed as it is today.
    Raises RunError for an input that cannot be read, a formula that cannot be converted, a link that leads nowhere, or
    a folder that cannot be written; the site that was there before is kept then.
    """
    shown = studies(given.notebooks, given.executed, say)
    figures = pictures.saved_figures(given.figures)
    with folder_whole(given.site, RunError) as folder:
        for name in ("figures", "images", "thumbnails"):
            (folder / name).mkdir()
        for figure in figures.values():
            pictures.copy(figure, folder)
        drawn = _notebooks(shown, figures, folder)
        _texts(given, shown, folder)
        (folder / "index.html").write_text(pages.index_page(shown, figures, drawn, _links(shown)))
        (folder / "style.css").write_text(pages.style_sheet())
        found = faults(folder)
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise RunError(f"the site is not whole: {found[0]}{more}")
    return given.site / "index.html"


def _notebooks(shown: list[Study], figures: dict[str, pictures.Figure], folder: Path) -> set[str]:
    """Write the notebooks' pages and pictures; returns the names of all figures that stand on them."""
    drawn = set()
    for study in shown:
        files = pictures.take_out(study.notebook, study.name, figures)
        for name, content in files.items():
            (folder / "images" / name).write_bytes(content)
        (folder / study.page).write_text(pages.notebook_page(study, shown, _links(shown)))
        drawn |= {Path(name).stem for name in files} & set(figures)
    return drawn


def _texts(given: Inputs, shown: list[Study], folder: Path) -> None:
    """The pages of the findings, of all results, and of the glossary."""
    links = _links(shown)
    glossary = (given.notebooks / GLOSSARY).read_text()
    results = pages.with_headings(given.results.read_text())
    for page, text, about in (
        ("findings.html", given.findings.read_text(), f"From reports/{given.findings.name}."),
        ("results.html", results, f"From reports/{given.results.name}."),
        ("glossary.html", glossary, f"From notebooks/{GLOSSARY}."),
    ):
        (folder / page).write_text(pages.markdown_page(text, page, about, about, shown, links))


def _links(shown: list[Study]) -> dict[str, str]:
    """Links as the repository writes them -> links in the site."""
    return {
        link: study.page for study in shown for link in (f"{study.name}.ipynb", f"notebooks/{study.name}.ipynb")
    } | {"results.md": "results.html", GLOSSARY: "glossary.html", f"notebooks/{GLOSSARY}": "glossary.html"}
