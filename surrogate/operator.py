"""The protocol that solvers, trained surrogates and forecasters share."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from surrogate.datasets.grids.grid import Grid


class Operator(nn.Module, ABC):
    """A map from fields to fields, on tensors: ``y = operator(x, static=None, parameters=None)``.

    A subclass sets the attributes and defines ``forward`` with these arguments. On a grid, or one mesh for all samples,
    ``x`` and ``y`` are ``(batch, channel, *space)``. Where points differ by sample, ``x`` is a tuple of `Points`, one
    for each input function, the first on the points of the output, and ``y`` is ``(points, channel)`` there.

    Attributes
    ----------
    in_fields, out_fields
        Names of the channels of ``x`` and ``y``, in order.
    static_fields, parameter_fields
        Names of the channels of ``static`` and of the columns of ``parameters``.
    domain
        The `Grid` or `Mesh` on which the operator was made, or the `Box` around the points; series have no space.
    functions
        Where points differ by sample, the fields of each input function; together they are ``in_fields``.
    attributes
        For a field its ``units`` and ``long_name``; fields not listed take them from the input.
    settings
        What else made the operator what it is (scheme, order, ...), for the attributes of files.
    """

    in_fields: tuple[str, ...]
    out_fields: tuple[str, ...]
    static_fields: tuple[str, ...] = ()
    parameter_fields: tuple[str, ...] = ()
    domain: Any
    functions: tuple[tuple[str, ...], ...] = ()
    forward: Callable[..., Tensor]
    attributes: Mapping[str, Mapping[str, str]] = {}
    settings: Mapping[str, Any] = {}

    @property
    def dtype(self) -> torch.dtype:
        """Floating dtype in which the operator computes."""
        return self._reference().dtype

    @property
    def device(self) -> torch.device:
        """Device on which the operator computes."""
        return self._reference().device

    def check_domain(self, domain: Any) -> None:
        """Raise `InputError` unless fields on ``domain``, of the class of its own, can enter; by default all can."""

    def warn_outside(self, x: Any, parameters: Tensor | None = None) -> None:
        """Warn where inputs leave the range for which the operator was made; the default has no such range."""

    def outside(self, x: Tensor) -> Tensor | None:
        """Return a mask ``(batch, channel)`` of where states ``x`` leave that range, without a synchronization."""
        return None

    def _reference(self) -> Tensor:
        for tensor in [*self.parameters(), *self.buffers()]:
            if tensor.is_floating_point():
                return tensor
        return torch.empty(0)


class Stepper(Operator):
    r"""An operator that advances a state by ``dt``: :math:`u(t) \mapsto u(t + \Delta t)`.

    ``new = stepper(state, static=None, forcing=None, parameters=None)`` with ``state`` of shape
    ``(batch, history * C, *space)``, oldest frame first, and ``new`` of shape ``(batch, horizon * C, *space)``.
    ``parameters`` is ``(batch, P)`` in the order of ``parameter_fields`` and overrides constructor values per sample.

    Rollout calls ``carry = init(state, static, parameters)`` once and then ``carry, new = step(carry, forcing)``. A
    subclass defines ``forward`` with the arguments above, from which both follow; or, if it keeps its state in another
    form (Fourier modes, say), both of them, from which ``forward`` follows.

    Attributes
    ----------
    dt
        Time advanced by one frame, in the unit of the ``time`` coordinate.
    history, horizon
        Number of frames that enter and that leave.
    forcing_fields
        Names of the channels of the known time-varying input.
    """

    domain: Grid
    dt: float
    history: int = 1
    horizon: int = 1
    forcing_fields: tuple[str, ...] = ()

    def forward(
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        """Return the new frames."""
        return self.step(self.init(state, static, parameters), forcing)[1]

    def init(self, state: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Any:
        """Return what `step` carries from step to step."""
        return state, static, parameters

    def step(self, carry: Any, forcing: Tensor | None = None) -> tuple[Any, Tensor]:
        """Advance once; return the new carry and the new frames.

        Neither may be changed by a later call: frames are copied while the next step is computed. What decides the
        following steps lies in the carry (tensors, numbers, and tuples, lists and dicts of them), so that a rollout
        can go on from it in another process.
        """
        state, static, parameters = carry
        new = self(state, static, forcing, parameters)
        window = torch.cat([state, new], dim=1)[:, -state.shape[1] :] if self.history > self.horizon else new
        return (window[:, -state.shape[1] :], static, parameters), new

    def check_initial(self, state: Tensor) -> None:
        """Warn of initial states from which no trajectory can be right. Called once for a rollout, on the host."""

    def faults(self, initial: Tensor, new: Tensor) -> dict[str, Tensor]:
        """Return, for each way in which ``new`` can be wrong, a mask ``(batch, channel)`` of where it is.

        The keys are the words of the error message. Solvers add what their equation forbids (growth of the energy)
        and what their scheme cannot resolve (a spectral tail). Called for stored frames, several of a sample in one
        batch; it must not wait for the device.
        """
        return {"is not finite": ~finite(new)}

    def advice(self, initial: Tensor) -> str:
        """Return what the message of a rollout that stopped adds; solvers name the limit of their time step."""
        return ""


def matching_channels(values: Tensor | None, names: Sequence[str], wanted: Sequence[str]) -> Tensor | None:
    """Return the channels ``wanted`` of ``values``, whose channels are ``names``; None unless all are among them."""
    if values is None or not wanted or not set(wanted) <= set(names):
        return None
    return values[:, [names.index(name) for name in wanted]]


def finite(frames: Tensor) -> Tensor:
    """Return for frames ``(batch, channel, *space)`` where all points are finite: ``(batch, channel)``, no sync."""
    return torch.isfinite(frames.unsqueeze(2).flatten(2).abs().amax(-1))  # also for series, which have no space
