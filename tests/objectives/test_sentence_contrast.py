from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

import tiny
from polysense.errors import DataError, RecipeError
from polysense.learner import StepLook
from polysense.losses import info_nce
from polysense.objectives.sentence_contrast import SentenceContrast
from polysense.types import Batch, Encoded, Representation, Sample
from polysense.views.stacked import TWICE

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "mcse.json").read_text())


def objective(**choices) -> SentenceContrast:
    return tiny.seeded("contrast", SentenceContrast, tiny.WIDTHS, **choices)


def batch_of_pairs(rows: int = 6, *, hard: int = 0) -> Batch:
    batch = tiny.batch(rows)
    further = {f"negative.{place}": tiny.part(rows, seed=30 + place) for place in range(hard)}
    return Batch(parts={**batch.parts, "pair": tiny.part(rows, seed=29), **further}, fields=batch.fields)


def term(made: SentenceContrast, batch: Batch, *, dropout: float = 0.0) -> torch.Tensor:
    torch.manual_seed(0)
    return made(StepLook(tiny.model(dropout=dropout).train(), batch, seed=0, step=0))


def summaries(batch: Batch, *names: str) -> list[torch.Tensor]:
    encoder = tiny.model().encoder("text")
    return [encoder(batch.parts[name]).summary for name in names]


def test_the_golden_loss_behind_the_golden_head() -> None:
    first, second = (torch.tensor(GOLDEN["inputs"][name]) for name in ("h1", "h2"))
    made = SentenceContrast({"text": first.shape[1]}, temperature=GOLDEN["tau"])
    with torch.no_grad():
        made.head[0].weight.copy_(torch.tensor(GOLDEN["heads"]["text"]["weight"]))
        made.head[0].bias.copy_(torch.tensor(GOLDEN["heads"]["text"]["bias"]))
    both = torch.cat([first, second])
    there = torch.ones(len(both), dtype=torch.bool)
    encoded = Encoded(both.unsqueeze(1), there.unsqueeze(1), both, there)
    index = torch.arange(len(first))
    plain = Batch(parts={"text": {"present": there[: len(first)], "key": index}}, fields={"index": index})

    class Look:
        batch = plain

        def __call__(self, view):
            assert view == TWICE
            return view.show(plain, torch.Generator()), Representation(parts={"text": encoded}, fused=encoded)

    assert made(Look()).item() == pytest.approx(GOLDEN["simcse_unsupervised_with_head"]["loss"], abs=1e-6)


def test_dropout_makes_the_positives() -> None:
    assert term(objective(), tiny.batch(8), dropout=0.3) > 0.1
    made = objective()
    with pytest.warns(UserWarning, match=r"the text encoder is frozen, or has no dropout; give it some"):
        term(made, tiny.batch(8))
    assert term(made, tiny.batch(8)) > 0  # it is told once
    still = objective(head=False).eval()
    text = summaries(tiny.batch(8), "text")[0]
    torch.testing.assert_close(term(still, tiny.batch(8)), info_nce(text, text, temperature=0.05))


def test_pairs_and_several_hard_negatives_with_their_weight() -> None:
    batch = batch_of_pairs(hard=2)
    text, pair, *hard = summaries(batch, "text", "pair", "negative.0", "negative.1")
    expected = info_nce(text, pair, temperature=0.05, hard_negatives=hard, hard_negative_log_weight=math.log(3))
    found = term(objective(positives="pair", head=False, hard_negative_weight=3.0), batch)
    torch.testing.assert_close(found, expected)
    plain = term(objective(positives="pair", head=False), batch_of_pairs())
    torch.testing.assert_close(plain, info_nce(text, pair, temperature=0.05))
    assert found > plain


@pytest.mark.parametrize("lacking", ["text", "pair"])
def test_rows_without_a_pair_stay_out(lacking: str) -> None:
    batch = batch_of_pairs()
    there = torch.tensor([True, False, True, True, False, True])
    lame = Batch(parts={**batch.parts, lacking: {**batch.parts[lacking], "present": there}}, fields=batch.fields)
    text, pair = summaries(batch, "text", "pair")
    found = term(objective(positives="pair", head=False), lame)
    torch.testing.assert_close(found, info_nce(text[there], pair[there], temperature=0.05))
    assert term(objective(positives="pair"), tiny.batch(4)) is None


def test_a_hard_negative_that_a_row_lacks_is_nobodys() -> None:
    batch = batch_of_pairs(hard=1)
    there = torch.tensor([True, False, True, True, False, True])
    lame = Batch(parts={**batch.parts, "negative.0": {**batch.parts["negative.0"], "present": there}}, fields=batch.fields)
    text, pair, hard = summaries(batch, "text", "pair", "negative.0")
    scores = torch.nn.functional.cosine_similarity(text.unsqueeze(1), torch.cat([pair, hard[there]]).unsqueeze(0), dim=2)
    expected = torch.nn.functional.cross_entropy(scores / 0.05, torch.arange(6))
    torch.testing.assert_close(term(objective(positives="pair", head=False), lame), expected)


def test_equal_sentences_may_be_kept_from_being_negatives() -> None:
    batch = tiny.batch(6)
    repeated = {**batch.parts["text"], "key": torch.tensor([1, 2, 1, 4, 5, 6])}
    batch = Batch(parts={**batch.parts, "text": repeated}, fields=batch.fields)
    text = summaries(batch, "text")[0]
    same = torch.eye(6, dtype=torch.bool)
    same[0, 2] = same[2, 0] = True
    expected = info_nce(text, text, temperature=0.05, duplicates=same)
    torch.testing.assert_close(term(objective(head=False, mask_duplicates=True).eval(), batch), expected)
    assert expected < term(objective(head=False).eval(), batch)


def test_a_sentence_that_is_another_rows_positive_is_no_negative_of_it() -> None:
    batch = batch_of_pairs(3)
    parts = {
        **batch.parts,
        "text": {**batch.parts["text"], "key": torch.tensor([1, 2, 3])},
        "pair": {**batch.parts["pair"], "key": torch.tensor([4, 1, 5])},
    }
    text, pair = summaries(batch, "text", "pair")
    same = torch.eye(3, dtype=torch.bool)
    same[0, 1] = True
    found = term(objective(positives="pair", head=False, mask_duplicates=True), Batch(parts=parts, fields=batch.fields))
    torch.testing.assert_close(found, info_nce(text, pair, temperature=0.05, duplicates=same))


def test_the_picture_beside_the_text_is_not_asked_for() -> None:
    assert term(objective().eval(), Batch.of({k: v for k, v in tiny.nested(4).items() if k != "image"})) is not None


def test_impossible_choices_are_refused() -> None:
    with pytest.raises(RecipeError, match="temperature must be above 0"):
        objective(temperature=0.0)
    with pytest.raises(RecipeError, match="hard_negative_weight must be above 0"):
        objective(hard_negative_weight=0.0)
    choices = {"positives": "pair"}
    with pytest.raises(DataError, match="no training row has a 'pair'"):
        SentenceContrast.complete(choices, [Sample(id="1", text="a")])
    with pytest.raises(DataError, match=r"name the column that holds it \(hypothesis, neg\), --columns pair=COLUMN"):
        SentenceContrast.complete(choices, [Sample(id="1", text="a", extra={"neg": "c", "hypothesis": "b"})])
    assert SentenceContrast.complete(choices, [Sample(id="1", text="a", pair="b")]) == choices
