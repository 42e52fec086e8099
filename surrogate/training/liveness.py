"""Which parts of a network take part: gradients, inputs, branches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from surrogate.datasets.errors import NumericalFailure, expected
from surrogate.training.module import TrainingModule
from surrogate.training.objectives.one_step import predict
from surrogate.training.surrogate import Surrogate, function_role

DEAD_BRANCH = 1e-6  # output over input; the smallest of our networks at the start is 6e-5 (of the published one)
DEAD_GRADIENT = 1e-8  # of a module, over that of the largest; the smallest of our networks is 1e-5
DEAD_INPUT = 1e-8  # derivative of the output by an input, over the largest; round-off in float32


class Gradients:
    """The gradient norm of every parameter, over the largest of all: the most that was seen.

    Parts whose output starts at zero keep it from what lies before them for one step, so that several are looked at.
    """

    def __init__(self, network: nn.Module) -> None:
        self.parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
        if not self.parameters:
            raise expected("a network with parameters to train", "none", "Set requires_grad on some.")
        self.most = dict.fromkeys(self.parameters, 0.0)

    def see(self) -> None:
        """Look at the gradients that the parameters have now.

        Raises
        ------
        NumericalFailure
            Some are not finite.
        """
        zero = torch.zeros(())
        norms = [zero if p.grad is None else p.grad.norm().cpu() for p in self.parameters.values()]
        values = dict(zip(self.parameters, torch.stack(norms).tolist(), strict=True))
        wrong = [name for name, value in values.items() if not value < float("inf")]
        if wrong:
            do = "Look for outliers in the data, or for divisions and roots of zero in the network."
            raise NumericalFailure(f"Check before training: the gradient is not finite at {few(wrong)}. {do}")
        largest = max(values.values()) or 1.0
        self.most = {name: max(value / largest, self.most[name]) for name, value in values.items()}

    @property
    def all_dead(self) -> bool:
        """Whether nothing ever had a gradient."""
        return not any(self.most.values())

    @property
    def without(self) -> list[str]:
        """Parameters whose gradient was exactly zero, or absent."""
        return [name for name, value in self.most.items() if value == 0]

    @property
    def vanishing(self) -> list[str]:
        """Modules all of whose parameters have a gradient that is lost beside the largest."""
        modules: dict[str, float] = {}
        for name, value in self.most.items():
            owner = name.rpartition(".")[0]
            modules[owner] = max(value, modules.get(owner, 0.0))
        return [name for name, value in modules.items() if 0 < value < DEAD_GRADIENT]


@contextmanager
def branch_scales(network: nn.Module) -> Iterator[dict[str, float]]:
    """Note, for all modules within that have parameters, the deviation of the output over that of the input."""
    scales: dict[str, float] = {}

    def hook(name: str) -> Callable[..., None]:
        def note(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
            given = next((x for x in arguments if isinstance(x, Tensor) and x.is_floating_point()), None)
            if given is not None and isinstance(output, Tensor) and min(given.numel(), output.numel()) > 1:
                scale = float(_spread(output) / _spread(given).clamp_min(torch.finfo(given.dtype).tiny))
                scales[name] = max(scale, scales.get(name, 0.0))

        return note

    parts = [(name, module) for name, module in network.named_modules() if name and list(module.parameters())]
    handles = [module.register_forward_hook(hook(name)) for name, module in parts]
    try:
        yield scales
    finally:
        for handle in handles:
            handle.remove()


def dead_branches(start: Mapping[str, float], later: Mapping[str, float]) -> list[str]:
    """Return the innermost modules whose output is lost beside their input; what starts at zero has time to grow."""
    dead = [name for name, scale in start.items() if (scale or later.get(name, 0.0)) < DEAD_BRANCH]
    return [name for name in dead if not any(other.startswith(f"{name}.") for other in dead)]


def dead_inputs(module: TrainingModule, batch: Mapping[str, Any]) -> tuple[list[str], float]:
    """Return the input channels by which the output has no derivative, and the size of the output over its target's."""
    model = module.model
    leaves, watched = _watched(batch)
    prediction = predict(model, watched)
    weights = torch.randn(prediction.shape, generator=torch.Generator().manual_seed(0)).to(prediction)
    slopes = torch.autograd.grad((weights * prediction).sum(), list(leaves.values()), allow_unused=True)
    effects: dict[str, float] = {}
    for role, slope in zip(leaves, slopes, strict=True):
        names = _channels(model, role, leaves[role].shape[1])
        norms = torch.zeros(len(names)) if slope is None else slope.transpose(0, 1).flatten(1).norm(dim=1).cpu()
        normalizer = model.normalizer(role)
        deviations = normalizer.std.cpu().reshape(len(normalizer.names), -1).mean(1)
        scaled = norms * deviations.repeat(len(names) // len(deviations))
        effects |= dict(zip(names, scaled.tolist(), strict=True))
    largest = max(effects.values(), default=0.0)
    with torch.no_grad():
        target = batch["y"][:, : prediction.shape[1]]
        size, wanted = (model.standardize(y).norm() for y in (prediction, target))
    return [name for name, effect in effects.items() if effect <= DEAD_INPUT * largest], float(size / wanted)


def _spread(values: Tensor) -> Tensor:
    values = values.detach()
    return (torch.view_as_real(values) if values.is_complex() else values).float().std()


def few(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(repr(name) for name in names[:5]) + more


def _watched(batch: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the inputs of a batch, by the role of their normalizer, as leaves; and the batch made of them."""
    keys = {"static": "static", "forcing": "forcing", "parameters": "parameter"}
    leaves = {role: batch[key].clone().requires_grad_() for key, role in keys.items() if key in batch}
    watched = {**batch, **{key: leaves[role] for key, role in keys.items() if key in batch}}
    if isinstance(batch["x"], Tensor):
        leaves["input"] = batch["x"].clone().requires_grad_()
        return leaves, {**watched, "x": leaves["input"]}
    functions = list(batch["x"])
    for number, points in enumerate(functions):
        if points.values is not None:
            leaf = leaves[function_role(number)] = points.values.clone().requires_grad_()
            functions[number] = points._replace(values=leaf)
    return leaves, {**watched, "x": tuple(functions)}


def _channels(model: Surrogate, role: str, count: int) -> list[str]:
    """Return the names of the channels of an input: of each field, where several enter, the frames from the oldest."""
    fields = model.normalizer(role).names
    frames = count // len(fields)
    if frames == 1:
        return list(fields)
    return [f"{name} (frame {frame + 1} of {frames})" for frame in range(frames) for name in fields]
