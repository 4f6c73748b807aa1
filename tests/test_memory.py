"""Running out of memory: halves, the line that says so, and what must not be caught."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hmlm_lib.chmr import halved as molecules
from hmlm_lib.chmr import pretrain as whole_molecules
from hmlm_lib.chmr import study
from hmlm_lib.chmr.finetune import Head, HeadConfig
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.chmr.planted import planted as planted_molecules
from hmlm_lib.composition import halved as composition
from hmlm_lib.composition import pretrain as language
from hmlm_lib.composition.compose import ComposeConfig, Composition
from hmlm_lib.composition.fit import FitConfig
from hmlm_lib.composition.language_models import TinyConfig, TinyLM
from hmlm_lib.composition.pairs import Pairs
from hmlm_lib.composition.planted import planted as planted_pairs
from hmlm_lib.errors import HmlmError, OutOfMemory
from hmlm_lib.evaluation.newcell import CellEntry
from hmlm_lib.evaluation.registry import HMLMEntry
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.interpret import compounds, crosstalk
from hmlm_lib.memory import by_parts, halving, parted, ran_out, summed
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.training import Training

TOY = SignalingNetwork.from_rules(
    "toy", ["=> TGFB", "=> smad7", "TGFB & !smad7 => smad3", "smad3 => proCI"], tau={"proCI": 10.0}, input_level=0.1
)
SHORT = Training(steps=2, learning_rate=0.01)


class Full(TorchDispatchMode):
    """A device on which no tensor has room for more than `most` numbers."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        sizes = [x.numel() for x in tree_leaves(found) if isinstance(x, torch.Tensor)]
        if max(sizes, default=0) > self.most:
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {max(sizes)} numbers.")
        return found


def upto(most, problem=None):
    """Work that gives back how many there were at once, and has room for `most`."""

    def work(count):
        if count > most:
            raise problem or torch.OutOfMemoryError("CUDA out of memory.")
        return count

    return work


def experiments(count, seed=0):
    rng = np.random.default_rng(seed)
    activity = rng.uniform(0.1, 0.9, (count, 3, 4))
    names = tuple(f"c{i}" for i in range(count))
    return Experiments(
        TOY, names, rng.uniform(0, 1, (count, 4)), np.ones((count, 4)), activity[:, 0], np.array([1.0, 6, 24]), activity
    )


def test_half_as_much_until_it_fits(capsys):
    assert halving(upto(200), 512, "conditions") == 128
    assert capsys.readouterr().out.splitlines() == [
        "out of memory with 512 conditions at once; going on with 256",
        "out of memory with 256 conditions at once; going on with 128",
    ]
    assert halving(upto(200), 200, "conditions") == 200
    assert capsys.readouterr().out == ""


def test_the_message_says_what_changes():
    lines = []
    assert halving(upto(3), 7, "molecules", "another model", least=2, report=lines.append) == 3
    assert lines == ["out of memory with 7 molecules at once; going on with 3 (another model)"]


@pytest.mark.parametrize(
    "problem",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        MemoryError("Unable to allocate 1 GiB for an array"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
    ],
)
def test_every_way_to_run_out(problem):
    assert ran_out(problem)
    assert halving(upto(1, problem), 2, "rows", report=lambda line: None) == 1


@pytest.mark.parametrize("problem", [ValueError("out of memory"), RuntimeError("shapes differ"), KeyError("rows")])
def test_other_problems_pass_through(problem):
    with pytest.raises(type(problem)) as caught:
        halving(upto(0, problem), 8, "rows")
    assert caught.value is problem


def test_one_that_does_not_fit_is_our_error(capsys):
    with pytest.raises(OutOfMemory, match=r"out of memory with 1 rows at once.*allowed: a smaller model, or a device"):
        halving(upto(0), 4, "rows")
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert issubclass(OutOfMemory, HmlmError)
    assert not ran_out(OutOfMemory("said once, not halved again"))
    with pytest.raises(OutOfMemory, match="with 2 molecules at once"):
        halving(upto(1), 2, "molecules", least=2)


def test_nothing_of_a_failed_attempt_is_left():
    failed = []

    def work(count):
        big = torch.zeros(count)
        assert all(one() is None for one in failed)
        if count > 1:
            failed.append(weakref.ref(big))
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return count

    assert halving(work, 8, "rows", report=lambda line: None) == 1
    assert len(failed) == 3


def test_parts_cover_all_rows_in_order_and_what_is_done_is_not_done_again():
    seen, lines = [], []

    def work(rows):
        size = rows.stop - rows.start
        if size > 3 or (rows.start >= 6 and size > 1):
            raise torch.OutOfMemoryError("CUDA out of memory.")
        seen.extend(range(rows.start, rows.stop))
        return size

    assert by_parts(work, 9, "rows", report=lines.append) == [2, 2, 2, 1, 1, 1]
    assert seen == list(range(9))
    assert [line.split("going on with ")[1] for line in lines] == ["4", "2", "1"]
    assert by_parts(work, 0, "rows") == []
    assert by_parts(work, 5, "rows", at_once=3) == [3, 2]


