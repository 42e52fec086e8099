"""Find the command, build its options from its signature, run it, and turn user errors into one line."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from inspect import signature
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser

from surrogate.cli.help_text import HelpText
from surrogate.cli.opening_options import OpeningOptions
from surrogate.datasets.errors import InputError, NumericalFailure

COMMANDS = {
    "demo": "solve Burgers, train a surrogate, compare it with solvers at equal accuracy (about four minutes)",
    "generate": "solve a case for many samples and write the fields to one file or to a directory of shards",
    "train": "train a network on fields from a file",
    "rollout": "roll a trained surrogate out from the initial states in a file",
    "forecast": "continue a table of time series with a trained forecaster",
    "compare": "compare trained surrogates with the truth and with solvers, and write a report",
    "audit": "look for what is wrong with data: duplicates, leaks, units, boundaries, conservation, the equation",
    "convert": "write fields of one format in another: PDEBench, The Well, VTU, Zarr, ... from and to",
    "inspect": "show what is in a file of fields, or of a trained surrogate",
}
DESCRIPTION = """Neural-operator surrogates for PDE simulations, beside the classical solvers that make their truth.

First steps: `surrogate demo`. Every command explains itself: `surrogate train --help`. Options may also come from a
file: `surrogate train --config options.yaml`; `--print_config` writes one."""

#: What to say of a command that was stopped, where it does not say so itself.
AFTER_STOP = {
    "generate": "the same command goes on where it was",
    "train": "the same command goes on from the last epoch that was finished",
    "rollout": "the same command goes on from its last seconds",
}
STRICT: dict[str, Any] = {"exit_on_error": False, "allow_abbrev": False, "formatter_class": HelpText}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, 1 for errors in data, 2 for wrong input, 130 for an interrupt."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    chosen = next((word for word in given if word in COMMANDS), None)
    try:
        parser = _parser(chosen)
        options = parser.instantiate(parser.parse_args(given))
        if chosen is not None:
            values = options[chosen].as_dict()
            del values["config"]
            return _run(_command(chosen), values) or 0
    except ArgumentError as error:  # jsonargparse says what is wrong, and not what would be right
        command = f"surrogate {chosen}" if chosen else "surrogate"
        return _say(f"{' '.join(str(error).split()).rstrip('.')}. See `{command} --help`.", code=2)
    except (InputError, NumericalFailure, OSError) as error:
        return _say(" ".join(str(error).split()), code=2)
    except KeyboardInterrupt as stop:
        words = [str(word) for word in stop.args] or [AFTER_STOP.get(chosen or "", "nothing is left half-written")]
        return _say(": ".join(["interrupted", *words]), code=130)
    return 0


def _run(command: Callable[..., int | None], values: dict[str, Any]) -> int | None:
    if _opens(command):
        values["opening"] = OpeningOptions(**{field.name: values.pop(field.name) for field in fields(OpeningOptions)})
    return command(**values)


def _opens(command: Callable[..., int | None]) -> bool:
    """Return whether a command has the options of `OpeningOptions`, which it takes together."""
    return "opening" in signature(command).parameters


def _say(message: str, *, code: int) -> int:
    sys.stderr.write(f"surrogate: {message}\n")
    return code


def _parser(chosen: str | None) -> ArgumentParser:
    """Return the parser; only the chosen command is imported."""
    parser = ArgumentParser(prog="surrogate", description=DESCRIPTION, **STRICT)
    parser.add_argument("--version", action="version", version=f"surrogate {_version()}")
    commands = parser.add_subcommands(dest="command", required=True)
    for name, summary in COMMANDS.items():
        options = ArgumentParser(**STRICT)
        if name == chosen:
            command = _command(name)
            options.description = (command.__doc__ or "").partition("Args:")[0]
            options.add_argument("--config", action="config", help="Read options from this YAML file.")
            options.add_function_arguments(command, as_positional=True, skip={"opening"})
            if _opens(command):
                options.add_class_arguments(OpeningOptions, instantiate=False)
        commands.add_subcommand(name, options, help=summary)
    return parser


def _command(name: str) -> Callable[..., int | None]:
    command: Callable[..., int | None] = getattr(importlib.import_module(f"surrogate.cli.{name}"), name)
    return command


def _version() -> str:
    from surrogate import __version__

    return __version__
