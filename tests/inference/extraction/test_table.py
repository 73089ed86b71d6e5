from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from polysense.data.clip_folder import About
from polysense.data.corpora.clips import Clips
from polysense.data.frames import StoredFrames
from polysense.data.table import Table, read_table
from polysense.errors import DataError, RecipeError
from polysense.inference.extraction.acoustic import Acoustic
from polysense.inference.extraction.film import Film
from polysense.inference.extraction.speech import Recogniser
from polysense.inference.extraction.table import extract_clips

Write = Callable[[Sequence[Mapping[str, object]]], Path]
MFCC = Acoustic(("mfcc",))


def read(table: Write, rows: Sequence[Mapping[str, object]]) -> Table:
    return read_table(table(rows), split_seed=None)


def test_a_folder_of_clips_has_what_the_table_has_and_frames(
    table: Write, takes: Path, tmp_path: Path, tiny_vision: str
) -> None:
    rows = [
        {"id": "a", "text": "so good", "video": "0.mp4", "score": 2, "split": "train", "group": "ann", "mood": "x"},
        {"id": "b", "text": "so bad", "video": "1.mp4", "audio": "voice.wav", "score": -2, "split": "train", "group": "ben"},
        {"id": "c", "text": "hm", "video": "mute.mp4", "score": "", "split": "test", "score_audio": 1},
        {"id": "d", "text": "hm", "split": "test"},
    ]
    film = Film(tiny_vision, pictures_per_second=1)
    out = tmp_path / "out"
    done = extract_clips(read(table, rows), out, {"audio": MFCC, "video": film}, score_range=(-3, 3))
    assert (done.rows, dict(done.with_frames), done.bad) == (4, {"audio": 2, "video": 3}, ())
    assert [str(one) for one in done.problems] == [
        f"{takes}/clips.csv, row 3 (id c), audio: {takes}/mute.mp4 has no sound: the clip counts as having none"
    ]
    found = {sample.id: sample for sample in Clips().read(out).samples}
    assert [found[name].modalities for name in "abcd"] == [("text", "audio", "video")] * 2 + [("text", "video"), ("text",)]
    assert (found["a"].text, found["a"].score, found["a"].split, found["a"].group) == ("so good", 2, "train", "ann")
    assert found["a"].extra == {"mood": "x"}
    assert found["c"].scores == {"audio": 1}
    sound = found["b"].audio
    assert isinstance(sound, StoredFrames)
    assert np.array_equal(sound.read(), MFCC.extract(takes / "voice.wav"))
    assert sound.provenance == MFCC.provenance
    assert np.array_equal(found["a"].audio.read(), MFCC.extract(takes / "0.mp4")), "the sound of its film"
    assert np.array_equal(found["c"].video.read(), film.extract(takes / "mute.mp4"))
    assert json.loads((out / "clips.json").read_text())["score_range"] == [-3, 3]


BAD = {
    "empty.mp4": "video: .*empty.mp4 is an empty file",
    "text.mp4": "video: .*text.mp4 is damaged, or no recording or film",
    "cut.mp4": "video: .*cut.mp4 breaks off: it has 4,000 of at least",
    "silent.wav": "row: nothing usable: no text, and .*silent.wav is silent",
    "none.mp4": "video: .*none.mp4 does not exist",
    "../secret.mp4": r"video: \.\./secret.mp4 leaves the data folder",
    "https://x.org/a.mp4": "video: 'https://x.org/a.mp4' is a web address",
}


