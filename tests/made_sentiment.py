"""A little sentiment knowledge, texts that hold it, and tiny encoders that cut them in two ways."""

from __future__ import annotations

from pathlib import Path

import torch
from hypothesis import strategies as st

from polysense.data.collate import Collate
from polysense.encoders.transformer_text import TransformerText
from polysense.knowledge import Entry, Knowledge, Pair
from polysense.objectives.kept_knowledge import settle
from polysense.objectives.sentiment_fields import SentimentFields
from polysense.types import Batch, Sample
from polysense.views.sentiment_masked import SentimentMasked

ASPECTS = ("soup", "waiter", "terrace", "price")
POSITIVE = ("good", "lovely", "well-made", "splendid")
NEGATIVE = ("bad", "cold", "overpriced", "sad")
OTHERS = ("the", "was", "and", "we", "sat", "in", "a", "garden", "of", "houses", "café", "2", "..", "🙂")

KNOWLEDGE = Knowledge(
    words={word: Entry(1.5, 1, 9) for word in POSITIVE} | {word: Entry(-2.25, 0, 7) for word in NEGATIVE},
    pairs={(aspect, word): Pair(3, int(word in POSITIVE)) for aspect in ASPECTS[:3] for word in (*POSITIVE, *NEGATIVE)},
)

words = st.sampled_from([*ASPECTS, *POSITIVE, *NEGATIVE, *OTHERS, "Good", "SOUP", "not"])
texts = st.lists(
    st.lists(st.tuples(words, st.sampled_from([" ", ", ", ". ", "  ", "! "])), max_size=16).map(
        lambda pieces: "".join(word + gap for word, gap in pieces)
    ),
    min_size=1,
    max_size=4,
)

REVIEWS = (
    "the soup was good and the waiter sad, we sat in the garden of a splendid terrace",
    "a cold soup, an overpriced terrace and a bad price. we sat in the garden of houses and the garden was a garden",
    "lovely waiter! the well-made terrace and the soup, the soup was good, good and good in the garden of the houses",
    "we sat in a garden of houses and the houses sat in the garden",
)


def kept(folder: Path, knowledge: Knowledge = KNOWLEDGE) -> str:
    """The digest under which objectives find the knowledge, which is written into ``folder``."""
    return settle(str(knowledge.write(folder)))


def write_metaspace(folder: Path) -> str:
    """A folder with a random BERT of width 32 and a byte-pair tokenizer that marks the beginning of words, as RoBERTa's kin do."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.train_from_iterator(list(REVIEWS), trainers.BpeTrainer(vocab_size=60, special_tokens=special, show_progress=False))
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        mask_token="<mask>",
        model_max_length=64,
    )
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return str(folder)


def batch_of(encoder: TransformerText, digest: str, rows: list[str], *, skip_negated: bool = False) -> Batch:
    """The texts with their fields, as a training prepares them."""
    samples = [Sample(id=str(number), text=text, index=number) for number, text in enumerate(rows)]
    return Batch.of(Collate({"text": encoder}, [SentimentFields(encoder, digest, skip_negated)])(samples))


def view_of(
    encoder: TransformerText, digest: str, *, share: float = 0.1, most_pairs: int = 2, skip_negated: bool = False
) -> SentimentMasked:
    """The view of these fields."""
    source = SentimentFields(encoder, digest, skip_negated).source
    return SentimentMasked(encoder.vocabulary, source, share=share, most_pairs=most_pairs)
