"""Models of the Hugging Face hub in the form that compositions read: ESM-2 for proteins, MoLFormer-XL for SMILES.

Needs the extra `hub` (transformers). Any encoder will do whose layers stand in `model.encoder.layer`: what a layer is
given besides hidden states (masks, rotations of positions) depends only on which tokens exist, so it is caught once,
at the door of the first layer, and given again to whichever layer is run alone.

Hidden states are those before the model's closing norm; beginning and end tokens count as tokens.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hmlm_lib.errors import DataUnavailable, ModelError, SequenceError, did_you_mean

KNOWN = {
    "esm2_8m": "facebook/esm2_t6_8M_UR50D",
    "esm2_35m": "facebook/esm2_t12_35M_UR50D",
    "molformer": "ibm/MoLFormer-XL-both-10pct",
}
OWN_CODE = ("molformer",)  # the class itself is on the hub and runs here: say so with trust=True


def place(name: str) -> Path | str:
    """A folder, or the full name that the hub knows. ModelError for a name that is neither, or of no folder."""
    if name in KNOWN:
        return KNOWN[name]
    if "/" in name:
        with suppress(OSError):  # too long a name
            if (folder := Path(name).expanduser()).is_dir():
                return folder
        if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name) and "--" not in name:
            return name
    raise ModelError(
        f"no model {name!r}{did_you_mean(name, KNOWN)}; allowed: {', '.join(KNOWN)}, 'owner/name', or a folder that is "
        "there ('./folder')"
    )


class _Caught(Exception):
    """Stops a model at the door of its first layer."""


class HubLM(nn.Module):
    """A pretrained encoder as a `LanguageModel`; width, depth and longest sequence are read from it."""

    def __init__(self, model: nn.Module, tokenizer: Any):
        super().__init__()
        self.model, self.tokenizer = model.eval().requires_grad_(False), tokenizer
        if not hasattr(getattr(model, "encoder", None), "layer"):
            raise ModelError(
                f"{type(model).__name__} has no `encoder.layer`; allowed: encoders such as ESM-2, MoLFormer"
            )
        self.layers = model.encoder.layer
        self.width, self.depth = model.config.hidden_size, len(self.layers)
        self.longest = int(model.config.max_position_embeddings) - 2  # its beginning and end tokens
        self._given: tuple[Tensor, tuple, dict] | None = None

    @classmethod
    def load(cls, name: str, trust: bool = False) -> "HubLM":
        """A model by a name of `KNOWN`, by the hub's own name, or from a local folder.

        trust: allow code that comes with the model (MoLFormer needs it). ModelError without transformers or without
        trust where it is needed, DataUnavailable where neither hub nor cache nor folder has it.
        """
        try:
            from transformers import AutoModel, AutoTokenizer
        except ImportError:
            raise ModelError(
                "models of the hub need transformers; install the extra: pip install 'hmlm[hub]'"
            ) from None
        if name in OWN_CODE and not trust:
            raise ModelError(f"{name} runs code from the hub on this machine; allowed with trust=True")
        where = str(place(name))
        try:
            tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=trust)
            model = AutoModel.from_pretrained(where, trust_remote_code=trust)
        except Exception as problem:  # no network, no such model, a damaged cache: dozens of kinds
            reason = str(problem).splitlines()[0][:160]
            raise DataUnavailable(
                f"model {where} is neither reachable nor cached ({reason}); allowed: a machine with the hub in reach, "
                "or a folder that holds the model"
            ) from None
        return cls(model, tokenizer)

    def untrained(self, seed: int) -> "HubLM":
        """The same model with the weights of a beginner, drawn by seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return HubLM(type(self.model)(self.model.config), self.tokenizer)

    def tokens(self, sequences: Sequence[str]) -> Int[Tensor, "batch token"]:
        """Padded rows, where the model lies; SequenceError for an empty or too long sequence or an unknown piece."""
        if not len(sequences):
            raise SequenceError("no sequence; allowed: at least one")
        rows = self.tokenizer(list(sequences), padding=False, truncation=False)["input_ids"]
        for i, (sequence, row) in enumerate(zip(sequences, rows, strict=True)):
            if not sequence:
                raise SequenceError(f"sequence {i} is empty; allowed: 1 to {self.longest} tokens")
            if len(row) - 2 > self.longest:
                raise SequenceError(
                    f"sequence {i} ({sequence[:12]}...) has {len(row) - 2} tokens; allowed: at most {self.longest}"
                )
            if self.tokenizer.unk_token_id in row:
                raise SequenceError(
                    f"sequence {i} ({sequence[:20]}) holds {self._unknown(sequence)!r}; allowed: the "
                    f"{len(self.tokenizer)} tokens of {type(self.tokenizer).__name__}"
                )
        padded = torch.full((len(rows), max(map(len, rows))), self.tokenizer.pad_token_id)
        for i, row in enumerate(rows):
            padded[i, : len(row)] = torch.tensor(row)
        return padded.to(self.model.device)

    def _unknown(self, sequence: str) -> str:
        """The first letter that is unknown by itself, or the whole sequence."""
        unknown = self.tokenizer.unk_token_id
        return next((x for x in sequence if unknown in self.tokenizer(x)["input_ids"]), sequence)

    def exists(self, tokens: Int[Tensor, "batch token"]) -> Bool[Tensor, "batch token"]:
        """Which tokens are no padding."""
        return tokens != self.tokenizer.pad_token_id

    def _door(self, tokens: Tensor, exists: Tensor) -> tuple[Tensor, tuple, dict]:
        """What the first layer is given for these tokens: hidden states, then everything else."""
        caught: list[tuple[tuple, dict]] = []

        def stop(_: nn.Module, args: tuple, kwargs: dict) -> None:
            caught.append((args, kwargs))
            raise _Caught

        hook = self.layers[0].register_forward_pre_hook(stop, with_kwargs=True)
        try:
            self.model(input_ids=tokens, attention_mask=exists.long())
        except _Caught:
            pass
        finally:
            hook.remove()
        (args, kwargs) = caught[0]
        return (args[0], args[1:], kwargs) if args else (kwargs.pop("hidden_states"), (), kwargs)

    def layer(
        self, i: int, hidden: Float[Tensor, "batch token width"], exists: Bool[Tensor, "batch token"]
    ) -> Float[Tensor, "batch token width"]:
        """h_{i+1} of h_i, i from 0."""
        same = self._given is not None and self._given[0].device == exists.device
        if not same or not torch.equal(self._given[0], exists):
            some = torch.where(exists, self.tokenizer.unk_token_id, self.tokenizer.pad_token_id)
            with torch.no_grad():
                self._given = exists, *self._door(some, exists)[1:]
        found = self.layers[i](hidden, *self._given[1], **self._given[2])
        return found[0] if isinstance(found, tuple) else found

    def encode(self, tokens: Int[Tensor, "batch token"]) -> list[Float[Tensor, "batch token width"]]:
        """[h_0, ..., h_L]."""
        exists = self.exists(tokens)
        states = [self._door(tokens, exists)[0]]
        for i in range(self.depth):
            states.append(self.layer(i, states[-1], exists))
        return states