def test_every_bad_row_is_told_and_nothing_is_written_unless_they_may_be_skipped(table: Write, tmp_path: Path) -> None:
    rows = [{"id": name, "video": name} for name in [*BAD, "0.mp4"]]
    out = tmp_path / "out"
    done = extract_clips(read(table, rows), out, {"audio": MFCC})
    assert (done.rows, out.exists()) == (0, False)
    assert {one.id for one in done.bad} == set(BAD)
    for one in done.bad:
        assert re.match(BAD[str(one.id)], f"{one.field}: {one.reason}")
    assert extract_clips(read(table, rows), out, {"audio": MFCC}, skip_bad_rows=True).rows == 1
    assert [sample.id for sample in Clips().read(out).samples] == ["0.mp4"]
    about = About.read(out)
    assert about is not None
    assert about.left_out == {"rows": len(BAD), "reasons": [str(one) for one in done.bad]}
    with pytest.raises(DataError, match="no row is left"):
        extract_clips(read(table, rows[:-1]), tmp_path / "other", {"audio": MFCC}, skip_bad_rows=True)


def test_what_is_kept_of_bad_rows_is_bounded(table: Write, tmp_path: Path) -> None:
    rows = [{"id": f"gone {number}", "video": f"gone{number}.mp4"} for number in range(60)] + [{"id": "a", "video": "0.mp4"}]
    extract_clips(read(table, rows), tmp_path / "out", {"audio": MFCC}, skip_bad_rows=True)
    about = About.read(tmp_path / "out")
    assert about is not None
    assert (about.left_out["rows"], len(about.left_out["reasons"])) == (60, 50)


def test_a_film_in_two_splits_is_a_warning(table: Write, tmp_path: Path) -> None:
    rows = [
        {"id": "a", "text": "x", "video": "0.mp4", "split": "train", "group": "ann"},
        {"id": "b", "text": "y", "video": "0.mp4", "split": "test"},
        {"id": "c", "text": "z", "video": "1.mp4", "split": "test", "group": "ann"},
        {"id": "d", "text": "z", "video": "1.mp4", "split": "test"},
        {"id": "e", "text": "z", "video": "cut.mp4", "split": "test"},
        {"id": "f", "text": "z", "video": "cut.mp4", "split": "train"},
    ]
    done = extract_clips(read(table, rows), tmp_path / "out", {"audio": MFCC}, skip_bad_rows=True)
    assert [one.reason for one in done.problems if one.severity == "warning"] == [
        "1 film stands in more than one split (train and test: 1; for example ids a, b)",
        "1 group stands in more than one split: ann",
    ]


def test_a_column_of_films_under_another_name_is_a_warning(table: Write, tmp_path: Path, tiny_vision: str) -> None:
    rows = [{"id": "a", "text": "x", "vidoe": "0.mp4"}, {"id": "b", "text": "y", "vidoe": "1.mp4", "audio": "voice.wav"}]
    film = Film(tiny_vision, pictures_per_second=1)
    done = extract_clips(read(table, rows), tmp_path / "out", {"audio": MFCC, "video": film})
    assert [(one.field, one.reason) for one in done.problems] == [
        ("video", "no row has a film, and 'vidoe' holds names of films: --columns video=vidoe")
    ]
    done = extract_clips(read(table, rows), tmp_path / "sound", {"audio": MFCC})
    assert done.problems == (), "films are not asked for"


def test_scores_under_another_name_are_a_warning(table: Write, tmp_path: Path) -> None:
    def told(out: str, **more: object) -> list[str]:
        rows = [{"id": name, "text": name, "video": f"{name}.mp4", **more} for name in "01"]
        return [str(one) for one in extract_clips(read(table, rows), tmp_path / out, {"audio": MFCC}).problems]

    lacks = "clips.csv, score: no row has a score; name the column that holds it, --columns score=COLUMN; "
    assert told("a", label_score=-1.5, year=2020) == [f"{lacks}did you mean 'label_score'? valid: 'label_score', 'year'"]
    assert told("b", scor="2") == [f"{lacks}did you mean 'scor'? valid: 'scor'"]
    assert told("c", score="", sentiment=0) == [f"{lacks}valid: 'sentiment'"]
    assert told("d", mood="glad", scor="glad") == [], "no numbers: made to predict"
    assert told("e", score=1, year=2020) == []
    assert told("f", label="glad", year=2020) == [], "classes are learned"


