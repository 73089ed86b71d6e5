"""XML from a file that somebody else made: nothing in it is expanded or fetched."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from polysense.errors import DataError, display


class _Refusing(ElementTree.TreeBuilder):
    """Stops where a document type begins: entities are declared there, and what they stand for can fill any memory."""

    def doctype(self, name: str, public_id: str | None, system: str | None) -> None:
        """Called before anything of the document type is read."""
        raise _DoctypeError


class _DoctypeError(Exception):
    pass


def read_xml(path: Path, *, root: str) -> Element:
    """The root element of a file; it must be ``root``.

    Raises:
        DataError: the file cannot be read, is cut off or otherwise not XML (names the line), has a document type, or another root.
    """
    file = display(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from None
    try:
        found = ElementTree.fromstring(data, parser=ElementTree.XMLParser(target=_Refusing()))  # noqa: S314 - see _Refusing
    except _DoctypeError:
        raise DataError(f"{file} has a document type (<!DOCTYPE>), which is not read: entities may hide anything") from None
    except ElementTree.ParseError as error:
        raise DataError(f"{file}, line {error.position[0]}: not XML, or cut off ({error})") from None
    except (ValueError, LookupError) as error:  # an encoding that is not known, or not that of the file
        raise DataError(f"{file} is not XML: {error}") from None
    if found.tag != root:
        raise DataError(f"{file}: the root element <{root}> is expected, found <{found.tag}>")
    return found
