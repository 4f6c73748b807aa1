"""How much a run computes: `quick` (two CPU cores, minutes), `record` (hours on CPU), `full` (one GPU)."""

from dataclasses import dataclass

from hmlm_lib.errors import RunError, pick


@dataclass(frozen=True)
class Profile:
    """Sizes that notebooks read; everything else about a notebook is the same in all profiles."""

    name: str
    description: str
    seeds: int  # worlds on which models are scored
    dose_points: int  # levels of a dose-response curve
    effort: float  # fraction of a model's training steps
    comparison_effort: float  # the same where many models are trained side by side
    data_seeds: int  # data sets of the published protocol
    members: int  # of an ensemble
    molecules: int  # generated ones
    pretraining: int  # steps of a molecular encoder
    encoder_width: int  # of its latents
    encoder_layers: int  # of its graph network
    encoder_batch: int  # molecules a step
    head_width: int  # of the perceptron that reads its latents
    hidden: tuple[float, ...]  # fractions of one cellular modality hidden, the others measured
    peptides: int  # to train compositions on, each in two pairs
    passes: int  # over these pairs

    def steps(self, whole: int, times: float = 1.0, least: int = 20) -> int:
        """Steps of a training: its share of the whole, `times` as many, at least `least` and never more than it has."""
        return min(whole, max(least, round(self.effort * times * whole)))


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "quick",
            "two CPU cores, minutes",
            seeds=1,
            dose_points=33,
            effort=0.1,
            comparison_effort=0.06,
            data_seeds=2,
            members=3,
            molecules=1500,
            pretraining=72,
            encoder_width=64,
            encoder_layers=3,
            encoder_batch=144,
            head_width=256,
            hidden=(0.9,),
            peptides=2000,
            passes=8,
        ),
        Profile(
            "record",
            "two CPU cores, hours; the numbers we quote",
            seeds=3,
            dose_points=65,
            effort=1.0,
            comparison_effort=1.0,
            data_seeds=5,
            members=5,
            molecules=6000,
            pretraining=1500,
            encoder_width=128,
            encoder_layers=4,
            encoder_batch=512,
            head_width=512,
            hidden=(0.3, 0.6, 0.9),
            peptides=8000,
            passes=12,
        ),
        Profile(
            "full",
            "one GPU, the paper's sizes",
            seeds=5,
            dose_points=129,
            effort=1.0,
            comparison_effort=1.0,
            data_seeds=5,
            members=8,
            molecules=12288,
            pretraining=6000,
            encoder_width=300,
            encoder_layers=5,
            encoder_batch=3072,
            head_width=1200,
            hidden=(0.3, 0.6, 0.9),
            peptides=8000,
            passes=12,
        ),
    )
}


def get_profile(name: str) -> Profile:
    """The profile of that name; RunError with the nearest and all names otherwise."""
    return pick(PROFILES, name, "profile", RunError)
