"""The encoders of sequences: padding and the other rows change nothing; what they know of the data comes from the training rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import pad

from polysense.data.collate import Collate
from polysense.data.frames import HeldFrames, Provenance
from polysense.encoders.sequence import SequenceEncoder
from polysense.encoders.sequence_lstm import SequenceLSTM
from polysense.encoders.sequence_pooled import SequencePooled
from polysense.encoders.sequence_transformer import SequenceTransformer
from polysense.errors import DataError, RecipeError
from polysense.fusion.concatenation import Concatenation
from polysense.model import Model
from polysense.positions import positions
from polysense.recipe import load_recipe
from polysense.types import Batch, Encoded, Sample

MEL = Provenance("mel", {"bins": 5})
LENGTHS = (4, 1, 9, None, 6)
CHOICES: list[tuple[Any, dict[str, Any]]] = [
    (SequenceLSTM, {}),
    (SequenceLSTM, {"bidirectional": True, "standardize": True}),
    (SequenceLSTM, {"tokens": "pooled"}),
    (SequenceLSTM, {"layers": 2, "bidirectional": True}),
    (SequencePooled, {"standardize": True}),
    (SequenceTransformer, {"piece_rows": 2}),
    (SequenceTransformer, {"piece_rows": 2, "tokens": "pooled", "standardize": True}),
]
every = pytest.mark.parametrize(("kind", "options"), CHOICES)


def clip(length: int, seed: int = 0, width: int = 5) -> np.ndarray:
    return np.random.default_rng([length, seed]).standard_normal((length, width)).astype(np.float32) * 3 + 1


def samples(made: Provenance | None = MEL) -> list[Sample]:
    return [
        Sample(
            id=str(row),
            audio=None if length is None else HeldFrames(clip(length), made),
            label="bad" if row else "good",
            origin=f"clips.csv, row {row + 1}",
        )
        for row, length in enumerate(LENGTHS)
    ]


def encoder(kind: Any, **options: Any) -> SequenceEncoder:
    torch.manual_seed(0)
    found: SequenceEncoder = kind("audio", width=8, frame_width=5, features=MEL.identity, **options)
    found.fit(samples())
    return found.eval()


def encoded(found: SequenceEncoder, rows: list[Sample]) -> Encoded:
    result: Encoded = found(Batch.of(Collate({"audio": found})(rows)).parts["audio"])
    return result


def same(one: Encoded, other: Encoded) -> None:
    time = min(one.states.shape[1], other.states.shape[1])
    assert torch.equal(one.mask[:, :time], other.mask[:, :time])
    assert not one.mask[:, time:].any()
    assert not other.mask[:, time:].any()
    torch.testing.assert_close(one.states[:, :time], other.states[:, :time], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(one.summary, other.summary, atol=1e-6, rtol=1e-5)


@every
def test_shapes_masks_and_presence(kind: Any, options: dict[str, Any]) -> None:
    found = encoded(encoder(kind, **options), samples())
    single = kind is SequencePooled or options.get("tokens") == "pooled"
    assert found.states.shape == (5, 1 if single else 9, 8)
    assert found.mask.sum(dim=1).tolist() == [1 if single and length else length or 0 for length in LENGTHS]
    assert found.present.tolist() == [True, True, True, False, True]
    assert found.summary.shape == (5, 8)
    assert torch.isfinite(found.states).all()
    assert torch.isfinite(found.summary).all()


@every
@pytest.mark.parametrize("junk", [0.0, 7.0, float("nan")])
def test_what_stands_behind_the_end_changes_nothing(kind: Any, options: dict[str, Any], junk: float) -> None:
    found = encoder(kind, **options)
    fields = Batch.of(Collate({"audio": found})(samples())).parts["audio"]
    longer = pad(fields["frames"], (0, 0, 0, 4))
    behind = torch.arange(13) >= fields["lengths"].unsqueeze(1)
    padded = {**fields, "frames": longer.masked_fill(behind.unsqueeze(-1), junk)}
    same(found(fields), found(padded))


@every
def test_neither_the_other_rows_nor_their_order_nor_a_batch_of_one_changes_anything(kind: Any, options: dict[str, Any]) -> None:
    found, rows = encoder(kind, **options), samples()
    whole = encoded(found, rows)
    same(whole.rows(torch.tensor([4, 2, 0])), encoded(found, [rows[4], rows[2], rows[0]]))
    for row in (0, 1, 2, 4):
        same(whole.rows(torch.tensor([row])), encoded(found, [rows[row]]))


@every
def test_it_learns_and_half_precision_runs(kind: Any, options: dict[str, Any]) -> None:
    found = encoder(kind, **options).train()
    fields = Batch.of(Collate({"audio": found})(samples())).parts["audio"]
    found(fields).summary[[0, 1, 2, 4]].square().sum().backward()
    assert all(
        parameter.grad is not None and torch.isfinite(parameter.grad).all()
        for name, parameter in found.named_parameters()
        if "weight_hh" not in name
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.isfinite(found(fields).summary).all()
    lone = {name: tensor[:1] for name, tensor in fields.items()}
    assert torch.isfinite(found(lone).summary).all()


def test_the_pooled_mean_is_of_the_rows_own_frames() -> None:
    found = encoder(SequencePooled)
    assert isinstance(found, SequencePooled)
    result = encoded(found, samples())
    mean = torch.from_numpy(clip(9)).mean(dim=0, keepdim=True)
    torch.testing.assert_close(result.summary[2], found.layers(found.norm(mean))[0])


def test_absent_rows_take_no_part_in_the_normalisation() -> None:
    rows = samples()
    with_absent, without = encoder(SequencePooled).train(), encoder(SequencePooled).train()
    encoded(with_absent, rows)
    encoded(without, [row for row in rows if row.audio is not None])
    assert torch.equal(with_absent.state_dict()["norm.running_mean"], without.state_dict()["norm.running_mean"])
    assert torch.equal(with_absent.state_dict()["norm.running_var"], without.state_dict()["norm.running_var"])


def test_no_row_with_frames_is_no_problem() -> None:
    for kind, options in CHOICES:
        found = encoder(kind, **options)
        blank = found.prepare([Sample(id="0", text="x"), Sample(id="1", text="y")])
        states, mask, _ = found.encode(blank)
        assert not mask.any()
        assert torch.isfinite(states).all()


def test_positions_tell_frames_apart() -> None:
    found = positions(50, 8, device=torch.device("cpu"))
    assert found.shape == (50, 8)
    torch.testing.assert_close(found[3, :4], torch.tensor([np.sin(3), np.cos(3), np.sin(0.3), np.cos(0.3)]).float())
    result = encoder(SequenceTransformer)
    constant = HeldFrames(np.ones((4, 5), np.float32), MEL)
    states = encoded(result, [Sample(id="0", audio=constant)]).states[0]
    assert not torch.allclose(states[0], states[1])


def test_layers_of_the_transformer_start_apart() -> None:
    found = encoder(SequenceTransformer)
    weights = [value for name, value in found.named_parameters() if name.endswith("linear1.weight")]
    assert len(weights) == 2
    assert not torch.equal(weights[0], weights[1])


@pytest.mark.parametrize("kind", [SequenceLSTM, SequencePooled, SequenceTransformer])
def test_frames_are_standardised_by_the_training_rows(kind: Any) -> None:
    found = encoder(kind, standardize=True)
    every = np.concatenate([clip(length) for length in LENGTHS if length is not None]).astype(np.float64)
    np.testing.assert_allclose(found.mean, every.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.deviation, every.std(axis=0), rtol=1e-5)
    frames, mask = found.sequences(Batch.of(Collate({"audio": found})(samples())).parts["audio"])
    seen = frames[mask]
    torch.testing.assert_close(seen.mean(dim=0), torch.zeros(5), atol=1e-5, rtol=0)
    assert {"mean", "deviation"} <= set(found.state_dict())
    assert "mean" not in encoder(kind).state_dict()


def test_a_number_that_never_changes_is_shifted_only() -> None:
    rows = [Sample(id="0", audio=HeldFrames(np.full((6, 5), 1e4 + 0.1, np.float32), MEL))]
    found = encoder(SequenceLSTM, standardize=True)
    found.fit(rows)
    assert found.deviation.tolist() == [1.0] * 5
    assert found.sequences(found.prepare(rows))[0].abs().max() == 0


def test_a_maximum_keeps_the_beginning() -> None:
    long, short = encoder(SequenceLSTM, max_length=4), encoder(SequenceLSTM)
    assert long.prepare(samples())["frames"].shape == (5, 4, 5)
    cut = [Sample(id="0", audio=HeldFrames(clip(9)[:4], MEL))]
    same(encoded(long, [samples()[2]]), encoded(short, cut))


def test_the_data_complete_the_recipe() -> None:
    arguments = {"modality": "audio", "frame_width": None, "features": None, "width": 8}
    complete = SequenceLSTM.complete(arguments, samples())
    assert complete == {
        "modality": "audio",
        "frame_width": 5,
        "features": {"name": "mel", "parameters": {"bins": 5}},
        "width": 8,
    }
    assert SequenceLSTM.complete(complete, samples()) == complete
    assert SequenceLSTM.complete(arguments, samples(made=None))["features"] is None
    with pytest.raises(DataError, match="no training row has video"):
        SequenceLSTM.complete({**arguments, "modality": "video"}, samples())
    with pytest.raises(DataError, match=r"clips\.csv, row 1, audio: the sequence has 5 numbers a frame, the model reads 6"):
        SequenceLSTM.complete({**arguments, "frame_width": 6}, samples())
    mixed = [*samples(), Sample(id="6", audio=HeldFrames(clip(2), Provenance("mfcc")), origin="clips.csv, row 6")]
    with pytest.raises(
        DataError, match=r'row 6, audio: the sequence is made by \{"name": "mfcc", "parameters": \{\}\}, the model'
    ):
        SequenceLSTM.complete(arguments, mixed)


def test_of_features_of_two_converted_files_the_way_out_is_told() -> None:
    def told(one: Provenance, other: Provenance) -> str:
        found = SequenceLSTM("audio", width=8, frame_width=5, features=one.identity)
        with pytest.raises(DataError) as refused:
            found.prepare(samples(made=other))
        return str(refused.value)

    first, later = (Provenance(name, {"key": "audio", "sha256": name}) for name in ("first", "later"))
    published = [Provenance(f"MOSI {name}", {"key": "audio"}) for name in ("aligned", "unaligned")]
    for one, other in ((first, later), (published[0], later), (first, published[0])):
        assert "polysense data convert mmsa FILE OUT --features-of FOLDER" in told(one, other)
    assert "--features-of" not in told(*published)
    assert "--features-of" not in told(MEL, later)


def test_frames_made_otherwise_are_refused(tmp_path: Path) -> None:
    found = encoder(SequenceLSTM)
    with pytest.raises(DataError, match=r"row 1, audio: the sequence is made by something that nobody noted, the model reads"):
        found.prepare(samples(made=None))
    with pytest.raises(DataError, match="has 4 numbers a frame, the model reads 5"):
        found.prepare([Sample(id="0", audio=HeldFrames(clip(2, width=4), MEL))])
    with pytest.raises(DataError, match=r"a\.mp4 is a recording or film, the encoder reads frames"):
        found.prepare([Sample(id="0", audio=tmp_path / "a.mp4")])
    broken = clip(3)
    broken[1, 1] = np.inf
    with pytest.raises(DataError, match="frame 2 holds NaN or infinite"):
        found.prepare([Sample(id="0", audio=HeldFrames(broken, MEL))])


def test_choices_that_cannot_be() -> None:
    with pytest.raises(RecipeError, match=r"encoders\.audio: frame_width comes from the training rows"):
        SequenceLSTM("audio")
    with pytest.raises(RecipeError, match=r"encoders\.audio, width: expected a number from 1 up, found 0"):
        SequenceLSTM("audio", width=0, frame_width=5)
    with pytest.raises(RecipeError, match="layers: expected a number from 1 up, found 0"):
        SequenceLSTM("audio", layers=0, frame_width=5)
    with pytest.raises(RecipeError, match="width 9 must be even and a multiple of heads 3"):
        SequenceTransformer("audio", width=9, heads=3, frame_width=5)
    with pytest.raises(RecipeError, match="layers and piece_rows"):
        SequenceTransformer("audio", layers=0, frame_width=5)


def test_the_fingerprint_and_preprocessing_follow_the_choices() -> None:
    assert encoder(SequenceLSTM).fingerprint() == encoder(SequenceLSTM).fingerprint()
    assert encoder(SequenceLSTM).preprocessing() != encoder(SequenceLSTM, max_length=3).preprocessing()


def test_sound_and_film_are_fused_row_by_row() -> None:
    torch.manual_seed(0)
    audio = SequenceLSTM("audio", width=8, frame_width=5, features=MEL.identity)
    video = SequencePooled("video", width=6, frame_width=5, features=MEL.identity)
    model = Model({"audio": audio, "video": video}, Concatenation({"audio": 8, "video": 6})).eval()
    rows = [
        Sample(id="0", audio=HeldFrames(clip(3), MEL), video=HeldFrames(clip(2), MEL)),
        Sample(id="1", audio=HeldFrames(clip(3), MEL)),
    ]
    collate = Collate({"audio": audio, "video": video})
    both = model(Batch.of(collate(rows))).fused.summary
    torch.testing.assert_close(both[1], model(Batch.of(collate(rows[1:]))).fused.summary[0])
    assert not torch.allclose(both[0], both[1])


def test_a_recipe_is_completed_written_and_read(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(
        "encoders: {audio: {class_path: SequenceLSTM, init_args: {modality: audio, standardize: true}}}\n"
        "fusion: {class_path: Single, init_args: {modality: audio}}\n"
        "objectives: {classification: {class_path: Classification, init_args: {labels: [bad, good]}}}\n"
        "evaluation: {evaluators: [ClassificationReport], best: accuracy}\n"
    )
    recipe = load_recipe(str(tmp_path / "recipe.yaml")).complete(samples())
    assert recipe.encoders["audio"].arguments["frame_width"] == 5
    (tmp_path / "again.yaml").write_text(recipe.to_yaml())
    again = load_recipe(str(tmp_path / "again.yaml"))
    assert again.encoders["audio"].arguments == recipe.encoders["audio"].arguments
    learner = again.build(seed=0)
    learner.model.fit(samples())
    assert "model.encoders.audio.mean" in learner.state_dict()
