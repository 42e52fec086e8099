r"""
Burgers: from solver to honest comparison
=========================================

The whole chain on the smallest problem that has a shock in it,

.. math:: u_t + \left(\tfrac12 u^2\right)_x = \nu\, u_{xx}, \qquad x \in [0, 1) \text{ periodic},

from a random smooth initial state: solve it, train a Galerkin transformer on the solutions, roll both out from states
that the network has never seen, and ask how fast a classical solver is *at the same error*.

Everything is small here so that the page builds in seconds; ``surrogate demo`` does it properly in a few minutes.
"""

# %%
# Truth
# -----
# A *case* is a fully specified problem. Sample ``i`` depends on case, seed and ``i`` only.

import matplotlib.pyplot as plt
import torch

import surrogate as sg

case = sg.cases.Burgers(resolution=64, viscosity=0.02, dt=0.1, steps=10)
fields = sg.generate(case, samples=120, seed=0)
fields

# %%
# Data
# ----
# Say what enters and what leaves. A field that does both and has a time axis is stepped in time.

data = sg.prepare(fields, inputs=["u"], outputs=["u"])

# %%
# Surrogate
# ---------
# Sizes are read from the data; the result is a stepper in physical units, like the solver.

torch.manual_seed(0)
network = sg.models.GalerkinTransformer.for_data(data, hidden_channels=32, n_layers=2)
model = sg.fit(network, data, epochs=6, batch_size=32)

# %%
# Rollout
# -------
# One function for the surrogate and for the solver. It reads the first frame and returns predicted frames only.

prediction = sg.rollout(model, data["test"], steps=10)
truth = data["test"].to_dataset().sel(time=prediction["time"])

figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained", sharey=True)
panels = {"truth": truth["u"], "surrogate": prediction["u"], "error": prediction["u"] - truth["u"]}
for axis, (title, field) in zip(axes, panels.items(), strict=True):
    values = field.isel(sample=0)
    scale = float(abs(truth["u"].isel(sample=0)).max())
    image = axis.pcolormesh(values["x"], values["time"], values, cmap="RdBu_r", vmin=-scale, vmax=scale)
    axis.set(title=title, xlabel="x")
axes[0].set_ylabel("time")
figure.colorbar(image, ax=axes, label="u")
plt.show()

# %%
# Comparison
# ----------
# The reference is computed anew on a finer grid; coarse solvers are timed beside the surrogate, on the same machine,
# with the same output. In one dimension the solver is hard to beat, and the report says so.

comparison = sg.compare({"Galerkin transformer": model}, data["test"], case=case, time_budget=6.0)
print(comparison)

# %%
# ``comparison.save("report/")`` writes one self-contained page with all figures. The relative L2 error of the first
# step, from held-out initial states:

first_step = float(sg.relative_error(prediction, data["test"]).isel(time=0).mean())
print(f"{100 * first_step:.1f} %")
