"""Made-up copies of the sentence benchmarks, in the layouts of the real ones."""

from __future__ import annotations

from pathlib import Path

WORDS = ("red", "green", "blue", "white", "black", "brown")


def write_sts_tasks(root: Path, years: tuple[int, ...] = (12, 13, 14, 15, 16)) -> Path:
    """Two subsets a year, of four and three scored pairs, with an unscored one between them."""
    folder = root / "sts_senteval"
    for year in years:
        home = folder / f"STS{year}-en-test"
        home.mkdir(parents=True)
        for subset, scores in (("alpha", ["5.0", "", "0", "2.5", "4"]), ("beta.two", ["1", "", "3", "2"])):
            lines = [f"a {WORDS[n]} hat\ta {WORDS[n]} cap {year}" for n in range(len(scores))]
            (home / f"STS.gs.{subset}.txt").write_text("".join(f"{score}\n" for score in scores), encoding="utf-8")
            (home / f"STS.input.{subset}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def write_sts_benchmark(root: Path) -> Path:
    """6 pairs for training, 5 for development, 4 for testing."""
    folder = root / "sts_b"
    folder.mkdir(parents=True)
    for name, rows in (("train", 6), ("dev", 5), ("test", 4)):
        lines = [
            f'genre\tfile\t2012\t{n:04}\t{n % 6}.000\tthe "{WORDS[n]} {name}\ta {WORDS[n]}  dog\textra' for n in range(rows)
        ]
        (folder / f"sts-{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_sick(root: Path) -> Path:
    """5 pairs for training, 3 for the trial, 4 for testing, the last with other line ends."""
    folder = root / "sick2014"
    folder.mkdir(parents=True)
    header = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"
    for name, rows, end in (("train", 5, "\n"), ("trial", 3, "\n"), ("test_annotated", 4, "\r\n")):
        lines = [f"{n}\tA {WORDS[n]} cat of {name}\tA {WORDS[n]} bird\t{1 + n % 5}\tNEUTRAL" for n in range(rows)]
        (folder / f"SICK_{name}.txt").write_bytes((end.join([header, *lines]) + end).encode())
    return folder


def write_transfer_tasks(root: Path, rows: int = 6) -> Path:
    """``rows`` rows a class (and a split, where there are splits); the class can be told from the words."""
    folder = root / "senteval_transfer"
    for task, files in {
        "MR": ("rt-polarity.pos", "rt-polarity.neg"),
        "CR": ("custrev.pos", "custrev.neg"),
        "SUBJ": ("subj.subjective", "subj.objective"),
        "MPQA": ("mpqa.pos", "mpqa.neg"),
    }.items():
        (folder / task).mkdir(parents=True)
        for word, name in zip(("good", "bad"), files, strict=True):
            lines = [f"{word} {n} {task}" for n in range(rows)]
            (folder / task / name).write_text("\n".join([*lines[:2], "", *lines[2:]]) + "\n", encoding="utf-8")
    (folder / "SST" / "binary").mkdir(parents=True)
    for split in ("train", "dev", "test"):
        lines = [f"{word} {n} {split} \t{label}" for n in range(rows) for word, label in (("good", 1), ("bad", 0))]
        (folder / "SST" / "binary" / f"sentiment-{split}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "TREC").mkdir()
    for name, split in (("train_5500.label", "train"), ("TREC_10.label", "test")):
        lines = [
            f"{kind}:x {word} caf\xe9 {n} {split} ?" for n in range(rows) for word, kind in (("good", "NUM"), ("bad", "LOC"))
        ]
        (folder / "TREC" / name).write_bytes(("\n".join(lines) + "\n").encode("latin-1"))
    (folder / "MRPC").mkdir()
    for split in ("train", "test"):
        lines = [
            f"{label}\t1\t2\tgood {n} {split}\t{word} {n} {split}"
            for n in range(rows)
            for word, label in (("good", 1), ("bad", 0))
        ]
        text = "\n".join(["Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", *lines]) + "\n"
        (folder / "MRPC" / f"msr_paraphrase_{split}.txt").write_text(text, encoding="utf-8-sig")
    return folder
