"""Training checkpoints that are whole or absent, and read without pickle's powers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.plugins.io import TorchCheckpointIO

from surrogate.datasets.errors import expected
from surrogate.datasets.storage.pickles import load_plain, save_plain
from surrogate.datasets.storage.whole_files import whole_file


class WholeCheckpoints(TorchCheckpointIO):
    """Write to a temporary name, flush, rename; read with ``weights_only=True``."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint."""
        with whole_file(path, overwrite=True) as part:
            save_plain(checkpoint, part)

    def load_checkpoint(self, path: str | Path, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Read a checkpoint to the host."""
        return read_checkpoint(path)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Return the content of a checkpoint.

    Raises
    ------
    InputError
        The file is not a checkpoint, or damaged.
    """
    content = load_plain(path, "a training checkpoint at")
    if not isinstance(content, dict):
        do = "Delete the folder to start again."
        raise expected(f"a training checkpoint at {str(path)!r}", type(content).__name__, do)
    return content
