from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from polysense.data.corpora.mpqa_roles import MpqaRoles, joined
from polysense.errors import DataError, RecipeError
from polysense.types import Span

TOKENS = ["-LRB-", "The", "mayor", "said", "``", "she", "likes", "long", "walks", "''", "-RRB-"]


def expression(indices: list[int], holders: list[list[int]], *targets: list[list[int]], **marks: Any) -> dict[str, Any]:
    attitudes = {f"att{place}": {"targets_indices": every} for place, every in enumerate(targets)}
    return {
        "ds_indices": indices,
        "ds_implicit": False,
        "ds_insubstantial": "none",
        "holders_indices": holders,
        **attitudes,
        "att_num": len(targets),
        **marks,
    }


def document(path: str, **expressions: Any) -> dict[str, Any]:
    return {"document_path": path, "sentence0": {"sentence_tokenized": TOKENS, "dss_ids": [], **expressions}}


def write(folder: Path) -> Path:
    """Made-up documents in the published form: one a fold, two expressions that count in each."""
    home = folder / "mpqa2_orl" / "jsons" / "new"
    home.mkdir(parents=True)
    for place, name in enumerate(["dev", *(f"test_fold_{fold}" for fold in range(4))]):
        found = document(
            f"docs/{place}",
            ds10=expression([6], [[5]], [[7, 8]], [[7, 8], [8]]),
            ds2=expression([3], [[1, 2]]),
            ds3=expression([3], [[1, 2]], ds_implicit=True),
            ds4=expression([3], [[1, 2]], ds_insubstantial="c1"),
            ds5=expression([3], []),
        )
        content = json.dumps({"document0": found, "documents_num": 1})
        (home / f"{name}.json.gz").write_bytes(gzip.compress(content.encode()))
    return folder / "mpqa2_orl"


def test_a_row_of_every_expression(tmp_path: Path) -> None:
    folder = write(tmp_path)
    table = MpqaRoles(fold=2).read(tmp_path)
    assert table.splits == {"train": 6, "validation": 2, "test": 2}
    assert dict(table.left_out) == {
        "implicit expressions": 5,
        "insubstantial expressions": 5,
        "expressions without holder and target": 5,
    }
    first, second = table.split("test")
    assert first.text == '( The mayor said " she likes long walks " )'
    assert (first.id, first.aspect, first.group) == ("docs/3/sentence0/ds2", "said", "docs/3")
    assert [(span.role, span.of(first.text)) for span in first.spans or ()] == [("holder", "The mayor")]
    assert second.aspect == "likes"
    assert [(span.role, span.of(second.text or "")) for span in second.spans or ()] == [
        ("holder", "she"),
        ("target", "long walks"),
        ("target", "walks"),
    ]
    assert second.origin.endswith("test_fold_2.json.gz, document0, sentence0, ds10")
    assert MpqaRoles(fold=2).read(folder).samples == table.samples
    assert {sample.group for sample in MpqaRoles(fold=0).read(tmp_path).split("train")} == {"docs/2", "docs/3", "docs/4"}


def test_a_row_of_every_sentence(tmp_path: Path) -> None:
    write(tmp_path)
    table = MpqaRoles(expression="found").read(tmp_path)
    assert table.splits == {"train": 3, "validation": 1, "test": 1}
    (row,) = table.split("test")
    assert row.aspect is None
    assert [(span.role, span.of(row.text or "")) for span in row.spans or ()] == [
        ("holder", "The mayor"),
        ("expression", "said"),
        ("holder", "she"),
        ("expression", "likes"),
        ("target", "long walks"),
        ("target", "walks"),
    ]


def test_offsets_are_built_with_the_text() -> None:
    text, places = joined(TOKENS)
    assert [text[start:end] for start, end in places][:3] == ["(", "The", "mayor"]
    assert joined([]) == ("", [])


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path)
    path = folder / "jsons/new/test_fold_1.json.gz"
    whole = path.read_bytes()
    for broken in (b"", b"no gzip", whole[:-9], gzip.compress(b"{"), gzip.compress(b"[]"), gzip.compress(b"\xff")):
        path.write_bytes(broken)
        with pytest.raises(DataError, match=r"test_fold_1\.json\.gz is damaged"):
            MpqaRoles().read(tmp_path)
    for wrong in ({"ds_indices": [99]}, {"ds_indices": [-1]}, {"ds_indices": 3}, {"holders_indices": [["x"]]}):
        bad = document("docs/1", ds0=expression([3], [[1]]) | wrong)
        path.write_bytes(gzip.compress(json.dumps({"document0": bad}).encode()))
        with pytest.raises(DataError, match=r"test_fold_1\.json\.gz, document0, sentence0: not as expected"):
            MpqaRoles().read(tmp_path)
    path.write_bytes(gzip.compress(json.dumps({"document0": {"sentence0": {}}}).encode()))
    with pytest.raises(DataError, match=r"document0, sentence0: not as expected: KeyError: 'sentence_tokenized'"):
        MpqaRoles().read(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"MpqaRoles: .*test_fold_1\.json\.gz is not there"):
        MpqaRoles().read(tmp_path)
    with pytest.raises(RecipeError, match="fold: 4 is not one"):
        MpqaRoles(fold=4)
    with pytest.raises(RecipeError, match="expression: 'give' is not one; did you mean 'given'"):
        MpqaRoles(expression="give")  # type: ignore[arg-type]


@pytest.mark.parametrize(("fold", "train", "test"), [(0, 2606, 885), (1, 2532, 959), (2, 2553, 938), (3, 2782, 709)])
def test_the_counts_of_each_fold(data_folder, fold: int, train: int, test: int) -> None:
    table = MpqaRoles(fold=fold).read(data_folder("mpqa2_orl"))
    assert table.splits == {"train": train, "validation": 890, "test": test}
    every = 1263 + 1266 + 1354 + 1307 + 991
    assert len(table) + sum(table.left_out.values()) == every
    assert len({sample.id for sample in table.samples}) == len(table)
    groups = {name: {sample.group for sample in table.split(name)} for name in table.splits}
    assert not groups["train"] & groups["test"]
    assert not groups["train"] & groups["validation"]
    for sample in table.samples:
        assert sample.aspect in (sample.text or "")
        assert all(0 <= span.start < span.end <= len(sample.text or "") for span in sample.spans or ())


def test_the_sentences_of_each_part(data_folder) -> None:
    table = MpqaRoles(expression="found").read(data_folder("mpqa2_orl"))
    assert table.splits == {"train": 1644 + 1998 + 1574, "validation": 1664, "test": 1901}
    marked = [span for sample in table.samples for span in sample.spans or () if isinstance(span, Span)]
    assert {span.role for span in marked} == {"expression", "holder", "target"}
