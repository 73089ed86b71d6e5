"""Two processes with half of the rows each give the losses and gradients of one process with all of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).with_name("two_processes.py")


def result(rows: tuple[int, ...], folder: Path) -> dict[str, list[float]]:
    """What the script found in ``len(rows)`` processes, the k-th with ``rows[k]`` rows: losses and gradients after averaging."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir()
    workers = []
    for rank in range(len(rows)):
        environment = {
            **os.environ,
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "RANK": str(rank),
            "WORLD_SIZE": str(len(rows)),
            "PYTHONPATH": os.pathsep.join([str(SCRIPT.parent), os.environ.get("PYTHONPATH", "")]),
        }
        command = [sys.executable, str(SCRIPT), json.dumps(rows), str(folder / f"{rank}.json")]
        workers.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    for worker in workers:
        _, complaint = worker.communicate(timeout=240)
        assert worker.returncode == 0, complaint
    return json.loads((folder / "0.json").read_text())


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    return result((10,), tmp_path_factory.mktemp("alone") / "one")


@pytest.mark.parametrize("rows", [(5, 5), (7, 3), (10, 0)], ids=["even", "uneven", "all in one"])
def test_two_processes_are_as_good_as_one(rows: tuple[int, ...], alone: dict[str, list[float]], tmp_path: Path) -> None:
    found = result(rows, tmp_path / "two")
    assert set(found) == set(alone)
    assert {
        "unsupervised",
        "supervised",
        "grounding",
        "symmetric",
        "classes",
        "mean",
        "none",
        "unimodal",
        "cross_modal",
        "contrast",
        "grounded",
    } <= {name.partition("/")[0] for name in alone}
    for name, values in alone.items():
        torch.testing.assert_close(torch.tensor(found[name]), torch.tensor(values), atol=2e-6, rtol=1e-4, msg=name)
