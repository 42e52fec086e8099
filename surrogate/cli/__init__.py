"""The command line: ``surrogate demo | generate | train | rollout | forecast | compare | audit | inspect``."""

from surrogate.cli.main import main

__all__ = ["main"]
