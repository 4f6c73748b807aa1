"""Whether files are whole: every kind that the project writes is read to its end."""

import csv
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import nbformat
from PIL import Image
from safetensors.torch import load


def _png(path: Path) -> None:
    with Image.open(path) as picture:
        picture.load()


def _csv(path: Path) -> None:
    with path.open(newline="") as file:
        widths = {len(row) for row in csv.reader(file, strict=True)}
    if len(widths) != 1 or not path.read_text().endswith("\n"):
        raise ValueError("rows of different length, or no end of line")


def _notebook(path: Path) -> None:
    nbformat.validate(nbformat.read(path, as_version=4))


def _page(path: Path) -> None:
    if not path.read_text().rstrip().endswith("</html>"):
        raise ValueError("no end of the page")


def _rows(path: Path) -> None:
    for line in path.read_text().splitlines():
        json.loads(line)


READERS: dict[str, Callable[[Path], object]] = {
    ".png": _png,
    ".svg": ET.parse,
    ".csv": _csv,
    ".json": lambda path: json.loads(path.read_text()),
    ".jsonl": _rows,
    ".ipynb": _notebook,
    ".html": _page,
    ".safetensors": lambda path: load(path.read_bytes()),
}


KEPT = (".lock",)  # files that processes lock, beside the folder `.locks`


def half_written(folder: Path) -> list[str]:
    """Files under their final name that cannot be read to the end."""
    wrong = []
    shown = (path for path in folder.rglob("*") if not any(p.startswith(".") for p in path.relative_to(folder).parts))
    for path in sorted(path for path in shown if path.is_file()):
        try:
            READERS[path.suffix](path)
        except Exception as problem:  # whatever a reader says of a damaged file
            wrong.append(f"{path.relative_to(folder)}: {problem}")
    return wrong


def temporary(folder: Path) -> list[str]:
    """Files that only a run in progress may have."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob(".*") if p.is_file() and p.name not in KEPT)
