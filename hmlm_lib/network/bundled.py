"""The network that comes with the library: cardiac-fibroblast signalling, in its published and its extended size.

`fibroblast-core`: the 109 species and 172 reactions of Rogers and Richardson, eLife 2022;11:e62856 (CC BY).
`fibroblast`: these and the 23 species that ECMSim adds (132 species, the set the HMLM paper names): eleven external
supplies `...in`, five production terms `...fb`, oestrogen signalling, cyclin B1, CDK1 and LOX.

Ours, where ECMSim's rate expressions had to become rules: its products are AND, its sums OR, its inhibition AND NOT
on the activating reactions; supplies and production terms act through identity gates (n = 1, EC50 = 0.5), as its
linear terms do, so that the core's steady states stay as published while oestrogen and CDK1 are silent. Edges that
ECMSim draws between two core species and the publication does not are left out. New reactions have the core's
n = 1.25 and EC50 = 0.6; oestrogen is absent by default. Source: SysMechBioLab/ECMSim (MIT).
"""

from importlib.resources import files

import pandas as pd

from hmlm_lib.errors import NetworkError, did_you_mean
from hmlm_lib.network.network import SignalingNetwork

CITATION = (
    "Core: Rogers JD and Richardson WJ, eLife 2022;11:e62856 (CC BY). Extension: ECMSim (SysMechBioLab/ECMSim, MIT)."
)
SCOPES = {"fibroblast": ("both", "extended"), "fibroblast-core": ("both", "core")}
MARKERS = ("proCI", "proCIII", "fibronectin", "aSMA", "periostin", "TNC", "LOX")  # the paper's seven; core lacks LOX


def load_network(name: str = "fibroblast") -> SignalingNetwork:
    """A bundled network by name: `fibroblast` (132 species) or `fibroblast-core` (109, as published)."""
    if name not in SCOPES:
        raise NetworkError(f"no bundled network {name!r}{did_you_mean(name, SCOPES)}; allowed: {', '.join(SCOPES)}")
    tables = files("hmlm_lib.network") / "tables"
    with (tables / "fibroblast_species.csv").open() as file:
        species = pd.read_csv(file, index_col="species", dtype={"is_output": bool, "core": bool})
    with (tables / "fibroblast_reactions.csv").open() as file:
        reactions = pd.read_csv(file, index_col="reaction", dtype={"evidence": str}, keep_default_na=False)
    reactions = reactions[reactions["scope"].isin(SCOPES[name])].drop(columns="scope")
    if name == "fibroblast-core":
        species = species[species["core"]]
    return SignalingNetwork(name, species, reactions, CITATION)
