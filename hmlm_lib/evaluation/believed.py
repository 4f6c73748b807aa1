"""The kinetics of a world in the wiring that models are shown: reactions may be hidden there, signs may be wrong."""

from dataclasses import replace

from hmlm_lib.errors import NetworkError, did_you_mean
from hmlm_lib.network.network import NetworkArrays


def believed(shown: NetworkArrays, kinetics: NetworkArrays) -> NetworkArrays:
    """The reactions, reactants and signs of `shown`; w, n, EC50 a reaction and tau (hours) a species of `kinetics`.

    NetworkError unless both have the same species, and `kinetics` every reaction that is shown, by its id.
    """
    if shown.species_names != kinetics.species_names:
        raise NetworkError("kinetics are of other species than the wiring; allowed: the same, in the same order")
    row = {name: i for i, name in enumerate(kinetics.reaction_ids)}
    absent = [name for name in shown.reaction_ids if name not in row]
    if absent:
        raise NetworkError(
            f"no kinetics of reaction {absent[0]!r}{did_you_mean(absent[0], row)}; allowed: wirings whose reactions "
            f"all have some"
        )
    rows = [row[name] for name in shown.reaction_ids]
    numbers = {name: getattr(kinetics, name)[rows] for name in ("w", "n", "ec50")}
    return replace(shown, tau=kinetics.tau, **numbers)
