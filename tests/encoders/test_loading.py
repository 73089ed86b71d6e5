from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch

from polysense.encoders import loading
from polysense.encoders.loading import explained, hub_answers
from polysense.encoders.packaged import PACKAGED
from polysense.encoders.transformer_text import TransformerText
from polysense.encoders.vision_image import VisionImage
from polysense.errors import RecipeError
from polysense.inference.extraction.regions import Regions


def with_foreign_code(folder: str, target: Path) -> Path:
    """A copy whose configuration names a model class in a Python file of its own, which would leave a mark when run."""
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text("utf-8"))
    config |= {"model_type": "foreign", "auto_map": {"AutoConfig": "foreign.Config", "AutoModel": "foreign.Model"}}
    (target / "config.json").write_text(json.dumps(config), "utf-8")
    (target / "foreign.py").write_text(f"open({str(target / 'mark')!r}, 'w')\n", "utf-8")
    return target


@pytest.mark.parametrize("weights", ["pretrained", "random"])
def test_code_that_comes_with_a_model_is_not_run_and_not_asked_about(
    tiny_text: str, tiny_vision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    text = with_foreign_code(tiny_text, tmp_path / "text")
    vision = with_foreign_code(tiny_vision, tmp_path / "vision")
    with pytest.raises(RecipeError, match="text encoder"):
        TransformerText(str(text), weights=weights)
    with pytest.raises(RecipeError, match="image encoder"):
        VisionImage(str(vision), weights=weights)
    assert not (text / "mark").exists()
    assert not (vision / "mark").exists()


def test_pickled_weights_are_not_read(tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_text, folder)
    (folder / "model.safetensors").unlink()
    torch.save(TransformerText(tiny_text).backbone.state_dict(), folder / "pytorch_model.bin")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("unpickled"))
    with pytest.raises(RecipeError, match="safetensors"):
        TransformerText(str(folder))


@pytest.mark.parametrize(
    "error", [OSError("no"), ValueError("no"), AttributeError("no"), KeyError("no"), ImportError("no"), RuntimeError("no")]
)
def test_whatever_the_libraries_raise_names_the_encoder(error: Exception) -> None:
    with (
        pytest.raises(RecipeError, match=r"text encoder 'mine' cannot be loaded: .*no.*Hugging Face id"),
        explained("text encoder", "mine"),
    ):
        raise error


def test_a_misspelt_name_is_answered_at_once_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "hub_answers", lambda: False)
    with (
        pytest.raises(RecipeError, match=r"'minilmm' cannot be loaded: .*not within reach; .*did you mean 'minilm'\?"),
        explained("text encoder", "minilmm"),
    ):
        pytest.fail("the libraries were asked, and would try again for a minute")


class Asked(BaseHTTPRequestHandler):
    """A hub, or a proxy, that answers every question with an error of its own, which is an answer."""

    def do_HEAD(self) -> None:
        self.send_error(503)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    """The address of one."""
    with HTTPServer(("127.0.0.1", 0), Asked) as found:
        Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


NOBODY = "http://127.0.0.1:9"


def test_whether_the_hub_answers_is_asked_once_through_the_proxy_that_there_is(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading.constants, "HF_HUB_OFFLINE", False)
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(loading.constants, "ENDPOINT", NOBODY)
    assert not hub_answers.__wrapped__()
    monkeypatch.setattr(loading.constants, "ENDPOINT", server)
    assert hub_answers.__wrapped__()
    monkeypatch.setenv("http_proxy", NOBODY)
    assert not hub_answers.__wrapped__()
    monkeypatch.setenv("http_proxy", server)
    monkeypatch.setattr(loading.constants, "ENDPOINT", "http://hub.invalid")
    assert hub_answers.__wrapped__()
    monkeypatch.setenv("http_proxy", NOBODY)
    monkeypatch.setattr(loading.constants, "HF_HUB_OFFLINE", True)
    assert hub_answers.__wrapped__(), "the libraries give up at once"


def test_models_of_other_kinds_are_not_offered_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "hub_answers", lambda: False)
    said = (
        r"the object detector 'minilm' cannot be loaded: there is no such folder, and the hub is not within reach; it may be "
        r"the folder of one that is on this machine, or a Hugging Face id, such as 'PekingU/rtdetr_v2_r18vd' or 'PekingU/"
        r"rtdetr_r50vd'$"
    )
    with pytest.raises(RecipeError, match=said):
        Regions("minilm")
    with (
        pytest.raises(RecipeError, match=r"this machine, or a Hugging Face id$"),
        explained("face detector", "mine", such_as=()),
    ):
        pytest.fail("the libraries were asked")


def test_what_polysense_says_itself_is_passed_on() -> None:
    with pytest.raises(RecipeError, match=r"^no token$"), explained("text encoder", "mine"):
        raise RecipeError("no token")


