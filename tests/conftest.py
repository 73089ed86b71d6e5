"""Fixtures that every test may use: tiny models, toy posts, and the evaluation data where it is there."""

from __future__ import annotations

import gc
import os
import re
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Before anything imports torch or huggingface_hub: no test reaches for the network, and workers do not fight for the cores.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty cache for the session, so that no test reads what an earlier session left."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLYSENSE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module", autouse=True)
def what_is_there_stays() -> None:
    """Every training collects garbage: it need not walk through all that was imported before, which takes longer than a small one."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def data_folder() -> Callable[[str], Path]:
    """``data_folder("mvsa_single")``: the folder of an evaluation set; the test is skipped where the set is absent."""
    root = Path(os.environ.get("POLYSENSE_DATA", ROOT / "../shared/data"))

    def find(name: str) -> Path:
        if not (root / name).is_dir():
            pytest.skip(f"the evaluation set {name} is not in POLYSENSE_DATA")
        return root / name

    return find


@pytest.fixture
def asked_for() -> None:
    """Skips a test that takes long on an evaluation set, unless ``POLYSENSE_DATA`` names the sets."""
    if "POLYSENSE_DATA" not in os.environ:
        pytest.skip("takes long: runs where POLYSENSE_DATA names the evaluation sets")


@pytest.fixture(scope="session")
def tiny_text(tmp_path_factory: pytest.TempPathFactory, toy_posts: Path) -> str:
    """A folder with a random BERT of width 32: configuration, WordPiece tokenizer (the toy posts' words) and weights."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("tiny_text")
    letters = [character for character in string.printable if not character.isspace() and not character.isupper()]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = sorted(set(re.findall("[a-z]{2,}", (toy_posts / "posts.csv").read_text("utf-8").lower())))
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters), *words]
    tokenizer = BertTokenizer(vocab={piece: place for place, piece in enumerate(pieces)}, model_max_length=64)
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny_vision(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a random ViT of width 32 over 32x32 pictures in patches of 8: configuration, preprocessing and weights."""
    import torch
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    folder = tmp_path_factory.mktemp("tiny_vision")
    config = ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=32,
        patch_size=8,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ViTModel(config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny_detr(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a random DETR of width 16 and six queries."""
    import torch
    from transformers import DetrConfig, DetrForObjectDetection, DetrImageProcessorPil, ResNetConfig

    folder = tmp_path_factory.mktemp("detr")
    backbone = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", out_features=["stage2"], num_channels=3
    )
    config = DetrConfig(
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config=backbone,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        num_queries=6,
        num_labels=3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        DetrForObjectDetection(config).save_pretrained(folder)
    DetrImageProcessorPil(size={"shortest_edge": 32, "longest_edge": 64}).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def takes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with films and recordings of a second, sound ones and others (:func:`made_films.write_takes`)."""
    from made_films import write_takes

    folder = tmp_path_factory.mktemp("takes")
    write_takes(folder)
    return folder


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny BERT, ViT, ViLT and LXMERT that know the words of :mod:`tests.made_colours`."""
    from tests.made_colours import write_networks

    folder = tmp_path_factory.mktemp("networks")
    write_networks(folder)
    return folder


@pytest.fixture(scope="session")
def toy_posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 64 made-up posts (``posts.csv`` and pictures)."""
    from polysense.data.toy import write_toy

    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder, posts=64, seed=0)
    return folder


@pytest.fixture(scope="session")
def tiny_encoders(tiny_text: str, tiny_vision: str) -> list[str]:
    """Overrides that put the tiny models into a recipe of text and picture, with rates and batches that fit them."""
    return [
        f"encoders.text.pretrained={tiny_text}",
        f"encoders.image.pretrained={tiny_vision}",
        "training.num_train_epochs=2",
        "training.per_device_train_batch_size=8",
        "training.learning_rate=1.0e-3",
        "training.bf16=false",
    ]


@pytest.fixture(scope="session")
def trained_runs(tmp_path_factory: pytest.TempPathFactory, tiny_encoders: list[str], toy_posts: Path) -> dict[str, Path]:
    """Two finished runs of two seeds on the toy posts: ``base`` (classification alone) and ``both`` (with ITC and ITM).

    They are shared: a test that changes a file copies the run first.
    """
    from polysense.training.run import train

    root = tmp_path_factory.mktemp("runs")
    recipes = {"base": "social/posts_concat", "both": "social/posts_concat_both"}
    for name, recipe in recipes.items():
        train(recipe, toy_posts, out=root / name, seeds=[0, 1], overrides=tiny_encoders)
    return {name: root / name for name in recipes}
