from __future__ import annotations

from pathlib import Path

import pytest

from polysense.data.tagged import read_reviews
from polysense.errors import DataError

FILE = Path("reviews.txt")


def test_reviews_are_cut_at_their_tags() -> None:
    first = '<review id="0" label="1">\na < b & c\n</review>\n\n'
    second = "<review>\n<rating>\n2.0\n</rating>\n<review_text>\nbad\n\nday\n</review_text>\n</review>\n"
    one, other = read_reviews(FILE, first + second)
    assert one.attributes == {"id": "0", "label": "1"}
    assert one.body.strip() == "a < b & c"
    assert (other.field("rating"), other.field("review_text"), other.field("title")) == ("2.0", "bad\n\nday", None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing", r"reviews\.txt has no reviews"),
        ("<review>\na\n</review>\n<review>\nb", r"reviews\.txt, line 4: the review .* has no </review>"),
        ("<review>\na\n<review>\nb\n</review>", r"reviews\.txt, line 3: the review .* has no </review>"),
    ],
)
def test_a_review_without_an_end_is_named_by_its_line(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_reviews(FILE, text)
