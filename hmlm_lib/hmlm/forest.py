"""The published "HMLM", named for what it is: three random forests on hand-made features, their mean weighted.

molecular: eight numbers of a random embedding x the activity of 25 species; pathway: six group means and their
differences (of neighbours in this order; of the readings of that word, the one whose figures come out); cellular: mean,
sd, maximum, minimum, marker sum, change of the mean. Each forest maps the features of one observed point to the seven
markers at the next. No transformer, nothing learned about the graph; the attention that the code computes is never
read.

Two faults of the published roll-out have switches: every species but the markers is set to zero (`update_all` predicts
all instead), and a map learned over several grid steps is applied at every single one (`true_step` applies it over the
steps it was learned on). Source: the authors' public notebook (HasiHays/HMLMs); written anew from its description.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import RandomForestRegressor

from hmlm_lib.errors import ModelError
from hmlm_lib.published.data import MARKERS, PublishedNetwork

DEPTHS = {"molecular": 12, "pathway": 10, "cellular": 8}
TREES = 150
SHOWN, NUMBERS, WIDTH = 25, 8, 32  # species in the molecular features, embedding numbers used, embedding width
TRANSCRIPTION = 10  # factors in the published group mean


def published_attention(
    network: PublishedNetwork, points: Float[np.ndarray, "point species"]
) -> Float[np.ndarray, "target source"]:
    """Prior by path length (self 1, edge .8, two steps .4, three .2) x (.3 + .7 |r|), r over the shown points."""
    reached, prior = np.eye(len(network.edges)), np.eye(len(network.edges))
    for level in (0.8, 0.4, 0.2):
        reached = np.minimum(reached @ network.edges, 1.0)
        prior = np.where((prior == 0) & (reached > 0), level, prior)
    centred = points - points.mean(0)
    scale = np.sqrt(np.square(centred).sum(0)) + 1e-12
    return prior * (0.3 + 0.7 * np.abs(centred.T @ centred / np.outer(scale, scale)))


class Forest(RandomForestRegressor):
    """A random forest on several targets that answers a single row fast, as a roll-out asks it; the same numbers."""

    def predict(self, X: Float[np.ndarray, "row feature"]) -> Float[np.ndarray, "row target"]:
        """The mean of the trees, added in their order; ModelError for other columns than those of the training."""
        rows = np.asarray(X, dtype=np.float32)  # what trees split
        if rows.shape[1:] != (self.n_features_in_,):
            raise ModelError(f"features of shape {rows.shape}; allowed: {self.n_features_in_} columns, as in training")
        total = np.zeros((len(rows), self.n_outputs_))
        for tree in self.estimators_:
            total += tree.tree_.predict(rows).reshape(total.shape)
        return total / len(self.estimators_)


@dataclass
class HierarchicalForest:
    """fit(points, steps) on rows of consecutive observed states; rollout(start, n_steps) from one state."""

    network: PublishedNetwork
    seed: int = 0
    update_all: bool = False
    true_step: bool = False
    forests: dict[str, Forest] = field(default_factory=dict)

    def fit(self, points: Float[np.ndarray, "point species"], stride: int) -> "HierarchicalForest":
        """Learn the map from a point to the next, `stride` grid steps later."""
        self.stride, self.markers = stride, self.network.index(MARKERS)
        self.embedding = self._embed(points)
        self.attention = published_attention(self.network, points)
        self.target = np.arange(points.shape[1]) if self.update_all else self.markers
        features = self._features(points[:-1], np.vstack([points[:1], points[:-2]]))
        self.scale = {k: (v.mean(0), v.std(0) + 1e-9) for k, v in features.items()}
        after, error = points[1:, self.target], {}
        for scale, depth in DEPTHS.items():
            rows = self._standard(scale, features[scale])
            model = Forest(TREES, max_depth=depth, random_state=self.seed).fit(rows, after)
            error[scale] = float(np.square(model.predict(rows) - after).mean())
            self.forests[scale] = model
        inverse = {scale: 1 / (e + 1e-8) for scale, e in error.items()}
        self.weight = {scale: v / sum(inverse.values()) for scale, v in inverse.items()}
        return self

    def _embed(self, points: np.ndarray) -> Float[np.ndarray, "species number"]:
        """Random numbers, shifted by each species' summed slopes and levels; the first eight are used."""
        noise = np.random.default_rng((self.seed, 10)).normal(0.0, 0.1, (points.shape[1], WIDTH))
        shift = np.abs(np.diff(points, axis=0)).sum(0) + points.mean(0)
        return (noise + 0.1 * shift[:, None])[:, :NUMBERS]

    def _features(
        self, x: Float[np.ndarray, "row species"], before: Float[np.ndarray, "row species"]
    ) -> dict[str, Float[np.ndarray, "row feature"]]:
        shown = np.argsort(self.network.species)[:SHOWN]
        molecular = (x[:, shown, None] * self.embedding[shown]).reshape(len(x), -1)
        means = np.stack([x[:, group].mean(1) for group in self._groups()], axis=1)
        cellular = [x.mean(1), x.std(1), x.max(1), x.min(1), x[:, self.markers].sum(1), x.mean(1) - before.mean(1)]
        return {
            "molecular": molecular,
            "pathway": np.column_stack([means, np.diff(means, axis=1)]),
            "cellular": np.column_stack(cellular),
        }

    def _groups(self) -> list[Int[np.ndarray, " member"]]:
        modules = ("receptors", "kinases", "transcription", "mechanotransduction", "ecm_fibrosis")
        groups = [self.network.members(module) for module in modules]
        groups[2] = groups[2][:TRANSCRIPTION]
        return [*groups, self.markers]

    def _standard(self, scale: str, rows: np.ndarray) -> np.ndarray:
        mean, sd = self.scale[scale]
        return (rows - mean) / sd

    def rollout(self, start: Float[np.ndarray, " species"], n_steps: int) -> Float[np.ndarray, "step species"]:
        """n_steps + 1 states, the start first; with true_step one every `stride` grid steps, straight lines between."""
        jumps = -(-n_steps // self.stride) if self.true_step else n_steps
        x, before, course = start, start, [start]
        for _ in range(jumps):
            found = self.step(x[None], before[None])[0]
            new = np.zeros_like(start)
            new[self.target] = found
            x, before = new, x
            course.append(x)
        course = np.stack(course)
        if not self.true_step:
            return course
        at = np.arange(n_steps + 1) / self.stride
        left = np.minimum(at.astype(int), jumps - 1)
        part = (at - left)[:, None]
        return course[left] * (1 - part) + course[left + 1] * part

    def step(
        self, x: Float[np.ndarray, "row species"], before: Float[np.ndarray, "row species"]
    ) -> Float[np.ndarray, "row target"]:
        """What the forests say comes after each state x, itself preceded by `before`."""
        features = self._features(x, before)
        return sum(
            self.weight[scale] * self.forests[scale].predict(self._standard(scale, features[scale])) for scale in DEPTHS
        )
