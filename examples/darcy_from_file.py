"""
Darcy flow from a file
======================

A neural operator for data that somebody else made: permeability in, pressure out. Reading the file, splitting it,
training and predicting are one line each::

    import surrogate as sg

    fields = sg.open_dataset("darcy_train_16.pt", names={"x": "permeability", "y": "pressure"}, grid={"periodic": True})
    data = sg.prepare(fields, inputs=["permeability"], outputs=["pressure"], split=(800, 100, 100))
    model = sg.fit(sg.models.FNO.for_data(data), data, epochs=60)
    pressure = model.predict(data["test"])

This page does the same for several networks, on the data you name::

    python darcy_from_file.py darcy_train_16.pt darcy_test_32.pt --epochs 60 --seeds 3

With no arguments it makes a small set of its own and trains for a few epochs.
"""

# %%
# What to run
# -----------
# The second file holds the same flow on a finer grid, which no network sees in training.

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import neuralop.models
import numpy as np
import torch

import surrogate as sg

parser = argparse.ArgumentParser()
parser.add_argument("train", nargs="?", help="dictionary of tensors x, y (.pt) to train on")
parser.add_argument("finer", nargs="?", help="the same at a finer resolution, to test on")
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--seeds", type=int, default=1)
arguments = parser.parse_args()
NAMES = {"x": "permeability", "y": "pressure"}
# The neuraloperator files hold the points i/n: the far boundary, where the pressure vanishes as on the near one, is
# left out. That is the point set of a periodic grid. (Zeros at index 0, but not at the last, give it away.)
POINTS = {"periodic": True}

# %%
# Data, if you have none
# ----------------------
# :math:`-\nabla\cdot(a \nabla u) = 1` with :math:`u = 0` on the boundary and two rocks, :math:`a = 12` where a smooth
# random field is positive and 3 elsewhere, by finite volumes. The permeability of a sample is a function that both
# resolutions share.

FIELD = sg.solvers.initial.NeumannRandomField(n_frequencies=12)
ROCKS = sg.solvers.initial.TwoPhase(low=3.0, high=12.0, field=FIELD)


def make(path: Path, samples: int, n: int, seed: int) -> Path:
    solved = sg.generate(sg.cases.Darcy(n, permeability=ROCKS), samples, seed=seed, progress=False)
    a, u = (torch.from_numpy(solved[name].values) for name in ("permeability", "pressure"))
    torch.save({"x": a > 6, "y": 100 * u}, path)
    return path


if arguments.train is None:
    folder = Path(tempfile.mkdtemp())
    POINTS = {"location": "cell"}
    arguments.train = make(folder / "train.pt", samples=300, n=16, seed=0)
    arguments.finer = make(folder / "finer.pt", samples=50, n=32, seed=1)

# %%
# From file to data
# -----------------
# Samples are dealt out by a hash of their content: the split is the same on every machine, and duplicates never end up
# on two sides. A tenth is for choosing the best epoch, a tenth for the numbers below.

fields = sg.open_dataset(arguments.train, names=NAMES, grid=POINTS)
data = sg.prepare(fields, inputs=["permeability"], outputs=["pressure"], split=(0.8, 0.1, 0.1))
finer = sg.open_dataset(arguments.finer, names=NAMES, grid=POINTS) if arguments.finer else None

# %%
# Three networks, one recipe
# --------------------------
# Our FNO, that of neuraloperator (any ``nn.Module`` can be trained), and the Galerkin transformer. The two FNOs are the
# same mathematics at even resolutions and do equally well; the last entry asks for the right gradient, too.

NETWORKS = {
    "FNO": lambda: sg.models.FNO.for_data(data),
    "FNO of neuraloperator": lambda: neuralop.models.FNO((12, 12), 1, 1, hidden_channels=32),
    "Galerkin transformer": lambda: sg.models.GalerkinTransformer.for_data(data, hidden_channels=64, n_heads=4),
    "FNO, H1 objective": lambda: sg.models.FNO.for_data(data),
}
OBJECTIVES = {"FNO, H1 objective": sg.objectives.H1(weight=0.1)}
errors: dict[str, list[list[float]]] = {}
models: dict[str, sg.Surrogate] = {}
for name, build in NETWORKS.items():
    for seed in range(arguments.seeds):
        torch.manual_seed(seed)
        network = build()
        network.resolution = None  # all three accept any resolution
        recipe = {"epochs": arguments.epochs, "objective": OBJECTIVES.get(name)}
        model = models[name] = sg.fit(network, data, seed=seed, **recipe)
        scores = [float(sg.relative_error(model.predict(data["test"]), data["test"]).mean())]
        if finer is not None:
            scores.append(float(sg.relative_error(model.predict(finer), finer).mean()))
        errors.setdefault(name, []).append(scores)
        print(f"{name}, seed {seed}: relative L2 error", *(f"{100 * score:.2f} %" for score in scores), flush=True)
    mean, spread = np.mean(errors[name], axis=0), np.ptp(errors[name], axis=0)
    print(f"{name}: mean", *(f"{100 * m:.2f} % (range {100 * s:.2f})" for m, s in zip(mean, spread, strict=True)))

# %%
# One prediction
# --------------

test = data["test"].to_dataset()
guess = models["FNO"].predict(test)
figure, axes = plt.subplots(1, 4, figsize=(11, 2.8), layout="constrained")
panels = {
    "permeability": (test["permeability"], "gray"),
    "pressure, truth": (test["pressure"], "viridis"),
    "pressure, FNO": (guess["pressure"], "viridis"),
    "error": (guess["pressure"] - test["pressure"], "RdBu_r"),
}
for axis, (title, (values, colors)) in zip(axes, panels.items(), strict=True):
    image = axis.imshow(values.isel(sample=0).T, origin="lower", extent=(0, 1, 0, 1), cmap=colors)
    axis.set(title=title, xticks=[0, 1], yticks=[0, 1])
    figure.colorbar(image, ax=axis, shrink=0.8)
plt.show()

# %%
# The error of the FNO at the resolution it was trained at:

error_at_16 = errors["FNO"][0][0]
print(f"{100 * error_at_16:.1f} %")
