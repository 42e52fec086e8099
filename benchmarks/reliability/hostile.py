"""Files made to do harm: pickles that run code, references that lead out of the folder."""

from __future__ import annotations

import io
import pickle
import random
import shutil
import zipfile
from pathlib import Path

import numpy as np
import torch


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self._canary = str(canary)

    def __reduce__(self) -> tuple[object, ...]:
        return open, (self._canary, "w")


def poison(content: bytes, canary: Path, dice: random.Random) -> bytes:
    """Return a pickle with code in place of ``content``, plain or as NumPy and torch pack it, or put into its zip."""
    bomb: object = dice.choice((Bomb(canary), {"x": Bomb(canary), "y": Bomb(canary)}, [Bomb(canary)]))
    out = io.BytesIO()
    way = dice.choice(("pickle", "numpy", "torch", "old torch", "zip"))
    if way == "numpy":
        np.save(out, np.array([bomb], dtype=object), allow_pickle=True)
    elif way == "torch":
        torch.save(bomb, out)
    elif way == "old torch":
        torch.save(bomb, out, _use_new_zipfile_serialization=False)
    elif way == "zip" and zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
            for item in source.infolist():
                code = pickle.dumps(bomb, 2) if item.filename.endswith(".pkl") else source.read(item)
                target.writestr(item, code)
    else:
        out.write(pickle.dumps(bomb, dice.randrange(6)))
    return out.getvalue()


def astray(path: Path, outside: Path, dice: random.Random) -> bool:
    """Let the file or folder at ``path`` refer to a copy of one of its parts elsewhere; False if it refers to none."""
    folder = path if path.is_dir() else path.parent
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    references = [(a, b) for a in files for b in files if a != b and b.name.encode() in a.read_bytes()]
    if not references:
        return False
    referring, part = dice.choice(references)
    shutil.copy(part, outside / part.name)
    there = dice.choice(
        (str(outside / part.name), f"../{outside.name}/{part.name}", f"./../{outside.name}/{part.name}")
    )
    referring.write_bytes(referring.read_bytes().replace(part.name.encode(), there.encode()))
    return True
