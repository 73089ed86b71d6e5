from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from tests.made_colours import posts as colours
from tests.made_colours import recipe_of
from torch import Tensor

from polysense.data.collate import Collate
from polysense.data.media import content_key
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, RecipeError
from polysense.evaluation import judge as judging
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.retrieval import Retrieval
from polysense.learner import Learner
from polysense.objectives.image_text_contrast import ImageTextContrast
from polysense.objectives.objective import Aligning, Look
from polysense.types import Batch, Sample

COUNT = 12

MODEL = SimpleNamespace(encoder=lambda name: SimpleNamespace(key=lambda row: content_key(getattr(row, name))))
"""Whose encoders read nothing but their modality."""


class SpeechContrast(Aligning):
    """Aligns other modalities, so it is not asked."""

    reads = frozenset({"text", "audio"})
    aligned = ("text", "audio")

    def forward(self, look: Look) -> Tensor | None:
        raise NotImplementedError

    def project(self, modality: str, summaries: Tensor) -> Tensor:
        raise NotImplementedError


class Summaries:
    """Stands for an answerer whose towers give each post its own direction, turned by ``shift`` posts for pictures."""

    def __init__(self, *, shift: int = 0, head: bool = True) -> None:
        contrast = ImageTextContrast({"text": COUNT, "image": COUNT}, shared_width=COUNT)
        with torch.no_grad():
            contrast.text.weight.copy_(torch.eye(COUNT))
            contrast.image.weight.copy_(5 * torch.eye(COUNT))
        active = {"other": object(), "speech": SpeechContrast(), **({"contrast": contrast} if head else {})}
        self.learner = SimpleNamespace(active=active, parameters=contrast.parameters, model=MODEL)
        self.shift = shift

    def encode(self, samples: Sequence[Sample], *, part: str) -> np.ndarray:
        places = [int(sample.id) for sample in samples]
        turned = places if part == "text" else [(place + self.shift) % COUNT for place in places]
        return np.eye(COUNT, dtype=np.float32)[turned]


def posts(count: int = COUNT) -> list[Sample]:
    return [
        Sample(id=str(number), text=f"post {number}", image=Image.new("RGB", (4, 4), (number, 0, 0))) for number in range(count)
    ]


def test_all_found() -> None:
    found = Retrieval()(Summaries(), posts())
    for direction in ("text_to_image", "image_to_text"):
        assert [found[f"{direction}_{name}"] for name in ("R@1", "R@5", "R@10", "median_rank")] == [1.0, 1.0, 1.0, 1.0]


def test_none_found_and_ties_count_against_it() -> None:
    """Every picture stands where its neighbour's text is: one item scores 1, the right one ties with the other ten at 0."""
    found = Retrieval()(Summaries(shift=1), posts())
    assert found["text_to_image_R@10"] == found["image_to_text_R@10"] == 0.0
    assert found["text_to_image_median_rank"] == COUNT


def test_an_equal_picture_is_right_too() -> None:
    """The second text stands where the first picture is, which is its own as well."""
    rows = posts(3)
    rows[1] = replace(rows[1], image=rows[0].image)
    found = Retrieval()(Summaries(shift=1), rows)
    assert found["text_to_image_R@1"] == pytest.approx(1 / 3)
    assert found["image_to_text_R@1"] == 0.5
    assert Retrieval()(Summaries(shift=1), posts(3))["text_to_image_R@1"] == 0.0


def test_texts_differ_by_what_is_read_beside_them(tiny_text: str) -> None:
    """No picture stands where its own text is: among one and the same text it would find it nevertheless."""
    rows = [replace(row, text="x", extra={"ocr": row.id}) for row in posts(3)]
    asked = Summaries(shift=1)
    assert Retrieval()(asked, rows)["image_to_text_R@1"] == 1.0
    encoders = {"text": TransformerText(tiny_text, beside="ocr"), "image": MODEL.encoder("image")}
    asked.learner.model = SimpleNamespace(encoder=encoders.__getitem__)
    assert Retrieval()(asked, rows)["image_to_text_R@1"] == 0.0


