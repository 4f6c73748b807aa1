"""The explorer itself: sliders, knock-outs and species above one picture of all models, drawn again at every change.

The picture is a plain PNG in an Image widget: nothing but ipywidgets is needed. While the kernel draws, the front-end
keeps only the last position of a slider, so a drag never queues up; settings of several controls at once draw once.
"""

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import ipywidgets
import numpy as np
import xarray as xr
from jaxtyping import Float

from hmlm_lib.errors import HmlmError, ModelError
from hmlm_lib.explorer.names import Names
from hmlm_lib.explorer.picture import Picture
from hmlm_lib.explorer.setting import HORIZON_H, Model, Setting, trajectory
from hmlm_lib.network.network import SignalingNetwork

FALLBACK = (
    "The explorer's first picture. Its sliders need a running kernel: open this notebook in JupyterLab and run it."
)

T = TypeVar("T")


class Explorer:
    """Controls over a picture of several models on one cell; shown by the last line of a notebook's cell.

    models: name -> model; the first is the truth that the others are compared with. rest: state at t = 0.
    tries: label -> setting, each a button. `setting` reads and sets all controls, `courses` holds what is drawn,
    `milliseconds` what the last update took: name of each model, and drawing. ModelError without models, and the error
    of a setting to try or a species that the network cannot do.
    """

    def __init__(
        self,
        network: SignalingNetwork,
        rest: Float[np.ndarray, " species"],
        models: Mapping[str, Model],
        species: Sequence[str],
        tries: Mapping[str, Setting] | None = None,
    ):
        if not models:
            raise ModelError("no models; allowed: one or more, the truth first")
        for setting in (tries or {}).values():
            setting.condition(network)
        self.network, self.rest, self.models = network, rest, dict(models)
        self.courses: dict[str, xr.DataArray] = {}
        self.milliseconds: dict[str, float] = {}
        self._picture, self._quiet = Picture(), False
        levels = dict(zip(network.species_names, network.arrays.input_level, strict=True))
        self._resting = {name: round(float(levels[name]), 2) for name in network.input_species}
        self.sliders = {name: _slider(name, level) for name, level in self._resting.items()}
        self.lasts = ipywidgets.IntSlider(HORIZON_H, 1, HORIZON_H, description="lasts, h")
        self.knockout = Names(network, (), "knock out ...", self._changed)
        self.species = Names(network, species, "show ...", self._changed)
        self.buttons = {"at rest": _button("at rest"), **{name: _button(name) for name in tries or {}}}
        self.image, self.status = ipywidgets.Image(format="png"), ipywidgets.HTML()
        for name, setting in {"at rest": Setting(), **(tries or {})}.items():
            self.buttons[name].on_click(lambda _, setting=setting: self.show(setting))
        for slider in (*self.sliders.values(), self.lasts):
            slider.observe(lambda _: self._changed(), names="value")
        self.box = self._arrange()
        self.update()

    def _arrange(self) -> ipywidgets.VBox:
        sliders = [*self.sliders.values(), self.lasts]
        third = -(-len(sliders) // 3)
        columns = ipywidgets.HBox([ipywidgets.VBox(sliders[i : i + third]) for i in range(0, len(sliders), third)])
        rows = [("try", ipywidgets.HBox(list(self.buttons.values()), layout={"flex_flow": "row wrap"}))]
        rows += [("knocked out", self.knockout.box), ("shown", self.species.box)]
        named = [ipywidgets.HBox([ipywidgets.Label(f"{name}:", layout={"width": "90px"}), row]) for name, row in rows]
        return ipywidgets.VBox([columns, *named, self.image, self.status])

    @property
    def setting(self) -> Setting:
        """What the controls say now; inputs at their resting level are left out."""
        raised = {name: slider.value for name, slider in self.sliders.items() if slider.value != self._resting[name]}
        return Setting(raised, self.knockout.value, float(self.lasts.value))

    def show(self, setting: Setting) -> None:
        """Move all controls to a setting and draw once; an error of `Setting.condition` leaves them as they are."""
        condition = setting.condition(self.network)
        with self._in_one():
            for name, slider in self.sliders.items():
                slider.value = condition.stimulus.get(name, self._resting[name])
            self.knockout.value, self.lasts.value = condition.knockout, round(setting.lasts_h)

    @contextmanager
    def _in_one(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False
        self.update()

    def _changed(self) -> None:
        if not self._quiet:
            self.update()

    def update(self) -> None:
        """Ask every model and draw; a setting that cannot be shown is said below the picture, which stays."""
        try:
            setting, shown, took = self.setting, list(self.species.value), {}
            for name, model in self.models.items():
                ask = lambda m=model: trajectory(m, self.network, self.rest, setting)  # noqa: E731
                self.courses[name] = _timed(took, name, ask)
            draw = lambda: self._picture.draw(self.courses, shown, setting.lasts_h)  # noqa: E731
            self.image.value = _timed(took, "drawing", draw)
            self.milliseconds = took
            self.status.value = self._words(shown)
        except HmlmError as problem:
            self.status.value = f"<b>{problem}</b>"

    def _words(self, shown: list[str]) -> str:
        truth, *others = self.courses.items()
        gaps = [float(((course - truth[1]).sel(species=shown) ** 2).mean()) for _, course in others]
        said = [f"{name}: mean squared error {gap:.4f}" for (name, _), gap in zip(others, gaps, strict=True)]
        times = ", ".join(f"{name} {ms:.0f} ms" for name, ms in self.milliseconds.items())
        return "; ".join([*said, times])

    def _repr_mimebundle_(self, **how: object) -> dict[str, object]:
        """The live widget; for pages and viewers without a kernel the picture and one line."""
        live = self.box._repr_mimebundle_(**how)
        picture = base64.b64encode(self.image.value).decode()
        return {**live, "image/png": picture, "text/plain": FALLBACK}


def _timed(into: dict[str, float], name: str, run: Callable[[], T]) -> T:
    started = time.perf_counter()
    found = run()
    into[name] = 1000 * (time.perf_counter() - started)
    return found


def _slider(name: str, level: float) -> ipywidgets.FloatSlider:
    return ipywidgets.FloatSlider(level, min=0.0, max=1.0, step=0.05, description=name, readout_format=".2f")


def _button(name: str) -> ipywidgets.Button:
    return ipywidgets.Button(description=name, layout={"width": "auto"})
