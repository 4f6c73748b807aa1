"""The ablation of all wiring: species, modules and inputs stay, what joins species is gone."""

from hmlm_lib.network.network import SignalingNetwork


def unwired(network: SignalingNetwork) -> SignalingNetwork:
    """The network with its input reactions alone, so that a model still knows where stimuli enter."""
    inputs = [not rule.reactants for rule in network.rules]
    name = f"{network.name}, reactions taken away"
    return SignalingNetwork(name, network.species, network.reactions[inputs], network.citation)
