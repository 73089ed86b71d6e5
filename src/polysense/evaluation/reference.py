"""What needs no neural network: how far the words of a text alone lead."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from polysense.data.table import classes
from polysense.metrics.classification import classification_metrics
from polysense.types import Sample

MOST = 50_000
"""Training rows that are counted; of more, as many drawn by chance, always the same ones: memory has an end."""


def references(train: Sequence[Sample], test: Sequence[Sample]) -> dict[str, Any]:
    """Scores that a model should beat, by name: ``tfidf_text``, of :func:`tfidf_text`; left out where it has nothing to say.

    Args:
        train: rows that may be learned from.
        test: rows to score, which are those that the model is scored on.
    """
    found = {"tfidf_text": tfidf_text(train, test)}
    return {name: value for name, value in found.items() if value}


def mean_references(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The means of what :func:`references` found of several training sets of one size, on the same rows."""
    return {
        name: {**one, "metrics": {metric: fmean(each[name]["metrics"][metric] for each in found) for metric in one["metrics"]}}
        for name, one in found[0].items()
        if all(name in each for each in found)
    }


def tfidf_text(train: Sequence[Sample], test: Sequence[Sample]) -> dict[str, Any]:
    """``{"train_rows", "rows", "metrics"}`` of logistic regression on TF-IDF of the texts' words and letters.

    One or two words, two to five letters inside a word, sublinear counts, classes weighted to balance. Rows without a text or a
    label are left out on both sides; ``rows`` says how many were scored. Macro means run over the classes of both sides. Empty
    where rows have several labels, where training has one class only, or where nothing is left to learn from or to score.
    """
    if any(len(classes(sample)) != 1 for sample in (*train, *test) if sample.label is not None):
        return {}
    seen, asked = _labelled(train), _labelled(test)
    if len(seen) > MOST:
        seen = [seen[place] for place in sorted(random.Random(0).sample(range(len(seen)), MOST))]
    if len({label for _, label in seen}) < 2 or not asked:
        return {}
    answers = _answers(seen, [text for text, _ in asked])
    if not answers:
        return {}
    targets = [label for _, label in asked]
    scores = classification_metrics(targets, answers, labels=sorted({label for _, label in (*seen, *asked)}))
    metrics = {name: value for name, value in scores.items() if "/" not in name}
    return {"train_rows": len(seen), "rows": len(asked), "metrics": metrics}


def _labelled(samples: Sequence[Sample]) -> list[tuple[str, str]]:
    return [(sample.text, classes(sample)[0]) for sample in samples if sample.text is not None and sample.label is not None]


def _answers(seen: Sequence[tuple[str, str]], texts: Sequence[str]) -> list[str]:
    """The classes of the texts; none where the texts that are learned from hold no word of two letters."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    tokens = words.build_tokenizer()
    if not any(tokens(text) for text, _ in seen):
        return []
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    model = make_pipeline(make_union(words, letters), LogisticRegression(max_iter=2000, class_weight="balanced"))
    model.fit([text for text, _ in seen], [label for _, label in seen])
    return [str(answer) for answer in model.predict(texts)]
