"""Time to the accuracy of neuraloperator's FNO on the small Darcy set of that package (16 × 16 points).

Run: ``python benchmarks/accuracy/small_darcy.py FOLDER FILE`` with its ``darcy_train_16.pt`` (ten minutes on one core).
The FNO of neuraloperator is trained for ``--epochs`` passes, with 800 samples, 100 others to choose the epoch and 100
for the error. Then every network of ours is trained anew for 1/8, 1/6, 1/4, ... of these, each time with a whole
schedule of the learning rate, until its error is as small. Times are process CPU seconds of the trainings, which take
turns on one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import trials
import xarray as xr
from torch import nn

import surrogate as sg

SPLIT = (800, 100, 100)
SHARES = (1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1)
WIDTH, MODES = 32, 12


def peer() -> nn.Module:
    from neuralop.models import FNO

    network = FNO((MODES, MODES), 1, 1, hidden_channels=WIDTH)
    network.resolution = None
    return network


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "FNO": lambda: sg.models.FNO(1, 1, dim=2, n_modes=MODES, hidden_channels=WIDTH, periodic=True),
    "FNO, 8 modes": lambda: sg.models.FNO(1, 1, dim=2, n_modes=8, hidden_channels=24, periodic=True),
    "TFNO": lambda: sg.models.TFNO(1, 1, dim=2, n_modes=MODES, hidden_channels=WIDTH, rank=0.1, periodic=True),
    "MgNO": lambda: sg.models.MgNO(1, 1, dim=2, hidden_channels=24, n_layers=4, n_smoothing=[[1, 0], [1, 0], [2, 0]]),
    "U-Net": lambda: sg.models.UNet(1, 1, dim=2, hidden_channels=8, periodic=True),
}


def timed(build: Callable[[], nn.Module], data: xr.DataTree, epochs: int, seed: int) -> tuple[float, float]:
    """Return the error on the test part, and the CPU time of the training."""
    network = trials.seeded(build, seed)
    began = time.process_time()
    model = sg.fit(network, data, epochs=epochs, seed=seed, devices=1, trainer={"accelerator": "cpu"}, check=False)
    seconds = time.process_time() - began
    error = trials.mean_error(model, data["test"].to_dataset())
    assert error is not None
    return error, seconds


def main() -> None:
    parser = trials.parser_for(__doc__, NETWORKS, epochs=60, seeds=1)
    parser.add_argument("file", type=Path, help="darcy_train_16.pt of neuraloperator")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    # the file holds the points i/n, without the far boundary: those of a periodic grid
    names = {"x": "permeability", "y": "pressure"}
    fields = sg.open_dataset(options.file, names=names, grid={"periodic": True})
    data = sg.prepare(fields, inputs=["permeability"], outputs=["pressure"], split=SPLIT)
    rows = []
    for seed in range(options.seeds):
        goal, whole = timed(peer, data, options.epochs, seed)
        rows.append(["FNO of neuraloperator", f"{seed}", f"{options.epochs}", f"{goal:.2%}", f"{whole:.0f} s", ""])
        print(*rows[-1], flush=True)
        for name in options.only or NETWORKS:
            for share in SHARES:
                epochs = max(1, round(share * options.epochs))
                error, seconds = timed(NETWORKS[name], data, epochs, seed)
                reached = f"{seconds / whole:.2f}" if error <= goal else "not reached"
                print(name, epochs, f"{error:.2%}", f"{seconds:.0f} s", reached, flush=True)
                if error <= goal:
                    break
            rows.append([name, f"{seed}", f"{epochs}", f"{error:.2%}", f"{seconds:.0f} s", reached])
    head = ["", "seed", "epochs", "error", "CPU time", "of neuraloperator's"]
    trials.write_table(options.folder / "table.md", head, rows)


if __name__ == "__main__":
    main()
