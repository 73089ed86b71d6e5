"""What must never get into the repository, or beside it."""

from __future__ import annotations

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 1_000_000  # bytes

# Written so that this file does not hold what it looks for.
PRIVATE = re.compile(
    rb"(?<![\w.>])/(?:work|root)[/]|/opt/(?:pypi|wheels)|--(?:extra-)?index[-]url|--trusted[-]host|--find[-]links|files\.python[h]osted"
)


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """The files that git knows, and those that it would add."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_torchvision_is_not_installed() -> None:
    assert find_spec("torchvision") is None, "torchvision keeps transformers from loading its models: uninstall it"


def test_no_file_is_large(tracked: list[Path]) -> None:
    assert [path.name for path in tracked if path.stat().st_size > LARGEST] == []


def test_no_file_names_a_place_of_one_machine(tracked: list[Path]) -> None:
    assert tracked
    found = [
        f"{path.relative_to(ROOT)}: {match.group()!r}" for path in tracked for match in PRIVATE.finditer(path.read_bytes())
    ]
    assert found == []


@pytest.mark.parametrize("text", [b"/work" + b"/main", b"'/root" + b"/x'", b"pip --index" + b"-url x", b"/opt" + b"/wheels"])
def test_the_pattern_finds_what_it_is_there_to_find(text: bytes) -> None:
    assert PRIVATE.search(text)
    assert not PRIVATE.search(b"media_root/x, network/root/x, ../work/x, index-url")
