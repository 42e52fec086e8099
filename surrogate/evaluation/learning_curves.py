"""Error against the number of training samples: how many simulations are enough."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import xarray as xr

from surrogate.compute import check_device
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import as_dataset
from surrogate.datasets.samples.normalizer import OutsideTrainingRange
from surrogate.datasets.samples.preparation import sample_keys
from surrogate.datasets.samples.ragged import select_samples
from surrogate.datasets.samples.splits import PARTS
from surrogate.evaluation.contest import Contest
from surrogate.evaluation.cost_cache import CostCache
from surrogate.evaluation.members import Member
from surrogate.evaluation.power_law import PowerLaw
from surrogate.evaluation.provenance import investment_of
from surrogate.evaluation.standards import schedule_of, target_of
from surrogate.operator import Operator
from surrogate.progress import progress_bar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Train = Callable[[xr.DataTree, int, Path | None], Operator]


@dataclass(frozen=True)
class LearningCurve:
    """What `learning_curve` found.

    Attributes
    ----------
    sizes
        Numbers of training samples.
    errors
        The headline error of `compare`, relative L2 over space and all times, mean over the samples of the truth; a
        row for each size with a number for each seed.
    data_seconds
        What generating so many training samples cost, None where the files do not say.
    training_seconds
        What each training cost, None where the model does not say.
    law
        The power law through all errors; None where they do not allow one.
    samples
        Number of samples of the truth.
    """

    sizes: tuple[int, ...]
    errors: tuple[tuple[float, ...], ...]
    data_seconds: tuple[float | None, ...]
    training_seconds: tuple[tuple[float | None, ...], ...]
    law: PowerLaw | None
    samples: int

    @property
    def means(self) -> np.ndarray:
        """Mean error over seeds at each size."""
        return np.array([np.mean(row) for row in self.errors])

    def needed(self, error: float) -> tuple[float, float, float]:
        """Return how many training samples the law needs for an error, and the 95 % interval of that number.

        Beyond the measured sizes this is an extrapolation.

        Raises
        ------
        InputError
            There is no law, or the error is not positive.
        """
        if self.law is None:
            raise expected("a power law", "none", "Measure at more sizes or with more seeds.")
        return self.law.needed(error)

    def __str__(self) -> str:
        lines = [f"{size:8d} samples: error {mean:.3e}" for size, mean in zip(self.sizes, self.means, strict=True)]
        return "\n".join([*lines, self.sentence])

    @property
    def sentence(self) -> str:
        """What follows from the curve, in words."""
        if self.law is None:
            return "There is no power law: an error is not finite, or there are too few."
        law = self.law
        text = f"error = {law.factor:.3g} n^-{law.exponent:.2f}, exponent {law.low:.2f} to {law.high:.2f} (95 %)"
        if law.low <= 0:
            return f"{text}: within these sizes more data do not certainly help."
        return f"{text}: half the error takes {2 ** (1 / law.exponent):.3g} times as many samples."

    def plot(self) -> Figure:
        """Draw errors and law against the number of samples, and against what data and training cost."""
        from surrogate.evaluation.plots.learning import learning

        return learning({"": self})


def learning_curve(
    train: Train,
    data: xr.DataTree,
    sizes: Sequence[int],
    *,
    seeds: int = 3,
    path: str | Path | None = None,
    part: str = "test",
    steps: int | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> LearningCurve:
    """Train on parts of the training data and measure the error of each model on the same truth.

    The parts are nested and depend on the content of the samples only: that of size n is the first n in the order of
    their hashes, whatever the seed.

    Parameters
    ----------
    train
        ``train(data, seed, path)`` returns a trained model: it gets the data with a smaller training part, the seed,
        and the folder of this training (None without ``path``).
    data
        What `prepare` returned.
    sizes
        Numbers of training samples, increasing.
    seeds
        Trainings at each size, with the seeds 0, 1, ...
    path
        Folder with a folder for each training. If ``train`` hands it on to `fit`, a learning curve that was stopped
        goes on from there, and a finished one is read back.
    part
        The truth: ``"test"``, or ``"validation"`` while the model is still being chosen.
    steps
        Number of compared frames, as in `compare`.
    device
        Where models predict; default: where they are.
    progress
        Show a progress bar over the trainings.

    Raises
    ------
    InputError
        Sizes that do not increase or are more than there are; fewer than one seed; no such part.

    Examples
    --------
    >>> import torch, surrogate as sg
    >>> from surrogate.evaluation import learning_curve
    >>> def train(data, seed, path):
    ...     torch.manual_seed(seed)
    ...     network = sg.models.FNO.for_data(data, hidden_channels=8, n_layers=1)
    ...     return sg.fit(network, data, path=path, epochs=1, seed=seed)
    >>> fields = sg.generate(sg.cases.Burgers(resolution=32, viscosity=0.1), samples=20, progress=False)
    >>> data = sg.prepare(fields, inputs=["u"], outputs=["u"], split=(12, 4, 4))
    >>> curve = learning_curve(train, data, [4, 12], seeds=2, progress=False)
    >>> curve.means.shape
    (2,)
    """
    training, truth = _checked(data, sizes, seeds, part)
    order = np.argsort(np.array(sample_keys(training, _inputs(training))), kind="stable")
    errors: list[tuple[float, ...]] = []
    seconds: list[tuple[float | None, ...]] = []
    with progress_bar("learning curve", len(sizes) * seeds, show=progress) as advance:
        for size in sizes:
            reduced = _reduced(data, np.sort(order[:size]))
            models = []
            for seed in range(seeds):
                folder = None if path is None else Path(path) / f"size_{size:06d}" / f"seed_{seed}"
                if folder is not None:
                    folder.mkdir(parents=True, exist_ok=True)
                models.append(train(reduced, seed, folder))
                advance()
            errors.append(tuple(_error(model, truth, steps, device) for model in models))
            seconds.append(tuple(investment_of([model], truth).training for model in models))
    pairs = [(size, error) for size, row in zip(sizes, errors, strict=True) for error in row]
    fitting = len(pairs) > 2 and len(sizes) > 1 and all(0 < error < np.inf for _, error in pairs)
    return LearningCurve(
        sizes=tuple(sizes),
        errors=tuple(errors),
        data_seconds=tuple(_data_seconds(data, size) for size in sizes),
        training_seconds=tuple(seconds),
        law=PowerLaw.fit(*zip(*pairs, strict=True)) if fitting else None,
        samples=truth.sizes["sample"],
    )


def _checked(data: xr.DataTree, sizes: Sequence[int], seeds: int, part: str) -> tuple[xr.Dataset, xr.Dataset]:
    if not isinstance(data, xr.DataTree) or not {"train", part} <= set(data.children):
        raise expected(f"the tree from `prepare` with the part {part!r}", type(data).__name__, "Call `prepare` first.")
    training, truth = as_dataset(data["train"]), as_dataset(data[part])
    available = training.sizes["sample"]
    if not sizes or sizes[0] < 1 or list(sizes) != sorted(set(sizes)) or sizes[-1] > available:
        raise expected(f"increasing sizes from 1 to {available}", list(sizes), "Correct `sizes`, or give more data.")
    if seeds < 1:
        raise expected("at least one seed", seeds, "Train at least once at each size.")
    return training, truth


def _inputs(training: xr.Dataset) -> list[str]:
    """Return the fields by whose content samples are ordered."""
    names = [str(name) for name, field in training.data_vars.items() if field.attrs.get("role") != "target"]
    return [name for name in names if training[name].dims]


def _reduced(data: xr.DataTree, chosen: np.ndarray) -> xr.DataTree:
    parts = {name: as_dataset(data[name]) for name in PARTS if name in data.children}
    return xr.DataTree.from_dict({**parts, "train": select_samples(parts["train"], chosen)})


def _error(model: Operator, truth: xr.Dataset, steps: int | None, device: str | torch.device | None) -> float:
    member = Member("model", "surrogate", (model,))
    schedule = schedule_of([member], truth, steps)
    target = target_of(model, truth, schedule, None)
    where = model.device if device is None else check_device(device)
    contest = Contest(truth, target, schedule, None, {}, (where,), 0, CostCache())
    with warnings.catch_warnings(action="ignore", category=OutsideTrainingRange):  # few samples have a narrow range
        answer = contest.answers(member)[0]
    return float(target.score(answer)["error"].mean())


def _data_seconds(data: xr.DataTree, size: int) -> float | None:
    """Return the share of the seconds of generation that ``size`` samples took."""
    parts = [as_dataset(node) for node in data.children.values()]
    seconds = parts[0].attrs.get("generation_seconds")
    every = sum(part.sizes["sample"] for part in parts)
    return None if seconds is None else float(seconds) * size / every