def test_nothing_to_say_without_a_head_or_without_pairs() -> None:
    assert Retrieval()(Summaries(head=False), posts()) == {}
    assert Retrieval()(Summaries(), [Sample(id="0", text="x")]) == {}


class Scored:
    """Stands for an answerer whose inner products are the scores of captions (rows) against pictures (columns) that it is given.

    It remembers what it was asked to encode.
    """

    def __init__(self, scores: Sequence[Sequence[float]]) -> None:
        self.scores = torch.tensor(scores)
        head = Given(self.scores.shape[1])
        self.learner = SimpleNamespace(active={"given": head}, parameters=head.parameters, model=MODEL)
        self.asked: dict[str, list[Sample]] = {}

    def encode(self, samples: Sequence[Sample], *, part: str) -> np.ndarray:
        self.asked[part] = list(samples)
        vectors = self.scores if part == "text" else torch.eye(self.scores.shape[1])
        places = [int(sample.text or "") if part == "text" else sample.image.getpixel((0, 0))[0] for sample in samples]
        return vectors[places].numpy()


class Given(Aligning):
    """Takes summaries as they are."""

    reads = frozenset({"text", "image"})
    aligned = ("text", "image")

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = torch.nn.Parameter(torch.zeros(width))

    def forward(self, look: Look) -> Tensor | None:
        raise NotImplementedError

    def project(self, modality: str, summaries: Tensor) -> Tensor:
        return summaries


SCORES = [[0.9, 0.2, 0.1], [0.3, 0.4, 0.2], [0.5, 0.5, 0.1], [0.0, 0.8, 0.3], [0.6, 0.7, 0.2]]
PICTURES = [0, 0, 1, 1, 2]


def captions(pictures: Sequence[int] = PICTURES) -> list[Sample]:
    """A row a caption, whose text is its number; equal pictures are objects of their own."""
    return [
        Sample(id=f"row {row}", text=str(row), image=Image.new("RGB", (4, 4), (picture, 0, 0)))
        for row, picture in enumerate(pictures)
    ]


def test_several_captions_of_one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Captions find their pictures at the ranks 1, 2, 2, 1, 3, pictures the best of their captions at 1, 1, 3."""
    monkeypatch.setattr("polysense.metrics.retrieval.KS", (1, 2, 3))
    found = Retrieval()(Scored(SCORES), captions())
    assert found == pytest.approx(
        {
            "text_to_image_R@1": 0.4,
            "text_to_image_R@2": 0.8,
            "text_to_image_R@3": 1.0,
            "text_to_image_median_rank": 2.0,
            "image_to_text_R@1": 2 / 3,
            "image_to_text_R@2": 2 / 3,
            "image_to_text_R@3": 1.0,
            "image_to_text_median_rank": 1.0,
        }
    )


def test_an_equal_text_is_right_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last caption reads as the one before it: its own picture counts for it, and it counts for both pictures."""
    monkeypatch.setattr("polysense.metrics.retrieval.KS", (1, 2))
    rows = captions()
    rows[4] = replace(rows[4], text="  3 ")
    found = Retrieval()(Scored(SCORES), rows)
    assert (found["text_to_image_R@1"], found["text_to_image_R@2"]) == (0.4, 1.0)
    assert found["image_to_text_R@1"] == 1.0


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = captions()
    assert Retrieval()(Scored(SCORES), rows[::-1]) == Retrieval()(Scored(SCORES), rows)


def test_a_picture_is_encoded_once_and_each_modality_alone() -> None:
    scored = Scored(SCORES)
    Retrieval()(scored, captions())
    assert [sample.modalities for sample in scored.asked["image"]] == [("image",)] * 3
    assert [sample.modalities for sample in scored.asked["text"]] == [("text",)] * 5


def flickr8k(root: Path) -> Path:
    """Two training pictures and two test pictures of two captions each."""
    folder = root / "flickr8k"
    (folder / "images").mkdir(parents=True)
    lines = ["image,split,caption_id,caption"]
    for number, split in enumerate(("train", "test", "train", "test")):
        Image.new("RGB", (4, 4), (number, 0, 0)).save(folder / "images" / f"{number}.jpg")
        lines += [f"{number}.jpg,{split},{caption},caption {caption} of {number}" for caption in range(2)]
    (folder / "captions.csv").write_text("\n".join([*lines, ""]), "utf-8")
    return folder


