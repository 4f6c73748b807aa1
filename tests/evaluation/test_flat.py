"""The record under flat keys: each number once, under the name that notebooks give it."""

import json

import pytest

from hmlm_lib import environment
from hmlm_lib.errors import HmlmError
from hmlm_lib.evaluation import benchmark, flat, rows
from hmlm_lib.metrics import KEY


@pytest.mark.parametrize(
    ("setting", "measure", "key"),
    [
        ("k8", "B/mse_all", "04_baselines/B_k8/gru/mse_all"),
        ("missing15_k8", "C/effect_r", "04_baselines/C_missing15_k8/gru/effect_r"),
        ("overexpressed_k8", "O/rest_effect_r", "04_baselines/C_overexpressed_k8/gru/rest_effect_r"),
        ("overexpressed_k8", "seconds", "04_baselines/overexpressed_k8/gru/seconds"),
        ("k8", "seconds", "04_baselines/k8/gru/seconds"),
        ("published_noise05", "P/mse_k16", "04_baselines/published_noise05_k16/gru/mse_markers"),
        ("reconstruct_k4", "A/mse_all", "05_sparse_sampling/A_k4/gru/mse_all"),
        ("reconstruct_k16", "seconds", "05_sparse_sampling/A_k16/gru/seconds"),
        ("published_heldout", "H/mse", "04_baselines/published_heldout/gru/mse_markers"),
        ("published_heldout", "H/mse_tgf_beta", "04_baselines/published_heldout_tgf_beta/gru/mse_markers"),
        ("published_heldout", "H/time_r", "04_baselines/published_heldout/gru/time_r"),
        ("newcell_k4", "D/mse_all", "05_sparse_sampling/D_k4/gru/mse_all"),
        ("newcell_k8", "D/mse_unseen", "05_sparse_sampling/D_unobserved_k8/gru/mse_all"),
        ("molecules_chembl2k", "M/test", "06_chmr/chembl2k/gru/auroc"),
        ("molecules_broad6k", "M/clean", "06_chmr/broad6k_clean/gru/auroc"),
        ("molecules_biogen", "M/test", "06_chmr/biogen/gru/mae"),
        ("imputed_expression", "I/error_scaffold", "06_chmr/imputed_expression_scaffold/gru/error"),
        ("faithful_k8", "F/spearman", "07_interpretability/faithfulness/gru/spearman"),
        ("hidden10_k8", "E/auroc", "07_interpretability/edges_hidden/gru/auroc"),
        ("insilico", "seconds", "07_interpretability/edges_insilico/gru/seconds"),
        ("composition_16k", "L/unseen", "08_composition/unseen_allele/gru/auroc"),
        ("composition_16k", "L/random", "08_composition/random/gru/auroc"),
        ("hpn_sparse4_inhibitor", "R/rmse", "09_real_data/sparse4_inhibitor/gru/rmse_log2"),
        ("hpn_fivefold", "R/MCF7", "09_real_data/fivefold_MCF7/gru/rmse_log2"),
        ("literature", "L/balanced_accuracy", "09_real_data/literature/gru/balanced_accuracy"),
        ("newnetwork_massaction_k8", "N/mse_16", "10_new_network/massaction_k8_16_experiments/gru/mse"),
    ],
)
def test_keys_are_those_of_the_notebooks(setting, measure, key):
    assert flat.key(setting, "gru", measure) == key
    assert KEY.fullmatch(key)


def test_no_two_numbers_of_the_record_share_a_key():
    known = {
        (name, measure)
        for name in benchmark.settings()
        for row in benchmark.rows(name)
        for measure, value in row["values"].items()
        if isinstance(value, float)
    }
    keys = [flat.key(name, "model", measure) for name, measure in known]
    assert len(set(keys)) == len(keys) > 100


def test_a_measure_without_a_key_is_named():
    with pytest.raises(HmlmError, match="'R/BT20/by_condition' of 'hpn_fivefold' has no key"):
        flat.key("hpn_fivefold", "gru", "R/BT20/by_condition")


def test_mean_spread_and_count_over_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "rows_dir", lambda: tmp_path)
    for seed, error in ((0, 0.1), (1, 0.3)):
        values = {"B/mse_all": error, "B/by_condition": [0.1, 0.2]}
        rows.add_row("k8", rows.make_row("k8", "gru", seed, values) | {"code": benchmark.code("k8", "gru")})
    rows.add_row("k8", {"setting": "k8", "model": "mlp", "seed": 0, "code": "older", "values": {"B/mse_all": 0.2}})
    record = {name: benchmark.rows(name) for name in ("k8", "k4")}
    assert flat.metrics(record) == {"04_baselines/B_k8/gru/mse_all": {"mean": 0.2, "sd": 0.141421, "n": 2}}
    manifest = flat.manifest(record)
    assert set(manifest["written_with"]["versions"]) == {*environment.PACKAGES, "python"}
    assert "CPU cores" in manifest["written_with"]["machine"]
    made = manifest["settings"]
    assert list(made) == ["k8"]
    assert made["k8"]["models"] == {"gru": {"code": benchmark.code("k8", "gru"), "seeds": [0, 1]}}


def test_lines_are_the_same_json():
    value = {"a": {"b": {"c": 1, "d": [1, 2]}, "e": {}}, "f": 2.5}
    for depth in range(5):
        assert json.loads(flat.as_lines(value, depth)) == value
    assert flat.as_lines(value, 1).count("\n") == 4
