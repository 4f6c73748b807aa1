"""Saved figures with their captions, and the pictures that notebooks hold, as files."""

import base64
import io
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from hmlm_lib.errors import RunError

THUMBNAIL = (640, 480)  # pixels at most: two for each of the index's, for screens of double density
_SAVED = re.compile(r'"(\d\d_[a-z0-9_]+)"')


@dataclass(frozen=True)
class Figure:
    """One figure of figures/: its picture, the caption kept in it, the numbers behind it."""

    name: str
    picture: Path
    table: Path
    caption: str
    size: tuple[int, int]  # width and height, pixels


def saved_figures(folder: Path) -> dict[str, Figure]:
    """Every PNG of the folder by name, in order; RunError without any, or for one without its caption or its CSV."""
    found = {path.stem: _figure(path) for path in sorted(folder.glob("*.png"))}
    if not found:
        raise RunError(f"no figure in {folder}; first: make figures")
    return found


def _figure(path: Path) -> Figure:
    try:
        with Image.open(path) as picture:
            caption, size = picture.info.get("Description", ""), picture.size
    except OSError:
        raise RunError(f"figure {path.stem}: {path.name} cannot be read as a picture") from None
    table = path.with_suffix(".csv")
    if not caption or not table.is_file():
        lacks = "a caption" if table.is_file() else f"{table.name} beside it"
        raise RunError(f"figure {path.stem} lacks {lacks}; allowed: what save_figure writes")
    return Figure(path.stem, path, table, caption, size)


def copy(figure: Figure, site: Path) -> None:
    """Put a figure's picture, numbers and thumbnail into the site's folders figures/ and thumbnails/."""
    for part in (figure.picture, figure.table):
        shutil.copyfile(part, site / "figures" / part.name)
    with Image.open(figure.picture) as picture:
        small = picture.convert("RGB")
    small.thumbnail(THUMBNAIL)
    small.save(site / "thumbnails" / f"{figure.name}.webp", quality=80, method=6)


def saved_names(*cells: dict) -> list[str]:
    """Names of the figures that cells of a notebook save."""
    return [name for cell in cells for name in _SAVED.findall("".join(cell["source"]))]


def take_out(notebook: dict, name: str, figures: dict[str, Figure]) -> dict[str, bytes]:
    """Move a notebook's pictures out of it: file name -> content; each output then says which file to show.

    A picture gets name, caption and link of the figure that its cell saves. A cell that ends in the very figure it
    saves holds it twice: it is shown once.
    """
    files: dict[str, bytes] = {}
    for number, cell in enumerate(notebook["cells"]):
        names = [figure for figure in saved_names(cell) if figure in figures]
        pictures = [one for one in cell.get("outputs", []) if "image/png" in one.get("data", {})]
        for place, output in enumerate(pictures):
            if names and place >= len(names):
                cell["outputs"].remove(output)
                continue
            figure = figures[names[place]] if names and f"{names[place]}.png" not in files else None
            file = f"{figure.name if figure else f'{name}_cell{number}_{place}'}.png"
            files[file] = base64.b64decode("".join(output["data"]["image/png"]))
            output["metadata"] = {"picture": _described(file, files[file], figure, name)}
    return files


def _described(file: str, content: bytes, figure: Figure | None, notebook: str) -> dict[str, object]:
    with Image.open(io.BytesIO(content)) as picture:
        width, height = picture.size
    return {
        "file": file,
        "width": width,
        "height": height,
        "figure": figure.name if figure else "",
        "caption": figure.caption if figure else "",
        "alt": figure.caption if figure else f"A picture drawn by notebook {notebook}",
    }
