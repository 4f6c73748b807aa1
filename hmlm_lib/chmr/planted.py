"""Molecules whose cells are known: mechanism -> pathways -> genes -> morphology -> labels, and the best score there is.

A molecule is made of fragments: core, linker, warhead, decoration and a switch (F or Cl). The warhead says the
mechanism m; on some cores, the activity cliffs, the switch turns what it does round (sign c = -1).

    z = c W_m + u,    u ~ N(0, s^2)          activity of the pathways; u is the molecule's own                Eq. (1)
    e = z A + g,      g ~ N(0, s_g^2)        genes;  expression = e + N(0, s_e^2)                             Eq. (2)
    morphology = e C + N(0, s_m^2)                                                                            Eq. (3)
    links ~ Bernoulli(p_m)                   genetic links of the mechanism                                   Eq. (4)
    label_t = 1 where v_t z + N(0, s_y^2) > b_t                                                               Eq. (5)

Everything is Gaussian, so the probability of a label given the structure and whatever was measured of the cell is
known, Phi((v mu - b) / sqrt(v Sigma v + s_y^2)) with the posterior mean and covariance of z, Eq. (6): no model that is
given as much can expect a larger AUROC. Ours; a check of methods, no claim about chemistry.
"""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
from jaxtyping import Bool, Float, Int
from rdkit import Chem
from scipy.stats import norm

from hmlm_lib.chmr.modalities import Modality
from hmlm_lib.errors import MoleculeError, check_whole

CORES = (
    "c%10cc({1})c({2})cc%10{0}", "c%10nc({1})c({2})cc%10{0}", "c%10sc({1})c({2})c%10{0}", "C%10CC({1})C({2})CC%10{0}",
    "c%10cc({1})c%11c({2})cccc%11c%10{0}", "c%10cc({1})c%11nc({2})ccc%11c%10{0}", "C%10OC({1})C({2})CC%10{0}",
    "c%10nc({1})nc({2})c%10{0}",
)  # fmt: skip
LINKERS = ("", "C", "CC", "OCC", "NC(=O)C", "CCCC")
WARHEADS = ("C(=O)NO", "S(N)(=O)=O", "B(O)O", "C(=O)O", "C2=NCCN2", "P(=O)(O)O", "C(=N)N", "N2CCNCC2")
DECORATIONS = (
    "C", "CC", "OC", "OCC", "C(F)(F)F", "N(C)C", "C#N", "C(C)C", "SC", "C2CC2", "OC(C)C", "NC(C)=O", "CO", "N2CCCC2",
    "C2CCCC2", "c2ccccc2",
)  # fmt: skip
SWITCH = ("F", "Cl")
PATHWAYS, GENES, SHAPES, LINKS, TASKS = 6, 60, 40, 30, 12
OWN, GENE_NOISE, EXPRESSION_NOISE, SHAPE_NOISE, LABEL_NOISE = 0.6, 0.3, 1.0, 1.0, 0.5


@dataclass(frozen=True, eq=False)
class Planted:
    """Molecules, everything that was measured of their cells (nothing hidden yet), labels, and what made them."""

    smiles: tuple[str, ...]
    core: Int[np.ndarray, " molecule"]
    mechanism: Int[np.ndarray, " molecule"]
    switch: Int[np.ndarray, " molecule"]
    sign: Float[np.ndarray, " molecule"]
    cliff: Bool[np.ndarray, " molecule"]
    modalities: dict[str, Modality]
    labels: Float[np.ndarray, "molecule task"]
    effect: Float[np.ndarray, "mechanism pathway"]
    genes: Float[np.ndarray, "pathway gene"]
    shapes: Float[np.ndarray, "gene shape"]
    weight: Float[np.ndarray, "task pathway"]
    threshold: Float[np.ndarray, " task"]

    def __len__(self) -> int:
        return len(self.smiles)

    def best(
        self,
        expression: Bool[np.ndarray, " molecule"] | None = None,
        morphology: Bool[np.ndarray, " molecule"] | None = None,
    ) -> Float[np.ndarray, "molecule task"]:
        """Eq. (6): probability of every label given structure and the modalities flagged as seen (default: none)."""
        unseen = np.zeros(len(self), bool)
        seen = np.stack([unseen if flags is None else flags for flags in (expression, morphology)], 1)
        found = np.empty((len(self), len(self.threshold)))
        prior = self.sign[:, None] * self.effect[self.mechanism]
        for pattern in np.unique(seen, axis=0):
            rows = (seen == pattern).all(1)
            mean, spread = self._posterior(prior[rows], rows, *pattern)
            wide = np.sqrt(np.einsum("tp,pq,tq->t", self.weight, spread, self.weight) + LABEL_NOISE**2)
            found[rows] = norm.cdf((mean @ self.weight.T - self.threshold) / wide)
        return found

    def _posterior(
        self, prior: np.ndarray, rows: np.ndarray, expression: bool, morphology: bool
    ) -> tuple[Float[np.ndarray, "molecule pathway"], Float[np.ndarray, "pathway pathway"]]:
        """Mean and covariance of z: Gaussian prior, linear measurements with noise that genes and shapes share."""
        eye = np.eye(PATHWAYS)
        if not expression and not morphology:
            return prior, OWN**2 * eye
        parts = {"expression": np.eye(GENES), "morphology": self.shapes}
        noise = {"expression": EXPRESSION_NOISE, "morphology": SHAPE_NOISE}
        used = [name for name, flag in (("expression", expression), ("morphology", morphology)) if flag]
        read = np.concatenate([parts[name] for name in used], axis=1)  # of the genes
        own = np.concatenate([np.full(parts[name].shape[1], noise[name] ** 2) for name in used])
        covariance = GENE_NOISE**2 * read.T @ read + np.diag(own)
        loading = self.genes @ read
        gain = np.linalg.solve(covariance, loading.T)  # covariance^-1 loading^T
        spread = np.linalg.inv(eye / OWN**2 + loading @ gain)
        seen = np.concatenate([self.modalities[name].values[rows] for name in used], axis=1)
        return prior + (seen - prior @ loading) @ gain @ spread, spread


