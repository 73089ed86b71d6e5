from __future__ import annotations

from pathlib import Path

from polysense.training.command import command


def test_every_option_that_decides_the_run_is_there_and_no_folder_of_this_machine() -> None:
    words = command(
        "my.yaml",
        Path("/home/somebody/posts.csv"),
        seeds=[0, 3],
        overrides=["a.b=1", "c.d=/home/somebody/knowledge", 'corpora.0.columns={"text": "tweet"}'],
        media_root=Path("/home/somebody/photos"),
        skip_bad_rows=True,
        use_cache=False,
    )
    assert words == [
        *("polysense", "train", "my.yaml", "--data", "DATA/posts.csv", "--seeds", "0,3"),
        *("--set", "a.b=1", "--set", "c.d=FOLDER/knowledge", "--set", 'corpora.0.columns={"text": "tweet"}'),
        *("--media-root", "MEDIA/photos", "--skip-bad-rows", "--no-cache"),
    ]


def test_what_was_not_asked_for_is_not_there() -> None:
    words = command("mcse/simcse", "a/b.txt", seeds=[0], overrides=[], media_root=None, skip_bad_rows=False, use_cache=True)
    assert words == ["polysense", "train", "mcse/simcse", "--data", "a/b.txt", "--seeds", "0"]
