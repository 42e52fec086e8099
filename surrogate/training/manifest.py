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
from surrogate.datasets.grids.box import Box
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.samples.normalizer import Normalizer
from surrogate.datasets.samples.pod import POD
from surrogate.datasets.samples.signature import Signature
from surrogate.datasets.storage.whole_files import refuse_existing, whole_file
from surrogate.operator import Stepper
from surrogate.training.assembly import assemble
from surrogate.training.corrected import Corrected, CorrectedStepper
from surrogate.training.reduced import PODStepper
from surrogate.training.shells import refuse_deep, without_numbers
from surrogate.training.solver_entry import as_tuples, build_solver, describe_solver
from surrogate.training.surrogate import Surrogate, SurrogateStepper

FORMAT_VERSION = 1
_CORRECTED = f"{Corrected.__module__}.{Corrected.__qualname__}"


def save(model: Surrogate | PODStepper, path: str | Path, *, overwrite: bool = False) -> None:
    """Write ``model`` to ``path``, whole or not at all.

    Raises
    ------
    InputError
        The path does not end in .safetensors, or exists; modes around something else than a surrogate.
    OSError
        The file cannot be written.
    """
    if Path(path).suffix != ".safetensors":
        raise expected("a path that ends in .safetensors", f"{str(path)!r}", "Add the suffix.")
    refuse_existing(path, overwrite)
    description = _describe_reduced(model) if isinstance(model, PODStepper) else describe(model)
    state = model.state_dict()
    complex_names = sorted(name for name, value in state.items() if value.is_complex())
    tensors = {name: _real(value) for name, value in state.items()}
    manifest = json.dumps({**description, "complex": complex_names}, sort_keys=True)
    with whole_file(path, overwrite=overwrite) as part:
        part.write_bytes(serialize(tensors, metadata={"manifest": manifest}))


