from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import polysense

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_import_is_light() -> None:
    code = "import polysense, sys; polysense.__version__; print(sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = run(sys.executable, "-c", code, cwd=ROOT)
    assert "'polysense'" in loaded
    for heavy in ("torch", "transformers", "numpy", "polars", "sklearn", "typer", "rich"):
        assert f"'{heavy}'" not in loaded


@pytest.mark.parametrize("name", polysense.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(polysense, name) is not None
    assert name in dir(polysense)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = polysense.lode


def test_the_version_is_the_same_everywhere() -> None:
    assert polysense.__version__ == PROJECT["version"]
    assert f"\nversion: {PROJECT['version']}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\n## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_citation_is_readable_and_names_every_paper() -> None:
    import yaml

    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cited["authors"] == PROJECT["authors"]
    titles = " ".join(entry["title"] for entry in cited["references"])
    for paper in ("SKEP", "UNIMO", "Modality-Specific", "MCSE", "SimCSE", "Image-Text Auxiliary"):
        assert paper in titles
    assert all(entry["authors"] and entry["url"] for entry in cited["references"])


def test_constraints_pin_torch_and_bar_torchvision() -> None:
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE))
    assert pins["torch"] == "2.13.0"
    assert pins["torchvision"] == "0"
    asked = [*PROJECT["dependencies"], *(need for extra in EXTRAS.values() for need in extra)]
    plain = {re.match(r"[\w.-]+", need).group().lower() for need in asked if "==" not in need}
    assert plain - set(pins) == set()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel that was built from it."""
    source = tmp_path_factory.mktemp("source")
    dropped = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "docs", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=dropped)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, source)
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source, cwd=source)
    return out


def test_the_wheel_holds_the_whole_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("polysense/")}
        others = set(archive.namelist()) - held
    package = ROOT / "src/polysense"
    expected = {f"polysense/{path.relative_to(package).as_posix()}" for path in package.rglob("*") if path.is_file()}
    expected = {name for name in expected if "__pycache__" not in name}
    assert held == expected
    assert "polysense/py.typed" in held
    assert any(name.startswith("polysense/recipes/social/") and name.endswith(".yaml") for name in held)
    assert any(name.startswith("polysense/report/templates/") for name in held)
    assert all(re.match(r"polysense-[\d.]+\.dist-info/", name) for name in others)
    assert any(name.endswith("licenses/LICENSE") for name in others)


def test_the_source_archive_holds_what_the_tests_need(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "Makefile", "constraints.txt", "tests/conftest.py"} <= names
    assert {"src/polysense/py.typed", "tests/golden/mcse.json", "docs/design.md"} <= names


def test_the_wheel_runs_in_an_environment_of_its_own(built: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    python = tmp_path / "env/bin/python"
    (wheel,) = built.glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    # The dependencies are the ones of this environment; its polysense is not seen: .pth files are read in `packages` only.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), "utf-8")

    place = run(python, "-c", "import polysense; print(polysense.__file__)", cwd=tmp_path).strip()
    assert Path(place).is_relative_to(packages)
    command = tmp_path / "env/bin/polysense"
    assert run(command, "--version", cwd=tmp_path) == f"polysense {PROJECT['version']}\n"
    assert "mcse/simcse" in run(command, "recipes", "list", cwd=tmp_path)
    assert "ImageTextContrast" in run(command, "recipes", "show", "social/mvsa_concat_both", cwd=tmp_path)


def test_what_the_package_imports_is_what_it_asks_for() -> None:
    asked = [*PROJECT["dependencies"], *(need for name, extra in EXTRAS.items() if name != "dev" for need in extra)]
    declared = {re.match(r"[\w.-]+", need).group().lower().replace("-", "_") for need in asked}
    called = {"PIL": "pillow", "yaml": "pyyaml", "sklearn": "scikit_learn", "faiss": "faiss_cpu"}
    imported = set()
    for file in (ROOT / "src/polysense").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(str(node.module).partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {"polysense"}
    assert {called.get(name, name).lower() for name in foreign} - declared == set()
