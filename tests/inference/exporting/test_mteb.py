"""What is exported for sentence-transformers is a model that mteb measures; its own STS score is the one that we compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from foreign_models import plain
from polysense.inference.exporting.export import export
from polysense.inference.foreign.loading import load_foreign
from polysense.inference.predictor import Predictor

PAIRS = [
    ("what a lovely day", "a lovely day", 4.5),
    ("so tired of this rain", "the rain is over", 2.0),
    ("the cat sleeps", "a train is late again", 0.2),
    ("best coffee in town", "the coffee here is the best", 4.8),
    ("not my day", "what a day", 2.5),
    ("we won", "they lost", 1.5),
]


def local_task() -> Any:
    """An STS task over sentences that are here: no data set is fetched."""
    from datasets import Dataset
    from mteb.abstasks.sts import AbsTaskSTS
    from mteb.abstasks.task_metadata import TaskMetadata

    class LocalSts(AbsTaskSTS):
        metadata = TaskMetadata(
            name="LocalSts",
            dataset={"path": "local", "revision": "1"},
            description="Pairs of made-up sentences.",
            type="STS",
            category="t2t",
            eval_splits=["test"],
            eval_langs=["eng-Latn"],
            main_score="cosine_spearman",
        )

        def load_data(self, *_: Any, **__: Any) -> None:
            first, second, scores = zip(*PAIRS, strict=True)
            columns = {"sentence1": list(first), "sentence2": list(second), "score": list(scores)}
            self.dataset = {"test": Dataset.from_dict(columns)}
            self.data_loaded = True

    return LocalSts()


@pytest.mark.filterwarnings("ignore")  # of theirs
def test_mteb_scores_an_exported_folder(tiny_text: str, tmp_path: Path) -> None:
    mteb = pytest.importorskip("mteb")
    library = pytest.importorskip("sentence_transformers")
    folder = plain(tiny_text, tmp_path / "model")
    found = load_foreign(folder, pooling="mean")
    assert found is not None
    export(folder, tmp_path / "out", to="sentence-transformers", pooling="mean")
    theirs = library.SentenceTransformer(str(tmp_path / "out"), device="cpu")
    cache = mteb.ResultCache(cache_path=tmp_path / "cache")
    result = mteb.evaluate(theirs, local_task(), cache=cache, show_progress_bar=False, co2_tracker=False)
    [scores] = result.task_results[0].scores["test"]
    first, second, gold = zip(*PAIRS, strict=True)
    model = Predictor(*found)
    one, two = (model.encode(texts, normalize=True) for texts in (first, second))
    assert scores["cosine_spearman"] == pytest.approx(spearmanr(np.sum(one * two, axis=1), gold).statistic, abs=1e-6)