class Counting(Acoustic):
    """Counts what it extracts, and is interrupted at the third."""

    def __init__(self, last: int) -> None:
        super().__init__(("energy",))
        self.seen: list[str] = []
        self.last = last

    def extract(self, path: Path) -> np.ndarray:
        if len(self.seen) == self.last:
            raise KeyboardInterrupt
        self.seen.append(path.name)
        return super().extract(path)


def test_extraction_goes_on_where_it_was_interrupted(table: Write, tmp_path: Path) -> None:
    rows = [{"id": number, "text": "x", "video": f"{number}.mp4", "split": "train"} for number in range(4)]
    out = tmp_path / "out"
    first, second = Counting(2), Counting(9)
    with pytest.raises(KeyboardInterrupt):
        extract_clips(read(table, rows), out, {"audio": first})
    assert not out.exists()
    assert extract_clips(read(table, rows), out, {"audio": second}).rows == 4
    assert (first.seen, second.seen) == (["0.mp4", "1.mp4"], ["2.mp4", "3.mp4"])
    whole = tmp_path / "whole"
    extract_clips(read(table, rows), whole, {"audio": Counting(9)})
    assert (out / "audio.safetensors").read_bytes() == (whole / "audio.safetensors").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"out", "whole"}, "nothing else is left behind"


def test_what_was_kept_is_not_taken_for_features_of_another_making(table: Write, tmp_path: Path) -> None:
    rows = [{"id": number, "text": "x", "video": f"{number}.mp4"} for number in range(2)]
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        extract_clips(read(table, rows), out, {"audio": Counting(1)})
    extract_clips(read(table, rows), out, {"audio": MFCC})
    assert Clips().read(out).samples[0].audio.shape[1] == 13


def test_rows_without_a_text_are_heard(table: Write, tmp_path: Path, tiny_whisper: str) -> None:
    rows = [
        {"id": "a", "video": "0.mp4"},
        {"id": "b", "text": "said", "audio": "voice.wav"},
        {"id": "c", "video": "mute.mp4"},
        {"id": "d", "audio": "voice.wav"},
    ]
    recogniser = Recogniser(tiny_whisper)
    done = extract_clips(read(table, rows), tmp_path / "out", {"audio": MFCC}, recogniser=recogniser, skip_bad_rows=True)
    found = {sample.id: sample.text for sample in Clips().read(tmp_path / "out").samples}
    assert found["b"] == "said"
    assert done.transcribed == 2
    assert set(found) == {"a", "b", "d"}, "a mute film of which no pictures are asked for has nothing"
    assert set(found["a"] or "") <= set("abcd")
    assert json.loads((tmp_path / "out/clips.json").read_text())["source"]["transcripts"] == recogniser.identity


def test_frames_are_not_extracted_from(table: Write, takes: Path, tmp_path: Path) -> None:
    np.save(takes / "frames.npy", np.zeros((3, 13), dtype=np.float32))
    rows = [{"id": "a", "audio": "frames.npy"}, {"id": "b", "audio": "voice.wav"}]
    done = extract_clips(read(table, rows), tmp_path / "out", {"audio": MFCC})
    assert [one.reason for one in done.bad] == [
        f"{takes}/frames.npy was computed of a file; nothing can be extracted from it again"
    ]
    with pytest.raises(DataError, match=r"clips\.csv names features that were computed before, and no recording or film"):
        extract_clips(read(table, rows[:1]), tmp_path / "out", {"audio": MFCC})


def test_a_full_folder_and_nothing_to_do_are_refused(table: Write, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    with pytest.raises(RecipeError, match="exists and is not an empty folder"):
        extract_clips(read(table, [{"id": "a", "video": "0.mp4"}]), tmp_path, {"audio": MFCC})
    with pytest.raises(RecipeError, match="nothing to extract"):
        extract_clips(read(table, [{"id": "a", "video": "0.mp4"}]), tmp_path / "out", {})
