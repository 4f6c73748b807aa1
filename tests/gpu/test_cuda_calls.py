"""What trains, predicts and explains keeps to the device that it is given, and gives the numbers of the CPU."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from devices import experiments

from hmlm_lib import device as devices
from hmlm_lib.chmr import finetune, halved, study
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.chmr.planted import planted
from hmlm_lib.chmr.pretrain import embed
from hmlm_lib.composition import fit as composing
from hmlm_lib.composition import halved as halved_composition
from hmlm_lib.composition.compose import ComposeConfig, Composition
from hmlm_lib.composition.language_models import TinyConfig, TinyLM
from hmlm_lib.composition.pairs import Pairs
from hmlm_lib.composition.states import frozen
from hmlm_lib.device import current, side_by_side, use
from hmlm_lib.errors import RunError
from hmlm_lib.evaluation import newcell, newnetwork, registry
from hmlm_lib.hmlm import looking, transfer
from hmlm_lib.hmlm.cells import CellConfig, CellHMLM
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.interpret import cuts, explain, recover
from hmlm_lib.moving import moved
from hmlm_lib.real import hmlm as real
from hmlm_lib.real import standin
from hmlm_lib.training import Training

SHORT = Training(steps=1, learning_rate=0.01)
LM = TinyConfig(width=8, depth=1, heads=2, inner=8)


def hmlm(there, **config):
    model = HMLM.from_network(experiments(1).network, HMLMConfig(width=8, grid=4, **config), 0).to(there)
    model.horizon_h = 24.0
    return model


def whole():
    """Conditions with everything measured."""
    seen = experiments(2)
    return replace(seen, activity=np.nan_to_num(seen.activity, nan=0.5))


def cells(there):
    config = CellConfig(HMLMConfig(width=4, sums=False, pace=False, grid=4), width=8, layers=1, latent=2, refine=1)
    model = CellHMLM.from_network(experiments(1).network, config, 0).to(there)
    model.horizon_h = 24.0
    return model


def chmr(there, **config):
    data = study.material(planted(16), 0.3, 0)
    config = CHMRConfig(width=8, layers=1, structure=("bits", "graph"), **config)
    return data, CHMR.from_features(data.features, config, 0).to(there)


def a_step_with_parts_dropped(there):
    data, model = chmr(there, drop=0.5)
    give = torch.Generator().manual_seed(0)
    return model.train().loss(moved(data.inputs(torch.arange(16), True, give), there), give)


def tuned(there):
    data, model = chmr(there)
    labels, rows = planted(16).labels, np.arange(16)
    head = finetune.HeadConfig(hidden=8, batch=8, training=SHORT)
    return finetune.Tuned("auroc", model, data, None, head).fit(rows[:10], labels[:10], rows[10:], labels[10:])


def pairs():
    return Pairs.of(["ACDEFGHIK", "GHIKLMNP", "RSTVWYACD", "ACDEFGHI"], ["GSHSMRYFAT", "GSHSMRYFAK"] * 2, [1, 0, 0, 1])


def composition(there, **config):
    lm = TinyLM(LM).eval().to(there)
    torch.manual_seed(0)
    return Composition((lm, lm), ComposeConfig(((1, 1),), ("left",), 2, hidden=0, **config)).to(there), (lm, lm)


def composed(there):
    strategy, models = composition(there)
    config = composing.FitConfig(epochs=1, training=SHORT)
    return composing.fit(lambda: strategy, models, pairs(), {"random": pairs()}, config)


def residues_hidden(there):
    strategy, models = composition(there, hide=0.5)
    return composing.Cached.of(strategy, models, pairs()).read(strategy.train(), np.arange(4))


def logits(there):
    strategy, models = composition(there)
    return composing.logits(strategy, composing.Cached.of(strategy, models, pairs()))


@cache
def lines():
    return standin.fibroblasts(1, 0)


@pytest.fixture(scope="module", autouse=True)
def _simulated_at_home():
    lines()  # an integration is long elsewhere


def real_cells(there):
    model, task = real.prepared(lines(), None, replace(real.CONFIG, grid=3), 0)
    return task.said(model.to(there), torch.arange(2))


CALLS = {
    "hmlm.looking.gate_curves": lambda there: looking.gate_curves(hmlm(there), np.linspace(0, 1, 3)),
    "hmlm.cells, fit": lambda there: cells(there).fit(experiments(4), SHORT, batch=2),
    "hmlm.cells, reconstruct": lambda there: cells(there).reconstruct(experiments(4)),
    "interpret.explain.attention": lambda there: explain.attention(hmlm(there), experiments(2), 6.0),
    "interpret.explain.gradient_input": lambda there: explain.gradient_input(hmlm(there), experiments(2), 6.0),
    "interpret.explain.integrated": lambda there: explain.integrated(hmlm(there), experiments(2), 6.0, 2),
    "interpret.cuts.in_model": lambda there: cuts.in_model(hmlm(there), experiments(2), 6.0),
    "interpret.cuts.loss_without": lambda there: cuts.loss_without(hmlm(there), experiments(2)),
    "interpret.recover.proposals": lambda there: recover.proposals(hmlm(there)),
    "interpret.recover.wanted": lambda there: recover.wanted(hmlm(there), experiments(2)),
    "interpret.recover.residual": lambda there: recover.residual(hmlm(there), whole()),
    "interpret.recover.edge_weights": lambda there: recover.edge_weights(hmlm(there)),
    "interpret.recover.by_pair": lambda there: recover.by_pair(np.ones(9), hmlm(there)),
    "chmr.model, parts dropped": a_step_with_parts_dropped,
    "chmr.pretrain.embed": lambda there: embed(*reversed(chmr(there))),
    "chmr.finetune.Tuned": tuned,
    "composition.states.frozen": lambda there: frozen(TinyLM(LM).to(there), ["ACDEF"], (1,)),
    "composition.fit.fit": composed,
    "composition.fit.logits": logits,
    "composition.compose, residues hidden": residues_hidden,
    "real.hmlm": real_cells,
}


def numbers(found):
    """What a call gives, as arrays; nothing for a trained model or a record."""
    parts = found if isinstance(found, tuple | list) else (found,)
    return [np.asarray(part.detach().cpu() if isinstance(part, torch.Tensor) else part) for part in parts
            if isinstance(part, torch.Tensor | np.ndarray)]  # fmt: skip


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_trains_and_explains_keeps_to_its_device(device, call, monkeypatch):
    monkeypatch.setattr(devices, "_current", device)
    torch.manual_seed(0)
    far = numbers(call(device))
    monkeypatch.setattr(devices, "_current", "cpu")
    torch.manual_seed(0)
    for one, other in zip(far, numbers(call("cpu")), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def learned():
    return registry.learned(experiments(4), HMLMConfig(width=4, grid=4), SHORT)


def cell_read():
    config = {"model": HMLMConfig(width=4, sums=False, pace=False, grid=4), "width": 8, "layers": 1, "latent": 2}
    return newcell.CellEntry(SHORT, **config, refine=1).fit(experiments(4)).model


def molecules_read():
    data = study.material(planted(16), 0.3, 0)
    model = halved.pretrain(data, CHMRConfig(width=8, layers=1), SHORT, batch=8)
    latents, labels = halved.embed(model, data).reshape(16, -1), planted(16).labels
    head = finetune.Head("auroc", finetune.HeadConfig(hidden=8, batch=8, training=SHORT))
    halved.predict(halved.fit(head, latents[:10], labels[:10], latents[10:], labels[10:]), latents)
    return model


def joined():
    strategy, models = composition("cpu")
    fitted = halved_composition.fit(
        lambda: strategy, models, pairs(), {"random": pairs()}, composing.FitConfig(epochs=1)
    )
    fitted.at("random").predict(pairs())
    return fitted.strategy


def a_line():
    (line,) = lines()
    real.predict(line.take(np.arange(2)), (line.take(np.arange(2, 6)),), None, training=SHORT)


def learned_elsewhere():
    seen = experiments(4)
    shared = transfer.pretrain([seen, seen], replace(transfer.SHARED, width=4, grid=4), SHORT)
    return newnetwork.continued(shared, SHORT)(seen.network, seen)


@pytest.mark.parametrize("call", [learned, cell_read, molecules_read, joined, a_line, learned_elsewhere])
def test_what_notebooks_call_trains_on_the_current_device_and_comes_home(device, call, monkeypatch):
    monkeypatch.setattr(devices, "_current", device)
    seen, to = [], torch.nn.Module.to
    monkeypatch.setattr(
        torch.nn.Module, "to", lambda model, *where, **named: seen.append(where) or to(model, *where, **named)
    )
    model = call()
    assert (device,) in seen
    assert model is None or all(p.device == torch.device("cpu") for p in model.parameters())


def test_parallel_processes_know_the_device():
    assert side_by_side(current, [()]) == ["cpu"]
    with pytest.raises(RunError, match="no CUDA device"):
        use("cuda")
    assert current() == use("cpu") == "cpu"
