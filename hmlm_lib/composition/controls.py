"""Settings that were chosen for the composition, taken away again, from it and from its control alike.

Residues of the protein hidden in training were chosen because a composition then does better on unseen alleles; a
control that has to live with what suits another may look worse than it is.
"""

from collections.abc import Callable

from hmlm_lib.composition.compose import ComposeConfig, Composition, Strategy, spread
from hmlm_lib.composition.settings import SITES, Choice, Models


def _plain(inner: bool) -> Callable[[Models], Strategy]:
    def build(models: Models) -> Strategy:
        depths = models[0].depth, models[1].depth
        sites = spread(depths, SITES) if inner else (depths,) * SITES
        return Composition(models, ComposeConfig(sites, ("left",)))

    return build


CONTROLS: dict[str, Choice] = {
    "attention_matched_unhidden": Choice(_plain(inner=False)),
    "composition_unhidden": Choice(_plain(inner=True)),
}
