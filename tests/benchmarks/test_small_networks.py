"""Small networks that stand in for published ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from small_networks import WIDTH, principal, write_networks


def test_principal_components_keep_what_is_near_near() -> None:
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(200, 3, generator=draw) @ torch.randn(3, 20, generator=draw) + 5
    found = principal(rows, 3)
    assert found.shape == (200, 3)
    assert found.std() == pytest.approx(1, abs=1e-5)
    before, after = (torch.cdist(one, one)[0] for one in (rows, found))
    assert torch.allclose(after / after[1], before / before[1], atol=1e-3)


def test_the_networks_know_words_and_are_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_networks(tmp_path / name)
    for name in ("lxmert", "vilt"):
        words = [AutoModel.from_pretrained(tmp_path / one / name).get_input_embeddings().weight for one in ("one", "two")]
        assert torch.equal(*words)
        assert words[0].shape[1] == WIDTH
        tokens = AutoTokenizer.from_pretrained(tmp_path / "one" / name).convert_tokens_to_ids(["good", "great", "table"])
        good, great, table = words[0][tokens]
        assert torch.cosine_similarity(good, great, dim=0) > torch.cosine_similarity(good, table, dim=0)
