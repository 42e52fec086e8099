"""
An ensemble that was checked before anybody trained on it
=========================================================

Make samples in shards, open them as one lazy dataset, and ask whether they are sound: then spoil them as public sets
have been spoiled, and ask again.
"""

# %%
# Shards
# ------
# A path without a suffix is a directory. Each shard is written whole or not at all, so a run that was killed goes on
# where it stopped: this same call would do it. With ``workers=8``, or the address of a Dask scheduler, the bits are the
# same.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from rich.console import Console

import surrogate as sg

folder = Path(tempfile.mkdtemp())
case = sg.cases.Burgers(resolution=64, viscosity=0.02, dt=0.1, steps=10)
fields = sg.generate(case, samples=24, path=folder / "burgers", seed=0, shard_size=8, progress=False)
sorted(file.name for file in (folder / "burgers").iterdir())

# %%
# Opened again, nothing is read but what is asked for. The files carry what made them.

fields = sg.open_dataset(folder / "burgers")
fields

# %%
# Audit
# -----
# The equation is known here, so frames are compared with steps of our own solver.


def show(report: sg.AuditReport) -> None:
    """Print a report as the command line does."""
    Console(width=118).print(report)


clean = sg.audit(fields)
show(clean)

# %%
# A published set of advection data moves twice as fast as its times say, and copies of samples end up in more than one
# split. Both are easily planted, and neither shows in a picture:

spoiled = fields.compute()
spoiled["time"] = spoiled["time"] * 2
spoiled["u"][5] = spoiled["u"][2]

pictures = {"sound": fields["u"][2], "spoiled": spoiled["u"][5]}
figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for axis, (title, values) in zip(axes, pictures.items(), strict=True):
    image = axis.pcolormesh(values["x"].values, values["time"].values, values.values, cmap="RdBu_r")
    axis.set(title=title, xlabel="x", ylabel="time")
figure.colorbar(image, ax=axes, label="u")
plt.show()

# %%
# The audit says what is wrong, where, and what to do about it.

report = sg.audit(spoiled)
show(report)

# %%
# From the shell: ``surrogate generate burgers --samples 24``, ``surrogate audit burgers``, and
# ``surrogate convert burgers burgers.pvd`` for ParaView.

errors = len(report.of("error")) - len(clean.of("error"))
