"""Some species out of all: a list to add from, and for every chosen one a button that takes it away.

`ipywidgets.TagsInput` would be this in one widget, but JupyterLab does not let the Enter key reach it.
"""

from collections.abc import Callable, Sequence

import ipywidgets

from hmlm_lib.dynamics.experiment import position
from hmlm_lib.network.network import SignalingNetwork


class Names:
    """value: names of the chosen species; changed() is called after every change of it.

    Setting it to a name that the network lacks raises ExperimentError. `box` is what is shown.
    """

    def __init__(
        self, network: SignalingNetwork, chosen: Sequence[str], hint: str, changed: Callable[[], None] = lambda: None
    ):
        self._network, self._hint, self._changed = network, hint, lambda: None
        names = sorted(network.species_names, key=str.casefold)
        self.adder = ipywidgets.Dropdown(options=[hint, *names], layout={"width": "170px"})
        self.adder.observe(self._added, names="value")
        self.box = ipywidgets.HBox(layout={"flex_flow": "row wrap"})
        self.value = tuple(chosen)
        self._changed = changed

    @property
    def value(self) -> tuple[str, ...]:
        return self._value

    @value.setter
    def value(self, names: Sequence[str]) -> None:
        for name in names:
            position(self._network, name, "explorer")
        self._value = tuple(dict.fromkeys(names))
        self.box.children = [*map(self._button, self._value), self.adder]
        self._changed()

    def _button(self, name: str) -> ipywidgets.Button:
        button = ipywidgets.Button(description=f"{name} ×", tooltip=f"remove {name}", layout={"width": "auto"})
        button.on_click(lambda _: self._remove(name))
        return button

    def _remove(self, name: str) -> None:
        self.value = [other for other in self.value if other != name]

    def _added(self, change: dict) -> None:
        if change["new"] != self._hint:
            self.adder.value = self._hint
            self.value = [*self.value, change["new"]]
