"""The log of a training: a CSV file and a plot."""

from __future__ import annotations

import csv
from pathlib import Path

from surrogate.datasets.storage.whole_files import whole_file

Row = dict[str, int | float]


def write_history(rows: list[Row], path: Path) -> None:
    """Write one line per epoch, whole or not at all."""
    with whole_file(path, overwrite=True) as part, part.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def plot_history(rows: list[Row], path: Path) -> None:
    """Draw both losses and the learning rate over the epochs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    epochs = [row["epoch"] + 1 for row in rows]
    for name, color in (("training_loss", "0.55"), ("validation_loss", "tab:blue")):
        axes.semilogy(epochs, [row[name] for row in rows], color=color, label=name.replace("_", " "))
    best = min(rows, key=lambda row: row["validation_loss"])
    axes.plot(best["epoch"] + 1, best["validation_loss"], "o", color="tab:blue", label="kept weights")
    axes.set(xlabel="epoch", ylabel="loss (physical units)")
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)
    with whole_file(path, overwrite=True) as part:
        figure.savefig(part, format="png", dpi=150)
