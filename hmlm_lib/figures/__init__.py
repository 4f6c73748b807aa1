"""Figures: pure functions from arrays to a Figure, in one style, saved by one function."""

from hmlm_lib.figures.comparison import (
    fig_correlation,
    fig_cost,
    fig_data_efficiency,
    fig_model_comparison,
    fig_published,
    fig_reconstruction,
    fig_shots,
    fig_times,
)
from hmlm_lib.figures.composition import fig_anchors, fig_masking, fig_strategies
from hmlm_lib.figures.dynamics import fig_dose_response, fig_dynamics, fig_knockouts
from hmlm_lib.figures.explorer import fig_pulses, fig_side_by_side
from hmlm_lib.figures.features import fig_correlation_by_distance, fig_pair_matrix, fig_temporal_features
from hmlm_lib.figures.interpret import (
    fig_arrival,
    fig_code_tree,
    fig_embedding,
    fig_faithfulness,
    fig_maps,
    fig_recovery,
)
from hmlm_lib.figures.model import (
    fig_attention_map,
    fig_crosstalk,
    fig_gates,
    fig_knockout_effects,
    fig_learned_against_true,
    fig_predictions,
    fig_responses,
)
from hmlm_lib.figures.molecules import (
    fig_codes,
    fig_filled_in,
    fig_imputation,
    fig_scores,
    fig_sets,
    fig_sweeps,
    fig_worth,
)
from hmlm_lib.figures.network import fig_module_edges, fig_network, module_edges
from hmlm_lib.figures.real import fig_courses, fig_next, fig_protocols, fig_recalls
from hmlm_lib.figures.style import (
    CONDITION_COLOURS,
    DIVERGING_MAP,
    MODEL_COLOURS,
    MODULE_COLOURS,
    SEQUENTIAL_MAP,
    save_figure,
    use_style,
)

__all__ = [
    "CONDITION_COLOURS",
    "DIVERGING_MAP",
    "MODEL_COLOURS",
    "MODULE_COLOURS",
    "SEQUENTIAL_MAP",
    "fig_anchors",
    "fig_arrival",
    "fig_attention_map",
    "fig_code_tree",
    "fig_codes",
    "fig_correlation",
    "fig_correlation_by_distance",
    "fig_cost",
    "fig_courses",
    "fig_crosstalk",
    "fig_data_efficiency",
    "fig_dose_response",
    "fig_dynamics",
    "fig_embedding",
    "fig_faithfulness",
    "fig_filled_in",
    "fig_gates",
    "fig_imputation",
    "fig_knockout_effects",
    "fig_knockouts",
    "fig_learned_against_true",
    "fig_maps",
    "fig_masking",
    "fig_model_comparison",
    "fig_module_edges",
    "fig_network",
    "fig_next",
    "fig_pair_matrix",
    "fig_predictions",
    "fig_protocols",
    "fig_published",
    "fig_pulses",
    "fig_recalls",
    "fig_reconstruction",
    "fig_recovery",
    "fig_responses",
    "fig_scores",
    "fig_sets",
    "fig_shots",
    "fig_side_by_side",
    "fig_strategies",
    "fig_sweeps",
    "fig_temporal_features",
    "fig_times",
    "fig_worth",
    "module_edges",
    "save_figure",
    "use_style",
]
