from __future__ import annotations

import inspect

import pytest

from polysense.data.corpora import all_corpora
from polysense.data.corpora.imdb import Imdb
from polysense.data.corpora.mvsa_single import MvsaSingle
from polysense.data.corpora.posts import Posts
from polysense.data.corpus import Corpus
from polysense.data.table import Table, from_rows
from polysense.errors import RecipeError
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


def test_arguments_that_choose_among_files_are_refused_for_rows_given_in_python() -> None:
    def rows(**_: object) -> Table:
        return from_rows([{"text": f"good {n}", "label": "a"} for n in range(10)], split_seed=None)

    assert len(Imdb().adopted(rows)) == 10
    with pytest.raises(RecipeError, match=r"Imdb, .*says something of files, and rows given in Python are in none"):
        Imdb(seed=3).adopted(rows)
