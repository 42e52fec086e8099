"""A surrogate that hands a sample back to a solver where it cannot be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.compute import computing
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.initial_value import check_fit, read_parameters
from surrogate.operator import Stepper, matching_channels
from surrogate.rollouts import rollout


class Guarded(Stepper):
    r"""Step by a surrogate; take the step of a solver for each sample whose indicator exceeds ``tolerance``.

    The indicator of a sample is, for one surrogate s and a solver c that is cheap, and for several surrogates,

    .. math::
        \max_f \frac{\operatorname{rms}_x (s(u) - c(u))_f}{\operatorname{rms}_x c(u)_f}
        \qquad\text{and}\qquad
        \max_f \frac{\operatorname{rms}_x \operatorname{std}_i s_i(u)_f}{\operatorname{rms}_x \bar s(u)_f}\,,

    over the fields f; of several the mean is the prediction. A prediction that is not finite is always handed back.
    `calibrated` chooses the tolerance, `rollout` tells which samples were handed back when.

    Parameters
    ----------
    surrogate
        A stepper, or several of one kind (an ensemble).
    solver
        What is to be relied on, on the same grid and with the same time step (see `evaluation.Coarse`). It has the
        constants of its constructor, or of the samples if the surrogate has parameters of these names.
    tolerance
        Bound of the indicator.
    check
        The cheap solver c that one surrogate is compared with; default: ``solver``, which saves nothing.

    Raises
    ------
    InputError
        Steppers of other fields or another time step, that take another number of frames, or a negative tolerance.

    Notes
    -----
    The samples that are handed back are gathered, stepped as one batch and scattered: the host has to know how many
    they are, and waits for a GPU once in each step.
    """

    def __init__(
        self,
        surrogate: Stepper | Sequence[Stepper],
        solver: Stepper,
        tolerance: float,
        *,
        check: Stepper | None = None,
    ) -> None:
        super().__init__()
        members = [surrogate] if isinstance(surrogate, Stepper) else list(surrogate)
        first = members[0]
        for other in (*members, solver, *([] if check is None else [check])):
            _check_alike(first, other)
        if solver.history != 1 or (check is not None and (len(members) > 1 or check.history != 1)):
            do = "Give one surrogate and a check, or several surrogates, and solvers from one state to the next."
            raise expected("solvers of one frame, and a check for one surrogate", f"{len(members)} surrogates", do)
        if not tolerance >= 0:
            raise expected("a tolerance of at least 0", tolerance, "Use `Guarded.calibrated`.")
        self.members, self.solver, self.tolerance = nn.ModuleList(members), solver, float(tolerance)
        self.check = check if check is not None or len(members) > 1 else solver
        self.in_fields, self.out_fields, self.domain = first.in_fields, first.out_fields, first.domain
        self.static_fields, self.forcing_fields = first.static_fields, first.forcing_fields
        self.parameter_fields, self.attributes = first.parameter_fields, first.attributes
        self.dt, self.history = first.dt, first.history
        self.settings = {"tolerance": self.tolerance, "guarded_by": type(solver).__name__}
        self._log: list[list[Tensor]] | None = None

    @classmethod
    def calibrated(
        cls,
        surrogate: Stepper | Sequence[Stepper],
        solver: Stepper,
        validation: Fields,
        *,
        quantile: float = 0.95,
        check: Stepper | None = None,
        batch_size: int = 64,
    ) -> Guarded:
        """Return one whose tolerance this share of the steps from validation states keeps.

        Samples like those of the validation part are then handed back about once in ``1 / (1 - quantile)`` steps as
        long as their states are right; others, and states that have drifted, more often.

        Parameters
        ----------
        surrogate, solver, check
            See the class.
        validation
            Trajectories that the surrogate was not trained on; a step is taken from each frame (a window of
            ``history`` frames).
        quantile
            Share of the steps that are not to be handed back.
        batch_size
            Number of samples stepped together.

        Raises
        ------
        InputError
            A quantile that is not between 0 and 1, fields that do not fit, or indicators that are not finite.
        """
        if not 0 < quantile < 1:
            raise expected("a quantile between 0 and 1", quantile, "Give the share of steps to keep, such as 0.95.")
        guard = cls(surrogate, solver, math.inf, check=check)
        values = guard._indicators(as_dataset(validation), batch_size)
        rank = min(len(values), math.ceil((len(values) + 1) * quantile - 1e-9))
        bound = float(values.sort().values[rank - 1])
        if not math.isfinite(bound):
            raise expected("validation steps with finite indicators", bound, "Look at the surrogate and the check.")
        return cls(surrogate, solver, bound, check=check)

    def forward(
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        """Return the new frame."""
        new, indicator = self._predict(state, static, forcing, parameters)
        handed = ~(indicator <= self.tolerance)
        rows = handed.nonzero()[:, 0]
        if self._log is not None:
            self._log[-1].append(handed)
        if len(rows):
            given = (_rows(part, rows) for part in (static, forcing, parameters))
            new = new.index_copy(0, rows, self._solve(self.solver, state[rows], *given).to(new.dtype))
        return new

    def init(self, state: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Any:
        """Begin a batch."""
        if self._log is not None:
            self._log.append([])
        return super().init(state, static, parameters)

    def rollout(self, fields: Fields, *, steps: int, every: int = 1, **options: Any) -> xr.Dataset:
        """Return `surrogate.rollout` with the coordinate ``handed_back`` over ``sample`` and ``time``.

        It is the share of the steps since the frame before that the solver took; the attribute
        ``fraction_handed_back`` is that of all steps of all samples. ``options`` go to `surrogate.rollout`; they must
        not name a file.

        Raises
        ------
        InputError
            As `surrogate.rollout`, or a path.
        """
        if options.get("path") is not None:
            raise expected("no path", repr(options["path"]), "Save the result, or use surrogate.rollout.")
        self._log = []
        try:
            result = rollout(self, fields, steps=steps, every=every, **options)
            whole = [torch.stack(batch, dim=1) for batch in self._log if len(batch) == steps]
        finally:
            self._log = None
        handed = torch.cat(whole).double().cpu()
        shares = handed[:, : steps // every * every].reshape(len(handed), -1, every).mean(-1)
        attrs = {"units": "1", "long_name": "share of the steps that the solver took"}
        coordinate = (("sample", "time"), shares.numpy(), attrs)
        return result.assign_coords(handed_back=coordinate).assign_attrs(fraction_handed_back=float(handed.mean()))

    def warn_outside(self, x: Any, parameters: Tensor | None = None) -> None:
        """Warn as the (first) surrogate does."""
        self._first.warn_outside(x, parameters)

    def outside(self, x: Tensor) -> Tensor | None:
        """Return where states leave the range of the (first) surrogate."""
        return self._first.outside(x)

    def check_domain(self, domain: Any) -> None:
        """Raise `InputError` unless ``domain`` fits all parts."""
        for part in (*self.members, self.solver, *([] if self.check is None else [self.check])):
            assert isinstance(part, Stepper)
            part.check_domain(domain)

    @property
    def _first(self) -> Stepper:
        first = self.members[0]
        assert isinstance(first, Stepper)
        return first

    def _predict(self, state: Tensor, *given: Tensor | None) -> tuple[Tensor, Float[Tensor, " batch"]]:
        """Return the prediction and the indicator."""
        predictions = [member(state, *given) for member in self.members]
        if self.check is None:
            several = torch.stack(predictions)
            new = several.mean(0)
            return new, _relative(several.std(0), new)
        reference = self._solve(self.check, state, *given)
        return predictions[0], _relative(predictions[0] - reference, reference)

    def _solve(
        self, solver: Stepper, state: Tensor, static: Tensor | None, forcing: Tensor | None, parameters: Tensor | None
    ) -> Tensor:
        own = matching_channels(parameters, self.parameter_fields, solver.parameter_fields)
        new: Tensor = solver(state[:, -len(self.out_fields) :], static, forcing, own)
        return new

    def _indicators(self, fields: xr.Dataset, batch_size: int) -> Float[Tensor, " step"]:
        """Return the indicator of a step from each window of frames of each sample."""
        check_fit(self, fields, (*self.in_fields, *self.forcing_fields))
        frames = to_tensor(fields, self.in_fields, self.dtype)
        static = to_tensor(fields, self.static_fields, self.dtype) if self.static_fields else None
        forcing = to_tensor(fields, self.forcing_fields, self.dtype) if self.forcing_fields else None
        parameters = read_parameters(self, fields)
        values = []
        with computing(self) as device:
            for first in range(0, len(frames), batch_size):
                rows = slice(first, first + batch_size)
                for last in range(self.history, frames.shape[1] + 1):
                    state = frames[rows, last - self.history : last].flatten(1, 2)
                    load = None if forcing is None else forcing[rows, last - 1]
                    parts = (_rows(static, rows), load, _rows(parameters, rows))
                    given = (None if part is None else part.to(device) for part in parts)
                    values.append(self._predict(state.to(device), *given)[1].cpu())
        return torch.cat(values).nan_to_num(nan=math.inf)


def _rows(part: Tensor | None, rows: slice | Tensor) -> Tensor | None:
    return None if part is None else part[rows]


def _relative(error: Tensor, scale: Tensor) -> Float[Tensor, " batch"]:
    """Return the largest over the fields of the quotient of two root mean squares over space."""
    numerator, denominator = (frames.flatten(2).square().mean(-1).sqrt() for frames in (error, scale))
    return (numerator / denominator.clamp_min(torch.finfo(denominator.dtype).tiny)).amax(1)


def _check_alike(first: Stepper, other: Stepper) -> None:
    own, got = ((part.out_fields, part.horizon) for part in (first, other))
    if not math.isclose(first.dt, other.dt, rel_tol=1e-3) or own != got or first.horizon != 1:
        what = f"steppers of {first.out_fields} by dt={first.dt:.6g}, one frame at a time"
        raise expected(what, f"{other.out_fields} by {other.dt:.6g}, {other.horizon} frames", "Make them alike.")
