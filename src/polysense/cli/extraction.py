"""``polysense data extract``, ``data extract regions`` and ``data convert regions``: features of recordings, films and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from polysense.cli.options import Columns, Encoding, Json, MediaRoot, SkipBadRows, read_columns, read_limits
from polysense.cli.output import bad_rows, print_json
from polysense.errors import DataError, RecipeError
from polysense.progress import bar

if TYPE_CHECKING:
    from polysense.data.region_import import ImportedRegions
    from polysense.inference.extraction.table import Extracted

Out = Annotated[Path, typer.Argument(help="The folder to write; it must be new or empty.")]
SHOWN = 10
"""Bad rows, and warnings, that are told one by one."""

Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar.")]


def extract(
    table: Annotated[Path, typer.Argument(help="A table whose cells audio and video name recordings and films.")],
    out: Out,
    audio: Annotated[
        str,
        typer.Option(help="acoustic, parts of it (log_mel,mfcc,energy,f0), a speech encoder by its Hugging Face id, or none."),
    ] = "acoustic",
    video: Annotated[
        str, typer.Option(help="An image encoder for the pictures: packaged, a Hugging Face id, a folder; or none.")
    ] = "efficientnet-lite0",
    pictures_per_second: Annotated[float, typer.Option(help="How many pictures of a film are looked at.")] = 2.0,
    faces: Annotated[
        str | None, typer.Option(help="Look at faces alone, found by this detector: a Hugging Face id, a folder.")
    ] = None,
    transcripts: Annotated[
        str | None, typer.Option(help="Hear the text of rows that have none, by this Whisper model: openai/whisper-base.")
    ] = None,
    score_range: Annotated[str | None, typer.Option(help="The smallest and the largest score: -3,3.")] = None,
    columns: Columns = None,
    media_root: MediaRoot = None,
    encoding: Encoding = None,
    skip_bad_rows: SkipBadRows = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make a folder of clips of recordings and films: features of sound and pictures, to train on and to predict from.

    Rows that cannot be used are listed with the reason; exit code 3, and nothing is written, unless --skip-bad-rows. What was done
    is kept for the next call. `extract regions` is for posts with pictures.
    """
    from polysense.data.new_folder import refuse_full
    from polysense.data.table import read_table

    limits = read_limits(score_range)
    if faces is not None and video == "none":
        raise RecipeError("--faces: goes with --video, which is none")
    refuse_full(out)  # and a wrong table, before networks are loaded
    read = read_table(
        table, columns=read_columns(columns), media_root=media_root, encoding=encoding or "utf-8", split_seed=None
    )
    from polysense.inference.extraction.making import film_extractor, sound_extractor
    from polysense.inference.extraction.speech import Recogniser
    from polysense.inference.extraction.table import extract_clips

    extractors = {} if audio == "none" else {"audio": sound_extractor(audio)}
    if video != "none":
        extractors["video"] = film_extractor(video, pictures_per_second=pictures_per_second, faces=faces)
    recogniser = None if transcripts is None else Recogniser(transcripts)
    with bar("extracting", "clips", quiet=quiet) as advance:
        done = extract_clips(
            read,
            out,
            extractors,
            recogniser=recogniser,
            score_range=limits,
            skip_bad_rows=skip_bad_rows,
            progress=advance,
        )
    heard = {} if transcripts is None else {"transcribed": done.transcribed}
    _tell(done, "clips", {**done.with_frames, **heard}, json=json, skipped=skip_bad_rows)


