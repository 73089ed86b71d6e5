"""What needs no neural network: how far the words of a text alone lead, and the means of the frames beside it."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, TypeVar

from polysense.data.table import classes
from polysense.evaluation.words_and_means import WordsAndMeans, sequences
from polysense.metrics.classification import classification_metrics
from polysense.metrics.sentiment import Dataset, msa_regression
from polysense.types import Sample

Target = TypeVar("Target", str, float)
Row = TypeVar("Row")

PENALTIES = tuple(10.0**power for power in range(-1, 6))
"""Of ridge regression, of which the training rows choose: rare words in many columns need a thousand times what few columns need."""

MOST = 50_000
"""Training rows that are counted; of more, as many drawn by chance, always the same ones: memory has an end."""


def references(train: Sequence[Sample], test: Sequence[Sample], *, rules: Dataset | None = None) -> dict[str, Any]:
    """Scores that a model should beat, by name; left out where it has nothing to say.

    ``tfidf_text``, of :func:`tfidf_text`; or of scores ``tfidf_ridge``, of :func:`tfidf_ridge`, and ``means_ridge``, of
    :func:`means_ridge`.

    Args:
        train: rows that may be learned from.
        test: rows to score, which are those that the model is scored on.
        rules: by which scores are measured, where they are what is predicted.
    """
    if rules is None:
        found = {"tfidf_text": tfidf_text(train, test)}
    else:
        found = {
            "tfidf_ridge": tfidf_ridge(train, test, rules=rules),
            "means_ridge": means_ridge(train, test, rules=rules),
        }
    return {name: value for name, value in found.items() if value}


def mean_references(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The means of what :func:`references` found of several training sets of one size, on the same rows, of what all have."""
    return {
        name: {**one, "metrics": _means([each[name]["metrics"] for each in found])}
        for name, one in found[0].items()
        if all(name in each for each in found)
    }


def _means(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each metric that is in all of them."""
    return {name: fmean(each[name] for each in found) for name in found[0] if all(name in each for each in found)}


def tfidf_text(train: Sequence[Sample], test: Sequence[Sample]) -> dict[str, Any]:
    """``{"train_rows", "rows", "metrics"}`` of logistic regression on TF-IDF of the texts' words and letters.

    One or two words, two to five letters inside a word, sublinear counts, classes weighted to balance. Rows without a text or a
    label are left out on both sides; ``rows`` says how many were scored. Macro means run over the classes of both sides. Empty
    where rows have several labels, where training has one class only, or where nothing is left to learn from or to score.
    """
    from sklearn.linear_model import LogisticRegression

    if any(len(classes(sample)) != 1 for sample in (*train, *test) if sample.label is not None):
        return {}
    seen, asked = _some(_labelled(train)), _labelled(test)
    if len({label for _, label in seen}) < 2 or not asked:
        return {}
    answers = _answers(seen, [text for text, _ in asked], LogisticRegression(max_iter=2000, class_weight="balanced"))
    if not answers:
        return {}
    targets = [label for _, label in asked]
    scores = classification_metrics(targets, answers, labels=sorted({label for _, label in (*seen, *asked)}))
    metrics = {name: value for name, value in scores.items() if "/" not in name}
    return {"train_rows": len(seen), "rows": len(asked), "metrics": metrics}


def tfidf_ridge(train: Sequence[Sample], test: Sequence[Sample], *, rules: Dataset) -> dict[str, Any]:
    """``{"train_rows", "rows", "metrics"}`` of ridge regression of scores on what :func:`tfidf_text` reads of the texts.

    Rows without a text or a score are left out on both sides. Metrics without a value are left out. Empty where nothing is left to
    learn from or to score.
    """
    from sklearn.linear_model import Ridge

    seen, asked = _some(_scored(train)), _scored(test)
    answers = _answers(seen, [text for text, _ in asked], Ridge(alpha=1.0)) if seen and asked else []
    return _measured(answers, [score for _, score in asked], train_rows=len(seen), rules=rules) if answers else {}


def means_ridge(train: Sequence[Sample], test: Sequence[Sample], *, rules: Dataset) -> dict[str, Any]:
    """``{"train_rows", "rows", "metrics"}`` of ridge regression of scores on all modalities: words, and means of frames over time.

    Counts of words and means are brought to mean 0 and variance 1 over the training rows; what a row lacks is 0 then. The penalty is
    the one of `PENALTIES` that is best where each training row is left out in turn. Rows without a score are left out on both sides.
    Empty where no training row has a sequence of frames, or nothing is left to score.
    """
    from sklearn.linear_model import RidgeCV

    seen = _some([sample for sample in train if sample.score is not None])
    asked = [sample for sample in test if sample.score is not None]
    if not asked or not sequences(seen):
        return {}
    features = WordsAndMeans(seen)
    model = RidgeCV(alphas=PENALTIES).fit(features.of(seen), [sample.score for sample in seen])
    targets = [sample.score for sample in asked if sample.score is not None]
    return _measured(model.predict(features.of(asked)).tolist(), targets, train_rows=len(seen), rules=rules)


def _measured(answers: Sequence[float], targets: Sequence[float], *, train_rows: int, rules: Dataset) -> dict[str, Any]:
    found = msa_regression(answers, targets, dataset=rules)
    metrics = {name: value for name, value in found.items() if not math.isnan(value)}
    return {"train_rows": train_rows, "rows": len(targets), "metrics": metrics}


def _labelled(samples: Sequence[Sample]) -> list[tuple[str, str]]:
    return [(sample.text, classes(sample)[0]) for sample in samples if sample.text is not None and sample.label is not None]


def _scored(samples: Sequence[Sample]) -> list[tuple[str, float]]:
    return [(sample.text, sample.score) for sample in samples if sample.text is not None and sample.score is not None]


def _some(rows: list[Row]) -> list[Row]:
    """All rows, or as many as are counted."""
    if len(rows) <= MOST:
        return rows
    return [rows[place] for place in sorted(random.Random(0).sample(range(len(rows)), MOST))]


def _answers(seen: Sequence[tuple[str, Target]], texts: Sequence[str], estimator: Any) -> list[Target]:
    """What an estimator of scikit-learn says of the texts; nothing where those that it learns from hold no word of two letters."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    tokens = words.build_tokenizer()
    if not any(tokens(text) for text, _ in seen):
        return []
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    model = make_pipeline(make_union(words, letters), estimator)
    model.fit([text for text, _ in seen], [target for _, target in seen])
    answers: list[Target] = model.predict(texts).tolist()
    return answers
