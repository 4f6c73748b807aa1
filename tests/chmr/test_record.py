"""The nine sets as a record: rows, tables, intervals, and one real run of every kind of model on a small set."""

import sys
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from hmlm_lib.chmr import benchmarks, cellular, forms, parts, record, settings, table
from hmlm_lib.chmr.benchmarks import Assays
from hmlm_lib.chmr.ensemble import ForestVote
from hmlm_lib.chmr.finetune import HeadConfig
from hmlm_lib.chmr.modalities import hide
from hmlm_lib.chmr.model import CHMRConfig
from hmlm_lib.chmr.planted import planted
from hmlm_lib.errors import ModelError, MoleculeError
from hmlm_lib.evaluation import benchmark, rows
from hmlm_lib.figures import fig_sets, fig_worth
from hmlm_lib.training import Training


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "rows_dir", lambda: tmp_path)
    return tmp_path


def add(name, model, seed, test, by_task, scaffolds=None):
    code = benchmark.code(f"molecules_{name}", model)
    values = {"M/test": test, "M/by_task": by_task, "M/random": scaffolds, "seconds": 1.0}
    rows.add_row(
        f"molecules_{name}",
        {"setting": f"molecules_{name}", "model": model, "seed": seed, "code": code, "values": values},
    )


def test_worth_pairs_seeds_and_tasks_and_turns_errors_round(folder):
    for seed in (0, 1, 2):
        add("sider", "chmr", seed, 0.7, [0.7, 0.8, 0.9, 0.6, 0.6, 0.6])
        add("sider", "chmr_shuffled", seed, 0.6, [0.6, 0.7, 0.8, 0.5, 0.5, 0.5])
        add("biogen", "chmr", seed, 0.4, [0.4] * 6)
        add("biogen", "chmr_shuffled", seed, 0.5, [0.5, 0.3] * 3)
        add("bace", "chmr", seed, 0.8, [0.8])
        add("bace", "chmr_shuffled", seed, 0.6, [0.6 + 0.1 * seed])
    for model, score in {"chmr": 0.8, "chmr_shuffled": 0.7, "chmr_untrained": 0.6}.items():
        add("hiv", model, 0, score, [score])
    add("biogen", "chmr", 7, 9.9, [9.9] * 6)  # a seed the control lacks counts for nothing
    whole = table.worth()
    found = whole[whole["control"] == "shuffled cells"].set_index("set")
    assert found.loc["sider", ["gain", "low", "high"]].tolist() == pytest.approx([0.1, 0.1, 0.1])
    assert found.loc["biogen", "gain"] == pytest.approx(0.0)
    half = 2.570582 * (0.012 / 6) ** 0.5  # seeds alike: t for five degrees of freedom, over the tasks
    assert found.loc["biogen", ["low", "high"]].tolist() == pytest.approx([-half, half])
    half = 4.302653 * 0.1 / 3**0.5  # one task: t for two degrees of freedom, over the seeds
    assert found.loc["bace", ["gain", "low", "high"]].tolist() == pytest.approx([0.1, 0.1 - half, 0.1 + half])
    assert found.loc["hiv", "gain"] == pytest.approx(0.1)
    assert found.loc["hiv", ["low", "high"]].isna().all()  # one number has no spread
    assert list(found.index) == ["biogen", "bace", "sider", "hiv"]
    assert whole.query("control == 'an untrained encoder'")[["set", "gain"]].values.tolist() == [
        ["hiv", pytest.approx(0.2)]
    ]
    assert [ax.get_title() for ax in fig_worth(whole).axes] == ["over shuffled cells", "over an untrained encoder"]
    add("sider", "chmr_no_tree", 1, 0.7, [0.7, 0.8, 0.9, 0.6, 0.6, 0.3])
    without = table.worth(controls=table.WITHOUT)
    assert without[["control", "set", "tasks", "seeds"]].values.tolist() == [["no tree", "sider", 6, 1]]
    assert without.loc[0, "gain"] == pytest.approx(0.05)