def planted(count: int = 2000, seed: int = 0, cliffs: float = 0.0) -> Planted:
    """`count` different molecules; cliffs: fraction of the cores on which the switch turns the activity round."""
    check_whole(seed, "seed", 0, MoleculeError)
    most = len(CORES) * len(LINKERS) * len(WARHEADS) * len(DECORATIONS) * len(SWITCH)
    if not isinstance(count, Integral) or not 1 <= count <= most or not 0 <= cliffs <= 1:
        raise MoleculeError(f"count = {count}, cliffs = {cliffs}; allowed: 1 to {most} molecules, cliffs in [0, 1]")
    rng = np.random.default_rng((seed, 40))
    shape = len(CORES), len(LINKERS), len(WARHEADS), len(DECORATIONS), len(SWITCH)
    core, linker, warhead, decoration, switch = np.unravel_index(rng.permutation(most)[:count], shape)
    turning = rng.permutation(len(CORES))[: round(cliffs * len(CORES))]
    sign = np.where(np.isin(core, turning) & (switch == 1), -1.0, 1.0)
    effect = rng.standard_normal((len(WARHEADS), PATHWAYS))
    genes = rng.standard_normal((PATHWAYS, GENES)) * (rng.random((PATHWAYS, GENES)) < 0.3)
    shapes = rng.standard_normal((GENES, SHAPES)) / GENES**0.5
    z = sign[:, None] * effect[warhead] + OWN * rng.standard_normal((count, PATHWAYS))
    state = z @ genes + GENE_NOISE * rng.standard_normal((count, GENES))
    links = rng.random((len(WARHEADS), LINKS)) < 0.2
    linked = rng.random((count, LINKS)) < np.where(links[warhead], 0.8, 0.05)
    values = {
        "genetic": linked.astype(float),
        "expression": state + EXPRESSION_NOISE * rng.standard_normal((count, GENES)),
        "morphology": state @ shapes + SHAPE_NOISE * rng.standard_normal((count, SHAPES)),
    }
    weight = rng.standard_normal((TASKS, PATHWAYS))
    weight /= np.linalg.norm(weight, axis=1, keepdims=True)
    score = z @ weight.T
    threshold = rng.uniform(0.0, 0.8, TASKS)
    labels = score + LABEL_NOISE * rng.standard_normal(score.shape) > threshold
    parts = zip(core, linker, warhead, decoration, switch, strict=True)
    return Planted(
        smiles=tuple(_written(*one) for one in parts),
        core=core,
        mechanism=warhead,
        switch=switch,
        sign=sign,
        cliff=np.isin(core, turning),
        modalities={name: Modality(v, np.ones(count, bool)) for name, v in values.items()},
        labels=labels.astype(float),
        effect=effect,
        genes=genes,
        shapes=shapes,
        weight=weight,
        threshold=threshold,
    )


def twins(molecules: Planted) -> Int[np.ndarray, "pair 2"]:
    """Molecules, F before Cl, that differ by the switch alone."""
    at = {smiles: i for i, smiles in enumerate(molecules.smiles)}
    other = [
        (at.get(Chem.CanonSmiles(molecules.smiles[i].replace("Cl", "F"))), i) for i in np.flatnonzero(molecules.switch)
    ]
    return np.array([pair for pair in other if pair[0] is not None], dtype=int).reshape(-1, 2)


def _written(core: int, linker: int, warhead: int, decoration: int, switch: int) -> str:
    text = CORES[core].format(LINKERS[linker] + WARHEADS[warhead], DECORATIONS[decoration], SWITCH[switch])
    return Chem.MolToSmiles(Chem.MolFromSmiles(text))