def extract_regions(
    table: Annotated[
        Path, typer.Argument(help="A table whose cells image name pictures, or a folder with one, or a known corpus.")
    ],
    out: Out,
    detector: Annotated[
        str, typer.Option(help="An object detector of the DETR kind: a Hugging Face id, a folder.")
    ] = "PekingU/rtdetr_v2_r18vd",
    regions: Annotated[int, typer.Option(help="How many of each picture, those first of which the detector is surest.")] = 36,
    classes: Annotated[
        bool, typer.Option("--classes", help="Write the detector's probabilities of classes, too, for SingleStream's classes.")
    ] = False,
    corpus: Annotated[str | None, typer.Option(help="The corpus in the folder; by default recognised by its files.")] = None,
    columns: Columns = None,
    media_root: MediaRoot = None,
    encoding: Encoding = None,
    skip_bad_rows: SkipBadRows = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make a folder of posts with the regions of their pictures, which LXMERT and UNIMO read in the pictures' place.

    Rows that cannot be used are listed with the reason; exit code 3, and nothing is written, unless --skip-bad-rows. What was done
    is kept for the next call.
    """
    from polysense.cli.data import corpus_reader, recognised
    from polysense.data.new_folder import refuse_full

    refuse_full(out)
    name = recognised(table) if corpus is None and columns is None else corpus
    reader = corpus_reader(name, columns=read_columns(columns), encoding=encoding)
    read = reader.read(table, media_root=media_root)
    read.require(["image"])
    from polysense.inference.extraction.region_table import extract_regions as write
    from polysense.inference.extraction.regions import Regions

    found = Regions(detector, count=regions, classes=classes)
    with bar("extracting", "rows", quiet=quiet) as advance:
        done = write(read, out, found, skip_bad_rows=skip_bad_rows, progress=advance)
    each = {"classes": found.classes} if classes else {}
    _tell(done, "rows", done.with_frames, each=each, json=json, skipped=skip_bad_rows)


def convert_regions(
    file: Annotated[
        Path,
        typer.Argument(
            help="A line a picture: name, height, width, count, then boxes in pixels, features and probabilities of classes in base64."
        ),
    ],
    out: Out,
    detector: Annotated[
        str, typer.Option(help="What made the regions; those of two files by the same one count as made alike.")
    ],
    regions: Annotated[
        int, typer.Option(help="How many of each picture, the surest first; without probabilities the first of its line.")
    ] = 100,
    background: Annotated[
        str, typer.Option(help="Which class is that of no object, which makes nobody sure: first, last, or none.")
    ] = "first",
    table: Annotated[
        Path | None,
        typer.Option(help="A table whose cells image name pictures of FILE; without one each picture becomes a row."),
    ] = None,
    columns: Columns = None,
    encoding: Encoding = None,
    skip_bad_rows: SkipBadRows = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make a folder of posts with regions in the place of pictures of a region file as UNIMO's release has them.

    Lines and rows that cannot be used are listed with the reason; exit code 3, and nothing is written, unless --skip-bad-rows.
    """
    from polysense.data.region_import import import_regions
    from polysense.data.region_lines import Background

    if table is None and (columns or encoding):
        raise RecipeError("--columns and --encoding are for a --table")
    with bar("converting", "MB", quiet=quiet) as advance:
        done = import_regions(
            file,
            out,
            detector=detector,
            count=regions,
            background=cast(Background, background),
            table=table,
            columns=read_columns(columns),
            encoding=encoding or "utf-8",
            skip_bad_rows=skip_bad_rows,
            progress=lambda done, total: advance(done >> 20, max(1, total >> 20)),
        )
    each = {"features": done.features, "classes": done.classes}
    _tell(done, "rows", done.with_frames, each=each if done.rows else {}, json=json, skipped=skip_bad_rows)


def _tell(
    done: Extracted | ImportedRegions,
    what: str,
    counts: Mapping[str, int],
    *,
    each: Mapping[str, int] | None = None,
    json: bool,
    skipped: bool,
) -> None:
    """What was written and what was not; raises where rows are bad and were not to be skipped. ``each``: the numbers of a region."""
    bad = bad_rows(done.bad)
    numbers = each or {}
    if json:
        problems = [one.as_dict() for one in done.problems]
        print_json({what: done.rows, **counts, **numbers, "bad_rows": bad, "problems": problems})
    else:
        for severity in ("bad", "warning"):
            some = [one for one in done.problems if one.severity == severity]
            for one in some[:SHOWN]:
                typer.echo(f"{severity}: {one}")
            if len(some) > SHOWN:
                typer.echo(f"{severity}: ... and {len(some) - SHOWN} more (--json lists all)")
        told = ", ".join(
            f"{count} {'transcribed' if name == 'transcribed' else f'with {name}'}" for name, count in counts.items()
        )
        typer.echo(f"{done.rows} {what} written: {told}" if done.rows else "nothing was written")
        if numbers and done.rows:
            typer.echo(f"a region: {', '.join(f'{count} {name}' for name, count in numbers.items())}, its box")
    if bad and not skipped:
        raise DataError(
            f"{bad} bad {'row' if bad == 1 else 'rows'}: put them right and call again, what is done is kept; or --skip-bad-rows",
            problems=done.bad,
        )
