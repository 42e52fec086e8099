"""Films of fields that change in time, beside truth where there is one."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.animation import AbstractMovieWriter, FFMpegWriter, HTMLWriter, PillowWriter

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, require
from surrogate.datasets.samples.ragged import select_samples
from surrogate.datasets.storage.whole_files import refuse_existing, whole_file
from surrogate.evaluation.plots.moving import Moving
from surrogate.evaluation.plots.style import canvas
from surrogate.evaluation.report import Comparison
from surrogate.progress import progress_bar

DPI = 100
#: How a film of each suffix is written.
WRITERS: dict[str, Callable[[int], AbstractMovieWriter]] = {
    ".gif": lambda fps: PillowWriter(fps=fps),
    ".mp4": lambda fps: FFMpegWriter(fps=fps, codec="h264", extra_args=["-pix_fmt", "yuv420p"]),
    ".html": lambda fps: HTMLWriter(fps=fps, embed_frames=True, embed_limit=math.inf),
}


def animate(
    fields: Fields | Comparison,
    path: str | Path,
    *,
    names: Sequence[str] | None = None,
    sample: int = 0,
    fps: int = 12,
    overwrite: bool = False,
    progress: bool = True,
) -> Path:
    """Write a film of fields over time; of a comparison, truth, predictions and their errors side by side.

    A field over one axis is a moving line, over two an image, in 3-D the middle plane; on a flat mesh colored cells, on
    other points dots. Colors and axes stay as they are from the first frame to the last.

    Parameters
    ----------
    fields
        What to show; of a `Comparison` its ``examples``.
    path
        Ends in ``.gif``, ``.html`` (a page of its own, with buttons) or ``.mp4`` (needs the extra ``film``).
    names
        Which fields; default: all that change in time and space. Of a comparison one; default: the first.
    sample
        Number of the sample, unless a comparison is shown.
    fps
        Frames in a second.
    overwrite
        Replace ``path`` if it exists.
    progress
        Show a progress bar.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    InputError
        Another suffix, no program for ``.mp4``, names or a sample that are not there, nothing that changes in time.

    Examples
    --------
    >>> import surrogate as sg
    >>> fields = sg.generate(sg.cases.Burgers(resolution=32, dt=0.1, steps=5), samples=1, progress=False)
    >>> sg.animate(fields, "burgers.gif")  # doctest: +SKIP
    """
    path = refuse_existing(path, overwrite)
    if path.suffix not in WRITERS:
        raise expected(f"a film that ends in {', '.join(WRITERS)}", f"{str(path)!r}", "Correct the suffix.")
    if fps < 1:
        raise expected("at least one frame in a second", fps, "Correct fps.")
    program = _ffmpeg() if path.suffix == ".mp4" else None
    panels = _compared(fields, names) if isinstance(fields, Comparison) else _of(as_dataset(fields), names, sample)
    with tempfile.TemporaryDirectory() as folder, mpl.rc_context({"animation.ffmpeg_path": program or "ffmpeg"}):
        film = Path(folder) / path.name
        _write(panels, film, fps, progress)
        with whole_file(path, overwrite=overwrite) as part:
            shutil.copyfile(film, part)
    return path


def _of(dataset: xr.Dataset, names: Sequence[str] | None, sample: int) -> list[Moving]:
    require(dataset, names or [])
    size = dataset.sizes.get("sample", 1)
    if not -size <= sample < size:
        raise expected(f"a sample out of {size}", sample, "Choose one that there is.")
    part = select_samples(dataset, [sample % size]) if "sample" in dataset.dims else dataset
    part = part.isel(sample=0, drop=True) if "sample" in part.dims else part
    chosen = [str(name) for name in names or part.data_vars if {"time"} < set(part[name].dims)]
    if not chosen:
        raise expected("fields that change in time and space", list(part.data_vars), "Choose other fields or `names`.")
    return [Moving.of(part, name) for name in chosen]


def _compared(comparison: Comparison, names: Sequence[str] | None) -> list[Moving]:
    """Return the reference, and a prediction and its error for each candidate, of one field."""
    examples = comparison.examples
    name = str(names[0] if names else comparison.scores["field"].values[0])
    require(examples, [name])
    if "time" not in examples[name].dims:
        raise expected("a comparison of steppers", "steady maps", "Use `Comparison.panels`.")
    frames = examples[name]
    truth = examples.isel(member=0)
    panels = [Moving.of(truth, name, f"reference: {name}")]
    for member in frames["member"].values[1:]:
        predicted = examples.sel(member=member)
        panels.append(Moving.of(predicted, name, str(member), like=truth[name]))
        panels.append(Moving.of(predicted.assign({name: predicted[name] - truth[name]}), name, f"error of {member}"))
    return panels


def _write(panels: Sequence[Moving], path: Path, fps: int, progress: bool) -> None:
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = canvas(max(5.0, 3.8 * columns), 0.6 + 3.0 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    redraws = [panel.draw(axes) for panel, axes in zip(panels, grid, strict=False)]
    for axes in grid[len(panels) :]:
        axes.remove()
    times = np.asarray(panels[0].part["time"].values)
    title = figure.suptitle(_time(times, 0), fontsize="medium")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # panels that move with their labels are hard to look at
    writer = WRITERS[path.suffix](fps)
    with writer.saving(figure, str(path), DPI), progress_bar("film", len(times), show=progress) as advance:
        for number in range(len(times)):
            for redraw in redraws:
                redraw(number)
            title.set_text(_time(times, number))
            writer.grab_frame()
            advance()


def _time(times: np.ndarray, number: int) -> str:
    return f"time {float(times[number]):.4g}"


def _ffmpeg() -> str:
    """Return the program that writes ``.mp4``: that of the system, or of the extra."""
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise expected("ffmpeg, to write .mp4", "none", "Run: pip install 'surrogate-pde[film]'") from error
    return str(imageio_ffmpeg.get_ffmpeg_exe())
