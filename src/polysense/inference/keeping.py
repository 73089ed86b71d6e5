"""A loaded model kept: its fingerprint, a folder of it, and its place on the Hugging Face hub."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

import torch

from polysense.learner import Learner
from polysense.recipe import Recipe
from polysense.training.folder import CARD, SUMMARY, run_of
from polysense.training.saved import write_model


def fingerprint(recipe: Recipe, learner: Learner) -> str:
    """sha256 over recipe and weights."""
    digest = hashlib.sha256(recipe.to_yaml().encode())
    for name, tensor in sorted(learner.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def save(folder: Path, recipe: Recipe, learner: Learner, *, source: str) -> None:
    """Write recipe, weights and encoder configurations, and the model card and ``run.json`` of the run ``source``, if it is one."""
    write_model(folder, recipe, learner)
    home = run_of(Path(source))
    for name in (CARD, SUMMARY):
        if (home / name).is_file() and home.resolve() != folder.resolve():
            shutil.copyfile(home / name, folder / name)


def push(
    repo_id: str, recipe: Recipe, learner: Learner, *, source: str, private: bool = False, token: str | None = None
) -> str:
    """Upload what :func:`save` writes to the Hugging Face hub and return the address; needs a network and a token."""
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    api.create_repo(repo_id, private=private, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder), recipe, learner, source=source)
        return str(api.upload_folder(folder_path=folder, repo_id=repo_id, commit_message="Add a polysense model"))
