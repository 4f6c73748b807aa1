"""The site of a study of two notebooks: what it holds, where it takes it from, and what it refuses."""

import base64
import io
import json
import re

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hmlm_lib.__main__ import main
from hmlm_lib.errors import RunError
from hmlm_lib.site import Inputs, build
from hmlm_lib.site.check import faults

FIRST = "# 01 · One <toy>\n\n**Question.** Is *this* $a<b$?\n\nSee [two](02_two.ipynb)."
TABLE = "| model | n |\n|---|---|\n| x | 1 |"
EQUATION = f"## An equation\n\n$$y = \\frac{{a}}{{b}} \\tag{{1}}$$\n\nHere ($a=1$) and `$cost`.\n\n{TABLE}"
FINDINGS = "# What came out so far\n\nAll: [reports/results.md](results.md).\n"
RESULTS = "# Results\n\n| k8 | A |\n|---|---|\n| hmlm | 0.1 |\n\n| model | p |\n|---|---|\n| gru | 0.2 |\n"


def png(colour, caption=None):
    notes, buffer = PngInfo(), io.BytesIO()
    if caption:
        notes.add_text("Description", caption)
    Image.new("RGB", (60, 30), colour).save(buffer, "png", pnginfo=notes)
    return buffer.getvalue()


def output(**data):
    return {"output_type": "display_data", "metadata": {}, "data": data}


