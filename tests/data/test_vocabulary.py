from __future__ import annotations

import pytest
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from polysense.data.vocabulary import Vocabulary


def words_of(tokenizer, text: str) -> list[list[str]]:
    vocabulary = Vocabulary.of(tokenizer, size=len(tokenizer))
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    words = vocabulary.words(ids)[0].tolist()
    tokens = tokenizer.convert_ids_to_tokens(ids[0].tolist())
    return [
        [token for token, word in zip(tokens, words, strict=True) if word == number]
        for number in range(max(words, default=-1) + 1)
    ]


def test_wordpiece_words_are_whole(tiny_text: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_text)
    pieces = words_of(tokenizer, "zzz, sun")
    assert pieces[0] == ["z", "##z", "##z"]
    assert pieces[1] == [","]
    assert pieces[-1][0].startswith("s")
    vocabulary = Vocabulary.of(tokenizer, size=len(tokenizer))
    assert vocabulary.mask == tokenizer.mask_token_id
    assert set(torch.nonzero(vocabulary.special)[:, 0].tolist()) == set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}


def bpe(marker: str) -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokens = ["<pad>", "<mask>", *dict.fromkeys(f"{marker}sun,y"), "nn"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    built = Tokenizer(models.BPE(vocabulary, [("n", "n")], unk_token="<pad>"))
    built.pre_tokenizer = pre_tokenizers.Metaspace(replacement=marker)
    return PreTrainedTokenizerFast(tokenizer_object=built, pad_token="<pad>", mask_token="<mask>", unk_token="<pad>")


@pytest.mark.parametrize("marker", ["\u2581", "\u0120"])
def test_words_of_marked_tokenizers_begin_at_the_mark_and_at_punctuation(marker: str) -> None:
    pieces = words_of(bpe(marker), "sunny, sun")
    assert ["".join(word) for word in pieces] == [f"{marker}sunny", ",", f"{marker}sun"]


def test_padding_belongs_to_no_word(tiny_text: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_text)
    vocabulary = Vocabulary.of(tokenizer, size=len(tokenizer) + 7)  # some models have more embeddings than tokens
    ids = tokenizer(["sun", "sun and zzz"], padding=True, return_tensors="pt")
    words = vocabulary.words(ids["input_ids"])
    assert (words[ids["attention_mask"] == 0] == -1).all()
    assert words[:, 0].tolist() == [-1, -1]


def test_a_vocabulary_equals_itself_alone_and_has_a_short_name(tiny_text: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_text)
    one, other = (Vocabulary.of(tokenizer, size=len(tokenizer)) for _ in range(2))
    assert one == one
    assert one != other
    assert "tensor" not in repr(one)
