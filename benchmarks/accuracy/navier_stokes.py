"""The Fourier neural operator beside classical solvers on the Navier-Stokes data of its paper, viscosity 1e-3.

Run: ``python benchmarks/accuracy/navier_stokes.py FOLDER`` (an hour on two cores; ``--samples 40 --epochs 2`` in
minutes; ``--device cuda`` on a GPU). Ten frames are given, forty predicted one by one, as in arXiv 2010.08895; training
is on single steps. Data, training and report are kept in FOLDER: a run that was stopped goes on. Prints the table of
the comparison and writes the report beside it. McGreivy & Hakim (arXiv 2407.07218) found that the published speed-up of
1000 became 7 to 10 beside a suitable solver.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import xarray as xr

import surrogate as sg

RECIPE = {"hidden_channels": 20, "n_modes": 24, "n_layers": 4}  # 12 wavenumbers of each sign, as published
TEST = 32


def truth(folder: Path, case: sg.cases.NavierStokes, samples: int) -> xr.DataTree:
    path = folder / f"navier_stokes_{case.resolution}_{samples}.h5"
    fields = sg.open_dataset(path) if path.exists() else sg.generate(case, samples, path)
    split = (samples - TEST - samples // 10, samples // 10, TEST)
    return sg.prepare(fields, inputs=["vorticity"], outputs=["vorticity"], history=10, split=split)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=232)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--device", default=None)
    parser.add_argument("--timing", type=float, default=300.0, help="seconds for all timings together")
    options = parser.parse_args()
    warnings.simplefilter("ignore", sg.datasets.OutsideTrainingRange)
    options.folder.mkdir(parents=True, exist_ok=True)
    case = sg.cases.NavierStokes(resolution=options.resolution, viscosity=1e-3)
    data = truth(options.folder, case, options.samples)
    trainer = {"accelerator": "cpu" if options.device is None else "gpu"}
    models = []
    for seed in range(options.seeds):
        network = sg.models.FNO.for_data(data, **RECIPE)
        run = options.folder / f"fno_{options.samples}_{options.epochs}_{seed}"
        models.append(sg.fit(network, data, path=run, epochs=options.epochs, seed=seed, devices=1, trainer=trainer))
        print(f"seed {seed}: {models[-1].record['training_seconds']:.0f} s of training")
    candidate = models if len(models) > 1 else models[0]
    report = sg.compare({"FNO": candidate}, data["test"], case=case, device=options.device, time_budget=options.timing)
    print(report)
    report.save(options.folder / "report", overwrite=True)


if __name__ == "__main__":
    main()