def load(path: str | Path, *, network: type[nn.Module] | nn.Module | None = None) -> Surrogate | PODStepper:
    """Read a surrogate back. Nothing in the file is executed.

    Parameters
    ----------
    path
        A file written by `save`.
    network
        For a network that is not one of ours: its class (built with the stored arguments) or an instance.

    Returns
    -------
    Surrogate or PODStepper
        What was saved, in evaluation mode on the CPU.

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
        if "pod" in manifest:
            return _restore_reduced(manifest, state, network)
        return _restore(manifest, state, network)
    except InputError as error:
        raise InputError(f"{error} (In {str(path)!r}.)") from error
    except Exception as error:  # a damaged manifest, or a foreign class, makes a constructor raise anything
        do = "Save the model again, or pass an instance of its network as `network`."
        raise unreadable("a manifest to build the model from in", path, error, do) from error


def network_arguments(network: nn.Module) -> dict[str, Any]:
    """Return the constructor arguments of a network, which it keeps as attributes of the same names."""
    names = [name for name in inspect.signature(type(network).__init__).parameters if name != "self"]
    arguments = {name: getattr(network, name) for name in names if hasattr(network, name)}
    parts = {name: network_entry(value) if isinstance(value, nn.Module) else value for name, value in arguments.items()}
    return {name: value for name, value in parts.items() if _is_plain(value)}


def network_entry(network: nn.Module) -> dict[str, Any]:
    """Return class and constructor arguments of a network, the networks among them in the same form."""
    if isinstance(network, Stepper):
        return describe_solver(network)
    name = f"{type(network).__module__}.{type(network).__qualname__}"
    return {"class": name, "arguments": network_arguments(network)}


def describe(model: Surrogate) -> dict[str, Any]:
    """Return the manifest: all that is needed to build the model again, and how it was made."""
    return {
        "format_version": FORMAT_VERSION,
        "network": network_entry(model.parts if isinstance(model, CorrectedStepper) else model.network),
        "signature": asdict(model.signature),
        "normalizers": {role: list(_names(module)) for role, module in model.normalizers.items()},
        "attributes": {name: dict(attrs) for name, attrs in model.attributes.items()},
        "record": model.record,
    }


def _describe_reduced(model: PODStepper) -> dict[str, Any]:
    """Return the manifest of modes around a surrogate, with that of the surrogate."""
    if not isinstance(model.stepper, Surrogate):
        got = type(model.stepper).__name__
        raise expected("a surrogate of the coefficients, to be saved", got, "Save the POD's tensors yourself.")
    modes = {"names": model.pod.names, "attributes": model.pod.attributes, "domain": asdict(model.pod.domain)}
    return {"format_version": FORMAT_VERSION, "pod": modes, "stepper": describe(model.stepper)}


def _restore(
    manifest: dict[str, Any], state: dict[str, Tensor], network: type[nn.Module] | nn.Module | None
) -> Surrogate:
    if network is None:  # of others we do not know whether they can be built without numbers
        refuse_deep(manifest["network"], len(state))
        with without_numbers(len(state)):
            _refuse_others(manifest, _assembled(manifest, state, None), state)
    model = _assembled(manifest, state, network)
    _refuse_others(manifest, model, state)
    dtype = next((value.dtype for value in state.values() if value.is_floating_point()), torch.float32)
    for part in (model.network, model.normalizers):  # a solver beside them keeps its own
        cast_floating(part, dtype)
    model.load_state_dict(state)
    return model.eval()


def _assembled(
    manifest: dict[str, Any], state: dict[str, Tensor], network: type[nn.Module] | nn.Module | None
) -> Surrogate:
    """Return the model, with other weights."""
    shapes = {role: state[f"normalizers.{role}.mean"].shape[1:] for role in manifest["normalizers"]}
    return assemble(
        _network(manifest["network"], network),
        _signature(manifest["signature"]),
        {role: Normalizer(names, shapes[role]) for role, names in manifest["normalizers"].items()},
        attributes=manifest["attributes"],
        record=manifest["record"],
    )


def _refuse_others(manifest: dict[str, Any], model: Surrogate, state: dict[str, Tensor]) -> None:
    """Raise `InputError` unless the weights of the file are those of the model, by names, shapes and kinds."""
    own = {name: _form(value) for name, value in model.state_dict().items()}
    got = {name: _form(value) for name, value in state.items()}
    if own != got:
        names = sorted(own.keys() ^ got.keys()) or sorted(k for k in own if own[k] != got[k])
        raise expected(f"the weights of {manifest['network']['class']}", f"others ({names[:3]})", "Check `network`.")


def _restore_reduced(
    manifest: dict[str, Any], state: dict[str, Tensor], network: type[nn.Module] | nn.Module | None
) -> PODStepper:
    modes, trained = ({k.removeprefix(p): v for k, v in state.items() if k.startswith(p)} for p in ("pod.", "stepper."))
    stepper = _restore(manifest["stepper"], trained, network)
    assert isinstance(stepper, SurrogateStepper)
    entry = manifest["pod"]
    domain = _domain(entry["domain"])
    assert isinstance(domain, Grid)
    pod = POD.from_tensors(entry["names"], domain, entry["attributes"], modes)
    return PODStepper(pod, stepper).eval()


def _network(entry: dict[str, Any], given: type[nn.Module] | nn.Module | None) -> nn.Module:
    if entry["class"] == _CORRECTED and not isinstance(given, Corrected):
        parts = entry["arguments"]
        with torch.device("cpu"):
            solver = build_solver(parts["solver"])
        return Corrected(solver, _network(parts["network"], given))
    if isinstance(given, nn.Module):
        return given
    parts = entry["arguments"].items()
    inner = {name: _network(value, None) for name, value in parts if isinstance(value, dict) and "class" in value}
    arguments = entry["arguments"] | inner
    if given is not None:
        return given(**arguments)
    name = entry["class"].rpartition(".")[2]
    for package in (surrogate.models, surrogate.forecasters):
        if entry["class"].startswith(f"{package.__name__}.") and name in dir(package):
            chosen: type[nn.Module] = getattr(package, name)
            return chosen(**arguments)
    raise expected(
        "one of our networks",
        repr(entry["class"]),
        "Pass `network=`: an instance, or its class if all within it is ours.",
    )


def _signature(entry: dict[str, Any]) -> Signature:
    return Signature(**as_tuples(entry) | {"domain": _domain(entry["domain"])})


def _domain(entry: dict[str, Any]) -> Grid | Box:
    kind = Grid if "shape" in entry else Box
    return kind(**as_tuples(entry))


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
        raise unreadable("a whole surrogate file at", path, error, "Copy or save it again.") from error
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
