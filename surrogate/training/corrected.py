"""A solver whose steps a network corrects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import xarray as xr
from torch import Tensor, nn

from surrogate.compute import computing
from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.normalizer import Normalizer
from surrogate.datasets.samples.signature import Signature
from surrogate.datasets.samples.windows import Windows
from surrogate.operator import Stepper
from surrogate.training.solver_match import check_steps, solver_step
from surrogate.training.surrogate import SurrogateStepper, fit_normalizers

_BATCH = 64


class Corrected(nn.Module):
    r"""A coarse solver and a network that corrects its steps: :math:`u \mapsto S(u) + N(S(u))`.

    ``sg.fit(sg.Corrected(solver, network), data)`` trains the network *through* the solver and returns a
    `CorrectedStepper`, which is saved and loaded with the settings of the solver. With the objective
    ``Unrolled(steps=n)`` the gradient of the last of n steps passes through the solver n - 1 times: the network meets
    the states that it makes itself.

    Parameters
    ----------
    solver
        A differentiable solver on the grid of the data, with their time step; one in float32 trains faster.
    network
        From one state to one: ``network(x)``, of as many channels as the state has.
        It sees the normalized S(u), and what it returns is scaled to the error of the solver in the training part.

    References
    ----------
    Um et al., Solver-in-the-Loop, arXiv 2007.00016; Kochkov et al., arXiv 2102.01010.
    """

    def __init__(self, solver: Stepper, network: nn.Module) -> None:
        super().__init__()
        if not isinstance(solver, Stepper) or isinstance(network, Corrected):
            raise expected("a solver and a network", (type(solver).__name__, type(network).__name__), "Order them so.")
        if solver.history != 1 or solver.horizon != 1 or solver.in_fields != solver.out_fields:
            got = f"history {solver.history}, horizon {solver.horizon}, {solver.in_fields} to {solver.out_fields}"
            raise expected("a solver from one state to the next", got, "Use another.")
        self.solver, self.network = solver, network


class CorrectedStepper(SurrogateStepper):
    r"""A trained `Corrected`: :math:`u \mapsto S(u) + \sigma_e N\big((S(u) - \mu)/\sigma\big) + \mu_e`.

    :math:`\mu, \sigma` are those of the states, :math:`\mu_e, \sigma_e` those of the error of the solver after one
    step, both in the training part.

    Parameters
    ----------
    parts
        Solver and network.
    signature, normalizers, rest
        See `Surrogate`.

    Raises
    ------
    InputError
        A solver of other fields, another grid or another time step than the data.
    """

    def __init__(
        self, parts: Corrected, signature: Signature, normalizers: Mapping[str, Normalizer], **rest: Any
    ) -> None:
        check_fits(parts.solver, signature)
        super().__init__(parts.network, signature, normalizers, **rest)
        self.solver = parts.solver
        self.settings = {**parts.solver.settings, "corrected_by": type(parts.network).__name__}

    @property
    def parts(self) -> Corrected:
        """Solver and network."""
        return Corrected(self.solver, self.network)

    def forward(  # type: ignore[override]  # a stepper also takes forcing
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        """Return the next state."""
        given = {"static": static, "forcing": forcing, "parameters": parameters}
        coarse = solver_step(self.solver, self, state, given).to(state.dtype)
        return coarse + self.apply_network({"input": coarse}, parameters)

    def check_domain(self, domain: Grid) -> None:
        """Raise `InputError` unless ``domain`` is the grid of the solver."""
        super().check_domain(domain)
        self.solver.check_domain(domain)


def fit_corrected_normalizers(
    solver: Stepper, training: xr.Dataset, signature: Signature, dtype: torch.dtype
) -> dict[str, Normalizer]:
    """Return those of the data, but for the output that of the error of the solver after one step.

    Raises
    ------
    InputError
        The solver does not fit the data, or returns values that are not finite.
    """
    check_fits(solver, signature)
    normalizers = fit_normalizers(training, signature, dtype)
    windows = Windows(training, signature, dtype)
    sums = torch.zeros(2, len(signature.out_fields), dtype=torch.float64)
    points = 0
    with computing(solver) as device:
        for first in range(0, len(windows), _BATCH):
            batch = windows.__getitems__(list(range(first, min(first + _BATCH, len(windows)))))
            given = {name: values.to(device) for name, values in batch.items()}
            error = batch["y"] - solver_step(solver, signature, given["x"], given).cpu()
            flat = error.double().transpose(0, 1).flatten(1)
            sums += torch.stack([flat.sum(1), flat.square().sum(1)])
            points += flat.shape[1]
    mean, square = sums / points
    if not bool(square.isfinite().all()):
        do = "Use more substeps or a finer grid."
        raise expected("a solver that takes a step from every training state", "values that are not finite", do)
    output = normalizers["output"]
    output.mean.copy_(mean)
    output.std.copy_((square - mean.square()).clamp_min(0).sqrt())
    output.std[output.std == 0] = 1.0
    return normalizers


def check_fits(solver: Stepper, signature: Signature) -> None:
    """Raise `InputError` unless the solver steps the states of the data, from one to the next."""
    if (signature.history, signature.horizon) != (1, 1):
        got = f"history {signature.history} and horizon {signature.horizon}"
        do = "Train on several steps with objective=Unrolled(steps)."
        raise expected("data with history 1 and horizon 1 for a corrected solver", got, do)
    check_steps(solver, signature)
