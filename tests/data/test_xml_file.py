from __future__ import annotations

from pathlib import Path

import pytest

from polysense.data.xml_file import read_xml
from polysense.errors import DataError

BOMB = '<?xml version="1.0" encoding="{}"?>\n<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>\n<a>&c;</a>'
FETCHED = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'
TYPED = '<!DOCTYPE a SYSTEM "http://somewhere/a.dtd"><a>b</a>'


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<a><b>1 &lt; 2 é</b></a>", encoding="utf-8")
    assert read_xml(tmp_path / "a.xml", root="a").findtext("b") == "1 < 2 é"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", [BOMB, FETCHED, TYPED])
def test_a_document_type_is_refused_before_anything_is_expanded(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "a.xml").write_bytes(text.replace("{}", encoding).encode(encoding))
    with pytest.raises(DataError, match=r"a\.xml has a document type"):
        read_xml(tmp_path / "a.xml", root="a")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<a>\n<b>cut o", r"a\.xml, line 2: not XML, or cut off"),
        (b"<a>\n<b>\n</a>", r"a\.xml, line 3: not XML, or cut off \(mismatched tag"),
        (b"<a>\n\xff</a>", r"a\.xml, line 2: not XML, or cut off"),
        (b"", r"a\.xml, line 1: not XML, or cut off"),
        (b"<other/>", r"the root element <a> is expected, found <other>"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', r"a\.xml"),
    ],
)
def test_what_is_no_such_file_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_xml(tmp_path / "a.xml", root="a")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.xml cannot be read"):
        read_xml(tmp_path / "gone.xml", root="a")
