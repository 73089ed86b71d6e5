"""A frozen text encoder beside further texts: pairs, negatives, and the second sentences that an evaluator asks about."""

from __future__ import annotations

from pathlib import Path

import pytest

from polysense.training.run import train

RECIPE = """
encoders: {{text: {{class_path: TransformerText, init_args: {{pretrained: {text}, trainable: false}}}}}}
fusion: Single
objectives: {{contrast: {{class_path: SentenceContrast, init_args: {{positives: {positives}}}}}}}
evaluation: {{evaluators: [Sts], best: spearman}}
corpora: [Posts]
training: {{per_device_train_batch_size: 3, max_steps: 2, eval_steps: 2, eval_strategy: steps}}
"""


def row(number: int, split: str) -> dict[str, object]:
    text, pair, other = f"sun {number}", f"rain {number}", f"home {number}"
    return {"text": text, "pair": pair, "negatives": [other], "score": number, "split": split}


@pytest.mark.filterwarnings("ignore:SentenceContrast, positives")
@pytest.mark.parametrize("positives", ["pair", "dropout"])
def test_a_frozen_encoder_reads_texts_that_are_no_rows(positives: str, tiny_text: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE.format(text=tiny_text, positives=positives))
    rows = [row(number, split) for split in ("train", "validation") for number in range(6)]
    found = train(str(file), rows, out=tmp_path / "run")
    assert found["per_seed"][0]["start"]["validation"]["spearman"] is not None
    assert found["per_seed"][0]["last_step"] == 2