def test_flickr8k_is_measured_on_its_test_split(tmp_path: Path) -> None:
    folder = flickr8k(tmp_path)
    for root in (tmp_path, folder):
        table = Retrieval().read(root)
        assert table is not None
        assert [sample.id for sample in table.samples] == ["1.jpg#0", "1.jpg#1", "3.jpg#0", "3.jpg#1"]


def test_other_folders_and_tables_are_measured_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text("text,image\n", "utf-8")
    assert Retrieval().read(tmp_path) is None
    assert Retrieval().read(tmp_path / "posts.csv") is None
    (tmp_path / "captions.csv").write_text("text,image\n", "utf-8")
    assert Retrieval().read(tmp_path) is None


def test_two_models_are_compared_over_pictures_with_all_their_captions() -> None:
    rows = [replace(post, id=str(n), text=f"post {n}, caption {k}") for n, post in enumerate(posts()) for k in range(2)]
    good, bad = (Retrieval().outcomes(Summaries(shift=shift), rows) for shift in (0, 1))
    found = Retrieval().differences([bad], [good], resamples=50, seed=0)
    one, pictures = found["text_to_image_R@1"]
    assert (one.base, one.other, one.low, one.high, pictures) == (0, 1, 1, 1, COUNT)
    assert found["image_to_text_R@1"][0].difference == 1
    with pytest.raises(DataError, match="no objective that aligns"):
        Retrieval().outcomes(Summaries(head=False), rows)


def answerer(
    networks: Path,
    fusion: str = "SingleStream",
    *,
    contrast: str = "CrossModalContrast",
    more: str = "",
    beside: str | None = None,
) -> Answerer:
    objectives = {"contrast": contrast} | ({"more": more} if more else {})
    learner: Learner = recipe_of(fusion, networks, objectives, beside=beside).build(seed=0).eval()
    return Answerer(learner, Collate({name: learner.model.encoder(name) for name in ("text", "image")}), batch_size=7)


def uneven(count: int) -> list[Sample]:
    """Posts with texts of one to six words, none of which is another's, and some pictures that are."""
    rows = colours(count)
    rows = [replace(row, text="see a " * (place % 3) + f"{row.text} {'a' * (1 + place)}") for place, row in enumerate(rows)]
    return [replace(row, image=rows[place - 1].image) if place % 4 == 3 else row for place, row in enumerate(rows)]


def one_by_one(asked: Answerer, rows: Sequence[Sample]) -> np.ndarray:
    """The first judging objective's score of every text (rows) with every picture, each pair by itself."""
    head = judging.judging(asked.learner)
    assert head is not None
    scores = np.zeros((len(rows), len(rows)))
    for text, one in enumerate(rows):
        for picture, other in enumerate(rows):
            batch = Batch.of(asked.collate([replace(one, image=other.image)]))
            with torch.inference_mode():
                scores[text, picture] = head.judge(asked.learner.model(batch))
    return scores


@pytest.mark.parametrize(
    ("fusion", "contrast", "more"),
    [
        ("SingleStream", "CrossModalContrast", ""),
        ("SingleStream", "CrossModalContrast", "PairRanking"),
        ("Concatenation", "ImageTextContrast", "ImageTextMatching"),
        ("Mmbt", "ImageTextContrast", "ImageTextMatching"),
    ],
)
def test_pairs_are_judged_as_if_each_were_read_alone(
    networks: Path, monkeypatch: pytest.MonkeyPatch, fusion: str, contrast: str, more: str
) -> None:
    monkeypatch.setattr(judging, "PICTURES", 3)
    monkeypatch.setattr(judging, "TEXTS", 2)
    asked, rows = answerer(networks, fusion, contrast=contrast, more=more, beside="ocr"), uneven(6)
    rows = [replace(row, extra={"ocr": "see a box"} if place % 2 else {}) for place, row in enumerate(rows)]
    head = judging.judging(asked.learner)
    assert head is asked.learner.objective("more" if more else "contrast")
    pairs = np.random.default_rng(0).permutation(np.argwhere(np.ones((6, 6), dtype=bool)))[:30]
    told: list[tuple[int, int]] = []
    found = judging.judge(asked, head, rows, rows, pairs, progress=lambda *at: told.append(at))
    assert found == pytest.approx(one_by_one(asked, rows)[pairs[:, 0], pairs[:, 1]], abs=1e-5)
    assert told[-1] == (30, 30)
    assert len(judging.judge(asked, head, rows, rows, np.zeros((0, 2), dtype=np.int64))) == 0