def test_predictions_in_parts_are_the_same(capsys):
    model, asked = HMLM.from_network(TOY, HMLMConfig(width=4, grid=8), 0), experiments(12)
    together = model.predict(asked, [2.0, 24.0])
    assert np.array_equal(parted(model.predict)(asked, [2.0, 24.0]), together)
    with Full(9 * 4 * 5):
        apart = parted(model.predict)(asked, [2.0, 24.0])
    np.testing.assert_allclose(apart, together, atol=1e-6)
    assert "out of memory with 12 conditions at once; going on with 6" in capsys.readouterr().out


def test_a_sum_in_parts_has_the_gradient_of_the_whole():
    torch.manual_seed(0)
    net, x, y = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1)), torch.randn(12, 5), torch.randn(12, 1)
    net.register_parameter("idle", nn.Parameter(torch.zeros(2)))
    net.register_parameter("frozen", nn.Parameter(torch.zeros(2), requires_grad=False))
    loss = lambda rows: (net(x[rows]) - y[rows]).square().sum() / len(x)  # noqa: E731
    whole = loss(slice(0, 12))
    whole.backward()
    wanted = {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}
    for room, exact in ((10_000, True), (40, False)):
        net.zero_grad()
        lines = []
        with Full(room):
            found = summed(loss, 12, net, "rows", report=lines.append)
        found.backward()
        assert bool(lines) is not exact
        for name, p in net.named_parameters():
            assert (p.grad is None) == (name not in wanted)
            if p.grad is not None:
                torch.testing.assert_close(p.grad, wanted[name], rtol=0 if exact else 1e-5, atol=0 if exact else 1e-6)
        torch.testing.assert_close(found, whole, rtol=0 if exact else 1e-6, atol=0 if exact else 1e-6)


def test_a_language_model_learns_the_same_in_parts(capsys):
    peptides, config = list(planted_pairs(80, 16).listed), TinyConfig(width=8, depth=1, heads=2, inner=8)
    together = language.pretrain([peptides], config, SHORT)
    assert capsys.readouterr().out == ""
    with Full(16_000):  # 256 peptides of 10 residues in 8 numbers are 20,480
        apart = language.pretrain([peptides], config, SHORT)
    assert "out of memory with 256 sequences at once; going on with 128" in capsys.readouterr().out
    for one, other in zip(together.parameters(), apart.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-3)  # of steps of .01: Adam magnifies a rounding


def test_compounds_are_told_the_same_in_parts(capsys):
    rng, give = np.random.default_rng(0), torch.Generator().manual_seed(0)
    tokens, latents = torch.randn(5, 8, generator=give), torch.randn(12, 2, 6, generator=give)
    moves, still = rng.random((12, 5)) < 0.4, Training(steps=0)
    told = lambda: compounds.composed(tokens, latents, moves, latents[:8], still)  # noqa: E731
    together = told()
    with Full(400):  # 12 molecules x 5 species x 8 numbers are 480
        apart = told()
    assert "molecules at once; going on with" in capsys.readouterr().out
    np.testing.assert_allclose(apart, together, atol=1e-5)


def test_molecules_are_embedded_the_same_in_parts(capsys):
    data = study.material(planted_molecules(24), 0.5, 0)
    model = CHMR.from_features(data.features, CHMRConfig(width=8, layers=1, structure=("bits",)), 0).eval()
    together = whole_molecules.embed(model, data)
    with Full(12 * data.bits.shape[1]):
        apart = molecules.embed(model, data, batch=24)
    assert capsys.readouterr().out == "out of memory with 24 molecules at once; going on with 12\n"
    np.testing.assert_allclose(apart, together, atol=1e-6)


def test_an_encoder_trained_on_smaller_batches_says_that_it_is_another(capsys, monkeypatch):
    data = study.material(planted_molecules(24), 0.5, 0)
    config, drawn = CHMRConfig(width=8, layers=1, structure=("bits",)), type(data).inputs

    def little(self, rows, *rest):
        if len(rows) > 6:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return drawn(self, rows, *rest)

    monkeypatch.setattr(type(data), "inputs", little)
    found = molecules.pretrain(data, config, SHORT, batch=24)
    line = "out of memory with 12 molecules at once; going on with 6 (a molecule is then told from fewer others: "
    assert line in capsys.readouterr().out
    wanted = whole_molecules.pretrain(data, config, SHORT, batch=6)
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), wanted.parameters(), strict=True))
    monkeypatch.setattr(type(data), "inputs", lambda self, *rest: little(self, range(7)))
    with pytest.raises(OutOfMemory, match="with 2 molecules at once, and fewer is not possible"):
        molecules.pretrain(data, config, SHORT, batch=24)


