from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from made_benchmarks import write_transfer_tasks
from polysense.data.corpora.transfer_tasks import TransferTasks
from polysense.errors import DataError, RecipeError


def test_every_task(tmp_path: Path) -> None:
    folder = write_transfer_tasks(tmp_path, rows=3)
    table = TransferTasks().read(tmp_path)
    found = Counter((one.extra["task"], one.split, one.label) for one in table.samples)
    classes = {
        **dict.fromkeys(("MR", "CR", "MPQA"), ("positive", "negative")),
        "SUBJ": ("subjective", "objective"),
        "SST2": ("positive", "negative"),
        "TREC": ("NUM", "LOC"),
        "MRPC": ("paraphrase", "different"),
    }
    splits = {"SST2": ("train", "validation", "test"), "TREC": ("train", "test"), "MRPC": ("train", "test")}
    assert found == {
        (task, split, label): 3 for task, names in classes.items() for split in splits.get(task, (None,)) for label in names
    }
    assert len({one.id for one in table.samples}) == len(table)
    assert TransferTasks().read(folder).samples == table.samples


def test_texts_are_read_as_each_file_is_written(tmp_path: Path) -> None:
    write_transfer_tasks(tmp_path)
    table = TransferTasks(only=["TREC", "MRPC", "MR"]).read(tmp_path)
    trec, mrpc, mr = ([one for one in table.samples if one.extra["task"] == task] for task in ("TREC", "MRPC", "MR"))
    assert trec[0].text == "good café 0 train ?"
    assert (mrpc[1].text, mrpc[1].pair, mrpc[1].label) == ("good 0 train", "bad 0 train", "different")
    assert [one.id for one in mr[:3]] == ["MR/rt-polarity.pos/1", "MR/rt-polarity.pos/2", "MR/rt-polarity.pos/4"]


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    folder = write_transfer_tasks(tmp_path)
    assert TransferTasks().there(tmp_path) == ["MR", "CR", "SUBJ", "MPQA", "SST2", "TREC", "MRPC"]
    with (folder / "SST" / "binary" / "sentiment-dev").open("a") as file:
        file.write("so so\t2\n")
    with pytest.raises(DataError, match=r"sentiment-dev, row 13: there is no class that the task knows"):
        TransferTasks().read(tmp_path)
    (folder / "CR" / "custrev.neg").unlink()
    with pytest.raises(DataError, match=r"TransferTasks: .*custrev\.neg is not there"):
        TransferTasks(only=["CR"]).read(tmp_path)
    with pytest.raises(RecipeError, match="only: 'SST' is not one; did you mean 'SST2'"):
        TransferTasks(only=["SST"])


def test_the_published_counts(data_folder) -> None:
    table = TransferTasks().read(data_folder("senteval_transfer"))
    found = Counter((one.extra["task"], one.split) for one in table.samples)
    assert found == {
        ("MR", None): 10_662,
        ("CR", None): 3771,
        ("SUBJ", None): 10_000,
        ("MPQA", None): 10_603,
        ("SST2", "train"): 67_349,
        ("SST2", "validation"): 872,
        ("SST2", "test"): 1821,
        ("TREC", "train"): 5452,
        ("TREC", "test"): 500,
        ("MRPC", "train"): 4076,
        ("MRPC", "test"): 1725,
    }