def test_an_interval_over_seeds_and_tasks_holds_the_mean_as_often_as_it_says():
    """1,000 tables [3, 8] of mean 0, seeds and tasks with spreads of their own: 92 to 99 % of intervals hold it."""
    draw = np.random.default_rng(0).standard_normal
    held = 0
    for _ in range(1000):
        low, high = table._both(draw((3, 1)) + 2 * draw((1, 8)) + draw((3, 8)))
        held += low <= 0 <= high
    assert 920 <= held <= 990
    assert np.isnan(table._both(np.ones((1, 8)))).all()


def test_every_part_that_an_ablation_takes_away_has_a_title():
    assert set(table.WITHOUT.values()) == set(record.ABLATIONS)


def test_other_scaffolds_pair_the_rows_of_a_split_and_widen_the_interval(folder):
    for seed, (ours, theirs) in enumerate([(0.5, 0.6), (0.5, 0.8), (0.5, 0.7)]):
        add("biogen", "chmr", seed, 0.0, [0.0], ours)
        add("biogen", "mlp", seed, 0.0, [0.0], theirs)
    add("biogen", "chmr", 7, 0.0, [0.0], 9.9)  # a split that the control has not seen
    found = table.over_splits("biogen", "chmr", "mlp")
    half = 4.302653 * 0.1 * (1 / 3 + 0.25 / 0.6) ** 0.5  # t for two degrees of freedom; errors: smaller is better
    assert found == pytest.approx((3, 0.2, 0.2 - half, 0.2 + half))
    add("sider", "chmr", 0, 0.0, [0.0], 0.6)
    add("sider", "mlp", 0, 0.0, [0.0], 0.7)
    assert table.over_splits("sider", "chmr", "mlp") == pytest.approx((1, -0.1, np.nan, np.nan), nan_ok=True)
    assert table.over_splits("hiv", "chmr", "mlp") == pytest.approx((0, np.nan, np.nan, np.nan), nan_ok=True)


