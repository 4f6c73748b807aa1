"""How models are trained where few experiments are shown: the best of four candidates each on world 100.

Candidates of GRU, LEMBAS-like network and the other baselines: the defaults, which serve 91 experiments; a quarter of
the steps; that with .4 of the learning rate; the defaults with a weight decay of .1. What counts is the mean of log MSE
after 1, 4 and 16 experiments, for the LEMBAS-like network over all three mechanisms.

Candidates of HMLM and the equations, over all three mechanisms: 200 steps at .02, 400 at .05, 800 at .02 and at .05.
HMLM from other networks was best with the first after 1, 4 and 16 experiments, HMLM from nothing and the equations with
the first after one experiment, with the last from four. reports/LOG.md.
"""

ENOUGH = 4  # experiments for the schedule of many, for what learned on no other network

CHANGES: dict[str, dict[str, float]] = {
    "gru": {"steps": 500, "learning_rate": 0.0012},
    "lembas": {"weight_decay": 0.1},
}
