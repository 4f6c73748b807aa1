"""One training loop for every model that is trained by gradient: Adam, warm-up and cosine, checkpoints without pickle.

Every step draws from a generator seeded by (seed, step): a run that was killed and resumed ends with the same numbers.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from hmlm_lib.device import one_thread
from hmlm_lib.errors import ModelError, TrainingError, check_finite, check_whole
from hmlm_lib.files import write_whole
from hmlm_lib.seeds import check_seed

Loss = Callable[[torch.Generator], Tensor]


@dataclass(frozen=True)
class Training:
    """How long and how fast to train; the same fields for every model.

    learning_rate is reached after `warmup` (a fraction of the steps) and falls to 0 along a cosine. Parameters that
    many species share learn at learning_rate x shared_rate, where a model names the others in `FREE`. clip: largest
    norm of the gradient. checkpoint: file to resume from and to keep the last good state in, written every
    checkpoint_every steps. log_every: steps between two reports (0: silent).
    """

    steps: int = 250
    learning_rate: float = 0.05
    warmup: float = 0.1
    shared_rate: float = 0.1
    clip: float = 1.0
    weight_decay: float = 0.0
    seed: int = 0
    log_every: int = 0
    checkpoint: Path | None = None
    checkpoint_every: int = 50

    def __post_init__(self) -> None:
        for name, least in (("steps", 0), ("checkpoint_every", 1), ("log_every", 0)):
            check_whole(getattr(self, name), name, least, TrainingError)
        for name in ("learning_rate", "weight_decay", "warmup", "shared_rate"):
            check_finite(getattr(self, name), name, TrainingError)
        if self.clip != math.inf:
            check_finite(self.clip, "clip", TrainingError, above=True)
        check_seed(self.seed, TrainingError)
        for name in ("steps", "seed"):  # NumPy's integers are none of JSON and of PyTorch's generators
            object.__setattr__(self, name, int(getattr(self, name)))

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        rise = max(1.0, self.warmup * self.steps)
        if step < rise:
            return self.learning_rate * (step + 1) / rise
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, self.steps - rise)))


@dataclass(frozen=True)
class Progress:
    """What training reports: step, loss at it, seconds since the start."""

    step: int
    loss: float
    seconds: float

    def __str__(self) -> str:
        return f"step {self.step:5d}  loss {self.loss:.5f}  {self.seconds:6.1f} s"


def train(
    model: nn.Module,
    loss: Loss,
    config: Training,
    report: Callable[[Progress], None] | None = None,
    data: str = "",
) -> list[Progress]:
    """Minimise loss(generator) over the model's parameters; returns the reports.

    data: digest of what is trained on; a checkpoint made with another one is not resumed.
    Raises TrainingError where the loss or its gradient is no longer finite: the model is put back to its last good
    state, which is also in the checkpoint if one was written.
    """
    with one_thread():
        return _train(model, loss, config, report, data)


def _train(
    model: nn.Module, loss: Loss, config: Training, report: Callable[[Progress], None] | None, data: str
) -> list[Progress]:
    for parameter in model.parameters():  # of a network without edges some are empty: torch warns of their gradient
        parameter.requires_grad_(parameter.requires_grad and parameter.numel() > 0)
    groups = parameter_groups(model, config)
    parameters = [p for group in groups for p in group["params"]]
    optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
    first = resume(model, optimiser, config, data)
    started, log = time.perf_counter(), []
    good = _copy(model)
    for step in range(first, config.steps):
        for group in optimiser.param_groups:
            group["lr"] = config.rate(step) * group["share"]
        value = loss(torch.Generator().manual_seed(config.seed * 1_000_003 + step))
        optimiser.zero_grad()
        value.backward()
        norm = nn.utils.clip_grad_norm_(parameters, config.clip)
        if not (math.isfinite(value.item()) and math.isfinite(norm.item())):
            model.load_state_dict(good)
            written = config.checkpoint and Path(config.checkpoint).exists()
            kept = f"; the last good state is in {config.checkpoint}" if written else ""
            raise TrainingError(
                f"training diverged at step {step}: loss {value.item():.3g}, gradient norm {norm.item():.3g}; "
                f"the model is back at its last good state{kept}; try a learning_rate below {config.learning_rate:g}"
            )
        optimiser.step()
        last = step + 1 == config.steps
        if (step + 1) % config.checkpoint_every == 0 or last:
            good = _copy(model)
            if config.checkpoint:
                write_checkpoint(model, optimiser, step + 1, config, data)
        if config.log_every and (step % config.log_every == 0 or last):
            log.append(Progress(step, value.item(), time.perf_counter() - started))
            if report:
                report(log[-1])
    return log


def parameter_groups(model: nn.Module, config: Training) -> list[dict]:
    """Parameters of single species or edges (named in `model.FREE`) and shared ones, with their share of the rate."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad and p.numel()]
    free = getattr(model, "FREE", None)
    if free is None:
        return [{"params": [p for _, p in named], "share": 1.0}]
    chosen = [[p for name, p in named if (name in free) == wanted] for wanted in (True, False)]
    shares = (1.0, config.shared_rate)
    return [{"params": ps, "share": share} for ps, share in zip(chosen, shares, strict=True) if ps]


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _identity(config: Training) -> str:
    """What a checkpoint must share with the run that resumes it."""
    same = replace(config, checkpoint=None, log_every=0, checkpoint_every=1)
    return json.dumps({k: v for k, v in vars(same).items() if k != "checkpoint"}, sort_keys=True)


