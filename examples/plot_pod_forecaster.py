r"""
A forecaster as a stepper of fields
===================================

Proper orthogonal decomposition writes fields as a few series,

.. math:: u(x, t) \approx \bar u(x) + \sum_{k=1}^r a_k(t)\, \phi_k(x),

and a forecaster of the coefficients :math:`a_k` is then a stepper of the fields. It is trained by the same ``fit``,
rolled out by the same ``rollout`` and set by the same ``compare`` beside a neural operator and the solver.

Everything is small here so that the page builds in seconds; ``--full`` takes the sizes of the page of measurements.
"""

# %%
# Truth
# -----
# Burgers' equation from random smooth initial states. The forecasters look at four frames and give two; the neural
# operator looks at one. A split depends on the samples only, so that both see the same.

import argparse
import warnings

import matplotlib.pyplot as plt
import torch
from torch import nn

import surrogate as sg

warnings.simplefilter("ignore", sg.datasets.OutsideTrainingRange)  # small modes leave their range by a little
parser = argparse.ArgumentParser()
parser.add_argument("--full", action="store_true", help="more samples, longer training")
full = parser.parse_args().full

case = sg.cases.Burgers(resolution=128 if full else 64, viscosity=0.02, dt=0.05, steps=13)
fields = sg.generate(case, samples=1000 if full else 200, seed=0)
windows = sg.prepare(fields, inputs=["u"], outputs=["u"], history=4, horizon=2)
single = sg.prepare(fields, inputs=["u"], outputs=["u"])

# %%
# Modes
# -----
# As many as hold 99.99 % of the energy of the training part.

pod = sg.datasets.POD(windows, ["u"], energy=0.9999)
series = pod.transform(windows)
grid, test = pod.domain, windows["test"]
projected = pod.to_fields(pod.to_series(test), test)
floor = float(sg.relative_error(projected.isel(time=slice(4, None)), test).mean())
print(f"{pod.rank} modes of {grid.shape[0]}; what they cannot represent: {100 * floor:.2f} % of the test part")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for number in range(4):
    left.plot(grid.axes[0], pod.modes[number, 0], label=f"mode {number + 1}")
left.set(xlabel="x", ylim=(-0.35, 0.55))
left.legend(ncols=2, fontsize="small", loc="upper center")
energy = pod.singular_values.square() / pod.singular_values.square().sum()
right.semilogy(range(1, len(energy) + 1), energy, "o-", ms=3)
right.axvline(pod.rank + 0.5, color="0.6", lw=1)
right.set(xlabel="mode", ylabel="share of the energy", ylim=(1e-10, 2))
plt.show()

# %%
# Forecasters and a neural operator
# ---------------------------------
# The ridge is solved for, PatchTST is trained with the mean square of the coefficients; both know nothing of how modes
# act on each other, for each series is forecast by itself. A small network of all coefficients does; ``fit`` takes any
# ``nn.Module``. The Galerkin transformer is trained on the fields themselves.

torch.manual_seed(0)
forecasters = {
    "ridge": sg.forecasters.Ridge.for_data(series, subtract_last=True),
    "PatchTST": sg.forecasters.PatchTST.for_data(
        series, patch_length=2, stride=1, hidden_channels=32, n_heads=4, n_layers=2, dropout=0.0
    ),
    "MLP": nn.Sequential(nn.Linear(4 * pod.rank, 128), nn.GELU(), nn.Linear(128, 2 * pod.rank)),
}
recipe = {"batch_size": 32, "objective": sg.objectives.MeanSquare(), "optimizer": sg.OneCycleAdamW(3e-3)}
epochs = {"ridge": 1, "PatchTST": 20 if full else 3, "MLP": 150 if full else 20}
models = {
    f"{name} on modes": sg.PODStepper(pod, sg.fit(network, series, epochs=epochs[name], **recipe))
    for name, network in forecasters.items()
}
network = sg.models.GalerkinTransformer.for_data(single, hidden_channels=64 if full else 32, n_layers=2)
models["Galerkin transformer"] = sg.fit(network, single, epochs=10 if full else 3, batch_size=32)

# %%
# Rollout
# -------
# The same call for all, from the frames up to the fourth; coefficients leave and enter the modes at the ends only.

whole = test.to_dataset()
predictions = {
    name: sg.rollout(model, whole.isel(time=slice(4 - model.history, None)), steps=10, progress=False)
    for name, model in models.items()
}
sample = int(abs(whole["u"]).max(["time", "x"]).values.argmax())
scale = float(abs(whole["u"].isel(sample=sample)).max())
figure, axes = plt.subplots(1, 5, figsize=(13, 2.8), layout="constrained", sharey=True)
frames = {"truth": whole.isel(time=slice(4, None)), **predictions}
for axis, (title, shown) in zip(axes, frames.items(), strict=True):
    values = shown["u"].isel(sample=sample)
    image = axis.pcolormesh(values["x"], values["time"], values, cmap="RdBu_r", vmin=-scale, vmax=scale)
    axis.set(title=title, xlabel="x")
axes[0].set_ylabel("time")
figure.colorbar(image, ax=axes, label="u")
plt.show()

# %%
# Comparison
# ----------
# Against a reference on a finer grid, with the solvers of the case and the trivial predictions.

comparison = sg.compare(models, test, case=case, time_budget=60.0 if full else 4.0)
print(comparison)

# %%
# The linear forecaster is good at first and soon loses the shock; what couples the modes keeps it.

figure, axis = plt.subplots(figsize=(9, 4), layout="constrained")
for name in [*models, "persistence"]:
    error = comparison.scores["relative_l2"].sel(member=name).mean(["sample", "field"])
    axis.semilogy(comparison.scores["time"], error, "--" if name == "persistence" else "-", label=name)
axis.axhline(floor, color="0.6", ls=":", label="what the modes cannot represent")
axis.set(xlabel="time since the start", ylabel="relative L2 error")
figure.legend(loc="outside right center", fontsize="small")
plt.show()

# %%
# ``models["ridge on modes"].save("reduced.safetensors")`` keeps modes and forecaster in one file. The error of the
# ridge, mean over samples and times:

ridge_error = float(comparison.scores["error"].sel(member="ridge on modes").mean())
print(f"{100 * ridge_error:.1f} %")
