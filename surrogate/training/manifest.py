"""A surrogate in one file: safetensors for the numbers, JSON for what they mean."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save as serialize
from torch import Tensor, nn

import surrogate.forecasters
import surrogate.models
from surrogate.compute import cast_floating
from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.grid import Grid
from surrogate.datasets.normalizer import Normalizer
from surrogate.datasets.signature import Signature
from surrogate.datasets.store import refuse_existing, whole_file
from surrogate.training.surrogate import Surrogate, assemble

FORMAT_VERSION = 1


def save(model: Surrogate, path: str | Path, *, overwrite: bool = False) -> None:
    """Write ``model`` to ``path``, whole or not at all.

    Raises
    ------
    InputError
        The path does not end in .safetensors, or exists.
    OSError
        The file cannot be written.
    """
    if Path(path).suffix != ".safetensors":
        raise expected("a path that ends in .safetensors", f"{str(path)!r}", "Add the suffix.")
    refuse_existing(path, overwrite)
    state = model.state_dict()
    complex_names = sorted(name for name, value in state.items() if value.is_complex())
    tensors = {name: _real(value) for name, value in state.items()}
    manifest = json.dumps({**describe(model), "complex": complex_names}, sort_keys=True)
    with whole_file(path, overwrite=overwrite) as part:
        part.write_bytes(serialize(tensors, metadata={"manifest": manifest}))


def load(path: str | Path, *, network: type[nn.Module] | nn.Module | None = None) -> Surrogate:
    """Read a surrogate back. Nothing in the file is executed.

    Parameters
    ----------
    path
        A file written by `save`.
    network
        For a network that is not one of ours: its class (built with the stored arguments) or an instance.

    Raises
    ------
    InputError
        Missing, truncated, written by pickle, of an unknown format version, or with a network that is not ours.
    """
    path = Path(path)
    manifest, state = _read(path)
    if manifest.get("format_version") != FORMAT_VERSION:
        got = manifest.get("format_version")
        raise expected(f"format version {FORMAT_VERSION} in {str(path)!r}", got, "Use the release that wrote it.")
    try:
        model = _build(manifest, network)
    except InputError:
        raise
    except Exception as error:  # a damaged manifest, or a foreign class, makes a constructor raise anything
        do = "Save the model again, or pass an instance of its network as `network`."
        raise expected(f"a manifest to build the model from in {str(path)!r}", repr(error), do) from error
    own = {name: _form(value) for name, value in model.state_dict().items()}
    got = {name: _form(value) for name, value in state.items()}
    if own != got:
        names = sorted(own.keys() ^ got.keys()) or sorted(k for k in own if own[k] != got[k])
        raise expected(f"the weights of {manifest['network']['class']}", f"others ({names[:3]})", "Check `network`.")
    cast_floating(model, next((value.dtype for value in state.values() if value.is_floating_point()), torch.float32))
    model.load_state_dict(state)
    return model.eval()


def network_arguments(network: nn.Module) -> dict[str, Any]:
    """Return the constructor arguments of a network, which it keeps as attributes of the same names."""
    names = [name for name in inspect.signature(type(network).__init__).parameters if name != "self"]
    arguments = {name: getattr(network, name) for name in names if hasattr(network, name)}
    return {name: value for name, value in arguments.items() if _is_plain(value)}


def describe(model: Surrogate) -> dict[str, Any]:
    """Return the manifest: all that is needed to build the model again, and how it was made."""
    network = model.network
    return {
        "format_version": FORMAT_VERSION,
        "network": {
            "class": f"{type(network).__module__}.{type(network).__qualname__}",
            "arguments": network_arguments(network),
        },
        "signature": asdict(model.signature),
        "normalizers": {role: list(_names(module)) for role, module in model.normalizers.items()},
        "attributes": {name: dict(attrs) for name, attrs in model.attributes.items()},
        "record": model.record,
    }


def _build(manifest: dict[str, Any], network: type[nn.Module] | nn.Module | None) -> Surrogate:
    return assemble(
        _network(manifest["network"], network),
        _signature(manifest["signature"]),
        {role: Normalizer(names) for role, names in manifest["normalizers"].items()},
        attributes=manifest["attributes"],
        record=manifest["record"],
    )


def _network(entry: dict[str, Any], given: type[nn.Module] | nn.Module | None) -> nn.Module:
    if isinstance(given, nn.Module):
        return given
    if given is not None:
        return given(**entry["arguments"])
    name = entry["class"].rpartition(".")[2]
    for package in (surrogate.models, surrogate.forecasters):
        if entry["class"].startswith(f"{package.__name__}.") and name in dir(package):
            chosen: type[nn.Module] = getattr(package, name)
            return chosen(**entry["arguments"])
    raise expected("one of our networks", repr(entry["class"]), "Pass `network=`, its class or an instance.")


def _signature(entry: dict[str, Any]) -> Signature:
    domain = entry["domain"]
    grid = Grid(
        shape=tuple(domain["shape"]),
        extent=tuple(map(tuple, domain["extent"])),
        boundary=tuple(map(tuple, domain["boundary"])),
        location=domain["location"],
        stretching=tuple(domain["stretching"]),
    )
    rest: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in entry.items()}
    return Signature(**rest | {"domain": grid})


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        raise expected("an existing file", f"{str(path)!r}", "Check the path.")
    with path.open("rb") as file:
        start = file.read(2)
    if start in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        do = "Load it yourself and save it with `Surrogate.save`; pickles can run code and are not opened."
        raise expected(f"a safetensors file at {str(path)!r}", "one made by pickle (torch.save)", do)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        manifest = json.loads(metadata["manifest"])
        complex_names = set(manifest.get("complex", ()))
        state = {k: torch.view_as_complex(v) if k in complex_names else v for k, v in state.items()}
    except Exception as error:  # a damaged file makes its parser raise anything
        raise expected(f"a whole surrogate file at {str(path)!r}", repr(error), "Copy or save it again.") from error
    return manifest, state


def _form(value: Tensor) -> tuple[tuple[int, ...], bool, bool]:
    return tuple(value.shape), value.is_floating_point(), value.is_complex()


def _real(value: Tensor) -> Tensor:
    plain = torch.view_as_real(value) if value.is_complex() else value
    return plain.detach().cpu().contiguous().clone()


def _names(module: nn.Module) -> tuple[str, ...]:
    assert isinstance(module, Normalizer)
    return module.names


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True