def test_a_picture_is_encoded_once_for_all_its_pairs(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, rows = answerer(networks), uneven(6)
    seen = []
    encoder = asked.learner.model.encoder("image")
    monkeypatch.setattr(encoder, "encode", lambda fields, run=encoder.encode: seen.append(len(fields["key"])) or run(fields))
    head = judging.judging(asked.learner)
    assert head is not None
    judging.judge(asked, head, rows, rows, np.argwhere(np.ones((6, 4), dtype=bool)))
    assert sum(seen) == 4


def test_two_stages_are_the_joint_order_within_the_shortlist(networks: Path) -> None:
    asked, rows = answerer(networks), uneven(10)
    joint = one_by_one(asked, rows)
    plain = Retrieval()(asked, rows)
    found = Retrieval(rerank=10)(asked, rows)
    assert {name: value for name, value in found.items() if "reranked" not in name} == plain
    same = np.array([[one.image == other.image for other in rows] for one in rows])
    by_text = [
        1 + len({id(rows[j].image) for j in range(10) if not same[i, j] and joint[i, j] >= joint[i, i]}) for i in range(10)
    ]
    assert found["text_to_image_reranked_median_rank"] == np.median(by_text)
    assert found["text_to_image_reranked_R@1"] == np.mean(np.array(by_text) == 1)
    assert found["text_to_image_reranked_R@5"] == np.mean(np.array(by_text) <= 5)
    pictures = [j for j in range(10) if j % 4 != 3]
    by_picture = [
        1 + sum(joint[i, j] >= max(joint[k, j] for k in range(10) if same[k, j]) for i in range(10) if not same[i, j])
        for j in pictures
    ]
    assert found["image_to_text_reranked_median_rank"] == np.median(by_picture)
    assert found["image_to_text_reranked_R@5"] == np.mean(np.array(by_picture) <= 5)
    one = Retrieval(rerank=1)(asked, rows)  # the first of a list of one stays the first
    assert all(value == one[name.replace("reranked_", "")] for name, value in one.items())


def test_a_second_stage_needs_an_objective_that_judges_pairs() -> None:
    assert Retrieval(rerank=3)(Summaries(), posts()) == Retrieval()(Summaries(), posts())
    with pytest.raises(RecipeError, match=r"Retrieval.rerank: expected a number from 1 up"):
        Retrieval(rerank=0)


def test_both_stages_of_two_models_are_compared(networks: Path) -> None:
    asked, rows = answerer(networks), uneven(10)
    one = Retrieval(rerank=5).outcomes(asked, rows)
    found = Retrieval().differences([one], [one], resamples=20, seed=0)
    assert {"text_to_image_R@1", "text_to_image_reranked_R@5", "image_to_text_reranked_R@10"} <= set(found)
    plain = Retrieval().outcomes(asked, rows)
    assert not any("reranked" in name for name in Retrieval().differences([one], [plain], resamples=20, seed=0))


def test_among_few_pictures_it_is_said_what_chance_finds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Retrieval()(Summaries(), posts())
    assert capsys.readouterr().err == "retrieval: 12 texts look for 12 pictures; R@10 by chance: 0.83\n"
    monkeypatch.setattr("polysense.evaluation.retrieval.FEW", COUNT)
    Retrieval()(Summaries(), posts())
    assert capsys.readouterr().err == ""
