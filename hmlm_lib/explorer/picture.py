"""A figure that is drawn again many times a second: axes, labels and legend are painted once, only lines move."""

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

from hmlm_lib.errors import HmlmError
from hmlm_lib.figures.explorer import AT_MOST, Courses, draw_row, label_panels

SIZE, DPI = (9.0, 3.6), 100  # inches, dots an inch


class Picture:
    """Models side by side as PNG; the background is painted anew when the choice of species or models changes."""

    def __init__(self) -> None:
        self._shows: tuple = ()

    def draw(self, courses: Courses, species: Sequence[str], lasts_h: float) -> bytes:
        """The PNG for these courses; HmlmError for no species or more than can be told apart."""
        if not 0 < len(species) <= AT_MOST:
            raise HmlmError(f"{len(species)} species are chosen; allowed: 1 to {AT_MOST}")
        shows = (tuple(courses), tuple(species))
        if shows != self._shows:
            self._paint(courses, species, lasts_h)
            self._shows = shows
        self._move(courses, species, lasts_h)
        buffer = io.BytesIO()
        imsave(buffer, self._canvas.buffer_rgba(), format="png", pil_kwargs={"compress_level": 1})
        return buffer.getvalue()

    def _paint(self, courses: Courses, species: Sequence[str], lasts_h: float) -> None:
        # Not by pyplot, which would show the figure a second time under the cell.
        fig = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
        self._canvas = FigureCanvasAgg(fig)
        self._axes = fig.subplots(1, len(courses), sharey=True, squeeze=False)[0]
        self._lines = draw_row(self._axes, courses, species, lasts_h)
        label_panels(fig, self._axes, self._axes[:1], f"{next(iter(courses))} again")
        self._moving = [
            [ax.patches[0], *lines, ax.spines["left"], ax.spines["bottom"]]  # spines last: the shading touches them
            for ax, lines in zip(self._axes, self._lines, strict=True)
        ]
        for artist in (artist for panel in self._moving for artist in panel):
            artist.set_animated(True)  # left out of the background
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(fig.bbox)

    def _move(self, courses: Courses, species: Sequence[str], lasts_h: float) -> None:
        """New numbers for every line, painted over the background."""
        truth = next(iter(courses.values()))
        self._canvas.restore_region(self._background)
        for ax, lines, moving, course in zip(self._axes, self._lines, self._moving, courses.values(), strict=True):
            values = [shown.sel(species=list(species)).values.T for shown in (course, truth)]
            for line, y in zip(lines, [*values[0], *values[1]], strict=False):
                line.set_ydata(y)
            ax.patches[0].set_width(lasts_h)
            for artist in moving:
                ax.draw_artist(artist)
