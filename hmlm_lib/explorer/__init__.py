"""The explorer: a virtual fibroblast under sliders, its simulator and a trained HMLM side by side."""

from hmlm_lib.explorer.cell import Simulator
from hmlm_lib.explorer.lesson import (
    CONFIG,
    errors,
    groups,
    published_cell,
    schedule,
    training_experiments,
    unseen_settings,
)
from hmlm_lib.explorer.panel import Explorer
from hmlm_lib.explorer.setting import HORIZON_H, TIMES_H, Setting, trajectory

__all__ = [
    "CONFIG",
    "HORIZON_H",
    "TIMES_H",
    "Explorer",
    "Setting",
    "Simulator",
    "errors",
    "groups",
    "published_cell",
    "schedule",
    "training_experiments",
    "trajectory",
    "unseen_settings",
]
