r"""
Meshes of any size: GNOT, a network on a grid, and finite elements
==================================================================

Diffusion in random polygons with holes and several materials,

.. math:: -\nabla \cdot (a \nabla u) = f, \qquad u = g \text{ or } a\,\partial_n u = q \text{ on the boundary}.

Every sample has its own triangulation, and three input functions, each on points of its own: the source at the nodes,
the boundary data at the boundary nodes, the conductivity in the triangles. A network on meshes takes them as they are,
samples one after another, without padding.

Everything is too small here, so that the page builds in a minute. The real thing, 300 to 3,000 nodes and three seeds::

    python plot_polygons.py --nodes 300 3000 --samples 600 --epochs 30 --channels 48 --grid 48 --seeds 3 --folder runs

Run again, it goes on where it was stopped.
"""

# %%
# Truth
# -----
# Seeded random polygons, triangulated and solved by finite elements of first order.

import argparse
import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import xarray as xr

import surrogate as sg

parser = argparse.ArgumentParser()
parser.add_argument("--nodes", type=int, nargs=2, default=(60, 140))
parser.add_argument("--samples", type=int, default=60)
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--channels", type=int, default=16)
parser.add_argument("--grid", type=int, default=24)
parser.add_argument("--seeds", type=int, default=1)
parser.add_argument("--folder", type=Path, default=Path(tempfile.mkdtemp()))
arguments = parser.parse_args()

warnings.filterwarnings("ignore", category=sg.datasets.OutsideTrainingRange)  # Gaussian data have no largest value

case = sg.cases.PoissonPolygons(nodes=tuple(arguments.nodes))
file = arguments.folder / "polygons.h5"
fields = sg.open_dataset(file) if file.exists() else sg.generate(case, arguments.samples, file, seed=0)
sg.plot_fields(fields, names=["source", "conductivity", "u"])
plt.show()

# %%
# Data
# ----
# Inputs on the same points make up one input function. Samples of equal content never end up on two sides.

inputs = [name for function in case.input_functions.values() for name in function]
data = sg.prepare(fields, inputs=inputs, outputs=["u"], split=(0.8, 0.1, 0.1))
test = data["test"].to_dataset()

# %%
# Two networks
# ------------
# GNOT attends from every node to the points of each function. The other brings all functions to a grid, with the
# indicator of the domain, applies an FNO, and interpolates back.

recipe = {"epochs": arguments.epochs, "batch_size": 4, "optimizer": sg.OneCycleAdamW(learning_rate=1e-3)}


def gnot() -> torch.nn.Module:
    return sg.models.GNOT.for_data(data, hidden_channels=arguments.channels, n_layers=3, options={"octaves": 3})


def fno_on_grid() -> torch.nn.Module:
    shape = (arguments.grid, arguments.grid)
    return sg.models.OnGrid.for_data(data, sg.models.FNO, shape=shape, hidden_channels=arguments.channels // 2)


models: dict[str, list[sg.Surrogate]] = {"GNOT": [], "FNO on a grid": []}
for seed in range(arguments.seeds):
    for name, build in (("GNOT", gnot), ("FNO on a grid", fno_on_grid)):
        torch.manual_seed(seed)
        folder = arguments.folder / f"{name} {seed}"
        models[name].append(sg.fit(build(), data, path=folder, seed=seed, **recipe))

errors = {
    name: [float(sg.relative_error(model.predict(test), test).mean()) for model in members]
    for name, members in models.items()
}
for name, values in errors.items():
    seconds = [model.record["training_seconds"] for model in models[name]]
    shown = ", ".join(f"{100 * e:.1f} % ({s / 60:.1f} min)" for e, s in zip(values, seconds, strict=True))
    print(f"{name}: relative L2 error (training time) of each seed {shown}")

# %%
# What the grid costs
# -------------------
# Interpolating the solution to the grid and back: no network on this grid can do better.

on_grid = models["FNO on a grid"][0]
u = sg.datasets.point_set(test, ["u"])
unit = u._replace(coordinates=on_grid.domain.unit(u.coordinates))
interpolation_error = float(sg.objectives.RelativeL2()(on_grid.network.round_trip(unit), u.values, u).mean())
print(f"interpolation alone: {100 * interpolation_error:.1f} %")

# %%
# Does it use its inputs?
# -----------------------
# Each input function in turn is replaced by its mean over the training part. The error has to rise.

training = data["train"].to_dataset()


def without(names: tuple[str, ...]) -> xr.Dataset:
    return test.assign({n: test[n].copy(data=np.full_like(test[n], training[n].mean())) for n in names})


rise = {}
for name, members in models.items():
    for function, names in case.input_functions.items():
        blind = [float(sg.relative_error(model.predict(without(names)), test).mean()) for model in members]
        rise[name, function] = [b - e for b, e in zip(blind, errors[name], strict=True)]
        print(f"{name} without {function}:", ", ".join(f"{100 * b:.1f} %" for b in blind))

# %%
# Comparison
# ----------
# Beside them, always: the training mean, the nearest training sample and ridge regression, both on a common grid; and
# the finite elements that made the data. At these sizes they are as quick as the networks. A surrogate pays where the
# solver is dear: the report says when it does not.

comparison = sg.compare({name: members[0] for name, members in models.items()}, data["test"], time_budget=6.0)
print(comparison)

# %%
# One sample: truth, prediction, error, on the sample's own mesh.

comparison.panels()
plt.show()

# %%
# The relative L2 error of GNOT:

gnot_error = errors["GNOT"][0]
print(f"{100 * gnot_error:.1f} %")
