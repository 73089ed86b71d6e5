"""The page and the picture of what grounded_sentences.py found.

    python benchmarks/grounded_tables.py --results docs/results

Reads grounded_sentences.json there, and writes grounded_sentences.md and grounded_domains.svg beside it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from polysense.report.figure import ACCENT, INK, MUTED, VARIABLES, drawing

SETS = ("STS12", "STS13", "STS14", "STS15", "STS16", "STS-B test", "SICK-R test")
TRANSFER = ("MR", "CR", "SUBJ", "MPQA", "SST2", "TREC", "MRPC")
COLOURS = {
    "ink": "#1f2328",
    "muted": "#59636e",
    "rule": "#d1d9e0",
    "accent": "#0b6e99",
    "contrast": "#b35900",
    "paper": "#ffffff",
}
COMMAND = "python benchmarks/grounded_sentences.py --data DATA --runs runs/grounded --out docs/results"
NAMES = {"small": "From a small encoder that was pre-trained here", "minilm": "From MiniLM, for reference"}
TOLD = {
    "start": "the start, not trained further",
    "simcse": "SimCSE on sentences",
    "captions_as_text": "SimCSE on sentences and captions, no pictures",
    "mcse": "MCSE: the same captions with their pictures",
    "mcse_shuffled": "MCSE, pictures shuffled",
    "mcse_random": "MCSE, pictures of noise",
    "mcse_both_ways": "MCSE, pictures also towards captions",
    "mcse_all_captions": "MCSE, all five captions of a picture",
    "captions_as_text_not_decontaminated": "captions as text, sentences of the test sets not left out",
    "mcse_not_decontaminated": "MCSE, captions of the test sets not left out",
    "few_as_text": "2,000 captions as text, four times",
    "few": "MCSE on 2,000 captions with their pictures, four times",
    "few_aware": "2,000 with their pictures, noise-aware",
    "few_half_shuffled": "2,000, half of the pictures shuffled",
    "few_half_shuffled_aware": "2,000, half shuffled, noise-aware",
    "few_shuffled": "2,000, pictures shuffled",
    "few_shuffled_aware": "2,000, shuffled, noise-aware",
    "tweets_as_text": "2,000 tweets as text, four times",
    "tweets": "MCSE on 2,000 tweets with their pictures, four times",
    "tweets_aware": "2,000 tweets, noise-aware",
}
DESCRIBE = ("STS12/MSRvid", "STS14/images")
"""Subsets whose sentences were written of films and pictures. (SICK's were made from such sentences by rules.)"""
NAMED_FROM = 0.45
"""Closeness from which on a point of the picture has its name."""

SHOWN = "The gain of MCSE over captions as text on each subset of STS, against its closeness to the captions"

Arms = Mapping[str, Mapping[str, Any]]


def markdown(result: Mapping[str, Any]) -> str:
    """The page."""
    counts = result["sentences"]
    lines = [
        "# Sentences grounded in pictures: what each part adds",
        "",
        f"Commands: `{COMMAND}`, then `python benchmarks/grounded_tables.py --results docs/results`.",
        "",
        f"{counts['different sentences']:,} different sentences of Wikipedia, Brown, MASC, ABC and IMDB, of which "
        f"{counts['of evaluation sets, left out']:,} stand in the evaluation sets and are left out. The small encoder "
        f"(`text/small_mlm`) reads {counts['pre-training']:,} of them once; every arm then reads {counts['contrast']:,} of those, "
        "and most of them in turns with captions of the 6,000 training pictures of Flickr8k, one a picture; of all 30,000 captions "
        f"{counts['captions of evaluation sets, left out']:,} stand in the evaluation sets and are left out, but for the "
        "arms that say otherwise. The mean over the last layer is "
        "pooled. Checkpoints are chosen on STS-B dev; correlations are Spearman's, times 100, in the setting *all*; mean ± standard "
        "deviation over seeds.",
    ]
    for block, found in result["blocks"].items():
        if found["arms"]:
            lines += ["", f"## {NAMES[block]}", "", *_block(found)]
    if result["blocks"]["small"]["arms"].keys() >= {"mcse", "captions_as_text"}:
        points = domains(result)
        rank, others = _rank(points), [one for one in points if one[0] not in DESCRIBE]
        lines += [
            "",
            "## Where pictures help",
            "",
            f"![{SHOWN}](grounded_domains.svg)",
            "",
            "Closeness of a subset: the mean over its sentences of the cosine to the nearest training caption, by MiniLM. Gain: MCSE "
            f"minus captions as text, small encoder, mean over seeds. Rank correlation over the {len(points)} subsets: {rank:+.2f}; "
            f"without the {len(points) - len(others)} that describe pictures and films ({', '.join(DESCRIBE)}): {_rank(others):+.2f}.",
            "",
            "| subset | closeness | gain |",
            "|---|---|---|",
            *[f"| {name} | {near:.2f} | {gain:+.1f} |" for name, near, gain in sorted(points, key=lambda one: -one[1])],
        ]
    return "\n".join(lines) + "\n"


def _tried(found: Mapping[str, Any]) -> str:
    """``0.01: 54.1, 0.1: 56.9``: the weights that were tried, and what each came to."""
    return ", ".join(f"{float(weight):g}: {score:.1f}" for weight, score in found["weights_tried"].items())


def _block(found: Mapping[str, Any]) -> list[str]:
    arms: Arms = {name: found["arms"][name] for name in TOLD if name in found["arms"]}
    sets = [name for name in SETS if any(name in arm for arm in arms.values())]
    seeds = ", ".join(map(str, found["seeds"]))
    lines = [
        f"Seeds {seeds}, all from one and the same start; one epoch at the learning rate {found['learning_rate']:g}. Weight of "
        f"the grounding {found['grounding_weight']:g}, chosen on STS-B dev with seed 0 of MCSE, which is one of the seeds below "
        f"({_tried(found)}); arms without pictures have nothing to choose. Commit {found['commit']}, {found['machine']}.",
        "",
    ]
    geometry = {"STS-B dev alignment": "alignment", "STS-B dev uniformity": "uniformity"}
    lines += [f"| arm | {' | '.join(sets)} | mean | STS-B dev | alignment | uniformity |", "|---" * (len(sets) + 5) + "|"]
    for name, arm in arms.items():
        cells = [_cell(arm, one) for one in (*sets, "avg_present", "STS-B dev")] + [
            _cell(arm, one, digits=2) for one in geometry
        ]
        lines.append(f"| {TOLD[name]} | {' | '.join(cells)} |")
    lines += [
        "",
        "Steps of 64 sentences and of 64 captions, and how often an arm reads each of its captions:",
        "",
        "| arm | steps of sentences | steps of captions | visits of a caption |",
        "|---|---|---|---|",
    ]
    for name, turns in found["turns"].items():
        visits = f"{turns['visits']:.2f}" if turns["captions"] else "-"
        lines.append(f"| {TOLD[name]} | {turns['sentences']} | {turns['captions']} | {visits} |")
    if found["differences"]:
        lines += [
            "",
            "Differences, with their 95 % interval over seeds and pairs of sentences (two-level bootstrap, 2,000 draws):",
            "",
            "| | against | mean over the sets | STS-B test | p of the mean |",
            "|---|---|---|---|---|",
        ]
        for pair, metrics in found["differences"].items():
            other, _, base = pair.partition(" - ")
            cells = [
                _difference(metrics["avg_present"]),
                _difference(metrics["STS-B test"]),
                f"{metrics['avg_present']['p_value']:.3f}",
            ]
            lines.append(f"| {TOLD[other]} | {TOLD[base]} | {' | '.join(cells)} |")
    pictured = {name: arm for name, arm in arms.items() if "text_to_image_R@10" in arm}
    if pictured:
        ways = [f"{way}_R@{rank}" for way in ("text_to_image", "image_to_text") for rank in (1, 5, 10)]
        lines += [
            "",
            "Retrieval among the 1,000 test pictures of Flickr8k, in points:",
            "",
            f"| arm | {' | '.join(one.replace('_', ' ') for one in ways)} |",
            "|---" * (len(ways) + 1) + "|",
        ]
        lines += [
            f"| {TOLD[name]} | {' | '.join(_cell(arm, one, scale=100) for one in ways)} |" for name, arm in pictured.items()
        ]
    probed = {name: arm for name, arm in arms.items() if "transfer avg_present" in arm}
    if probed:
        tasks = [task for task in TRANSFER if any(task in arm for arm in probed.values())]
        lines += [
            "",
            "Transfer: accuracy of logistic regression on frozen embeddings:",
            "",
            f"| arm | {' | '.join(tasks)} | mean |",
            "|---" * (len(tasks) + 2) + "|",
        ]
        lines += [
            f"| {TOLD[name]} | {' | '.join(_cell(arm, one) for one in (*tasks, 'transfer avg_present'))} |"
            for name, arm in probed.items()
        ]
    return lines


def _cell(arm: Mapping[str, Any], name: str, *, digits: int = 1, scale: float = 1.0) -> str:
    value = arm.get(name)
    if value is None:
        return "-"
    spread = f" ± {scale * value['std']:.{digits}f}" if len(value["seeds"]) > 1 else ""
    return f"{scale * value['mean']:.{digits}f}{spread}"


def _difference(value: Mapping[str, float]) -> str:
    """A difference of correlations, times 100."""
    return "{:+.1f} ({:+.1f} to {:+.1f})".format(*(100 * value[key] for key in ("difference", "low", "high")))


def domains(result: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """Name, closeness to the captions, and gain of each subset of STS, and of SICK."""
    arms = result["blocks"]["small"]["arms"]
    return [
        (name, near, arms["mcse"][name]["mean"] - arms["captions_as_text"][name]["mean"])
        for name, near in result["closeness"].items()
        if ("/" in name or name.startswith("SICK")) and name in arms["mcse"]
    ]


def _rank(points: Sequence[tuple[str, float, float]]) -> float:
    return float(spearmanr([near for _, near, _ in points], [gain for *_, gain in points]).statistic)


def picture(result: Mapping[str, Any]) -> str:
    """A point a subset, as an SVG file that stands alone."""
    points = domains(result)
    with drawing(width=640, height=400, name="domains", label=SHOWN) as drawn:
        axes = drawn.axes
        axes.axhline(0, color=MUTED, linewidth=1)
        axes.scatter([near for _, near, _ in points], [gain for *_, gain in points], color=ACCENT, s=34, zorder=3)
        for name, near, gain in points:
            if near >= NAMED_FROM:  # the others lie on top of each other; the table names all
                axes.annotate(
                    name, (near, gain), xytext=(-8, 8), textcoords="offset points", color=INK, fontsize=10, ha="right"
                )
        axes.margins(x=0.12, y=0.1)
        axes.set_xlabel("closeness to the captions: mean cosine to the nearest one")
        axes.set_ylabel("gain, in points of Spearman's correlation")
    svg = str(drawn.svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" style="background:#ffffff" ', 1)
    for variable in VARIABLES.values():
        svg = svg.replace(f"var(--{variable})", COLOURS[variable])
    return svg.replace("var(--sans)", "sans-serif") + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--results", type=Path, default=Path("docs/results"))
    folder: Path = parser.parse_args().results
    result = json.loads((folder / "grounded_sentences.json").read_text("utf-8"))
    (folder / "grounded_sentences.md").write_text(markdown(result), encoding="utf-8")
    (folder / "grounded_domains.svg").write_text(picture(result), encoding="utf-8")


if __name__ == "__main__":
    main()
