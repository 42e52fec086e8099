"""What is installed is what lies in the tree, it works away from the tree, and importing it is quick."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import jaxtyping
import pytest

from surrogate.operator import finite

ROOT = Path(__file__).parents[1]
FOLDERS = ("surrogate", "solvers", "datasets")


def installed_name(path: Path) -> str:
    """Return the dotted name under which a file or folder of the tree is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == "surrogate" else ("surrogate", *parts)).removesuffix(".__init__")


SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
PACKAGES = sorted(map(installed_name, (path for path in SOURCES if path.name == "__init__.py")))
SCRIPTS = sorted(
    path for folder in ("tests", "examples", "benchmarks", "docs") for path in (ROOT / folder).rglob("*.py")
)

# Import every module and resolve every public name; the modules come first, so that none of them may hide a name.
IMPORT_ALL = """
import importlib.metadata, pathlib, pkgutil, sys
import surrogate
assert pathlib.Path(surrogate.__file__).is_relative_to(sys.prefix), surrogate.__file__
assert surrogate.__version__ == importlib.metadata.version("surrogate-pde")
names = [module.name for module in pkgutil.walk_packages(surrogate.__path__, "surrogate.")]
for module in [surrogate, *map(importlib.import_module, names)]:
    for name in getattr(module, "__all__", ()):
        print(module.__name__, name, type(getattr(module, name)).__name__)
"""


def imported_names(path: Path) -> set[str]:
    """Return what a file imports, as written."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {
        node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }


def python(code: str, *, executable: str = sys.executable, cwd: Path) -> str:
    """Run code in another interpreter, away from the source, and return what it prints."""
    command = [executable, "-I", "-c", code]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_package_is_listed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    found = {installed_name(path) for path in SOURCES if path.name == "__init__.py"}
    assert sorted(settings["packages"]) == sorted(found)


def test_every_folder_with_code_is_a_package() -> None:
    assert {path.parent for path in SOURCES} == {path.parent for path in SOURCES if path.name == "__init__.py"}


@pytest.mark.parametrize("path", SOURCES + SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_import_of_bare_folders(path: Path) -> None:
    assert not {name for name in imported_names(path) if name.partition(".")[0] in ("datasets", "solvers")}


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/install.md"])
def test_make_targets_exist(document: str) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    text = (ROOT / document).read_text(encoding="utf-8")
    named = " ".join(re.findall(r"(?:^|`)make ([a-z ]+)", text, re.MULTILINE)).split()
    assert set(named) <= set(targets)


def test_import_is_light(tmp_path: Path) -> None:
    code = "import sys; before = set(sys.modules); import surrogate; print(*(set(sys.modules) - before))"
    loaded = {name.partition(".")[0] for name in python(code, cwd=tmp_path).split()}
    assert loaded - sys.stdlib_module_names == {"surrogate", "lazy_loader"}


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_resolve(package: str) -> None:
    module = importlib.import_module(package)
    for name in getattr(module, "__all__", ()):
        getattr(module, name)


def test_annotations_are_checked_in_tests() -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        finite("not a tensor")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what a checkout without symbolic links holds."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        ignore = shutil.ignore_patterns("__pycache__", *(("solvers", "datasets") if name == "surrogate" else ()))
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        "dist",
        ".",
    ]  # the archive, the wheel from it
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next((source / "dist").glob("*.whl"))


def test_wheel_holds_the_tree(wheel: Path) -> None:
    files = {path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py*") if path.suffix in (".py", ".pyi")}
    expected = {installed_name(path).replace(".", "/") for path in files}
    names = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]
    built = {str(name.with_suffix("")).removesuffix("/__init__") for name in names if name.suffix in (".py", ".pyi")}
    assert built == expected
    assert Path("surrogate/py.typed") in names


def test_wheel_works_away_from_the_source(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    executable = str(home / "bin" / "python")
    folders = python("import sysconfig; print(sysconfig.get_path('purelib'))", executable=executable, cwd=tmp_path)
    # the dependencies of the running environment; as a plain path it does not start the hook of the editable install
    dependencies = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (Path(folders.strip()) / "dependencies.pth").write_text("\n".join(dependencies), encoding="utf-8")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        executable,
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        str(wheel),
    ]
    subprocess.run(pip, check=True)
    names = python(IMPORT_ALL, executable=executable, cwd=tmp_path).splitlines()
    assert "surrogate rollout function" in names  # and not the module of the same name
