"""The shapes written in the annotations of composition, checked by beartype at ordinary work; a process of its own."""

import subprocess
import sys

WORK = """
import warnings
warnings.simplefilter("ignore")
import sys, types
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook
sys.modules["tower"] = types.SimpleNamespace(check=beartype(conf=BeartypeConf(is_pep484_tower=True)))
install_import_hook("hmlm_lib", "tower.check")
from hmlm_lib.composition import planted as planted_pairs
from hmlm_lib.composition import pretrain as language
from hmlm_lib.composition import record as composed
from hmlm_lib.composition import study as composing
from hmlm_lib.composition.classical import OneHot, PositionTables
from hmlm_lib.composition.fit import FitConfig, fit
from hmlm_lib.composition.language_models import TinyConfig
from hmlm_lib.composition.pairs import splits
from hmlm_lib.composition.settings import STRATEGIES
from hmlm_lib.composition.shipped import material
from hmlm_lib.training import Training
pairs = splits(planted_pairs.planted(9000, 48), 0, train=200, valid=60, test=60, unseen=(8, 8))
lm = language.pretrain(material(planted_pairs.planted(200, 16)), TinyConfig(16, 4, 2, 16), Training(steps=2))
lm.requires_grad_(False)
language.surprise(lm, ["SIINFEKL"])
for name in STRATEGIES:
    fitted = fit(lambda: STRATEGIES[name].build((lm, lm)), (lm, lm), pairs.train, pairs.valid, FitConfig(epochs=1))
    composed.interval(pairs.test["random"], fitted.at("random").predict(pairs.test["random"]))
    if name == "composition":
        some = composing.nine(pairs.test["random"], 5)
        composing.looks(fitted, some), composing.exchanged(fitted, some, "left")
for kind in (OneHot, PositionTables):
    kind().fit(pairs.train, pairs.valid["random"]).predict(pairs.test["unseen"])
composing.ceiling(pairs)
print("done")
"""


def test_annotated_shapes_of_compositions_hold():
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "done\n"
