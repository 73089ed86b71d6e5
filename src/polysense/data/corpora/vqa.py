"""VQA (Goyal et al., CVPR 2017): questions about photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.json_file import entries, read_object
from polysense.data.media import file_digest
from polysense.data.rows import RowReader
from polysense.data.table import Table
from polysense.errors import Problem, RecipeError, choices, display
from polysense.types import Sample

FOLDER = "vqa"
Split = Literal["train", "validation"]
PARTS: dict[Split, str] = {"train": "train2014", "validation": "val2014"}
QUESTIONS, ANSWERS = "v2_OpenEnded_mscoco_{}_questions.json", "v2_mscoco_{}_annotations.json"


class Vqa(Corpus):
    """VQA 2.0: a question about a photograph of COCO and the answers of ten people, each repeated as often as it was given.

    443,757 questions for training and 214,354 for validation; those for testing have no published answers. Answers are in lower case,
    without spaces around them.

    Args:
        splits: those to read; by default both.
    """

    tasks: ClassVar[tuple[str, ...]] = ("answers",)
    modalities: ClassVar[tuple[str, ...]] = ("text", "image")
    layout: ClassVar[tuple[str, ...]] = (
        *(name.format(PARTS["train"]) for name in (QUESTIONS, ANSWERS)),
        "train2014/COCO_train2014_<image id, twelve digits>.jpg",
        "and the same of val2014",
    )

    def __init__(self, splits: list[Split] | None = None) -> None:
        for split in splits or ():
            if split not in PARTS:
                raise RecipeError(f"Vqa, splits: {split!r} is not one; {choices(split, get_args(Split))}")
        self.splits: tuple[Split, ...] = tuple(PARTS if splits is None else splits)

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The questions under ``root``, which is the folder of this set or the folder of all data sets.

        Raises:
            DataError: a file is not there, or is not in the layout of VQA.
        """
        home = set_folder(root, FOLDER)
        media = home if media_root is None else Path(media_root)
        read: list[Sample | Problem] = []
        digests: dict[str, str] = {}
        for split in self.splits:
            files = [expect(self, home / name.format(PARTS[split])) for name in (QUESTIONS, ANSWERS)]
            read += _rows(files[0], files[1], split, expect(self, media / PARTS[split]).parent)
            digests |= {path.name: file_digest(path) for path in files}
        return Table(
            name=FOLDER,
            samples=tuple(one for one in read if isinstance(one, Sample)),
            problems=tuple(one for one in read if isinstance(one, Problem)),
            columns=("text", "image", "label"),
            digests=digests,
            folder=home,
            corpus="Vqa",
        )


def _rows(questions: Path, answers: Path, split: Split, media: Path) -> list[Sample | Problem]:
    asked = entries(read_object(questions), "questions", ("question_id", "image_id", "question"), display(questions))
    said = entries(read_object(answers), "annotations", ("question_id", "answers"), display(answers))
    given = {entry["question_id"]: _given(entry["answers"]) for entry in said}
    columns = {name: name for name in ("id", "text", "image", "label", "split", "group")}
    reader = RowReader(file=display(questions), columns=columns, media_root=media)
    found: list[Sample | Problem] = []
    for number, entry in enumerate(asked, start=1):
        name, people = str(entry["question_id"]), given.get(entry["question_id"])
        if not people:
            reason = f"{display(answers)} has no answer to it"
            found.append(Problem(file=display(questions), row=number, id=name, field="question_id", reason=reason))
            continue
        part = PARTS[split]
        picture = f"{part}/COCO_{part}_{int(entry['image_id']):012d}.jpg"
        row = {"id": name, "text": str(entry["question"]), "image": picture, "label": people, "split": split, "group": picture}
        found.append(reader.read(row, number))
    return found


def _given(answers: Any) -> list[str]:
    """What each person said."""
    said = [one.get("answer") for one in answers if isinstance(one, dict)] if isinstance(answers, list) else []
    return [" ".join(str(one).casefold().split()) for one in said if one is not None]