def test_tables_keep_published_figures_apart(folder):
    add("sider", "kernel_ridge", 0, 0.6, [0.6])
    add("sider", "chmr", 0, 0.7, [0.7])
    add("sider", "chmr", 1, 0.8, [0.8])
    found = table.scores()
    assert found["model"].tolist() == ["chmr", "kernel_ridge"]
    assert found.loc[0, ["mean", "n"]].tolist() == pytest.approx([0.75, 2])
    assert found.loc[1, "sd"] == 0.0
    published = table.published()
    assert published.loc["CHMR", "biogen"] == 0.409
    fig = fig_sets(found, published)
    assert [ax.get_title() for ax in fig.axes if ax.get_visible()] == ["sider"]
    add("sider", "chmr_no_tree", 0, 0.6, [0.6])
    add("sider", "chmr_forest", 0, 0.9, [0.9])
    assert table.scores()["model"].tolist() == ["chmr", "chmr_forest", "kernel_ridge", "chmr_no_tree"]
    assert table.scores("M/test").columns.tolist() == ["set", "model", "mean", "sd", "n"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def small(folder, cache, monkeypatch):
    """A set of planted molecules in the place of a real one, small models, a cache that these tests share."""
    monkeypatch.setenv("HMLM_CACHE_DIR", str(cache))
    p = planted(240, seed=4)
    labels = p.labels.copy()
    labels[np.random.default_rng(0).random(labels.shape) < 0.2] = np.nan
    data = Assays("sider", p.smiles, p.smiles, labels[:, :4], tuple("abcd"), "auroc", 0)
    monkeypatch.setattr(benchmarks, "load", lambda name: data)
    cells = {name: hide(m, 0.5, 0) for name, m in p.modalities.items() if name != "genetic"}
    monkeypatch.setattr(record.cellular, "tables", dict)
    monkeypatch.setattr(record.cellular, "with_cells", lambda smiles, tables: (tuple(smiles), cells))
    whole = CHMRConfig(width=16, layers=1, depth=2, structure=("bits", "graph", "shape"))
    monkeypatch.setattr(record, "PRETRAINING", Training(steps=3))
    variants = {name: settings.Variant(whole, one.cells) for name, one in record.VARIANTS.items()}
    monkeypatch.setattr(record, "VARIANTS", variants)
    without = {
        name: replace(one, config=replace(one.config, width=16, layers=1, depth=min(2, one.config.depth)))
        for name, one in parts.PARTS.items()
    }
    monkeypatch.setattr(record, "PARTS", without)
    monkeypatch.setattr(record, "ForestVote", partial(ForestVote, trees=5))
    head = HeadConfig(hidden=16, layers=1, training=Training(steps=20, learning_rate=3e-3))
    monkeypatch.setattr(record, "HEADS", {"auroc": head})
    caches = (
        record.assays, record._structure, record.published, record._described, record.everything, record.material,
    )  # fmt: skip
    for one in caches:
        one.cache_clear()
    yield cache
    for one in caches:
        one.cache_clear()


SLOW = {"forest", "boosting", "boosting_descriptors"}


@pytest.mark.parametrize("model", sorted({*record.MODELS, *record.ABLATIONS} - SLOW))
def test_every_model_gives_a_row(small, model):
    row = record.run_one("molecules_sider", model, 0)
    assert set(row["values"]) >= {"M/test", "M/clean", "M/random", "M/valid", "M/by_task", "parameters", "seconds"}
    assert len(row["values"]["M/by_task"]) == 4
    assert row["values"]["M/test"] == pytest.approx(np.mean(row["values"]["M/by_task"]), abs=1e-3)
    if model == "mean":
        assert row["values"]["M/test"] == 0.5


def test_an_encoder_is_trained_once_and_read_again(small, monkeypatch):
    first = record.pretrained("chmr", 0)
    monkeypatch.setattr(record, "pretrain", lambda *_, **__: pytest.fail("trained again"))
    again = record.pretrained("chmr", 0)
    for (name, one), other in zip(first.state_dict().items(), again.state_dict().values(), strict=True):
        assert one.equal(other), name
    kept = [path.suffix for path in (small / "chmr").glob("chmr-0-*")]
    assert sorted(kept) == [".lock", ".safetensors"]  # no half-finished one beside it


@pytest.mark.parametrize(
    ("name", "learned_by"),
    [
        ("no_tree", {"align", "reconstruct"}), ("no_alignment", {"tree", "reconstruct"}), ("no_cpr", {"align", "tree"}),
        ("zero", {"align", "tree", "reconstruct"}),
    ],
)  # fmt: skip
def test_an_encoder_without_a_part_learns_from_the_others(small, name, learned_by):
    model = record.pretrained(name, 0)
    data = record.material("real", None, record.PARTS[name].fill, "")
    generator = torch.Generator().manual_seed(0)
    said = model.loss(data.inputs(torch.arange(64), True, generator), generator)[1]
    assert set(said) == learned_by
    missing = torch.cat([cells.filled[~cells.known].flatten() for cells in data.cells.values()])
    assert len(missing)
    assert bool((missing == 0).all()) is (name == "zero")
    fresh = type(model).from_features(model.features, model.config, 0)
    assert any(not one.equal(two) for one, two in zip(model.parameters(), fresh.parameters(), strict=True))  # it moved


def test_ablations_are_asked_for_by_name_and_rest_on_their_own_settings():
    assert list(record.ABLATIONS) == ["chmr_no_tree", "chmr_no_alignment", "chmr_no_cpr", "chmr_zero"]
    assert not set(record.ABLATIONS) & set(benchmark.models("molecules_sider"))
    assert benchmark.models("molecules_sider", ["ablations"]) == list(record.ABLATIONS)
    assert "chmr.parts" in record.ABLATIONS["chmr_zero"].modules
    assert "chmr.parts" not in record.MODELS["chmr"].modules
    whole = settings.VARIANTS["chmr"]
    assert parts.encoder(whole) == parts.Part(whole.config, "real", "propagation")


def own_tables(folder, values):
    folder.mkdir(exist_ok=True)
    pd.DataFrame({"smiles": ["CCO", "c1ccccc1", "CCN"]}).to_csv(folder / "GE.csv.gz", index=False)
    np.savez(folder / "GE_feature.npz", data=values)
    return str(folder)


def test_rows_of_other_tables_of_cells_do_not_count(folder, tmp_path, monkeypatch):
    add("sider", "chmr", 0, 0.7, [0.7])
    add("sider", "forest", 0, 0.6, [0.6])

    def counted():
        return sorted(row["model"] for row in benchmark.rows("molecules_sider"))

    public = benchmark.codes("molecules_sider")
    assert public["chmr"] == rows.code_hash(benchmark.rests_on("molecules_sider", "chmr"))
    assert counted() == ["chmr", "forest"]
    monkeypatch.setenv(cellular.FOLDER, own_tables(tmp_path / "own", np.eye(3)))
    mine = benchmark.codes("molecules_sider")
    assert counted() == ["forest"]
    told = {model for model in public if public[model] != mine[model]}
    assert told == {m for m in public if m.startswith(("chmr", "infoalign"))}  # all that have an encoder
    values = {"M/test": 0.9, "M/by_task": [0.9], "seconds": 1.0}
    rows.add_row(
        "molecules_sider",
        {"setting": "molecules_sider", "model": "chmr", "seed": 0, "code": mine["chmr"], "values": values},
    )
    assert [row["values"]["M/test"] for row in benchmark.rows("molecules_sider") if row["model"] == "chmr"] == [0.9]
    monkeypatch.delenv(cellular.FOLDER)
    assert [row["values"]["M/test"] for row in benchmark.rows("molecules_sider") if row["model"] == "chmr"] == [0.7]


def test_an_encoder_of_other_tables_of_cells_is_another(small, tmp_path, monkeypatch):
    record.pretrained("chmr", 0)
    seen = []
    tables = record.cellular.with_cells
    monkeypatch.setattr(record.cellular, "with_cells", lambda *given: seen.append(1) or tables(*given))
    monkeypatch.setenv(cellular.FOLDER, own_tables(tmp_path / "own", np.eye(3)))
    for values in (np.eye(3), 2 * np.eye(3)):
        own_tables(tmp_path / "own", values)
        row = benchmark.run_one("molecules_sider", "chmr", 0)
        assert row["code"] == benchmark.code("molecules_sider", "chmr")
        assert list((small / "chmr").glob(f"chmr-0-*{record.mark('chmr')}.safetensors"))
    assert len(seen) == 2  # tables were read anew for each
    assert len(list((small / "chmr").glob("chmr-0-*.safetensors"))) == 3


@pytest.fixture
def unimol(monkeypatch):
    """Uni-Mol's package, as far as it is asked."""

    class Repr:
        def __init__(self, **_):
            pass

        def get_repr(self, smiles):
            return {"cls_repr": np.random.default_rng(len(smiles)).normal(size=(len(smiles), 512))}

    monkeypatch.setitem(sys.modules, "unimol_tools", SimpleNamespace(UniMolRepr=Repr))
    monkeypatch.setenv(forms.VARIABLE, "unimol")


@pytest.mark.parametrize("model", ["chmr", "chmr_tuned", "mlp_descriptors", "committee_descriptors"])
def test_vectors_of_unimol_are_read_where_they_are_asked_for(small, request, model):
    plain = benchmark.run_one("molecules_sider", model, 0)
    width = record.described("sider").shape[1]
    request.getfixturevalue("unimol")
    assert record.described("sider").shape[1] == width + 512
    row = benchmark.run_one("molecules_sider", model, 0)
    assert row["code"] == plain["code"] + "-unimol"
    assert row["values"]["parameters"] > plain["values"]["parameters"]
    if "chmr" in model:
        assert record.pretrained("chmr", 0).features["shape"] == width - 1191 + 512
        assert len(list((small / "chmr").glob("chmr-0-*-unimol.safetensors"))) == 1


def test_only_what_reads_descriptors_is_marked(monkeypatch, unimol):
    marked = {model for model in record.MODELS if record.mark(model)}
    assert set(record.MODELS) - marked == {
        "mean", "mlp", "kernel_ridge", "forest", "boosting", "boosting_descriptors",
    }  # fmt: skip
    monkeypatch.setenv(forms.VARIABLE, "unimoll")
    with pytest.raises(MoleculeError, match=r"no shapes 'unimoll' in HMLM_SHAPES \(did you mean 'unimol'"):
        record.mark("chmr")


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(ModelError, match=r"no model 'chmrr' of molecules \(did you mean 'chmr'\?\)"):
        record.entry("chmrr")