def test_a_perceptron_takes_the_batch_that_fits(capsys):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 4)), (rng.random((30, 2)) < 0.5).astype(float)
    head = HeadConfig(hidden=8, batch=16, check_every=1, training=SHORT)
    with Full(80):  # 16 rows of 8 numbers are 128, the ten validation rows 80
        found = molecules.fit(Head("auroc", head), x[:20], y[:20], x[20:], y[20:])
    wanted = Head("auroc", replace(head, batch=8)).fit(x[:20], y[:20], x[20:], y[20:])
    assert np.array_equal(found.predict(x), wanted.predict(x))
    with Full(80):
        assert molecules.predict(found, x).shape == (30, 2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "out of memory with 16 molecules at once; going on with 8 (trained anew; a step then sees fewer)"
    assert lines[1:] == [f"out of memory with {n} molecules at once; going on with {n // 2}" for n in (30, 15)]


def test_a_composition_takes_the_batch_that_fits(capsys):
    ligands = planted_pairs(200, 16)
    peptides, proteins = list(ligands.listed), list(ligands.proteins.values())
    drawn = lambda some: Pairs.of(some, (proteins * 8)[: len(some)], [k % 3 == 0 for k in range(len(some))])  # noqa: E731
    train, asked = drawn(peptides[:128]), drawn(peptides[128:176])
    lm = TinyLM.from_seed(0, TinyConfig(width=8, depth=1, heads=2, inner=8)).eval()
    build = lambda: Composition((lm, lm), ComposeConfig(((1, 1),), ("left",), heads=2, hidden=0))  # noqa: E731
    config = FitConfig(epochs=1, batch=128, training=SHORT)
    wanted = composition.fit(build, (lm, lm), train, {"random": asked}, replace(config, batch=64))
    assert capsys.readouterr().out == ""
    with Full(128 * 2 * 10 * 20 - 1):  # weights: pair, head, peptide, protein
        found = composition.fit(build, (lm, lm), train, {"random": asked}, config)
    assert "out of memory with 128 training pairs at once; going on with 64" in capsys.readouterr().out
    named = dict(found.strategy.named_parameters())
    assert all(torch.equal(named[name], p) for name, p in wanted.strategy.named_parameters())
    together = wanted.predict(asked)
    assert np.array_equal(composition.predict(wanted, asked), together)
    with Full(40 * 2 * 10 * 20):
        np.testing.assert_allclose(composition.predict(wanted, asked), together, atol=1e-5)
    assert "pairs at once; going on with" in capsys.readouterr().out


def test_hmlm_of_the_table_takes_the_conditions_that_fit(capsys):
    seen, config = experiments(12), HMLMConfig(width=4, grid=8, hierarchy=False, proposals=False)
    with Full(9 * 4 * 7):
        found = HMLMEntry(config, SHORT).fit(seen)
    line = "out of memory with 12 training conditions at once; going on with 6 (trained anew; a step then sees a part"
    assert capsys.readouterr().out.startswith(line)
    wanted = HMLM.from_network(TOY, config, 0).fit(seen, SHORT, batch=6)
    assert np.array_equal(found.predict(seen), wanted.predict(seen))


def test_a_population_of_cells_takes_the_cells_that_fit(capsys, monkeypatch):
    monkeypatch.setattr("hmlm_lib.evaluation.newcell.BATCH", 8)
    settings = {"model": HMLMConfig(width=4, grid=8, sums=False, pace=False), "width": 8, "layers": 1, "latent": 2}
    seen = experiments(8)
    with Full(6 * 3 * 4 * 16):
        found = CellEntry(SHORT, refine=1, **settings).fit(seen)
    assert "out of memory with 8 training cells at once; going on with 4" in capsys.readouterr().out
    together = found.reconstruct(seen, np.array([2.0, 24.0]))
    with Full(6 * 3 * 4 * 16):
        np.testing.assert_allclose(found.reconstruct(seen, np.array([2.0, 24.0])), together, atol=1e-5)
    assert "conditions at once; going on with 4" in capsys.readouterr().out


def test_crosstalk_is_the_same_in_parts(capsys):
    model = HMLM.from_network(TOY, HMLMConfig(width=4, grid=8), 0)
    asked, hours = experiments(2), np.array([6.0, 24.0])
    together = crosstalk.see(model.predict, asked, hours)
    capsys.readouterr()
    with Full(9 * 4 * 6):
        apart = crosstalk.see(model.predict, asked, hours)
    assert "out of memory with 8 conditions at once; going on with 4" in capsys.readouterr().out
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
