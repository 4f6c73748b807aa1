"""Training a strategy on pairs: frozen states cached, early stopping on validation pairs, the test read once,
elsewhere.

    loss = mean binary cross-entropy of the logits                                                              (1)

Several validation sets are watched at once, and the best state by each is kept: one for proteins seen in training, one
for proteins that were not.
"""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.stats import rankdata
from torch import Tensor, nn

from hmlm_lib.composition.compose import SIDES, Strategy
from hmlm_lib.composition.language_models import LanguageModel
from hmlm_lib.composition.pairs import Pairs, check_both
from hmlm_lib.composition.states import States, frozen
from hmlm_lib.device import one_thread
from hmlm_lib.errors import TrainingError, check_whole, pick
from hmlm_lib.training import Training

AT_ONCE = 2000  # pairs of one reading


@dataclass(frozen=True)
class FitConfig:
    """epochs: passes over the training pairs at most; looks: at validation, in each; patience: looks without a gain.

    TrainingError for one that is not a whole number from 1 on.
    """

    epochs: int = 20
    batch: int = 256
    looks: int = 1
    patience: int = 6
    training: Training = field(default_factory=lambda: Training(learning_rate=2e-3, weight_decay=1e-2))

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "looks", "patience"):
            check_whole(getattr(self, name), name, 1, TrainingError)


@dataclass
class Fitted:
    """A trained strategy; best: question -> its state there; valid: its AUROC; seconds: of training."""

    strategy: Strategy
    models: Sequence[LanguageModel]
    best: dict[str, dict[str, Tensor]]
    valid: dict[str, float]
    seconds: float

    def at(self, question: str) -> "Fitted":
        """A copy with the weights that were best on that question's validation pairs; TrainingError for no such one."""
        strategy = copy.deepcopy(self.strategy)
        strategy.load_state_dict(pick(self.best, question, "question", TrainingError))
        return replace(self, strategy=strategy)

    def predict(self, pairs: Pairs) -> Float[np.ndarray, " pair"]:
        """Logits of pairs."""
        return logits(self.strategy, Cached.of(self.strategy, self.models, pairs))


@dataclass(frozen=True, eq=False)
class Cached:
    """Pairs ready to read: frozen states of their sequences and who goes with whom."""

    left: States
    right: States
    pairs: Pairs

    @classmethod
    def of(cls, strategy: Strategy, models: Sequence[LanguageModel], pairs: Pairs) -> "Cached":
        """States that the strategy reads, one row a different sequence."""
        sides = {
            side: frozen(model, getattr(pairs, side), strategy.reads[side])
            for side, model in zip(SIDES, models, strict=True)
        }
        return cls(sides["left"], sides["right"], pairs)

    def read(self, strategy: Strategy, rows: np.ndarray) -> Float[Tensor, " row"]:
        """Logits of some pairs."""
        i, j = (torch.as_tensor(index[rows]) for index in (self.pairs.i, self.pairs.j))
        return strategy(self.left.take(i, strategy.reads["left"]), self.right.take(j, strategy.reads["right"]))


def logits(strategy: Strategy, data: Cached) -> Float[np.ndarray, " pair"]:
    """Of all pairs, without dropout."""
    strategy.eval()
    rows = np.arange(len(data.pairs))
    with one_thread(), torch.no_grad():
        parts = [data.read(strategy, rows[k : k + AT_ONCE]) for k in range(0, len(rows), AT_ONCE)]
    return torch.cat(parts).cpu().double().numpy()


def ranked(label: Bool[np.ndarray, " pair"], found: Float[np.ndarray, " pair"]) -> float:
    """Chance that a true pair is ranked above a false one, ties counted half; 1/2 knows nothing."""
    true = int(label.sum())
    return float((rankdata(found)[label].sum() - true * (true + 1) / 2) / (true * (len(label) - true)))


def auroc(pairs: Pairs, found: Float[np.ndarray, " pair"]) -> float:
    """`ranked` of the pairs' labels; SequenceError where all are one."""
    check_both(pairs, "pairs to score")
    return ranked(pairs.label, found)


def fit(
    build: Callable[[], Strategy],
    models: Sequence[LanguageModel],
    train: Pairs,
    valid: dict[str, Pairs],
    config: FitConfig | None = None,
) -> Fitted:
    """A strategy trained on pairs, stopped by validation pairs; build() is called under the seed.

    TrainingError without training or validation pairs, for validation pairs that all bind or all do not, and where the
    loss is no longer finite.
    """
    config = config or FitConfig()
    _check(train, valid)
    per_epoch = -(-len(train) // config.batch)
    t = replace(config.training, steps=config.epochs * per_epoch)
    started = time.perf_counter()
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(t.seed)
        strategy = build()
        data = Cached.of(strategy, models, train)
        strategy.to(data.left.exists.device)  # where the models lie
        held = {name: Cached.of(strategy, models, pairs) for name, pairs in valid.items()}
        watch = Watch(strategy, held, config.patience)
        optimiser = torch.optim.AdamW(strategy.parameters(), lr=t.learning_rate, weight_decay=t.weight_decay)
        looks = max(1, per_epoch // config.looks)
        for step in range(t.steps):
            if step % per_epoch == 0:
                order = torch.randperm(len(train)).numpy()
            _step(strategy, data, order[step % per_epoch :: per_epoch], optimiser, t, step)
            if (step + 1) % looks == 0 and watch.look():
                break
    return Fitted(strategy.eval(), models, watch.best, watch.score, time.perf_counter() - started)


def _check(train: Pairs, valid: dict[str, Pairs]) -> None:
    if not len(train):
        raise TrainingError("no training pairs; allowed: one or more")
    if not valid:
        raise TrainingError("no validation pairs; allowed: one question or more to stop by")
    for name, pairs in valid.items():
        check_both(pairs, f"validation {name!r}", TrainingError)


def _step(
    strategy: Strategy,
    data: Cached,
    rows: np.ndarray,
    optimiser: torch.optim.Optimizer,
    training: Training,
    step: int,
) -> None:
    for group in optimiser.param_groups:
        group["lr"] = training.rate(step)
    strategy.train()
    found = data.read(strategy, rows)
    label = torch.as_tensor(data.pairs.label[rows]).to(found)
    loss = nn.functional.binary_cross_entropy_with_logits(found, label)
    if not torch.isfinite(loss):
        raise TrainingError(f"training diverged at step {step}; try a learning_rate below {training.learning_rate:g}")
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(strategy.parameters(), training.clip)
    optimiser.step()


class Watch:
    """The best state by each validation set; look() is true when none has gained for `patience` looks."""

    def __init__(self, strategy: Strategy, held: dict[str, Cached], patience: int):
        self.strategy, self.held, self.patience = strategy, held, patience
        self.best: dict[str, dict[str, Tensor]] = {}
        self.score = dict.fromkeys(held, -np.inf)
        self.idle = 0

    def look(self) -> bool:
        """Score all validation sets, keep what is better."""
        self.idle += 1
        for name, data in self.held.items():
            found = auroc(data.pairs, logits(self.strategy, data))
            if found > self.score[name]:
                self.score[name], self.idle = found, 0
                self.best[name] = copy.deepcopy(self.strategy.state_dict())
        return self.idle >= self.patience
