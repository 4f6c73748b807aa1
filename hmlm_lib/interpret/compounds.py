"""Composition across scales: which species of the network does a compound move?

A molecule encoder (CHMR: latents z, a vector a part) speaks to the network encoder (HMLM: tokens h, a vector a
species), both frozen:

    h'_s = Norm(h_s) + Norm(Attention(h_s, z)),    P(compound moves s) = sigmoid(f([Norm(h_s), h'_s]))         (1)
    effect on the cell = E_s*,    s* = argmax_s P(s),    E_s: simulated effect of knocking s out               (2)

A sum of E_s weighted by P would need probabilities, and the peer has similarities: Eq. (2) asks every method only which
species it names first. It is held against the sum of E_s over the species that the compound is listed to act on.

Learned from drug-target pairs (BIOSNAP; `targets.csv` says which proteins are which species). Every target is taken as
inhibited: the pairs do not say. Ours: in none of the papers; a first step, on few compounds.
"""

from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from sklearn.model_selection import KFold
from torch import Tensor, nn

from hmlm_lib.chmr.molecules import fingerprints, read_molecules
from hmlm_lib.chmr.neighbours import tanimoto
from hmlm_lib.composition.attention import Attention
from hmlm_lib.composition.fit import ranked
from hmlm_lib.composition.readers import biosnap
from hmlm_lib.device import one_thread
from hmlm_lib.dynamics import Condition, knockout_screen
from hmlm_lib.errors import MoleculeError
from hmlm_lib.files import digest
from hmlm_lib.memory import by_parts, summed
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.training import Training, train

TRAINING = Training(steps=60, learning_rate=1e-2, weight_decay=1.0)
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Compounds:
    """Molecules and the species they are listed to act on; what is not listed may be unknown rather than absent."""

    smiles: tuple[str, ...]
    species: tuple[str, ...]
    moves: Bool[np.ndarray, "molecule species"]

    def __len__(self) -> int:
        return len(self.smiles)


def known(network: SignalingNetwork) -> Compounds:
    """Compounds of BIOSNAP's validation and test pairs with a target in the network, each structure once."""
    with (files("hmlm_lib.interpret") / "targets.csv").open() as file:
        targets = pd.read_csv(file)
    targets = targets[targets["species"].isin(network.species_names)]
    pairs = pd.concat([biosnap("val"), biosnap("test")])
    found = pairs[pairs["label"] == 1].merge(targets, left_on="gene", right_on="uniprot")
    if found.empty:
        raise MoleculeError(f"no compound acts on a species of {network.name!r}; allowed: networks with such species")
    read = read_molecules(found["smiles"].tolist(), source="BIOSNAP")
    rows = pd.DataFrame({"smiles": read.smiles, "species": found["species"].to_numpy()[list(read.row)]})
    table = pd.crosstab(rows["smiles"], rows["species"]) > 0
    return Compounds(tuple(table.index), tuple(table.columns), table.to_numpy())


class Across(nn.Module):
    """Eq. (1) for frozen tokens and latents; a species' bias starts at how often it is hit."""

    def __init__(self, tokens: Float[Tensor, "species width"], latent: int, heads: int = 4):
        super().__init__()
        width = tokens.shape[1]
        self.register_buffer("tokens", nn.functional.layer_norm(tokens.detach(), (width,)), persistent=False)
        self.cross, self.norm = Attention(width, heads, latent), nn.LayerNorm(width)
        self.answer = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Dropout(0.3), nn.Linear(width, 1))
        self.often = nn.Parameter(torch.zeros(len(tokens)))

    def forward(self, latents: Float[Tensor, "molecule part latent"]) -> Float[Tensor, "molecule species"]:
        own = self.tokens.expand(len(latents), -1, -1)
        exists = torch.ones(latents.shape[:2], dtype=torch.bool, device=latents.device)
        told = own + self.norm(self.cross(own, latents, exists)[0])
        return self.answer(torch.cat([own, told], -1))[..., 0] + self.often


