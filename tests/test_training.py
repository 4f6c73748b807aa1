"""The training loop: resuming, diverging, refusing checkpoints that do not belong."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from hmlm_lib.errors import ModelError, TrainingError
from hmlm_lib.training import Training, train


def problem():
    torch.manual_seed(0)
    x = torch.randn(64, 3)
    return nn.Linear(3, 2), x, x @ torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0]])


def noisy_loss(model, x, y):
    def loss(generator):
        rows = torch.randperm(len(x), generator=generator)[:16]
        return (model(x[rows]) - y[rows]).square().mean()

    return loss


def test_it_minimises_and_reports():
    model, x, y = problem()
    log = train(model, noisy_loss(model, x, y), Training(steps=200, learning_rate=0.05, log_every=50))
    assert [entry.step for entry in log] == [0, 50, 100, 150, 199]
    assert log[-1].loss < 0.05 * log[0].loss


def test_the_rate_warms_up_and_falls_to_nothing():
    config = Training(steps=100, learning_rate=1.0, warmup=0.1)
    rates = [config.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] < 0.01


class Killed(Exception):
    pass


@pytest.mark.parametrize("kill_at", [1, 20, 37, 40])
def test_a_killed_training_resumes_to_the_same_numbers(tmp_path, kill_at):
    config = Training(steps=60, learning_rate=0.05, checkpoint_every=10)
    whole, x, y = problem()
    train(whole, noisy_loss(whole, x, y), config)
    model, _, _ = problem()
    keeping = replace(config, checkpoint=tmp_path / "run.safetensors")
    count = {"steps": 0}

    def dying(generator):
        count["steps"] += 1
        if count["steps"] > kill_at:
            raise Killed
        return noisy_loss(model, x, y)(generator)

    with pytest.raises(Killed):
        train(model, dying, keeping)
    fresh, _, _ = problem()
    train(fresh, noisy_loss(fresh, x, y), keeping)
    for a, b in zip(whole.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(a, b)


def test_divergence_before_the_first_checkpoint_names_none(tmp_path):
    model, x, y = problem()
    config = Training(steps=60, checkpoint_every=10, checkpoint=tmp_path / "run.safetensors")
    with pytest.raises(TrainingError, match="at its last good state; try a learning_rate below") as said:
        train(model, lambda generator: noisy_loss(model, x, y)(generator) * float("nan"), config)
    assert "run.safetensors" not in str(said.value)
    assert not config.checkpoint.exists()


def test_divergence_stops_and_keeps_the_last_good_state(tmp_path):
    model, x, y = problem()
    path = tmp_path / "run.safetensors"
    config = Training(steps=60, learning_rate=0.05, checkpoint_every=10, checkpoint=path)
    count = {"steps": 0}

    def failing(generator):
        count["steps"] += 1
        value = noisy_loss(model, x, y)(generator)
        return value * float("nan") if count["steps"] > 25 else value

    with pytest.raises(
        TrainingError, match=r"diverged at step 25: loss nan.*run.safetensors; try a learning_rate below"
    ):
        train(model, failing, config)
    assert all(torch.isfinite(p).all() for p in model.parameters())
    fresh, _, _ = problem()
    train(fresh, noisy_loss(fresh, x, y), config)  # goes on from the state of step 20
    whole, _, _ = problem()
    train(whole, noisy_loss(whole, x, y), replace(config, checkpoint=None))
    assert torch.equal(fresh.weight, whole.weight)


def test_foreign_and_damaged_checkpoints_are_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    model, x, y = problem()
    config = Training(steps=20, checkpoint=path)
    train(model, noisy_loss(model, x, y), config)
    with pytest.raises(ModelError, match=r"run.safetensors: written by a training with other settings"):
        train(model, noisy_loss(model, x, y), replace(config, learning_rate=0.1))
    other = nn.Linear(4, 2)
    with pytest.raises(
        ModelError, match=r"run.safetensors: parameter 'weight' has shape \(2, 3\); this model's is \(2, 4\)"
    ):
        train(other, lambda g: other.weight.sum(), config)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ModelError, match=r"run.safetensors: not a readable safetensors file"):
        train(model, noisy_loss(model, x, y), config)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"checkpoint_every": 0}, "checkpoint_every is 0; allowed: a whole number, 1 or more"),
        ({"learning_rate": -1}, "learning_rate is -1; allowed: 0 or more, finite"),
        ({"shared_rate": -1}, "shared_rate is -1; allowed: 0 or more, finite"),
        ({"warmup": float("nan")}, "warmup is nan; allowed: 0 or more, finite"),
        ({"clip": 0}, "clip is 0; allowed: above 0"),
        ({"clip": -1.0}, "clip is -1.0; allowed: above 0"),
        ({"steps": 1.5}, "steps is 1.5; allowed: a whole number, 0 or more"),
    ],
)
def test_settings_that_cannot_train_are_refused(given, message):
    with pytest.raises(TrainingError, match=message):
        Training(**given)


def test_a_folder_is_no_checkpoint(tmp_path):
    model, x, y = problem()
    with pytest.raises(ModelError, match="a folder; allowed: the name of a file"):
        train(model, noisy_loss(model, x, y), Training(steps=2, checkpoint=tmp_path))