def write_checkpoint(
    model: nn.Module, optimiser: torch.optim.Optimizer, step: int, config: Training, data: str = ""
) -> None:
    """Parameters, optimiser state and step as one safetensors file, written whole."""
    tensors = {f"model.{name}": value.contiguous() for name, value in model.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value.contiguous() for name, value in state.items()}
    about = {"step": str(step), "training": _identity(config), "data": data}
    content = save(tensors, metadata=about | {"sha256": fingerprint(tensors, about)})
    write_whole(Path(config.checkpoint), content, ModelError)


def resume(model: nn.Module, optimiser: torch.optim.Optimizer, config: Training, data: str = "") -> int:
    """Load the checkpoint if there is one; returns the step to go on from.

    Raises ModelError for a file that is damaged, or that another model or another training wrote, or one on other data.
    """
    path = config.checkpoint
    if path is None or not Path(path).exists():
        return 0
    if Path(path).is_dir():
        raise ModelError(f"{path}: a folder; allowed: the name of a file")
    tensors, metadata = read_safetensors(Path(path).read_bytes(), Path(path))
    if metadata.pop("sha256", None) != fingerprint(tensors, metadata):
        raise ModelError(f"{path}: damaged, or of an older version; delete it to begin anew")
    if metadata.get("training") != _identity(config):
        raise ModelError(f"{path}: written by a training with other settings; delete it or name another checkpoint")
    if metadata.get("data") != data:
        raise ModelError(
            f"{path}: written by a training on other data, another network or with another configuration of the model; "
            f"delete it or name another checkpoint"
        )
    own = {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
    load_parameters(model, own, Path(path))
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, index, field = name.split(".")
            state.setdefault(int(index), {})[field] = value
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
    return int(metadata["step"])


def read_safetensors(data: bytes, path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file; ModelError, naming the file, if it is damaged."""
    try:
        tensors = load(data)
        size = int.from_bytes(data[:8], "little")
        return tensors, json.loads(data[8 : 8 + size]).get("__metadata__") or {}
    except Exception as problem:
        raise ModelError(f"{path}: not a readable safetensors file ({problem})") from None


def fingerprint(tensors: dict[str, Tensor], about: dict[str, str]) -> str:
    """sha256 of metadata, names, types, shapes and numbers, whatever their order in the file."""
    digest = hashlib.sha256(repr(sorted(about.items())).encode())
    for name, value in sorted(tensors.items()):
        digest.update(repr((name, str(value.dtype), tuple(value.shape))).encode())
        digest.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def load_parameters(model: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Put tensors into the model; ModelError if names or shapes are another model's."""
    own = model.state_dict()
    for name in sorted(set(own) ^ set(tensors)):
        where = "lacks" if name in own else "has the unknown"
        raise ModelError(f"{path}: {where} parameter {name!r}; it belongs to another model")
    for name, value in tensors.items():
        if value.shape != own[name].shape:
            raise ModelError(
                f"{path}: parameter {name!r} has shape {tuple(value.shape)}; this model's is {tuple(own[name].shape)}"
            )
    model.load_state_dict(tensors)