def composed(
    tokens: Float[Tensor, "species width"],
    latents: Float[Tensor, "molecule part latent"],
    moves: Bool[np.ndarray, "molecule species"],
    asked: Float[Tensor, "asked part latent"],
    training: Training = TRAINING,
) -> Float[np.ndarray, "asked species"]:
    """Logits of molecules that were not trained on; computed where the latents lie."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        model = Across(tokens, latents.shape[-1]).to(latents.device)
        label = torch.as_tensor(moves, dtype=torch.float32, device=latents.device)
        with torch.no_grad():
            model.often.copy_(torch.logit((label.sum(0) + 0.5) / (len(label) + 1)))

        def error(rows: slice) -> Tensor:
            share = len(label[rows]) / len(label)
            return share * nn.functional.binary_cross_entropy_with_logits(model(latents[rows]), label[rows])

        def loss(generator: torch.Generator) -> Tensor:
            return summed(error, len(label), model, "molecules")

        data = digest(*(part.detach().cpu().numpy() for part in (tokens, latents, label)))
        train(model.train(), loss, training, data=data)
        with one_thread(), torch.no_grad():
            model.eval()
            return torch.cat(by_parts(lambda rows: model(asked[rows]), len(asked), "molecules")).cpu().numpy()


def nearest(
    bits: Bool[np.ndarray, "molecule bit"],
    moves: Bool[np.ndarray, "molecule species"],
    asked: Bool[np.ndarray, "asked bit"],
) -> Float[np.ndarray, "asked species"]:
    """The peer: largest Tanimoto similarity to a known compound of each species; ties go to the species hit more."""
    similar = tanimoto(torch.as_tensor(asked), torch.as_tensor(bits)).double().numpy()
    return np.where(moves.T[None], similar[:, None, :], 0.0).max(-1) + 1e-6 * moves.mean(0)


def by_compound(
    moves: Bool[np.ndarray, "molecule species"], found: Float[np.ndarray, "molecule species"]
) -> dict[str, float]:
    """Mean over compounds: AUROC of their species among all, and how often the first one named is right."""
    some = moves.any(1) & ~moves.all(1)
    auroc = [ranked(one, score) for one, score in zip(moves[some], found[some], strict=True)]
    return {"auroc": float(np.mean(auroc)), "first": float(moves[np.arange(len(moves)), found.argmax(1)].mean())}


def effect_cosine(
    moves: Bool[np.ndarray, "molecule species"],
    found: Float[np.ndarray, "molecule species"],
    knocked: Float[np.ndarray, "species change"],
) -> float:
    """Mean over compounds of cos(E_s*, sum of E_s over the species listed), Eq. (2); 0 where either is no effect.

    found: scores in whatever unit; knocked: E, from `knock_outs`.
    """
    guessed, true = knocked[found.argmax(1)], moves @ knocked
    size = np.linalg.norm(guessed, axis=1) * np.linalg.norm(true, axis=1)
    return float(((guessed * true).sum(1) / size.clip(1e-9)).mean())


def held_out(
    compounds: Compounds,
    tokens: Float[Tensor, "species width"],
    latents: Float[np.ndarray, "molecule part latent"],
    seed: int = 0,
) -> dict[str, Float[np.ndarray, "molecule species"]]:
    """Scores of every compound by methods that did not see it: five folds. `popularity` never looks at the molecule.

    MoleculeError for fewer compounds than folds, and for latents or tokens that are not one each, or not finite.
    """
    _check(compounds, tokens, latents)
    bits, z = fingerprints(compounds.smiles), torch.as_tensor(latents)
    found = {name: np.zeros(compounds.moves.shape) for name in ("composition", "nearest", "popularity")}
    for rows, asked in KFold(FOLDS, shuffle=True, random_state=seed).split(bits):
        moves = compounds.moves[rows]
        unit = (z - z[rows].mean(0)) / z[rows].std(0).clamp(min=1e-3)
        found["composition"][asked] = composed(tokens, unit[rows], moves, unit[asked])
        found["nearest"][asked] = nearest(bits[rows], moves, bits[asked])
        found["popularity"][asked] = moves.mean(0)
    return found


def _check(compounds: Compounds, tokens: Tensor, latents: np.ndarray) -> None:
    if len(compounds) < FOLDS:
        raise MoleculeError(f"{len(compounds)} compounds; allowed: {FOLDS} or more, one a fold at least")
    for part, wanted, what in ((latents, compounds.smiles, "compound"), (tokens, compounds.species, "species")):
        if len(part) != len(wanted) or not torch.isfinite(torch.as_tensor(part)).all():
            raise MoleculeError(f"{len(part)} vectors for {len(wanted)}; allowed: finite numbers, a vector a {what}")


def knock_outs(
    network: SignalingNetwork, context: Condition, species: tuple[str, ...], time_h: float = 60.0
) -> Float[np.ndarray, "knocked species"]:
    """E of Eq. (2): change of every species' activity at `time_h` when one is knocked out, under a context."""
    with one_thread():
        return knockout_screen(network, dict(context.stimulus), time_h).sel(knockout=list(species)).values
