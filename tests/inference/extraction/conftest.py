"""Clips in files, and tiny networks that hear and see."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import torch


@pytest.fixture
def table(takes: Path) -> Callable[[Sequence[Mapping[str, object]]], Path]:
    """Write a table beside the takes; its path."""

    def write(rows: Sequence[Mapping[str, object]]) -> Path:
        path = takes / "clips.csv"
        with path.open("w", newline="") as file:
            out = csv.DictWriter(file, fieldnames=list(dict.fromkeys(name for row in rows for name in row)), restval="")
            out.writeheader()
            out.writerows(rows)
        return path

    return write


@pytest.fixture(scope="session")
def tiny_speech(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a random wav2vec 2.0 of width 16, one state every 20 ms."""
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    folder = tmp_path_factory.mktemp("tiny_speech")
    config = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=[8] * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Wav2Vec2Model(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny_whisper(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a random Whisper of width 16 that knows a few pieces of words."""
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )

    folder = tmp_path_factory.mktemp("tiny_whisper")
    vocab = {piece: place for place, piece in enumerate(["<|endoftext|>", "a", "b", "c", "d", "<|startoftranscript|>"])}
    WhisperProcessor(WhisperFeatureExtractor(), WhisperTokenizer(vocab=vocab, merges=[])).save_pretrained(folder)
    config = WhisperConfig(
        vocab_size=len(vocab),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_target_positions=12,
        decoder_start_token_id=5,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
        begin_suppress_tokens=None,
        suppress_tokens=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = WhisperForConditionalGeneration(config)
    model.generation_config.max_length = 8
    model.generation_config.suppress_tokens = [5]
    model.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny_detector(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a random YOLOS of one class over pictures of 32 x 32."""
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessorPil

    folder = tmp_path_factory.mktemp("tiny_detector")
    config = YolosConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=[32, 32],
        patch_size=8,
        num_detection_tokens=3,
        id2label={0: "human face"},
        label2id={"human face": 0},
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        YolosForObjectDetection(config).save_pretrained(folder)
    YolosImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return str(folder)
