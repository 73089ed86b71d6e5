"""``polysense doctor``: is this machine, and this installation, fit to train and predict?"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from polysense.cli.output import print_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXTRAS = {
    "offline": "encoders as packages, so that everything runs without a network",
    "fast": "encodes texts faster on a processor",
    "search": "other engines for searching large collections",
    "knowledge": "mines sentiment words from texts",
    "media": "reads recordings and films",
    "tune": "seeks values of a recipe on validation",
    "features": "reads vectors of pictures from HDF5 files",
}
"""What each is for; ``dev`` is for those who work on polysense."""

LEAST_FREE_GB = 1.0
"""A run of several seeds with a small encoder and its cache needs about this much."""


@app.command()
def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check Python, the packages, the processor, the packaged encoders, the cache and the disk."""
    findings = examine()
    if json:
        print_json(findings)
    else:
        _print(findings)
    raise typer.Exit(1 if findings["problems"] else 0)


def examine() -> dict[str, Any]:
    """Everything that doctor looks at, with ``problems`` (polysense cannot be used well) and ``advice`` (it can)."""
    problems: list[str] = []
    advice: list[str] = []
    packages, extras = _packages(problems, advice)
    return {
        "python": f"{platform.python_version()} ({sys.executable})",
        "platform": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory": _memory(),
        "torch": _torch(problems),
        "packages": packages,
        "extras": extras,
        "encoders": _encoders(problems),
        "cache": _cache(problems, advice),
        "network": "off (HF_HUB_OFFLINE)" if os.environ.get("HF_HUB_OFFLINE", "0") not in {"", "0"} else "allowed",
        "problems": problems,
        "advice": advice,
    }


def _packages(problems: list[str], advice: list[str]) -> tuple[dict[str, str | None], dict[str, str]]:
    """Versions of the packages that polysense asks for, and which extras are complete."""
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in requires("polysense") or ()]
    base = [need for need in wanted if need.marker is None or need.marker.evaluate({"extra": ""})]
    for need in base:
        found = _version(need.name)
        if found is None or not need.specifier.contains(found, prereleases=True):
            problems.append(f"{need.name} is {found or 'missing'}, polysense needs {need.specifier}: pip install polysense")
    if find_spec("torchvision") is not None:
        problems.append("torchvision is installed, which keeps transformers from loading its models: pip uninstall torchvision")
    extras = {}
    for extra, purpose in EXTRAS.items():
        mine = [need for need in wanted if need.marker and need not in base and need.marker.evaluate({"extra": extra})]
        missing = [need.name for need in mine if _version(need.name) is None]
        extras[extra] = f"missing {', '.join(missing)}" if missing else "installed"
        if missing:
            advice.append(f"the extra {extra!r} ({purpose}) is not installed: pip install 'polysense[{extra}]'")
    return {need.name: _version(need.name) for need in base}, extras


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _memory() -> str:
    if sys.platform == "win32":
        return "unknown"
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{gigabytes:.1f} GB"


def _torch(problems: list[str]) -> dict[str, object]:
    """What torch can use: the processor's bfloat16 instructions, whether they make it faster, and accelerators."""
    try:
        import torch
    except (ImportError, OSError) as error:
        problems.append(f"torch does not load: {error}")
        return {}
    flags = torch.cpu.get_capabilities()
    return {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "bf16_instructions": [name for name in ("avx512_bf16", "amx_bf16") if flags.get(name)],
        "bf16_speed": _bf16_speed(problems),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _bf16_speed(problems: list[str]) -> float | None:
    """How many times as fast as float32 the processor is in bfloat16: by this, not by its instructions, trainings decide."""
    try:
        from polysense.training.precision import bf16_speed
    except ImportError as error:
        problems.append(f"polysense does not load: {error}")
        return None
    return round(bf16_speed(), 2)


def _encoders(problems: list[str]) -> dict[str, str]:
    """Whether the packaged encoders are there, and their weights the known ones."""
    try:
        from polysense.encoders.packaged import packaged_status

        status = packaged_status()
    except ImportError as error:  # a missing or broken dependency, which doctor is there to name
        problems.append(f"polysense does not load: {error}")
        return {}
    problems += [f"encoder {name}: {state}" for name, state in status.items() if state not in {"ok", "not installed"}]
    return status


def _cache(problems: list[str], advice: list[str]) -> dict[str, object]:
    """The folder where outputs of frozen encoders are kept, its size, and the room left."""
    folder = Path(os.environ.get("POLYSENSE_CACHE") or "~/.cache/polysense").expanduser()
    existing = next(place for place in (folder, *folder.resolve().parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        problems.append(f"the cache folder {folder} cannot be written: set POLYSENSE_CACHE to one that can")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    free = shutil.disk_usage(existing).free / 2**30
    if free < LEAST_FREE_GB:
        advice.append(f"only {free:.2f} GB are free where the cache lies ({folder})")
    return {"folder": str(folder), "size_mb": round(size / 2**20, 1), "free_gb": round(free, 1)}


def _print(findings: dict[str, Any]) -> None:
    """The findings as lines, then a plain verdict."""
    for name, value in findings.items():
        if name in {"problems", "advice"}:
            continue
        if isinstance(value, dict):
            typer.echo(f"{name}:")
            for key, entry in value.items():
                shown = ", ".join(entry) or "none" if isinstance(entry, list) else entry
                typer.echo(f"  {key}: {'none' if shown is None else shown}")
        else:
            typer.echo(f"{name}: {value}")
    typer.echo("")
    for line in findings["advice"]:
        typer.echo(f"advice: {line}")
    for line in findings["problems"]:
        typer.echo(f"problem: {line}")
    count = len(findings["problems"])
    typer.echo(f"{count} problem{'s' if count > 1 else ''}: mend this first." if count else "polysense is ready to use here.")
