from __future__ import annotations

from pathlib import Path

import pytest

from polysense.errors import RecipeError
from polysense.inference.back_translation import BackTranslation

WORDS = ("<pad>", "</s>", "<unk>", "a", "dog", "runs", "sits", "hund", "läuft", "ein")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random sequence-to-sequence model over ten words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    folder = tmp_path_factory.mktemp("tiny_translation")
    words = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>").save_pretrained(
        folder
    )
    config = T5Config(
        vocab_size=len(WORDS),
        d_model=16,
        d_kv=8,
        d_ff=16,
        num_layers=1,
        num_heads=2,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = T5ForConditionalGeneration(config)
        for weights in model.parameters():
            torch.nn.init.normal_(weights)  # as it starts, it says the same of everything
        model.save_pretrained(folder)
    return str(folder)


def test_each_text_gets_the_same_paraphrases_whatever_its_batch(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polysense.inference.back_translation.LONGEST", 6)
    texts = ["a dog runs", "a dog sits", "a dog"]
    found = BackTranslation(tiny, tiny, several=2).paraphrase(texts)
    assert len(found) == 3
    assert all(len(said) <= 2 for said in found)
    assert any(found)
    assert all(set(text.split()) <= set(WORDS) for said in found for text in said)
    assert BackTranslation(tiny, tiny, several=2, batch_size=1).paraphrase(texts) == found
    assert BackTranslation(tiny, tiny).name == f"back-translation by {tiny} and {tiny}"


def test_of_a_blank_translation_nothing_comes_back(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    both = BackTranslation(tiny, tiny, several=2)
    answers = iter([["ein hund", "", "läuft"], ["a dog", "a dog", "runs", ""]])
    monkeypatch.setattr("polysense.inference.back_translation._translate", lambda model, texts, several: next(answers))
    assert both.paraphrase(["x", "y", "z"]) == [["a dog"], [], ["runs"]]


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"translate: .*none is no translation model"):
        BackTranslation(str(tmp_path / "none"), str(tmp_path / "none"))