def notebook(text, *codes):
    cells = [{"cell_type": "markdown", "metadata": {}, "source": one.splitlines(keepends=True)} for one in text]
    for source, outputs in codes:
        cells.append(
            {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": [source], "outputs": outputs}
        )
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


def two_notebooks(printed="stored"):
    picture = output(**{"image/png": base64.b64encode(png("red")).decode(), "text/plain": ["<Figure>"]})
    table = output(**{"text/html": ["<table><tr><td>7</td></tr></table>"], "text/plain": ["7"]})
    stream = {"output_type": "stream", "name": "stdout", "text": [f"{printed} & <shown>\n"]}
    first = notebook(
        [FIRST, EQUATION], ("save(fig, '', \"01_red\")\nfig", [picture, picture]), ("print(1)", [stream, table])
    )
    unnamed = ("fig", [output(**{"image/png": base64.b64encode(png("blue")).decode()})])
    return {"01_one": first, "02_two": notebook(["# 02 · Two\n\n**Question.** Why?"], unnamed)}


@pytest.fixture
def study(tmp_path):
    """Two notebooks with stored outputs, two figures, results and findings, and no executed notebook."""
    given = Inputs(
        notebooks=tmp_path / "notebooks",
        executed=tmp_path / "reports" / "quick",
        figures=tmp_path / "figures",
        results=tmp_path / "results.md",
        findings=tmp_path / "findings.md",
        site=tmp_path / "reports" / "site",
    )
    for folder in (given.notebooks, given.executed, given.figures):
        folder.mkdir(parents=True)
    for name, content in two_notebooks().items():
        (given.notebooks / f"{name}.ipynb").write_text(json.dumps(content))
    for name, colour in (("01_red", "red"), ("90_cost", "green")):
        (given.figures / f"{name}.png").write_bytes(png(colour, f'Caption of "{name}" & more.'))
        (given.figures / f"{name}.csv").write_text("a\n1\n")
    given.findings.write_text(FINDINGS)
    given.results.write_text(RESULTS)
    (given.notebooks / "GLOSSARY.md").write_text("# Words\n\n| word | means |\n|---|---|\n| species | one molecule |\n")
    return given


def silent(line):
    pass


def page(given, name):
    return (given.site / f"{name}.html").read_text()


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_index_names_every_notebook_and_every_figure(study):
    assert build(study, silent) == study.site / "index.html"
    index = page(study, "index")
    for part in (
        "01 · One &lt;toy&gt;",
        "Is <em>this</em> <math",
        'href="01_one.html#01_red">Notebook 01',
        'src="thumbnails/90_cost.webp" alt="Caption of &#34;90_cost&#34; &amp; more."',
        'href="figures/90_cost.csv"',
    ):
        assert part in index, part
    assert "90_cost.html" not in index
    assert (study.site / "figures" / "01_red.csv").read_text() == "a\n1\n"


def test_a_notebook_page_has_formulas_outputs_and_links_of_the_site(study):
    build(study, silent)
    one = page(study, "01_one")
    assert one.count("<h1") == 1
    assert 'href="02_two.html"' in one
    assert '<span class="number">(1)</span>' in one
    assert re.search(r'<span class="kept">\(<math.*?</math>\)</span>', one)
    assert "<code>$cost</code>" in one
    assert "stored &amp; &lt;shown&gt;" in one
    assert len(re.findall(r'<div class="scroll">\s*<table>', one)) == 2
    assert 'href="#an-equation"' in one
    assert "outputs as stored with the notebook" in one


def test_pictures_are_files_with_the_caption_of_their_figure_and_shown_once(study):
    build(study, silent)
    images = re.findall(r"<img[^>]*>", page(study, "01_one"))
    assert len(images) == 1
    assert 'src="images/01_red.png"' in images[0]
    assert "alt='Caption of \"01_red\" &amp; more.'" in images[0]
    assert {path.name for path in (study.site / "images").iterdir()} == {"01_red.png", "02_two_cell1_0.png"}
    assert (study.site / "images" / "01_red.png").read_bytes() == png("red")


def test_results_have_a_heading_for_every_setting_and_findings_lead_to_them(study):
    build(study, silent)
    assert re.findall(r'<h2 id="([^"]*)"', page(study, "results")) == ["k8"]
    findings = page(study, "findings")
    assert '<a href="results.html">reports/results.md</a>' in findings
    assert "None." not in findings


def test_an_executed_notebook_goes_before_the_stored_one_unless_its_cells_have_changed(study):
    executed = two_notebooks("fresh")
    injected = {"cell_type": "code", "metadata": {"tags": ["injected-parameters"]}, "source": [], "outputs": []}
    executed["01_one"]["cells"].insert(1, injected | {"execution_count": 1})
    executed["02_two"]["cells"][0]["source"] = ["# other"]
    for name, done in executed.items():
        (study.executed / f"{name}.ipynb").write_text(json.dumps(done))
    lines = []
    build(study, lines.append)
    assert lines == ["02_two has changed since it was executed with the profile quick: its stored outputs are shown"]
    assert "fresh &amp; &lt;shown&gt;" in page(study, "01_one")
    assert "executed with the profile quick" in page(study, "01_one")
    (study.executed / "01_one.ipynb").unlink()
    lines.clear()
    build(study, lines.append)
    assert lines[0] == "01_one has not been executed with the profile quick: its stored outputs are shown"
    assert "stored &amp; &lt;shown&gt;" in page(study, "01_one")


def test_the_same_inputs_give_the_same_bytes_and_nothing_old_stays(study):
    build(study, silent)
    first = content(study.site)
    (study.site / "old.html").write_text("<p>old</p>")
    build(study, silent)
    assert content(study.site) == first
    assert [path.name for path in study.site.parent.iterdir() if path.name.startswith(".")] == []


def change_text(name, old, new):
    def change(study):
        path = study.notebooks / f"{name}.ipynb"
        path.write_text(path.read_text().replace(old, new))

    return change


def remove(*parts):
    def change(study):
        (study.findings.parent.joinpath(*parts)).unlink()

    return change


def replace(part, text):
    def change(study):
        (study.findings.parent / part).write_bytes(text)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_text("01_one", r"\\frac", r"\\fruc"), r"notebook 01_one: the formula $y = \fruc{a}{b}$ cannot"),
        (change_text("02_two", "**Question.**", "Question:"), "02_two lacks a title or a question"),
        (change_text("01_one", "02_two.ipynb", "03_no.ipynb"), "01_one.html: the link '03_no.ipynb' leads nowhere"),
        (change_text("01_one", "[two](02", "![two](https://example.org/02"), "01_one.html loads https://example.org"),
        (replace("notebooks/02_two.ipynb", b"{"), "02_two.ipynb: not JSON, or cut off"),
        (replace("notebooks/02_two.ipynb", b'{"cells": []}'), "02_two.ipynb: JSON, but no notebook"),
        (remove("figures", "90_cost.csv"), "figure 90_cost lacks 90_cost.csv beside it"),
        (replace("figures/90_cost.png", png("red")), "figure 90_cost lacks a caption"),
        (replace("figures/90_cost.png", b"no"), "figure 90_cost: 90_cost.png cannot be read as a picture"),
        (replace("findings.md", b"text\n"), "findings.html: the text has no title"),
        (remove("findings.md"), "findings.md: No such file"),
        (replace("results.md", b"text\n"), "results.html: the text has no title"),
        (remove("results.md"), "results.md: No such file"),
        (remove("notebooks", "GLOSSARY.md"), "GLOSSARY.md: No such file"),
    ],
)
def test_a_fault_is_one_clear_error_and_the_old_site_stays(study, change, message):
    build(study, silent)
    before = content(study.site)
    change(study)
    with pytest.raises(RunError) as caught:
        build(study, silent)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert content(study.site) == before
    assert {path.name for path in study.site.parent.iterdir()} == {"quick", "site"}


