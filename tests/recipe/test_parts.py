"""Parts that the command line names."""

from __future__ import annotations

import re

import pytest

from polysense.errors import RecipeError
from polysense.recipe.parts import find_evaluator


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("retrieval:rerank=3", None),
        ("Rewritten:rewrites=tables,per_level=1", None),
        ("rewritten", "'rewritten' must be told its rewrites: write rewritten:rewrites="),
        ("rewritten:rewrite=tables", "Rewritten has no argument 'rewrite'; did you mean 'rewrites'"),
        ("retrieval:rerank", "write its arguments as retrieval:name=value,name=value; found 'rerank'"),
        ("retrieval:rerank=many", "rerank"),
        ("retrieval:rerank=0", "expected a number from 1 up"),
        ("retrival:rerank=3", "there is no evaluator 'retrival'; did you mean 'Retrieval'"),
    ],
)
def test_an_evaluator_takes_arguments_behind_a_colon(written: str, message: str | None) -> None:
    if message is None:
        found = find_evaluator(written)
        assert vars(found) in ({"rerank": 3}, {"rewrites": "tables", "per_level": 1, "seed": 0})
        return
    with pytest.raises(RecipeError, match=re.escape(message)):
        find_evaluator(written)
