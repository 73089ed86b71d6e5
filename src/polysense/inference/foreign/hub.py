"""Models of the Hugging Face hub: their files as a folder on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from polysense.encoders.loading import hub_answers
from polysense.encoders.model_name import runs_here
from polysense.errors import RecipeError

ATTEMPTS = 3
PAUSE = 2.0
"""Seconds before the second attempt; twice as many before the third."""


def snapshot(source: str, patterns: Sequence[str], *, leave_out: Sequence[str] = ()) -> Path:
    """The files of the model ``source`` whose paths fit ``patterns``, fetched or from the hub's cache.

    A connection that breaks is tried again; an answer (there is no such model, it is not yours to read) is final.

    Raises:
        RecipeError: the hub has no such model, or is not within reach.
    """
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    alone = constants.HF_HUB_OFFLINE or not hub_answers()
    attempts = 1 if alone else ATTEMPTS
    for attempt in range(1, attempts + 1):
        try:
            return Path(
                snapshot_download(
                    source, allow_patterns=list(patterns), ignore_patterns=list(leave_out), local_files_only=alone
                )
            )
        except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            if alone and isinstance(error, LocalEntryNotFoundError):
                raise RecipeError(
                    f"{_no_folder(source)}; as a model of the Hugging Face hub it needs a network: the hub does not "
                    "answer, and the hub's cache has no such model"
                ) from error
            if attempt == attempts or _is_final(error):
                reason = " ".join(str(error).split())[:200]
                raise RecipeError(f"{_no_folder(source)}; as a model of the Hugging Face hub: {reason}") from error
            time.sleep(PAUSE * attempt)
    raise AssertionError


def _no_folder(source: str) -> str:
    return f"there is no folder {source!r}{runs_here(source)}"


def _is_final(error: Exception) -> bool:
    """Whether asking again would be answered the same."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    response = getattr(error, "response", None) if isinstance(error, HfHubHTTPError) else None
    return isinstance(error, HFValidationError) or (response is not None and 400 <= response.status_code < 500)
