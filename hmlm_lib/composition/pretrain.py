"""Pretraining TinyLM: a seventh of the residues is hidden, the model says which they were.

    loss = mean over hidden places of -log p(residue | the others)                                             (1)

Source: Devlin et al., 2019, as ESM-2; of the hidden places 8 in 10 show the mask, 1 a random residue, 1 the true one.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hmlm_lib.composition.language_models import TinyConfig, TinyLM
from hmlm_lib.composition.residues import MASK, PAD, SPECIAL
from hmlm_lib.errors import SequenceError
from hmlm_lib.files import digest
from hmlm_lib.memory import summed
from hmlm_lib.training import Progress, Training, train

HIDDEN = 0.15
BATCH = 256
TRAINING = Training(steps=2000, learning_rate=2e-3, weight_decay=1e-2)


def hide(
    tokens: Int[Tensor, "batch token"], size: int, generator: torch.Generator
) -> tuple[Int[Tensor, "batch token"], Bool[Tensor, "batch token"]]:
    """Tokens as the model sees them, and which of them it is asked for; size: of the vocabulary."""
    draw = lambda: torch.rand(tokens.shape, generator=generator)  # noqa: E731
    asked, fate = (draw() < HIDDEN) & (tokens != PAD), draw()
    other = torch.randint(SPECIAL, size, tokens.shape, generator=generator)
    seen = torch.where(asked & (fate < 0.8), torch.full_like(tokens, MASK), tokens)
    return torch.where(asked & (fate >= 0.9), other, seen), asked


def pretrain(
    kinds: Sequence[Sequence[str]],
    config: TinyConfig | None = None,
    training: Training | None = None,
    shares: Sequence[float] | None = None,
    report: Callable[[Progress], None] | None = None,
    device: str = "cpu",
) -> TinyLM:
    """A model of several kinds of sequences (peptides, proteins), a batch of one kind at a time.

    shares: how often each kind is drawn (default: equally). device: where it is trained and left; a batch that does not
    fit there is taken in parts, with the same gradient. SequenceError for a kind without sequences or with one the
    vocabulary cannot read, and for shares that cannot be drawn by.
    """
    if not kinds or not all(len(kind) for kind in kinds):
        raise SequenceError("a kind of sequences to pretrain on is empty; allowed: at least one sequence each")
    training = training or TRAINING
    model = TinyLM.from_seed(training.seed, config).to(device)
    tables = [model.config.vocabulary.tokens(kind) for kind in kinds]  # on the CPU, where batches are drawn
    odds = _odds([1.0] * len(kinds) if shares is None else shares, len(kinds))

    def loss(generator: torch.Generator) -> Tensor:
        table = tables[int(torch.multinomial(odds, 1, generator=generator))]
        rows = table[torch.randint(len(table), (BATCH,), generator=generator)]
        seen, asked = (x.to(device) for x in hide(rows, model.config.vocabulary.size, generator))
        rows = rows.to(device)

        def error(part: slice) -> Tensor:
            said = model(seen[part])[asked[part]]
            return nn.functional.cross_entropy(said, rows[part][asked[part]], reduction="sum") / asked.sum()

        return summed(error, len(rows), model, "sequences")

    data = digest(np.array([repr(model.config), repr(odds.tolist())]), *(table.numpy() for table in tables))
    train(model.train(), loss, training, report, data)
    return model.eval().requires_grad_(False)


def _odds(shares: Sequence[float], kinds: int) -> Float[Tensor, " kind"]:
    """Shares to draw by; SequenceError unless there is one a kind, 0 or more, not all of them 0."""
    try:
        odds = torch.tensor(shares, dtype=torch.float32)
    except (TypeError, ValueError):
        odds = torch.zeros(0)
    if odds.shape != (kinds,) or not odds.isfinite().all() or (odds < 0).any() or not odds.any():
        raise SequenceError(f"shares is {shares!r}; allowed: one number a kind ({kinds}), 0 or more, not all 0")
    return odds


def surprise(model: TinyLM, sequences: Sequence[str], seed: int = 0) -> float:
    """Eq. (1) on sequences the model may not have seen, nats a residue; a uniform guess has log(20) = 3.0."""
    rows = model.config.vocabulary.tokens(sequences)
    seen, asked = hide(rows, model.config.vocabulary.size, torch.Generator().manual_seed(seed))
    rows, seen, asked = (x.to(model.residue.weight.device) for x in (rows, seen, asked))
    with torch.no_grad():
        return float(nn.functional.cross_entropy(model(seen)[asked], rows[asked]))
