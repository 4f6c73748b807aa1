"""CHMR: a molecule in up to six modalities, embedded so that its structure tells what cells say.

    h_m = SiLU(W LN(x_m));   anchor a = h_bits + h_graph (+ h_shape);   c_m = h of each cellular modality        Eq. (1)
    L_SCA = mean_m [ InfoNCE(a, c_m) + VICReg(c_m observed, c_m augmented) ]                                   Eq. (2)
    L_CPR = mean_m of sum_w w BCE(decoder_m(z_i), x_m of the molecule met) / sum_w w, known ones only          Eq. (3)
    L = L_CPR + lambda_1 L_SCA + lambda_2 L_TreeVQ                                                            Eq. (4)

m: cells in Eq. (2); cells, fingerprint and descriptors in Eq. (3). w: product of the similarities along a walk. z: the
anchor after Tree-VQ, mean over levels (straight-through), so that decoders see codes. augmented: what a molecule would
be given if nobody had measured it. During training, modality dropout leaves out parts of the anchor, never all.
Source: CHMR paper. Ours: that an anchor works with fewer parts, and the order in which a walk is drawn (`walks.py`).
Departure: walks run over the 10-nearest-neighbour Tanimoto graph of molecules alone, in the paper over molecules, genes
and cells, joined by similarity above 0.8 and by biology.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hmlm_lib.chmr.gin import GIN
from hmlm_lib.chmr.graphs import Batch
from hmlm_lib.chmr.losses import TEMPERATURE, info_nce, vicreg
from hmlm_lib.chmr.tree_vq import TreeVQ, check_codes
from hmlm_lib.errors import MoleculeError, check_chance, check_finite, check_whole

STRUCTURE = ("bits", "graph", "shape")
CUT = 5.0


@dataclass(frozen=True)
class CHMRConfig:
    """width: of every latent. layers: of the graph network. depth: of the tree, 0 for none; branch: children of a
    code (depth 1 and many of them: a flat codebook).

    align, tree, reconstruct: weights of Eq. (4), 0 leaves a part out; contrast, variance: of the two parts of Eq. (2).
    drop: probability that a part of the anchor is left out. structure: parts of the anchor. revive_every: steps between
    two revivals of idle codes. measured_only: contrast with measured cells alone, not with imputed ones.
    """

    width: int = 128
    layers: int = 4
    depth: int = 6
    branch: int = 2
    dropout: float = 0.1
    align: float = 1.0
    contrast: float = 1.0
    variance: float = 1.0
    tree: float = 1.0
    reconstruct: float = 1.0
    temperature: float = TEMPERATURE
    drop: float = 0.2
    structure: tuple[str, ...] = ("bits", "graph")
    revive_every: int = 25
    measured_only: bool = False

    def __post_init__(self) -> None:
        wrong = [name for name in self.structure if name not in STRUCTURE]
        if wrong or not self.structure or len(set(self.structure)) < len(self.structure):
            raise MoleculeError(
                f"structure is {self.structure}; allowed: one or more of {', '.join(STRUCTURE)}, each once"
            )
        for name in ("align", "contrast", "variance", "tree", "reconstruct"):
            check_finite(getattr(self, name), name, MoleculeError)
        for name, least in (("depth", 0), ("width", 1), ("layers", 1), ("branch", 1), ("revive_every", 1)):
            check_whole(getattr(self, name), name, least, MoleculeError)
        for name in ("drop", "dropout"):
            check_chance(getattr(self, name), name, MoleculeError)
        check_finite(self.temperature, "temperature", MoleculeError, above=True)
        if self.depth:
            check_codes(self.depth, self.branch)


@dataclass(frozen=True, eq=False)
class Inputs:
    """One batch. cells: values of each cellular modality, measured or imputed; known: which are measured;

    augmented: the imputation that a measured row would get. walk, weight: molecules met, and how much they count;
    met: their values and which are known, one entry a modality, [row, step, feature] in 0 to 1 and [row, step].
    """

    bits: Float[Tensor, "row bit"]
    graph: Batch | None
    shape: Float[Tensor, "row shape"] | None
    cells: dict[str, Tensor]
    known: dict[str, Tensor]
    augmented: dict[str, Tensor]
    weight: Float[Tensor, "row step"]
    met: dict[str, tuple[Tensor, Tensor]]


def spread(x: Float[Tensor, "molecule feature"]) -> tuple[Float[Tensor, " feature"], Float[Tensor, " feature"]]:
    """Mean and sd of columns over what is not NaN; 0 and 1 where nothing is."""
    here = ~x.isnan()
    rows = here.sum(0).clamp(min=1)
    mean = x.nan_to_num(0.0).sum(0) / rows
    sd = (torch.where(here, x - mean, 0.0).square().sum(0) / rows).sqrt()
    return mean, torch.where(sd > 1e-6, sd, 1.0)


def standard(
    x: Float[Tensor, "row feature"], centre: Float[Tensor, " feature"], sd: Float[Tensor, " feature"]
) -> Float[Tensor, "row feature"]:
    """Columns in units of sd, cut at `CUT`; NaN becomes the mean."""
    return ((x - centre) / sd).nan_to_num(0.0).clamp(-CUT, CUT)


def projection(inputs: int, width: int) -> nn.Sequential:
    """Eq. (1), left."""
    return nn.Sequential(nn.LayerNorm(inputs), nn.Linear(inputs, width), nn.SiLU())


class CHMR(nn.Module):
    """features: number of features of `bits`, `shape` (if used) and of every cellular modality, by name."""

    def __init__(self, features: dict[str, int], config: CHMRConfig):
        super().__init__()
        lacks = [name for name in config.structure if name != "graph" and name not in features]
        if lacks:
            raise MoleculeError(f"structure names {lacks[0]!r}; the molecules have {', '.join(features)}")
        odd = [name for name in features if not name or "." in name or hasattr(nn.ModuleDict, name)]
        if odd:
            raise MoleculeError(f"a modality is called {odd[0]!r}; allowed: no dot, and no word of torch")
        self.config, self.features = config, features
        self.cellular = tuple(name for name in features if name not in STRUCTURE)
        d = config.width
        plain = [name for name in ("bits", "shape") if name in config.structure]
        self.project = nn.ModuleDict({name: projection(features[name], d) for name in (*plain, *self.cellular)})
        if "graph" in config.structure:
            self.gin = GIN(d, config.layers, config.dropout)
            self.project["graph"] = projection(d, d)
        self.decode = nn.ModuleDict({name: nn.Linear(d, count) for name, count in features.items()})
        self.tree = TreeVQ(config.depth, d, branch=config.branch) if config.depth else None
        for name, value in (("centre", 0.0), ("sd", 1.0)):  # of the descriptors it was trained on
            self.register_buffer(name, torch.full((features.get("shape", 0),), value))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))  # of training; a resumed run goes on counting

    @classmethod
    def from_features(cls, features: dict[str, int], config: CHMRConfig | None = None, seed: int = 0) -> "CHMR":
        """An untrained model; the same seed gives the same parameters."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(features, config or CHMRConfig())

    def check(self, features: dict[str, int]) -> None:
        """MoleculeError for molecules whose fingerprint or descriptors have other columns than it was made for."""
        for name in ("bits", "shape"):
            if name in self.config.structure and features.get(name) != self.features[name]:
                raise MoleculeError(
                    f"{features.get(name, 'no')} columns of {name}; allowed: {self.features[name]}, as the model has it"
                )

    def settle(self, shape: Float[Tensor, "molecule shape"] | None) -> None:
        """Remember mean and sd of the descriptors that training will see."""
        if shape is not None:
            self.centre, self.sd = spread(shape)

    @property
    def n_parameters(self) -> int:
        return sum(p.numel() for p in self.parameters())

    def latents(
        self, bits: Float[Tensor, "row bit"], graph: Batch | None, shape: Float[Tensor, "row shape"] | None
    ) -> Float[Tensor, "row part width"]:
        """h of every part of the anchor, in the order of config.structure."""
        found = []
        for name in self.config.structure:
            if name == "graph":
                value = self.gin(graph)
            else:
                value = bits if name == "bits" else standard(shape, self.centre, self.sd)
            found.append(self.project[name](value))
        return torch.stack(found, dim=1)

    def anchor(
        self, latents: Float[Tensor, "row part width"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "row width"]:
        """Sum of the parts; with a generator, each is left out with probability `drop`, scaled up, never all."""
        if generator is None or not self.config.drop or latents.shape[1] == 1:
            return latents.sum(1)
        draw = torch.rand(latents.shape[:2], generator=generator).to(latents.device)
        kept = (draw >= self.config.drop) | (draw == draw.max(1, keepdim=True).values)
        share = latents.shape[1] / kept.sum(1, keepdim=True)
        return (latents * (kept * share)[..., None]).sum(1)

    def loss(self, x: Inputs, generator: torch.Generator) -> tuple[Float[Tensor, ""], dict[str, float]]:
        """Eq. (4) and its parts."""
        c = self.config
        self.steps += int(self.training)
        anchor = self.anchor(self.latents(x.bits, x.graph, x.shape), generator)
        cells = {name: self.project[name](x.cells[name]) for name in self.cellular}
        parts = {}
        if c.align and cells:
            parts["align"] = c.align * self._alignment(anchor, cells, x)
        z = anchor
        if self.tree is not None:
            latent = torch.cat([anchor, *cells.values()])
            if self.training and self.steps % c.revive_every == 0:
                self.tree.revive(latent.detach(), generator)
            quantised = self.tree(latent)
            z = quantised.levels[: len(anchor)].mean(1)
            parts["tree"] = c.tree * quantised.loss
        if c.reconstruct:
            parts["reconstruct"] = c.reconstruct * self._reconstruction(z, x)
        total = sum(parts.values())
        if not parts or (torch.is_grad_enabled() and not total.requires_grad):
            raise MoleculeError("every part of the loss has weight 0 or lacks its data; allowed: at least one part")
        return total, {name: float(value.detach()) for name, value in parts.items()}

    def _alignment(self, anchor: Tensor, cells: dict[str, Tensor], x: Inputs) -> Tensor:
        total = anchor.new_zeros(())
        for name, latent in cells.items():
            rows = x.known[name].nonzero()[:, 0]
            pairs = rows if self.config.measured_only else torch.arange(len(anchor))
            if self.config.contrast and len(pairs) > 1:
                total = total + self.config.contrast * info_nce(anchor[pairs], latent[pairs], self.config.temperature)
            if self.config.variance and len(rows) > 1:
                augmented = self.project[name](x.augmented[name][rows])
                total = total + self.config.variance * vicreg(latent[rows], augmented).total()
        return total / len(cells)

    def _reconstruction(self, z: Tensor, x: Inputs) -> Tensor:
        each = []
        for name, decode in self.decode.items():
            value, known = x.met[name]
            weight = x.weight * known
            # One logit a row and feature: sum_s w_s BCE(l, x_s) = softplus(l) sum_s w_s - l sum_s w_s x_s.
            logit, target = decode(z), torch.einsum("rs,rsf->rf", weight, value)
            error = nn.functional.softplus(logit) * weight.sum(1, keepdim=True) - logit * target
            each.append(error.mean(1).sum() / weight.sum().clamp(min=1e-6))
        return torch.stack(each).mean()
