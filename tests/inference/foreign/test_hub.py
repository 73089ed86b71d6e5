from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

from polysense.errors import RecipeError
from polysense.inference.foreign.hub import ATTEMPTS, snapshot


def answered(kind: type[HfHubHTTPError], code: int) -> HfHubHTTPError:
    response: Any = SimpleNamespace(status_code=code, headers={}, request=None)
    return kind("no", response=response)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """``calls(errors)``: a hub within reach that raises these, one a call, and then answers; returns the list of its calls."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("polysense.inference.foreign.hub.PAUSE", 0.0)
    monkeypatch.setattr("polysense.inference.foreign.hub.hub_answers", lambda: True)

    def make(errors: list[Exception]) -> list[str]:
        made: list[str] = []

        def fetch(name: str, **_: Any) -> str:
            made.append(name)
            if len(made) <= len(errors):
                raise errors[len(made) - 1]
            return str(tmp_path)

        monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
        return made

    return make


@pytest.mark.parametrize("error", [LocalEntryNotFoundError("no connection"), answered(HfHubHTTPError, 503), OSError("reset")])
def test_a_connection_that_breaks_is_tried_again(calls: Any, tmp_path: Path, error: Exception) -> None:
    made = calls([error] * (ATTEMPTS - 1))
    assert snapshot("me/model", ["*.json"]) == tmp_path
    assert len(made) == ATTEMPTS


def test_after_some_attempts_it_is_given_up(calls: Any) -> None:
    made = calls([OSError("reset")] * 10)
    with pytest.raises(RecipeError, match=r"there is no folder 'me/model'; as a model of the Hugging Face hub: reset"):
        snapshot("me/model", ["*.json"])
    assert len(made) == ATTEMPTS


def test_an_answer_is_final(calls: Any) -> None:
    made = calls([answered(RepositoryNotFoundError, 404)] * 10)
    with pytest.raises(RecipeError, match="there is no folder 'me/model'"):
        snapshot("me/model", ["*.json"])
    assert len(made) == 1


def test_without_a_network_nothing_is_waited_for(calls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = calls([LocalEntryNotFoundError("offline")] * 10)
    monkeypatch.setattr("polysense.inference.foreign.hub.hub_answers", lambda: False)
    with pytest.raises(RecipeError, match="it needs a network: the hub does not answer, and the hub's cache has no such model"):
        snapshot("me/model", ["*.json"])
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(RecipeError, match="the hub's cache has no such model"):
        snapshot("me/model", ["*.json"])
    assert made == ["me/model"] * 2
