from __future__ import annotations

import inspect

import pytest

from polysense.data.corpora import all_corpora
from polysense.data.corpora.mvsa_single import MvsaSingle
from polysense.data.corpora.posts import Posts
from polysense.data.corpus import Corpus
from polysense.types import MODALITIES


def test_corpora_are_found() -> None:
    found = all_corpora()
    assert found["MvsaSingle"] is MvsaSingle
    assert found["Posts"] is Posts
    assert "Corpus" not in found
    assert list(found) == sorted(found)


@pytest.mark.parametrize("name", all_corpora())
def test_every_corpus_describes_itself(name: str) -> None:
    corpus = all_corpora()[name]
    first = (inspect.getdoc(corpus) or "").splitlines()[0]
    assert first.endswith(".")
    assert first != (inspect.getdoc(Corpus) or "").splitlines()[0]
    assert corpus.tasks
    assert set(corpus.modalities) <= set(MODALITIES)
    assert corpus.layout
    corpus()  # every argument has a default


def test_the_contract_cannot_be_built() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Corpus()  # type: ignore[abstract]
