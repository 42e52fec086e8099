"""
What an axial kernel looks like
===============================

FactFormer (arXiv 2305.17560) replaces attention between all points of a grid by one kernel for each axis, computed from
the field itself. Its paper argues that such kernels are compact: a few singular values hold almost all of them. Here is
what a small network shows, before and after training.
"""

import matplotlib.pyplot as plt
import torch

import surrogate as sg

# %%
# A steady problem
# ----------------
# Darcy flow through two kinds of rock on 32 x 32 cells: permeability in, pressure out.

ROCKS = sg.solvers.initial.TwoPhase(field=sg.solvers.initial.NeumannRandomField(n_frequencies=16))
fields = sg.generate(sg.cases.Darcy(32, permeability=ROCKS), samples=160, seed=0, progress=False)
data = sg.prepare(fields, inputs=["permeability"], outputs=["pressure"], split=(128, 16, 16))
torch.manual_seed(0)
network = sg.models.FactFormer.for_data(
    data, hidden_channels=32, n_layers=2, n_heads=4, head_channels=24, latent_steps=0
)

# %%
# The kernels
# -----------
# ``FactFormer.kernels`` returns, for each layer and axis, the kernel at all pairs of points, one for each sample and
# head. Their singular values, divided by the largest, tell how many products of functions of one point they consist of.

x = torch.as_tensor(data["test"]["permeability"].values, dtype=torch.float32)[:, None]
x = (x - x.mean()) / x.std()


def singular_values() -> list[torch.Tensor]:
    """Return for each layer the singular values of its kernels: samples, axes and heads in rows."""
    with torch.no_grad():
        layers = network.eval().kernels(x)
    values = [torch.linalg.svdvals(torch.cat(axes, dim=1)).flatten(0, 1) for axes in layers]
    return [value / value[:, :1] for value in values]


def rank(values: torch.Tensor) -> float:
    """Return how many singular values hold 99 percent of the squares, in the mean."""
    share = values.square().cumsum(1) / values.square().sum(1, keepdim=True)
    return float((share < 0.99).sum(1).add(1).float().mean())


before = singular_values()
model = sg.fit(network, data, epochs=12, batch_size=8)
after = singular_values()
error = float(sg.relative_error(model.predict(data["test"]), data["test"]).mean())
print(f"relative L2 error {100 * error:.1f} %")

# %%
# Their spectra
# -------------
# Bands reach from the first to the last tenth of all samples, heads and axes.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", sharey=True)
for layer, axis in enumerate(axes):
    for values, label, color in ((before, "before training", "0.5"), (after, "after training", "C0")):
        low, middle, high = values[layer].quantile(torch.tensor([0.1, 0.5, 0.9]), dim=0).numpy()
        number = range(1, len(middle) + 1)
        axis.semilogy(number, middle, ".-", color=color, label=f"{label}: {rank(values[layer]):.1f} hold 99 %")
        axis.fill_between(number, low, high, color=color, alpha=0.2, linewidth=0)
    axis.set(title=f"layer {layer + 1}", xlabel="singular value", ylim=(1e-6, 2))
    axis.grid(color="0.9")
    axis.legend()
axes[0].set_ylabel("relative to the largest")
plt.show()

# %%
# One kernel
# ----------
# A row of the picture tells where a point of the axis looks: with what weight each point of the axis enters its mean.

with torch.no_grad():
    kernels = network.kernels(x[:1])
figure, axes = plt.subplots(1, 4, figsize=(10, 3.3), layout="constrained", sharey=True)
for head, axis in enumerate(axes):
    kernel = kernels[-1][0][0, head]
    bound = float(kernel.abs().max())
    axis.imshow(kernel.numpy(), cmap="RdBu_r", vmin=-bound, vmax=bound)
    axis.set(title=f"head {head + 1}, along x", xlabel="point looked at")
axes[0].set_ylabel("point")
plt.show()

effective_rank = sum(map(rank, after)) / len(after)
print(f"of 32 singular values {effective_rank:.1f} hold 99 % of a kernel after training, in the mean")
