"""The model card of an exported text encoder: where it came from, and how it is used."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from jinja2 import Template

from polysense.encoders.transformer_text import TransformerText
from polysense.inference.predictor import Predictor

TEMPLATE = Template(
    """---
library_name: {{ to }}
pipeline_tag: sentence-similarity
tags: [polysense, sentence-similarity, feature-extraction]
---
# {{ name }}

A text encoder, written by polysense {{ version }} from {{ origin }}.

| | |
|---|---|
| backbone | {{ backbone }} |
| pooling | `{{ encoder.pooling }}` |
| width | {{ encoder.width }} |
| longest text | {{ encoder.max_length }} tokens, longer texts are cut |
{% if others %}
The model also reads {{ others | join(" and ") }}. What stands here is its text encoder alone: the vectors are those that
`encode(texts, part="text")` gives.
{% endif %}

```python
{{ usage }}```

Know before use: the texts it was trained on decide what it can do, and under what licence it may be used.
""",
    keep_trailing_newline=True,
    trim_blocks=True,
)

USAGE = {
    "sentence-transformers": """from sentence_transformers import SentenceTransformer

model = SentenceTransformer("this folder")
vectors = model.encode(["what a lovely day", "what an awful day"])
""",
    "transformers": """from transformers import AutoModel, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained("this folder"), AutoModel.from_pretrained("this folder")
output = model(**tokenizer(["what a lovely day", "what an awful day"], padding=True, return_tensors="pt"))
# the vectors are to be pooled from it as said above
""",
    "polysense": """import polysense

model = polysense.load("this folder")
vectors = model.encode(["what a lovely day", "what an awful day"])
""",
}


def write_export_card(folder: Path, encoder: TransformerText, *, to: str, source: str, model: Predictor) -> None:
    """The ``README.md`` of an export, unless the model brought its own."""
    card = folder / "README.md"
    if card.exists():
        return
    name = Path(source).name or source
    recipe = model.recipe.name
    trained = bool(model.recipe.objectives)
    text = TEMPLATE.render(
        to=to,
        name=name,
        version=version("polysense"),
        origin=f"the model `{name}`, trained with the recipe `{recipe}`"
        if trained
        else f"`{name if Path(source).exists() else source}`",
        backbone=type(encoder.backbone).__name__,
        encoder=encoder,
        others=[modality for modality in model.modalities if modality != "text"] if to != "polysense" else [],
        usage=USAGE[to],
    )
    card.write_text(text, encoding="utf-8")
