"""Strategies of the record and how they are trained: rows rest on this file.

Chosen on validation pairs of seeds that are not reported (reports/LOG.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hmlm_lib.composition.compose import SIDES, ComposeConfig, Composition, Contrastive, Pooled, Strategy, spread
from hmlm_lib.composition.fit import FitConfig
from hmlm_lib.composition.language_models import LanguageModel

PEPTIDES = {"train": 8000, "valid": 1000, "test": 2500}
HELD_OUT = (10, 15)  # proteins never seen in training, to validate and to test
FIT = FitConfig(epochs=12)
SITES, PAPER_SITES = 4, 3
HIDE = 0.2  # of the protein's residues, from a peptide that looks at them in training

Models = Sequence[LanguageModel]


def _attention(into: tuple[str, ...], sites: int, inner: bool) -> Callable[[Models], Strategy]:
    """inner: sites from the first layer to the last; otherwise all of them after the last."""

    def build(models: Models) -> Strategy:
        depths = models[0].depth, models[1].depth
        places = spread(depths, sites) if inner else (depths,) * sites
        hide = HIDE if into == ("left",) else 0.0
        return Composition(models, ComposeConfig(places, into, hide=hide))

    return build


@dataclass(frozen=True)
class Choice:
    """build(models) -> a strategy; trained: whether its encoders are."""

    build: Callable[[Models], Strategy]
    trained: bool = True


STRATEGIES: dict[str, Choice] = {
    "peptide_only": Choice(lambda models: Pooled(models, ("left",))),
    "protein_only": Choice(lambda models: Pooled(models, ("right",))),
    "concatenation": Choice(lambda models: Pooled(models, SIDES)),
    "contrastive": Choice(Contrastive),
    "attention": Choice(_attention(("left",), 1, inner=False)),
    "attention_matched": Choice(_attention(("left",), SITES, inner=False)),
    "composition": Choice(_attention(("left",), SITES, inner=True)),
    "composition_untrained": Choice(_attention(("left",), SITES, inner=True), trained=False),
    "paper_attention": Choice(_attention(("right",), 1, inner=False)),
    # Matched to paper_composition: three sites, nothing hidden; composition has four and more to train.
    "paper_attention_matched": Choice(_attention(("right",), PAPER_SITES, inner=False)),
    "paper_composition": Choice(_attention(("right",), PAPER_SITES, inner=True)),
    "composition_both": Choice(_attention(SIDES, PAPER_SITES, inner=True)),
}
