"""Language models as compositions see them, and the small one that is trained here.

A model turns tokens into hidden states h_0 (embeddings), h_1 ... h_L (after each layer), and can run one layer alone:

    encode(tokens) -> [h_0, ..., h_L],    layer(i, h_i, exists) -> h_{i+1}                                      (1)

so that something can be added to h_i on the way. `TinyLM` is a pre-norm transformer over residues; `hub.py` gives ESM-2
and MoLFormer the same form. Source of the layer: Vaswani et al., 2017, pre-norm as in ESM-2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hmlm_lib.composition.attention import Attention
from hmlm_lib.composition.residues import PAD, Vocabulary
from hmlm_lib.errors import ModelError, check_heads, check_whole

Hidden = Float[Tensor, "batch token width"]
Exists = Bool[Tensor, "batch token"]


@runtime_checkable
class LanguageModel(Protocol):
    """Eq. (1); width: of the hidden states, depth: L. An `nn.Module`, whose parameters compositions keep frozen."""

    width: int
    depth: int

    def tokens(self, sequences: Sequence[str]) -> Int[Tensor, "batch token"]: ...

    def exists(self, tokens: Int[Tensor, "batch token"]) -> Exists: ...

    def encode(self, tokens: Int[Tensor, "batch token"]) -> list[Hidden]: ...

    def layer(self, i: int, hidden: Hidden, exists: Exists) -> Hidden: ...


@dataclass(frozen=True)
class TinyConfig:
    """Sizes of a TinyLM; `inner`: width between the two maps of a layer's perceptron."""

    width: int = 64
    depth: int = 4
    heads: int = 4
    inner: int = 128
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    def __post_init__(self) -> None:
        for name in ("width", "depth", "heads", "inner"):
            check_whole(getattr(self, name), name, 1, ModelError)
        check_heads(self.width, self.heads, ModelError)


class Layer(nn.Module):
    """h + attention(norm(h)), then h + perceptron(norm(h))."""

    def __init__(self, config: TinyConfig):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(2))
        self.attention = Attention(config.width, config.heads)
        self.perceptron = nn.Sequential(
            nn.Linear(config.width, config.inner), nn.GELU(), nn.Linear(config.inner, config.width)
        )

    def forward(self, hidden: Hidden, exists: Exists) -> Hidden:
        normed = self.norms[0](hidden)
        hidden = hidden + self.attention(normed, normed, exists)[0]
        return hidden + self.perceptron(self.norms[1](hidden))


class TinyLM(nn.Module):
    """A masked language model of residues, small enough to train in minutes.

    Positions are counted from both ends, because what binds a peptide sits at its second and at its last residue
    whatever its length. Ours; ESM-2 uses rotary positions.
    """

    def __init__(self, config: TinyConfig | None = None):
        super().__init__()
        self.config = config or TinyConfig()
        c, longest = self.config, self.config.vocabulary.longest
        self.width, self.depth = c.width, c.depth
        self.residue = nn.Embedding(c.vocabulary.size, c.width)
        self.from_start, self.from_end = nn.Embedding(longest, c.width), nn.Embedding(longest, c.width)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.depth))
        self.norm = nn.LayerNorm(c.width)
        self.guess = nn.Linear(c.width, c.vocabulary.size)

    @classmethod
    def from_seed(cls, seed: int, config: TinyConfig | None = None) -> "TinyLM":
        """An untrained model; the same seed, the same numbers."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(config)

    def tokens(self, sequences: Sequence[str]) -> Int[Tensor, "batch token"]:
        """Padded rows of tokens, where the model lies; SequenceError as `Vocabulary.tokens`."""
        return self.config.vocabulary.tokens(sequences).to(self.residue.weight.device)

    def exists(self, tokens: Int[Tensor, "batch token"]) -> Exists:
        """Which tokens are no padding."""
        return tokens != PAD

    def embed(self, tokens: Int[Tensor, "batch token"]) -> Hidden:
        """h_0: residue, place from the start, place from the end."""
        exists = self.exists(tokens)
        place = torch.arange(tokens.shape[1], device=tokens.device)
        left = (exists.sum(1, keepdim=True) - 1 - place).clamp(min=0)
        return self.residue(tokens) + self.from_start(place) + self.from_end(left)

    def layer(self, i: int, hidden: Hidden, exists: Exists) -> Hidden:
        """h_{i+1} of h_i, i from 0."""
        return self.layers[i](hidden, exists)

    def encode(self, tokens: Int[Tensor, "batch token"]) -> list[Hidden]:
        """[h_0, ..., h_L]."""
        states, exists = [self.embed(tokens)], self.exists(tokens)
        for i in range(self.depth):
            states.append(self.layer(i, states[-1], exists))
        return states

    def forward(self, tokens: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token vocabulary"]:
        """Logits of the residue at every place."""
        return self.guess(self.norm(self.encode(tokens)[-1]))