def test_a_folder_without_figures_and_one_that_cannot_be_written_are_errors(study, tmp_path):
    for path in study.figures.iterdir():
        path.rename(tmp_path / path.name)
    with pytest.raises(RunError, match="first: make figures"):
        build(study, silent)
    for path in tmp_path.glob("*_*.*"):
        path.rename(study.figures / path.name)
    blocked = Inputs(**(vars(study) | {"site": study.findings / "site"}))
    with pytest.raises(RunError, match=r"findings\.md"):
        build(blocked, silent)


def test_the_command_builds_from_the_places_of_the_study(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HMLM_OUTPUT_DIR", str(tmp_path))
    monkeypatch.setenv("HMLM_NOTEBOOKS_DIR", str(study.notebooks))
    assert main(["site", "--profile", "quick"]) == 0
    assert "index.html: written" in capsys.readouterr().out
    assert "02 · Two" in page(study, "index")
    assert main(["site", "--profile", "quik"]) == 2
    assert "no profile 'quik' (did you mean 'quick'?)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '<script src="https://cdn.example.org/a.js"></script>',
            "page.html loads https://cdn.example.org/a.js from outside",
        ),
        ('<link href="//example.org/a.css">', "page.html loads //example.org/a.css from outside"),
        ('<img src="gone.png">', "page.html: the link 'gone.png' leads nowhere"),
        ('<a href="other.html#gone">x</a>', "page.html: the link 'other.html#gone' leads nowhere"),
        ('<a href="#gone">x</a>', "page.html: the link '#gone' leads nowhere"),
    ],
)
def test_what_a_page_needs_must_be_in_the_folder(tmp_path, text, fault):
    (tmp_path / "other.html").write_text('<p id="here">x</p>')
    links = ("https://example.org", "other.html#here", "mailto:a@b")
    good = "".join(f'<a href="{link}">x</a>' for link in links) + '<link href="data:,">'
    (tmp_path / "page.html").write_text(good)
    assert faults(tmp_path) == []
    (tmp_path / "page.html").write_text(good + text)
    assert faults(tmp_path) == [fault]


def test_a_style_sheet_loads_nothing(tmp_path):
    (tmp_path / "a.css").write_text("p { background: url(data:image/png;base64,AA) }")
    assert faults(tmp_path) == []
    (tmp_path / "a.css").write_text("@import 'b.css';")
    assert faults(tmp_path) == ["a.css loads another file"]


def test_folded_cells_are_folded_on_the_page_with_what_they_print(study):
    path = study.notebooks / "01_one.ipynb"
    written = json.loads(path.read_text())
    written["cells"][-1]["metadata"] = {"jupyter": {"source_hidden": True}, "tags": ["solution"]}
    path.write_text(json.dumps(written))
    build(study, silent)
    page = (study.site / "01_one.html").read_text()
    folded = page[page.index("<details>") : page.index("</details>")]
    assert "Solution in code" in folded
    assert "stored &amp; &lt;shown&gt;" in folded
    assert page.count("<details>") == 1


def test_badges_and_set_up_are_for_elsewhere(study):
    """A badge is a picture from outside, which a page may not load."""
    path = study.notebooks / "01_one.ipynb"
    written = json.loads(path.read_text())
    badge = "[![Open](https://example.org/badge.svg)](https://example.org/01_one)"
    written["cells"][1:1] = [
        {"cell_type": "markdown", "metadata": {"tags": ["badges"]}, "source": [badge]},
        {"cell_type": "code", "metadata": {"tags": ["setup"]}, "execution_count": 1, "source": ["x"], "outputs": []},
    ]
    path.write_text(json.dumps(written))
    before = build(study, silent) and page(study, "01_one")
    assert "example.org" not in before
    path.write_text(json.dumps(two_notebooks()["01_one"]))
    build(study, silent)
    assert page(study, "01_one") == before
