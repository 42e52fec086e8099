"""The command line, as a person types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from safetensors import safe_open

import surrogate as sg
from surrogate.cli import main
from surrogate.cli.main import COMMANDS

CASE = ["--case", "Burgers", "--case.resolution", "32", "--case.viscosity", "0.05", "--case.dt", "0.1"]
STEPS = ["--case.steps", "3"]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make fields and a surrogate trained on them from the command line."""
    folder = tmp_path_factory.mktemp("work")
    data = str(folder / "burgers.h5")
    assert main(["generate", data, "--samples", "20", *CASE, *STEPS]) == 0
    options = ["--network_options", '{"hidden_channels": 8, "n_layers": 1}', "--epochs", "1", "--devices", "1"]
    assert main(["train", data, str(folder / "run"), *options]) == 0
    return folder


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"    {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_teaches(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0
    assert "--config" in shown
    assert f"Example: surrogate {command}" in shown


def test_each_example_of_the_help_begins_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["convert", "--help"])
    text = capsys.readouterr().out
    assert text.count("\nExample: surrogate convert ") == text.count("Example:") >= 3


def test_help_does_not_load_torch() -> None:
    code = (
        "import sys; from surrogate.cli import main\ntry: main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_generate_writes_fields_that_plain_xarray_reads(work: Path) -> None:
    with xr.open_dataset(work / "burgers.h5", engine="h5netcdf") as fields:
        assert dict(fields.sizes) == {"sample": 20, "time": 4, "x": 32}
        assert float(fields["viscosity"]) == 0.05


def test_train_leaves_a_surrogate_of_the_asked_size(work: Path) -> None:
    with safe_open(work / "run" / "surrogate.safetensors", framework="pt") as file:
        assert '"hidden_channels": 8' in file.metadata()["manifest"]
    assert (work / "run" / "loss.png").stat().st_size > 0


def test_rollout_predicts_the_test_part(work: Path) -> None:
    target = work / "prediction.h5"
    model = str(work / "run" / "surrogate.safetensors")
    assert main(["rollout", model, str(work / "burgers.h5"), str(target), "--steps", "4", "--every", "2"]) == 0
    with xr.open_dataset(target, engine="h5netcdf") as fields:
        assert dict(fields.sizes) == {"sample": 2, "time": 2, "x": 32}
        assert fields["time"].values.tolist() == pytest.approx([0.2, 0.4])


def test_compare_writes_a_report(work: Path) -> None:
    models = f"[{work / 'run' / 'surrogate.safetensors'}]"
    arguments = ["compare", models, str(work / "burgers.h5"), str(work / "report"), "--timing_seconds", "2"]
    assert main(arguments) == 0
    assert "the solver dominates" in (work / "report" / "report.html").read_text()


def test_inspect_shows_fields_and_surrogates(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert main(["inspect", str(work / "burgers.h5")]) == 0
    assert "u_t + (u^2/2)_x = viscosity u_xx" in capsys.readouterr().out
    assert main(["inspect", str(work / "run" / "surrogate.safetensors")]) == 0
    assert "GalerkinTransformer" in capsys.readouterr().out


def test_inspect_shows_modes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    fields = sg.generate(sg.cases.Burgers(resolution=32, steps=4), samples=10, seed=0, progress=False)
    data = sg.prepare(fields, inputs=["u"], outputs=["u"])
    pod = sg.datasets.POD(data, ["u"], rank=3)
    series = pod.transform(data)
    path = tmp_path / "reduced.safetensors"
    sg.PODStepper(pod, sg.fit(sg.forecasters.Ridge.for_data(series), series)).save(path)
    assert main(["inspect", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "3 of u on Grid(shape=(32,)" in shown
    assert "surrogate.forecasters.ridge.Ridge" in shown


def test_inspect_draws_fields(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, target = str(work / "burgers.h5"), str(work / "burgers.png")
    assert main(["inspect", data, "--plot", target, "--sample", "3"]) == 0
    assert (work / "burgers.png").read_bytes().startswith(b"\x89PNG")
    assert main(["inspect", data, "--plot", target]) == 2
    assert main(["inspect", data, "--plot", str(work / "burgers.doc")]) == 2
    assert main(["inspect", data, "--plot", str(work / "burgers.gif")]) == 0
    assert (work / "burgers.gif").read_bytes().startswith(b"GIF")
    assert main(["inspect", str(work / "run" / "surrogate.safetensors"), "--plot", target]) == 2
    assert "Expected a file of fields to draw" in capsys.readouterr().err


def test_inspect_shows_axes_and_sizes(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert main(["inspect", str(work / "burgers.h5")]) == 0
    shown = [" ".join(line.replace("│", " ").split()) for line in capsys.readouterr().out.splitlines()]
    assert "time 4 0 0.3 0.1 1" in shown
    assert "x 32 0 0.96875 0.03125 1 periodic on [0, 1], values at nodes" in shown
    assert any(line.endswith("on disk, 10.7 kB in memory") for line in shown)  # 20 x 4 x 32 float32 and coordinates


def test_inspect_shows_where_the_points_of_a_mesh_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    mesh = sg.Mesh([[0, -1], [3, -1], [3, 2], [0, 2]], {"triangle": [[0, 1, 2], [0, 2, 3]]})
    attrs = {"units": "1", "mesh": "mesh", "location": "node"}
    u = (("sample", "node"), [[1.0, 2.0, 3.0, 4.0]], attrs)
    sg.save_dataset(xr.Dataset({"u": u}, coords=mesh.coordinates()), tmp_path / "mesh.h5")
    assert main(["inspect", str(tmp_path / "mesh.h5")]) == 0
    shown = [" ".join(line.replace("│", " ").split()) for line in capsys.readouterr().out.splitlines()]
    assert "x 0 3 1 of the points" in shown
    assert "y -1 2 1 of the points" in shown


def test_inspect_says_what_it_has_not_read(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("surrogate.cli.fields_tables.SMALL", 1000)
    monkeypatch.setattr("surrogate.cli.fields_tables.MOST", 3)
    fields = sg.open_dataset(work / "burgers.h5")
    looked = fields["u"].isel(sample=[0, 10, 19], time=[0, 2, 3])  # the halves of both are rounded to even numbers
    assert main(["inspect", str(work / "burgers.h5")]) == 0
    shown = capsys.readouterr().out
    assert "min, max and mean of 3 of 20 samples and 3 of 4 frames, evenly spaced; --full reads all" in shown
    assert f" {float(looked.max()):.4g} " in shown
    assert main(["inspect", str(work / "burgers.h5"), "--full", "true"]) == 0
    shown = capsys.readouterr().out
    assert "evenly spaced" not in shown
    assert f" {float(fields['u'].max()):.4g} " in shown


def test_inspect_shows_what_breaks_the_convention(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    broken = sg.open_dataset(work / "burgers.h5").load()
    broken["u"][3, 2, 1] = np.nan
    del broken["u"].attrs["units"]
    broken.to_netcdf(tmp_path / "broken.h5", engine="h5netcdf")
    assert main(["inspect", str(tmp_path / "broken.h5")]) == 0
    shown = capsys.readouterr().out
    assert "Breaks the convention: Expected units on 'u', got none." in shown
    assert "(1 not finite)" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.h5"], "Expected an existing file"),
        ([], "arguments are required"),
        (["--sample", "20", "--plot", "new.png"], "Expected a sample out of 20, got 20"),
        (["--time", "9", "--plot", "new.png"], "Expected a time out of 4, got 9"),
        (["--plot", "folder/new.png"], "Expected an existing folder"),
        (["--plot", "new.doc"], "Expected a drawing that ends in .png, .pdf or .svg"),
        (["--names", '{"q": "v"}'], "Expected different new names"),
        (["--grid", '{"periodic": true}'], "Expected options out of names"),
        (["--format", "none"], "Expected a format out of"),
    ],
)
def test_inspect_refuses_what_makes_no_sense(
    work: Path,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [str(work / "burgers.h5")] if arguments and arguments[0].startswith("-") else []
    assert main(["inspect", *given, *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new.png").exists()


def test_audit_tells_errors_by_its_exit_code(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    data = str(work / "burgers.h5")
    assert main(["audit", data, "--json", str(tmp_path / "audit.json")]) == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out
    assert main(["audit", data, "--json", str(tmp_path / "audit.json")]) == 2
    assert not capsys.readouterr().out  # said before the data are read
    assert '"not_applicable"' in (tmp_path / "audit.json").read_text()
    assert main(["audit", data, "--test", data]) == 1
    shown = capsys.readouterr().out
    assert "inputs of 20 of 20 samples (0, 1, 2, 3, 4, ...) are also in 'train'" in shown


def test_audit_takes_an_equation_and_its_constants(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    bare = tmp_path / "bare.h5"
    fields = sg.open_dataset(work / "burgers.h5").drop_vars("viscosity").rename(u="speed")
    sg.save_dataset(fields.drop_attrs(deep=False), bare)
    assert main(["audit", str(bare)]) == 0
    assert "no equation known. Name it with equation= (--equation)" in capsys.readouterr().out
    assert main(["audit", str(bare), "--equation", "burgers", "--parameters.viscosity", "0.05"]) == 0
    wrong = ["--equation", "burgers", "--parameters.viscosity", "0.2", "--full", "true"]
    assert main(["audit", str(bare), *wrong]) == 1
    assert "steps of 20 of 20 samples tried" in capsys.readouterr().out
    assert main(["audit", str(bare), "--equation", "burgers"]) == 2
    assert "Expected the viscosity of the equation Burgers, got none. Give it" in capsys.readouterr().err


@pytest.fixture(scope="module")
def forecaster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table, and a linear forecaster that continues it exactly."""
    folder = tmp_path_factory.mktemp("series")
    date, t = pd.date_range("2024-01-01", periods=300, freq="15min"), np.arange(300)
    pd.DataFrame({"date": date, "load": 3 + np.sin(0.3 * t)}).to_csv(folder / "load.csv", index=False)
    fields = sg.open_dataset(folder / "load.csv")
    data = sg.prepare(fields, inputs=["load"], outputs=["load"], history=24, horizon=6, split_by="time")
    sg.fit(sg.forecasters.Ridge.for_data(data), data).save(folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_forecast_continues_a_table(forecaster: Path, suffix: str) -> None:
    target, drawing = forecaster / f"forecast.{suffix}", str(forecaster / f"{suffix}.png")
    arguments = ["forecast", str(forecaster / "model.safetensors"), str(forecaster / "load.csv"), str(target)]
    assert main([*arguments, "--horizon", "10", "--plot", drawing]) == 0
    future = pd.read_csv(target, index_col="date", parse_dates=True) if suffix == "csv" else pd.read_parquet(target)
    assert future.index.name == "date"
    assert future.index[0] == pd.Timestamp("2024-01-04 03:00")
    # the series obeys a linear recurrence; what is left is the penalty and the normalization
    np.testing.assert_allclose(future["load"], 3 + np.sin(0.3 * np.arange(300, 310)), rtol=0, atol=0.02)
    assert Path(drawing).read_bytes().startswith(b"\x89PNG")
    assert main(arguments) == 2


def test_forecast_refuses_what_is_no_forecaster(
    work: Path, forecaster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, table, target = str(forecaster / "model.safetensors"), str(forecaster / "load.csv"), forecaster / "out.csv"
    fields = str(work / "run" / "surrogate.safetensors")
    for arguments, words in (
        ([fields, table, str(target)], "Expected a forecaster of series, got a surrogate of fields."),
        ([model, "missing.csv", str(target)], "Expected an existing file, got 'missing.csv'"),
        ([model, table, str(forecaster / "out.xls")], "Expected a table that ends in .csv or .parquet"),
        ([model, table, str(target), "--time", "when"], "Expected a column 'when'"),
        ([model, table, str(target), "--horizon", "0"], "Expected a horizon of at least 1, got 0."),
    ):
        assert main(["forecast", *arguments]) == 2
        message = capsys.readouterr().err
        assert words in message
        assert message.count("\n") == 1
    assert not target.exists()


@pytest.mark.filterwarnings("ignore::surrogate.datasets.OutsideTrainingRange")  # ten samples span no range
def test_meshes_go_from_case_to_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = str(tmp_path / "polygons.h5"), str(tmp_path / "run")
    case = ["--case", "PoissonPolygons", "--case.nodes", "[60, 90]"]
    assert main(["generate", data, "--samples", "10", *case]) == 0
    assert xr.open_dataset(data, engine="h5netcdf")["node_count"].sum() == sg.open_dataset(data)["u"].size
    options = ["--outputs", "[u]", "--epochs", "1", "--devices", "1"]
    assert main(["train", data, run, *options, "--network", "FNO"]) == 2
    assert "data on meshes or points" in capsys.readouterr().err
    small = ["--network_options", '{"hidden_channels": 8, "n_layers": 1}']
    assert main(["train", data, run, *options, "--network", "GNOT", *small]) == 0
    models = f"[{run}/surrogate.safetensors]"
    assert main(["compare", models, data, str(tmp_path / "report"), "--timing_seconds", "0.5"]) == 0
    assert "nearest sample" in capsys.readouterr().out
    assert (tmp_path / "report" / "panels.png").exists()


def test_every_case_generates(tmp_path: Path) -> None:
    for number, case in enumerate((["Burgers", "--case.resolution", "32"], ["Darcy", "--case.resolution", "16"])):
        path = tmp_path / f"{number}.h5"
        assert main(["generate", str(path), "--samples", "2", "--case", *case]) == 0
        assert sg.open_dataset(path).sizes["sample"] == 2


def test_options_come_from_a_file(tmp_path: Path) -> None:
    settings = tmp_path / "options.yaml"
    settings.write_text("samples: 3\ncase:\n  class_path: Burgers\n  init_args: {resolution: 32}\n")
    target = tmp_path / "data.h5"
    assert main(["generate", str(target), "--config", str(settings)]) == 0
    with xr.open_dataset(target, engine="h5netcdf") as fields:
        assert dict(fields.sizes) == {"sample": 3, "time": 2, "x": 32}


MISTAKES = {
    "unknown command": (["generat"], "invalid choice: 'generat'"),
    "unknown option": (["generate", "x.h5", "--sample", "3"], "--sample"),
    "not a number": (["generate", "x.h5", "--samples", "three"], "samples"),
    "no samples": (["generate", "x.h5", "--samples", "0"], "Expected at least one sample, got 0"),
    "negative viscosity": (["generate", "x.h5", "--case.viscosity", "-1"], "Expected a positive viscosity"),
    "wrong suffix": (["generate", "x.csv"], "Expected a path that ends in .h5"),
    "missing file": (["inspect", "missing.h5"], "Expected an existing file, got 'missing.h5'"),
    "missing folder": (["generate", "nowhere/x.h5"], "Expected an existing folder"),
    "no CUDA": (["generate", "x.h5", "--samples", "1", "--device", "cuda:99"], "Expected a"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_code_2(
    mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, words = MISTAKES[mistake]
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.startswith("surrogate: ")
    assert message.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_existing_output_is_kept(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (work / "burgers.h5").read_bytes()
    assert main(["generate", str(work / "burgers.h5"), "--samples", "1"]) == 2
    assert "overwrite" in capsys.readouterr().err
    assert (work / "burgers.h5").read_bytes() == before


def test_an_interrupt_is_code_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("surrogate.open_dataset", interrupt)
    assert main(["inspect", "data.h5"]) == 130
    assert capsys.readouterr().err == "surrogate: interrupted: nothing is left half-written\n"
    assert main(["train", "data.h5", "run"]) == 130
    assert "interrupted: the same command goes on from the last epoch that was finished" in capsys.readouterr().err


def test_demo_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("surrogate.cli.demo.CASE", {"resolution": 32, "dt": 0.1, "steps": 2})
    arguments = ["demo", "--path", str(tmp_path / "demo"), "--samples", "12", "--epochs", "1", "--timing_seconds", "1"]
    assert main(arguments) == 0
    stamp = (tmp_path / "demo" / "burgers.h5").stat().st_mtime_ns
    capsys.readouterr()
    assert main(arguments) == 0
    assert (tmp_path / "demo" / "burgers.h5").stat().st_mtime_ns == stamp
    assert "One-step relative L2 error" in capsys.readouterr().out
    assert (tmp_path / "demo" / "report.html").exists()
    assert main([*arguments[:4], "13", *arguments[5:]]) == 2
