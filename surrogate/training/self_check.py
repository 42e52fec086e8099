"""A look at a network before a long training: whether all of it is alive, and it can learn two samples by heart."""

from __future__ import annotations

import copy
import json
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.datasets.storage.whole_files import whole_file
from surrogate.progress import show_table
from surrogate.training.liveness import Gradients, branch_scales, dead_branches, dead_inputs, few
from surrogate.training.module import TrainingModule
from surrogate.training.objectives.one_step import predict

SAMPLES, STEPS, SECONDS = 2, 30, 10.0
LEARNED, HARDLY = 0.7, 0.99  # of the loss before; networks reach 0.9 at worst, the correction of a good solver 0.98
SHORT = 10 * SAMPLES * STEPS  # passes of single samples: a training that costs less is not checked
REPORT = "check.json"
SIZES = (1e-3, 1e3)  # of the output over that of the target

Report = dict[str, Any]


class FailedCheck(UserWarning):
    """A network has parts that do nothing, or hardly learns two samples by heart."""


def self_check(
    module: TrainingModule, samples: Any, *, epochs: int, device: torch.device, folder: Path, fresh: bool
) -> Report:
    """Check a network on a copy, unless the training is as short as that; show, keep and return the report.

    Parameters
    ----------
    module
        What will be trained; it is left as it is, and no random number is drawn.
    samples
        The training samples.
    epochs
        How often they will be taken.
    device
        Where to compute.
    folder
        Keeps the report for a training that is taken up.
    fresh
        Whether the training begins.

    Raises
    ------
    InputError
        No parameter has a gradient.
    NumericalFailure
        Loss or gradient are not finite.
    """
    file = folder / REPORT
    if not fresh:
        return dict(json.loads(file.read_text())) if file.exists() else {"skipped": "not at the start"}
    if epochs * len(samples) < SHORT:
        return {"skipped": "the training is short"}
    with isolate_rng(include_cuda=device.type == "cuda"):
        report = examine(module, samples, device)
    with whole_file(file, overwrite=True) as part:
        part.write_text(json.dumps(report, indent=1))
    show_table("check before training", _rows(report))
    problems = _problems(report)
    if problems:
        warnings.warn(f"Check before training: {'; '.join(problems)}.", FailedCheck, stacklevel=3)
    return report


def examine(module: TrainingModule, samples: Any, device: torch.device) -> Report:
    """Return what a few samples say about a copy of a network: see `self_check`."""
    began = time.perf_counter()
    copied = copy.deepcopy(module).to(device).train()
    for part in copied.modules():
        if isinstance(part, nn.modules.dropout._DropoutNd):
            part.eval()
    count = min(SAMPLES, len(samples))
    chosen = torch.linspace(0, len(samples) - 1, count).round().long().tolist()
    batch = move_data_to_device(samples.__getitems__(chosen), device)
    with branch_scales(copied.model.network) as start:
        inputs, size = dead_inputs(copied, batch)
    gradients = Gradients(copied.model.network)
    losses = _overfit(copied, batch, gradients, began)
    if gradients.all_dead and losses[0] > 0:
        do = "Look for detach(), no_grad() or an activation that is zero everywhere."
        raise expected("a network through which the loss has a gradient", "none at any parameter", do)
    with branch_scales(copied.model.network) as later, torch.no_grad():
        predict(copied.model, batch)
    return {
        "samples": count,
        "output_over_target": size,
        "steps": len(losses) - 1,
        "losses": [losses[0], losses[-1]],
        "without_gradient": gradients.without,
        "vanishing_gradient": gradients.vanishing,
        "dead_branches": dead_branches(start, later),
        "inputs_without_effect": inputs,
        "seconds": round(time.perf_counter() - began, 2),
    }


def _overfit(module: TrainingModule, batch: Mapping[str, Any], gradients: Gradients, began: float) -> list[float]:
    """Descend on one batch until the loss has fallen far or the time is up; return the losses after each step.

    A step of Adam after which the loss is larger is taken back and made smaller: no learning rate suits all networks.
    """
    weights = list(gradients.parameters.values())
    optimizer = torch.optim.Adam(weights, lr=1e-3)
    loss = _loss(module, batch)
    losses = [loss.item()]
    loss.backward()  # type: ignore[no-untyped-call]  # of torch
    gradients.see()
    while len(losses) <= STEPS and losses[-1] > LEARNED * losses[0]:
        before = [weight.detach().clone() for weight in weights]
        optimizer.step()
        loss = _loss(module, batch)
        better = loss.item() < losses[-1]
        losses.append(loss.item() if better else losses[-1])
        if better:
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # of torch
            gradients.see()
        else:
            torch._foreach_copy_([weight.data for weight in weights], before)
        optimizer.param_groups[0]["lr"] *= 1.5 if better else 0.25
        if time.perf_counter() - began > SECONDS:
            break
    return losses


def _loss(module: TrainingModule, batch: Mapping[str, Any]) -> Tensor:
    """Return the loss of validation; what an objective draws even then is the same at every call."""
    torch.manual_seed(0)
    return module.losses(batch, validating=True).mean()


def _problems(report: Report) -> list[str]:
    words = {
        "without_gradient": "no gradient at",
        "vanishing_gradient": "a gradient that is lost beside the others in",
        "dead_branches": "dead branch (its output is lost beside its input)",
        "inputs_without_effect": "no effect on the output of",
    }
    found = [f"{text} {few(report[key])}" for key, text in words.items() if report[key]]
    if not SIZES[0] < report["output_over_target"] < SIZES[1]:
        found.append(f"an output {report['output_over_target']:.1e} times as large as its target")
    before, after = report["losses"]
    if report["steps"] == STEPS and after > HARDLY * before:
        found.append(
            f"the loss of {report['samples']} samples fell only from {before:.3g} to {after:.3g} in {STEPS} steps"
        )
    return found


def _rows(report: Report) -> dict[str, str]:
    before, after = report["losses"]
    return {
        "parameters without a gradient": few(report["without_gradient"]) or "none",
        "modules whose gradient vanishes": few(report["vanishing_gradient"]) or "none",
        "dead branches": few(report["dead_branches"]) or "none",
        "inputs without effect": few(report["inputs_without_effect"]) or "none",
        "output over target": f"{report['output_over_target']:.2g}",
        f"loss of {report['samples']} samples": f"{before:.3g} to {after:.3g} in {report['steps']} steps",
        "seconds": f"{report['seconds']:.1f}",
    }
