"""The shared tiny models are what the tests take them for."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def test_the_tiny_text_model_knows_the_toy_words_and_every_letter(tiny_text: str) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_text)
    rows = tokenizer(["I love this garden", "zxq!"], padding=True, return_tensors="pt")
    assert "garden" in tokenizer.tokenize("Garden")
    assert tokenizer.unk_token_id not in rows["input_ids"]
    states = AutoModel.from_pretrained(tiny_text)(**rows).last_hidden_state
    assert states.shape == (2, rows["input_ids"].shape[1], 32)


def test_the_tiny_vision_model_reads_pictures_without_torchvision(tiny_vision: str) -> None:
    from transformers import AutoImageProcessor, AutoModel

    processor = AutoImageProcessor.from_pretrained(tiny_vision)
    pixels = processor(images=[Image.new("RGB", (50, 40))], return_tensors="pt")["pixel_values"]
    assert pixels.shape == (1, 3, 32, 32)
    assert AutoModel.from_pretrained(tiny_vision)(pixels).last_hidden_state.shape == (1, 17, 32)


def test_the_toy_posts_are_64_rows_with_pictures(toy_posts: Path) -> None:
    assert len((toy_posts / "posts.csv").read_text("utf-8").splitlines()) == 65
    assert len(list((toy_posts / "images").iterdir())) == 64
