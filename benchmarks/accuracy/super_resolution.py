"""Every network trained on one grid and asked on grids twice and four times as fine.

Run: ``python benchmarks/accuracy/super_resolution.py FOLDER`` (ten minutes on one core). Burgers, viscosity 0.01,
from t = 0 to t = 1, 64 points; the test samples at 128 and 256 points are the same functions, solved there. A network
that cannot do it refuses the grid: its error is shown in the table as "refused", and what it says is printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import trials
import xarray as xr
from torch import nn

import surrogate as sg

SPLIT = (400, 50, 50)
POINTS = 64
FACTORS = (2, 4)
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "FNO": {},
    "TFNO": {"rank": 0.5},
    "FFNO": {},
    "UNO": {},
    "IFNO": {"n_iterations": 4},
    "GalerkinTransformer": {"hidden_channels": 64},
    "FactFormer": {"latent_steps": 1},
    "IFactFormer": {"n_iterations": 4},
    "MgNO": {},
    "UNet": {"hidden_channels": 16},
    "DeepONet": {},
}


def builder(name: str, data: xr.DataTree) -> Callable[[], nn.Module]:
    return lambda: getattr(sg.models, name).for_data(data, **SETTINGS[name])


def prepared(options: argparse.Namespace) -> tuple[xr.DataTree, dict[int, xr.Dataset]]:
    """Return the prepared data, and the test samples on all grids."""
    fields = trials.truth(sg.cases.Burgers(POINTS, 0.01), sum(SPLIT), options.folder / "data.h5")
    data = sg.prepare(fields, inputs=["u"], outputs=["u"], split=SPLIT)
    tests = {POINTS: data["test"].to_dataset()}
    for factor in FACTORS:
        n = factor * POINTS
        fine = trials.truth(sg.cases.Burgers(n, 0.01), sum(SPLIT), options.folder / f"data_{n}.h5")
        tests[n] = fine.sel(sample=tests[POINTS]["sample"])
    return data, tests


def main() -> None:
    parser = trials.parser_for(__doc__, SETTINGS, epochs=30, seeds=1)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    data, tests = prepared(options)
    rows = []
    for name in options.only or SETTINGS:
        build, errors = builder(name, data), []
        for seed in range(options.seeds):
            folder = options.folder / f"{name}_{options.epochs}_{seed}"
            recipe = {"epochs": options.epochs, "batch_size": 8}
            model = trials.train(trials.seeded(build, seed), data, folder, options, seed=seed, **recipe)
            errors.append([trials.mean_error(model, fields) for fields in tests.values()])
        columns = map(trials.percent, zip(*errors, strict=True))
        rows.append([f"`{name}`", trials.parameters(build()), *columns])
        print(*rows[-1], flush=True)
    head = ["", "parameters", *(f"error at {n} points" for n in tests)]
    trials.write_table(options.folder / "table.md", head, rows)


if __name__ == "__main__":
    main()
