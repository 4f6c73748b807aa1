"""Several networks as one: their disjoint union, and one experiment on each as one experiment on the union.

Whatever reads one network then reads many at once, without a loop over them.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from hmlm_lib.errors import ModelError
from hmlm_lib.experiments import Experiments
from hmlm_lib.network.network import SignalingNetwork

FIELDS = ("stimulus", "factor", "y0", "activity")  # of Experiments, species last


def union(networks: Sequence[SignalingNetwork]) -> SignalingNetwork:
    """All species, modules and reactions of the networks; those of network 3 are called n3_NAME. No edge joins two."""
    if not networks:
        raise ModelError("no networks; allowed: one or more")
    species, reactions = [], []
    for number, network in enumerate(networks):
        before = f"n{number}_"
        table = network.species.rename(index=lambda name, before=before: before + name)
        species.append(table.assign(module=[before + module for module in network.species["module"]]))
        rules = [
            " & ".join("!" * r.inhibits + before + r.species for r in rule.reactants) + f" => {before}{rule.product}"
            for rule in network.rules
        ]
        renamed = network.reactions.rename(index=lambda name, before=before: before + name)
        reactions.append(renamed.assign(rule=rules))
    return SignalingNetwork(f"{len(networks)} networks", pd.concat(species), pd.concat(reactions))


def side_by_side(members: Sequence[Experiments]) -> Experiments:
    """Condition i of the union: condition i of every member.

    Raises ModelError where members differ in the number of conditions, or in the times.
    """
    whole = union([member.network for member in members])
    first = members[0]
    for number, member in enumerate(members):
        if len(member) != len(first) or not np.array_equal(member.times_h, first.times_h):
            raise ModelError(
                f"experiments of member {number}: {len(member)} conditions at {member.times_h.tolist()} h; allowed: as "
                f"those of member 0, {len(first)} at {first.times_h.tolist()} h"
            )
    values = {name: np.concatenate([getattr(member, name) for member in members], axis=-1) for name in FIELDS}
    return replace(first, network=whole, names=tuple(f"condition {i}" for i in range(len(first))), **values)


def apart(whole: Experiments, networks: Sequence[SignalingNetwork]) -> list[Experiments]:
    """Experiments on the union of these networks as experiments on each; undoes `side_by_side`."""
    ends = np.cumsum([len(network.species_names) for network in networks])
    parts = [np.split(getattr(whole, name), ends[:-1], axis=-1) for name in FIELDS]
    return [
        replace(whole, network=network, **dict(zip(FIELDS, values, strict=True)))
        for network, *values in zip(networks, *parts, strict=True)
    ]
