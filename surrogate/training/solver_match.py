"""Whether a solver makes the steps of the data."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.samples.signature import Signature
from surrogate.operator import Stepper, matching_channels


def check_steps(solver: Stepper, signature: Signature) -> None:
    """Raise `InputError` unless the solver advances the states of the data by their time step on their grid."""
    if solver.in_fields != signature.in_fields or solver.out_fields != signature.in_fields:
        raise expected(f"data of {solver.out_fields}", signature.in_fields, "Prepare them so, or use another solver.")
    if signature.dt is None or abs(signature.dt / solver.dt - 1) > 1e-3:
        raise expected(f"data with frames {solver.dt:.6g} apart", signature.dt, "Make the solver with their dt.")
    if signature.forcing_fields and signature.horizon > 1:
        raise expected("horizon 1 where there is forcing", signature.horizon, "Prepare the data so.")
    solver.check_domain(signature.domain)


def solver_step(solver: Stepper, own: Stepper | Signature, state: Tensor, given: Mapping[str, Tensor | None]) -> Tensor:
    """Return what the solver makes of a state.

    From what is ``given`` beside it (``static``, ``forcing``, ``parameters``), whose channels are the fields of
    ``own``, it takes its own fields.
    """
    stepped: Tensor = solver(
        state,
        matching_channels(given.get("static"), own.static_fields, solver.static_fields),
        matching_channels(given.get("forcing"), own.forcing_fields, solver.forcing_fields),
        matching_channels(given.get("parameters"), own.parameter_fields, solver.parameter_fields),
    )
    return stepped
