"""What asking a model costs: every knock-out and every cut edge in one roll-out, against one roll-out each.

    python benchmarks/interpret.py [--quick] [--json]

The peer does what a notebook without batching does: one prediction a knock-out, one gradient a target (captum, one
call each). Ratios are peer / ours in one run; above 1 the peer is slower. Both give the same numbers, which is checked.
"""

import argparse

import numpy as np
from captum.attr import InputXGradient
from printed import print_metrics
from timing import timed

from hmlm_lib.evaluation.tasks import HORIZON_H
from hmlm_lib.evaluation.worlds import draw_world
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.interpret import contexts, cuts, explain
from hmlm_lib.network import load_network


def knockouts_one_by_one(model: HMLM, asked: Experiments) -> np.ndarray:
    """Effects [context, target, source], a prediction a knock-out and context."""
    hours, found = [HORIZON_H], []
    for c in range(len(asked)):
        one = asked.take([c])
        wild = model.predict(one, hours)[0, 0]
        gone = [contexts.without(one, {name: [name]}) for name in asked.network.species_names]
        found.append(np.stack([model.predict(e, hours)[0, 0] - wild for e in gone], 1))
    return -np.stack(found)


def gradients_one_by_one(model: HMLM, asked: Experiments) -> np.ndarray:
    """Gradients [context, target, source], a backward pass a target and context."""
    outcome = explain._outcome(model, asked, HORIZON_H)
    method = InputXGradient(outcome)
    factor, which, target = explain._every_pair(model, asked)
    rows = [
        method.attribute(
            factor[i : i + 1].requires_grad_(), target=int(target[i]), additional_forward_args=(which[i : i + 1],)
        )
        for i in range(len(factor))
    ]
    return np.concatenate([row.detach().numpy() for row in rows]).reshape(len(asked), len(factor) // len(asked), -1)


def cuts_one_by_one(model: HMLM, asked: Experiments) -> np.ndarray:
    """Effects [context, edge, target] of cut edges, a roll-out an edge and context."""
    edges, keep = len(model._source), cuts._keep(1, len(model._source))
    hours, found = [HORIZON_H], []
    for c in range(len(asked)):
        one = asked.take([c])
        wild = model.predict(one, hours)[0, 0]
        found.append([cuts.blinded(model, keep[:, e : e + 1]).predict(one, hours)[0, 0] - wild for e in range(edges)])
    return np.array(found)


def measure(n_contexts: int, repeats: int) -> list[dict]:
    """All three questions on an untrained model of the published network (the cost does not depend on training)."""
    network = load_network("fibroblast-core")
    asked = contexts.contexts(draw_world(network, 0), network).take(range(n_contexts))
    model = HMLM.from_network(network, HMLMConfig())
    model.horizon_h = HORIZON_H
    questions = {
        "knock-outs": (lambda: explain.knockout(model, asked, HORIZON_H), lambda: knockouts_one_by_one(model, asked)),
        "gradients": (
            lambda: explain.gradient_input(model, asked, HORIZON_H), lambda: gradients_one_by_one(model, asked)
        ),
        "cut edges": (lambda: cuts.in_model(model, asked, HORIZON_H), lambda: cuts_one_by_one(model, asked)),
    }  # fmt: skip
    rows = []
    for name, (ours, peer) in questions.items():
        ours()
        (fast, a), (slow, b) = timed(ours, repeats), timed(peer)
        rows.append(
            {
                "question": name, "roll-outs": a.shape[0] * (a.shape[1] if name == "cut edges" else a.shape[2]),
                "seconds": fast, "one by one": slow, "ratio": slow / fast,
                "largest difference": float(np.abs(a - b).max()),
            }
        )  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one context, one repeat")
    parser.add_argument("--json", action="store_true", help="metrics by key")
    arguments = parser.parse_args()
    rows = measure(1 if arguments.quick else 4, 1 if arguments.quick else 3)
    if arguments.json:
        print_metrics(
            {
                ("96_interpret_cost", row["question"], "hmlm", measure): value
                for row in rows for measure, value in row.items() if measure != "question"
            }
        )  # fmt: skip
        return
    print("| question | roll-outs | seconds | one by one | ratio | largest difference |\n|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['question']} | {row['roll-outs']} | {row['seconds']:.2f} | {row['one by one']:.1f} | "
            f"{row['ratio']:.0f} x | {row['largest difference']:.0e} |"
        )


if __name__ == "__main__":
    main()
