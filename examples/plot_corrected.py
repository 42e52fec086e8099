r"""
A network in the loop of a coarse solver
========================================

A solver on a coarse grid is quick and wrong: it does not see what happens between its points. A network alone has to
learn the whole equation. Together,

.. math:: u \mapsto S(u) + N(S(u)),

the solver does what it knows and the network adds what the grid cannot hold (Um et al., `arXiv 2007.00016
<https://arxiv.org/abs/2007.00016>`_; Kochkov et al., `arXiv 2102.01010 <https://arxiv.org/abs/2102.01010>`_). It is
trained *through* the solver, by the same ``fit``.

Everything is small here so that the page builds in less than a minute.
"""

# %%
# Truth on a coarse grid
# ----------------------
# Burgers' equation solved on 256 points; every eighth point is what a coarse solver works with. On 32 points the
# shocks, about 0.01 wide, are not resolved.

import warnings

import matplotlib.pyplot as plt
import torch

import surrogate as sg

warnings.simplefilter("ignore", sg.datasets.OutsideTrainingRange)  # overshoots at shocks leave it by a little

case = sg.cases.Burgers(resolution=256, viscosity=0.003, dt=0.05, steps=20)
fine = sg.generate(case, samples=100, seed=0)
coarse = fine.isel(x=slice(None, None, 8))
grid = sg.Grid.from_fields(coarse)
data = sg.prepare(coarse, inputs=["u"], outputs=["u"])

# %%
# Three steppers
# --------------
# The coarse solver, a neural operator, and the two together. ``Unrolled(2)`` is the loss of two steps in a row, whose
# gradient passes through the solver.

solver = sg.solvers.Burgers(grid, viscosity=0.003, dt=0.05, substeps=4, dtype=torch.float32)


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return sg.models.FNO.for_data(data, hidden_channels=16, n_layers=2, n_modes=16)


recipe = {"epochs": 6, "batch_size": 32, "optimizer": sg.OneCycleAdamW(5e-3)}
steppers = {
    "coarse solver": solver,
    "network": sg.fit(network(), data, **recipe),
    "corrected": sg.fit(sg.Corrected(solver, network()), data, **recipe),
    "corrected, two steps in a row": sg.fit(
        sg.Corrected(solver, network()), data, objective=sg.objectives.Unrolled(2), **recipe
    ),
}

# %%
# Rollout
# -------
# From states that none of them has seen. The solver would stop and say that the grid does not resolve the shocks, which
# is right: ``keep_going``.

predictions = {
    name: sg.rollout(stepper, data["test"], steps=20, keep_going=True, progress=False)
    for name, stepper in steppers.items()
}
errors = {name: sg.relative_error(prediction, data["test"]) for name, prediction in predictions.items()}
truth = data["test"].to_dataset()
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
left.plot(fine["x"], fine["u"].sel(sample=truth["sample"][0], time=0.5), color="0.7", lw=3, label="truth")
for name, prediction in predictions.items():
    left.plot(prediction["x"], prediction["u"].isel(sample=0).sel(time=0.5, method="nearest"), ".-", ms=3, label=name)
    right.semilogy(errors[name]["time"], errors[name].mean("sample"), label=name)
left.set(xlabel="x", title="u at time 0.5")
right.set(xlabel="time", title="relative L2 error")
right.legend(fontsize="small")
plt.show()

# %%
# A trained hybrid is a stepper like any other; ``save`` writes the settings of the solver beside the weights, and
# ``load`` builds it again. Error of the rollout, mean over samples and times:

mean = {name: float(error.mean()) for name, error in errors.items()}
for name, error in mean.items():
    print(f"{name:32} {100 * error:.1f} %")
ratio = mean["corrected, two steps in a row"] / min(mean["coarse solver"], mean["network"])
