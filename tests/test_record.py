"""The folder of a training: gone on with after a kill, read back when it is finished, kept from another one."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from torch import nn

from members.trainings import Never, bits, convolution, data, steady, train
from surrogate import InputError, objectives
from surrogate.training.record import _hash_data

KILLS = """
import hashlib, json, os, random, signal, sys
from pathlib import Path
import lightning, torch
from torch import nn
import surrogate as sg
from surrogate.datasets.storage.store import read_store
torch.set_num_threads(1)
folder = Path(sys.argv[1])
tree = sg.prepare(read_store(folder / "fields.h5"), inputs=["a"], outputs=["u"], split=(16, 4, 4))

class Kill(lightning.Callback):
    def __init__(self, step): self.step = step
    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step: os.kill(os.getpid(), signal.SIGKILL)
    def on_train_end(self, trainer, *_):
        if self.step == -1: os.kill(os.getpid(), signal.SIGKILL)

class Loss:  # without a text of its own: its address must not matter
    def __call__(self, prediction, target, domain): return (prediction - target).abs().flatten(1).mean(1)

def run(name, kill, **options):
    # other first weights when it goes on, as in a script that sets no seed: those of the checkpoint must count
    torch.manual_seed(0 if kill in (None, FIRST) else 17)
    norm = nn.BatchNorm1d(8) if name in ("undisturbed", "killed") else nn.Identity()
    network = nn.Sequential(nn.Conv1d(1, 8, 3, padding=1), nn.Dropout(0.2), norm, nn.Conv1d(8, 1, 1))
    before = random.getstate()
    model = sg.fit(network, tree, path=folder / name, batch_size=4, trainer={"accelerator": "cpu"},
                   callbacks=[Kill(kill)], objective=Loss(), **options)
    assert random.getstate() == before
    digest = hashlib.sha256(b"".join(value.numpy().tobytes() for value in model.state_dict().values())).hexdigest()
    rows = (folder / name / "log.csv").read_text().splitlines()
    rows = [row.rpartition(",")[0] for row in rows]  # without the seconds
    (folder / f"{name}.json").write_text(json.dumps([digest, rows, model.record["best_epoch"]]))

def child(*arguments, **options):
    pid = os.fork()
    if not pid:
        try: run(*arguments, **options)
        finally: os._exit(0 if sys.exc_info()[0] is None else 1)
    return os.waitpid(pid, 0)[1]

for wrong in (read_store(folder / "fields.h5"), None):  # here, as elsewhere the types are checked before us
    try: sg.fit(nn.Identity(), wrong)
    except sg.InputError as error: assert "Expected the tree from `prepare`, got" in str(error), error
    else: raise AssertionError("no error")

FIRST = 2
assert child("undisturbed", None, epochs=5) == 0
for kill in (FIRST, 3, 6, 9, 17, -1):  # 4 steps an epoch: within the first, at its end, in later ones, at the end
    assert child("killed", kill, epochs=5) == signal.SIGKILL, kill
assert child("killed", 99, epochs=5) == 0
FIRST = -1
still = {"epochs": 9, "patience": 2, "optimizer": sg.OneCycleAdamW(learning_rate=1e-30)}
assert child("stopped", None, **still) == 0
assert child("stopped_killed", -1, **still) == signal.SIGKILL
assert child("stopped_killed", 99, **still) == 0
"""


def test_a_killed_training_goes_on_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    steady().to_netcdf(tmp_path / "fields.h5", engine="h5netcdf")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", KILLS, tmp_path], check=True, env=environment)
    for one, other in (("undisturbed", "killed"), ("stopped", "stopped_killed")):
        result = json.loads((tmp_path / f"{one}.json").read_text())
        assert json.loads((tmp_path / f"{other}.json").read_text()) == result
        assert not [file for file in (tmp_path / other).iterdir() if file.suffix == ".part"]
    assert len(result[1]) == 1 + 3  # the first epoch was the best, two more without improvement


def test_a_finished_training_is_read_back_and_another_one_refused(tmp_path: Path) -> None:
    tree = data()
    first = train(convolution(), tree, path=tmp_path / "run")
    again = train(convolution(seed=1), tree, path=tmp_path / "run", callbacks=[Never()])
    assert bits(again) == bits(first)
    assert again.record == first.record
    files = {"last.ckpt", "log.csv", "loss.png", "run.json", "surrogate.safetensors"}
    assert {file.name for file in (tmp_path / "run").iterdir()} == files
    changed = copy.deepcopy(tree)
    changed["validation"]["u"].values[0, 0] += 1
    for network, other, options, word in [
        (convolution(), tree, {"epochs": 4}, "settings"),
        (convolution(), tree, {"seed": 1}, "settings"),
        (convolution(), tree, {"objective": objectives.H1()}, "settings"),
        (convolution(), data(scale=2.0), {}, "data_hash"),
        (convolution(), changed, {}, "data_hash"),
        (nn.Conv1d(1, 1, 5, padding=2), tree, {}, "network"),
        (nn.Sequential(convolution()), tree, {}, "network"),
    ]:
        with pytest.raises(InputError, match=rf"the training that .*run' holds, got another .*{word}"):
            train(network, other, path=tmp_path / "run", callbacks=[Never()], **options)


def test_equal_data_are_the_same_training_whatever_their_labels_are_made_of() -> None:
    """Labels from a file are objects, elsewhere in memory each time."""

    def labelled() -> xr.Dataset:
        labels = np.array(["".join(["run ", str(i)]) for i in range(3)], dtype=object)
        return xr.Dataset({"u": ("sample", np.arange(3.0))}, {"label": ("sample", labels)})

    first, second = labelled(), labelled()
    assert _hash_data(first) == _hash_data(second)
    assert _hash_data(first) != _hash_data(first.assign_coords(label=first["label"][::-1]))
