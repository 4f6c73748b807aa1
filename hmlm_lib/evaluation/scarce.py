"""How baselines are trained where few experiments are shown: the best of four candidates each on world 100.

Candidates: the defaults, which serve 91 experiments; a quarter of the steps; that with .4 of the learning rate; the
defaults with a weight decay of .1. What counts is the mean of log MSE after 1, 4 and 16 experiments. reports/LOG.md.
"""

CHANGES: dict[str, dict[str, float]] = {
    "gru": {"steps": 500, "learning_rate": 0.0012},
    "lembas": {"weight_decay": 0.1},
}
