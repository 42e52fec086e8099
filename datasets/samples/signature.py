"""What enters a network and what leaves it, read from prepared data."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from surrogate.datasets.domain import is_on_points
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, uniform_step
from surrogate.datasets.grids.box import Box
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.point_sets import dimension_of


@dataclass(frozen=True)
class Signature:
    """Names, domain and time step of the map that the data describe.

    ``dt`` is None for a steady map from ``in_fields`` to ``out_fields``; otherwise the map advances ``in_fields``
    (equal to ``out_fields``) by ``dt``, from ``history`` frames to ``horizon`` frames.

    On meshes and point clouds ``functions`` holds the fields of each input function: first of the one (maybe of no
    fields) on the points of the output, then of those on points of their own. It is empty on grids.

    ``boundary_values`` holds for each of ``out_fields`` what it is on Dirichlet sides (its attribute
    ``boundary_value``), or None; it is empty where the data state none.
    """

    in_fields: tuple[str, ...]
    out_fields: tuple[str, ...]
    domain: Grid | Box
    static_fields: tuple[str, ...] = ()
    forcing_fields: tuple[str, ...] = ()
    parameter_fields: tuple[str, ...] = ()
    history: int = 1
    horizon: int = 1
    dt: float | None = None
    functions: tuple[tuple[str, ...], ...] = ()
    boundary_values: tuple[float | None, ...] = ()

    @property
    def in_channels(self) -> int:
        """Channels that enter the network: frames of state (or inputs), then static, then forcing fields."""
        return self.history * len(self.in_fields) + len(self.static_fields) + len(self.forcing_fields)

    @property
    def out_channels(self) -> int:
        """Channels that leave the network."""
        return self.horizon * len(self.out_fields)

    @property
    def parameter_channels(self) -> int:
        """Number of scalar parameters per sample."""
        return len(self.parameter_fields)

    @classmethod
    def from_data(cls, data: Fields) -> Signature:
        """Read the signature from what `prepare` returned (the tree, or one of its parts).

        Raises
        ------
        InputError
            No variable carries a role, or fields on meshes are stepped in time.
        """
        part = data["train"] if isinstance(data, xr.DataTree) and "train" in data.children else data
        fields = as_dataset(part)
        roles: dict[str, list[str]] = {}
        for name, variable in fields.data_vars.items():
            if "role" in variable.attrs:
                roles.setdefault(variable.attrs["role"], []).append(str(name))
        if not roles:
            raise expected("data with roles", "plain fields", "Call `prepare(fields, inputs=, outputs=)` first.")
        history, horizon = int(fields.attrs["history"]), int(fields.attrs["horizon"])
        names = {role: tuple(members) for role, members in roles.items()}
        state, static = names.get("state", ()), names.get("static", ())
        if is_on_points(fields):
            return cls._on_points(fields, state, static, names)
        out_fields = state or names["target"]
        return cls(
            in_fields=state or static,
            out_fields=out_fields,
            domain=Grid.from_fields(fields),
            static_fields=static if state else (),
            forcing_fields=names.get("forcing", ()),
            parameter_fields=names.get("parameter", ()),
            history=history,
            horizon=horizon,
            dt=uniform_step(fields) if state else None,
            boundary_values=_boundary_values(fields, out_fields),
        )

    @classmethod
    def _on_points(
        cls, fields: xr.Dataset, state: tuple[str, ...], static: tuple[str, ...], names: dict[str, tuple[str, ...]]
    ) -> Signature:
        if state:
            do = "Select one time as output, and give earlier ones as inputs of other names."
            raise expected("steady fields on meshes", f"{list(state)} to be stepped in time", do)
        location = dimension_of(fields, names["target"])
        groups: dict[str, tuple[str, ...]] = {location: ()}
        for name in static:
            dim = dimension_of(fields, [name])
            groups[dim] = (*groups.get(dim, ()), name)
        return cls(
            in_fields=tuple(name for group in groups.values() for name in group),
            out_fields=names["target"],
            domain=Box.from_fields(fields, location),
            parameter_fields=names.get("parameter", ()),
            functions=tuple(groups.values()),
        )


def _boundary_values(fields: xr.Dataset, names: tuple[str, ...]) -> tuple[float | None, ...]:
    stated = [fields[name].attrs.get("boundary_value") for name in names]
    return () if all(value is None for value in stated) else tuple(None if v is None else float(v) for v in stated)