def test_weights_that_were_cut_off_are_a_recipe_error(tiny_text: str, tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    shutil.copytree(tiny_text, folder)
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(RecipeError, match="cannot be loaded"):
        TransformerText(str(folder))


def test_a_configuration_without_a_width_is_a_recipe_error(tiny_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polysense.encoders.transformer_text.text_tower", lambda _: object())
    with pytest.raises(RecipeError, match="cannot be loaded: AttributeError"):
        TransformerText(tiny_text)


# --- starting from a trained model ---


@pytest.fixture
def saved(tiny_text: str, tmp_path: Path) -> Path:
    """A saved model of text alone whose weights are not those that it started from."""
    from safetensors.torch import save_file

    encoder = TransformerText(tiny_text, max_length=16)
    with torch.no_grad():
        for parameter in encoder.backbone.parameters():
            parameter.add_(0.25)
    folder = tmp_path / "run/seed-3"
    (folder / "encoders/text").mkdir(parents=True)
    encoder.save_assets(folder / "encoders/text")
    state = {f"model.encoders.text.{name}": tensor.clone() for name, tensor in encoder.state_dict().items()}
    save_file({**state, "objectives.head.weight": torch.zeros(2)}, folder / "model.safetensors")
    for place in (folder, folder.parent):
        (place / "recipe.yaml").write_text("# a run\n", "utf-8")
    return folder


def assert_starts_from(encoder: TransformerText, tiny_text: str) -> None:
    before = TransformerText(tiny_text).backbone.state_dict()
    now = encoder.backbone.state_dict()
    assert set(now) == set(before)
    assert all(torch.equal(now[name], before[name] + 0.25) for name in now)


def test_a_saved_model_lends_its_text_encoder(saved: Path, tiny_text: str) -> None:
    encoder = TransformerText(str(saved), pooling="cls")
    assert_starts_from(encoder, tiny_text)
    assert encoder.tokenizer.get_vocab() == TransformerText(tiny_text).tokenizer.get_vocab()
    assert encoder.max_length == 64


def test_a_saved_model_lends_its_head(saved: Path, tiny_text: str) -> None:
    from safetensors.torch import load_file, save_file

    trained = TransformerText(tiny_text, pooling="cls").head.state_dict()
    state = {f"model.encoders.text.head.{name}": tensor for name, tensor in trained.items()}
    save_file(load_file(saved / "model.safetensors") | state, saved / "model.safetensors")
    taken = TransformerText(str(saved), pooling="cls").head.state_dict()
    assert all(torch.equal(taken[name], trained[name]) for name in trained)
    anew = TransformerText(str(saved), pooling="cls", weights="random").head
    assert not torch.equal(anew.weight, trained["weight"])
    assert TransformerText(str(saved)).head is None


def test_a_run_lends_that_of_its_best_seed(saved: Path, tiny_text: str) -> None:
    shutil.copytree(saved, saved.with_name("seed-1"))
    (saved.with_name("seed-1") / "model.safetensors").unlink()
    (saved.parent / "run.json").write_text('{"best_seed": 3}', "utf-8")
    assert_starts_from(TransformerText(str(saved.parent)), tiny_text)


def test_a_run_that_is_not_finished_names_its_seeds(saved: Path) -> None:
    with pytest.raises(RecipeError, match=r"run is not finished; name one of its seeds: \S*seed-3"):
        TransformerText(str(saved.parent))
    (saved / "model.safetensors").unlink()
    with pytest.raises(RecipeError, match="none of its seeds has weights yet"):
        TransformerText(str(saved.parent))


def test_a_model_without_text_lends_none(saved: Path) -> None:
    shutil.rmtree(saved / "encoders/text")
    with pytest.raises(RecipeError, match="seed-3 has no text encoder to start from"):
        TransformerText(str(saved))


def test_a_tensor_that_is_kept_under_another_name_is_found(saved: Path, tiny_text: str) -> None:
    from safetensors.torch import load_file, save_file

    name, other = "model.encoders.text.backbone.embeddings.word_embeddings.weight", "a.decoder.weight"
    state = load_file(saved / "model.safetensors")
    state[other] = state.pop(name)
    save_file(state, saved / "model.safetensors", metadata={name: other})
    assert name not in load_file(saved / "model.safetensors")
    assert_starts_from(TransformerText(str(saved)), tiny_text)


def test_weights_of_another_model_are_refused(saved: Path) -> None:
    config = json.loads((saved / "encoders/text/config.json").read_text("utf-8"))
    (saved / "encoders/text/config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}), "utf-8")
    with pytest.raises(RecipeError, match="cannot be loaded: RuntimeError"):
        TransformerText(str(saved))


@pytest.mark.parametrize("name", ["vit", "efficientnet-lite0"])
def test_a_run_lends_its_image_encoder(name: str, tiny_vision: str, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    if name != "vit":
        pytest.importorskip("efficientnet_lite_pytorch")
    start = tiny_vision if name == "vit" else name
    encoder = VisionImage(start, weights="random")
    run = tmp_path / "run"
    encoder.save_assets(run / "seed-3/encoders/image")
    state = {f"model.encoders.image.{name}": tensor.clone().contiguous() for name, tensor in encoder.state_dict().items()}
    save_file(state, run / "seed-3/model.safetensors")
    for place in (run, run / "seed-3"):
        (place / "recipe.yaml").write_text("# a run\n", "utf-8")
    (run / "run.json").write_text('{"best_seed": 3}', "utf-8")
    for source in (run, run / "seed-3"):
        lent = VisionImage(str(source), tokens="pooled")
        assert all(torch.equal(lent.state_dict()[name], tensor) for name, tensor in encoder.state_dict().items())
        assert lent.processor.to_json_string() == encoder.processor.to_json_string()
    fresh = VisionImage(str(run), weights="random").state_dict()
    assert not all(torch.equal(fresh[name], tensor) for name, tensor in encoder.state_dict().items())
    shutil.rmtree(run / "seed-3/encoders")
    with pytest.raises(RecipeError, match="run has no image encoder to start from"):
        VisionImage(str(run))


def test_a_packaged_encoder_needs_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "hub_answers", lambda: False)
    for name in PACKAGED:
        with explained("encoder", name):
            pass
