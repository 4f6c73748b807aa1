"""What becomes of an executed notebook: live widgets gone, and a page of it."""

import json
from pathlib import Path

from hmlm_lib.errors import RunError
from hmlm_lib.files import write_whole

WIDGET = "application/vnd.jupyter.widget-view+json"
FOLDED = """\
{%- extends "index.html.j2" -%}
{%- block codecell -%}
{%- if cell.metadata.get("jupyter", {}).get("source_hidden") -%}
<details><summary>{{ "Solution in code" if "solution" in cell.metadata.tags else "Set-up" }}</summary>
{{ super() }}
</details>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock codecell -%}
"""


def still(notebook: Path) -> None:
    """Take live widgets out of an executed notebook: without their kernel they are errors; picture and text stay."""
    content = json.loads(notebook.read_text())
    content["metadata"].pop("widgets", None)
    for output in (output for cell in content["cells"] for output in cell.get("outputs", [])):
        output.get("data", {}).pop(WIDGET, None)
    write_whole(notebook, json.dumps(content, indent=1, ensure_ascii=False) + "\n", RunError)


def page(notebook: Path) -> str:
    """The page of a notebook; cells that are folded in Jupyter are folded here too."""
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(embed_images=True, extra_loaders=[DictLoader({"folded": FOLDED})], template_file="folded")
    return exporter.from_filename(str(notebook))[0]
