from __future__ import annotations

from polysense.errors import choices

LETTERS = [f"letter_{letter}" for letter in "abcdefghij"]


def test_a_short_list_is_given_whole_and_in_order() -> None:
    assert choices("ma", ["z", "map", "b"]) == "did you mean 'map'? valid: 'b', 'map', 'z'"
    assert choices("?", []) == "valid: (none)"


def test_of_a_long_list_the_nearest_are_given_and_all_are_counted() -> None:
    said = choices("learning_rat", ["learning_rate", "max_steps", *LETTERS])
    assert said.startswith("did you mean 'learning_rate'? valid: 'learning_rate', 'letter_")
    assert said.endswith(", ... (12 in all)")
    assert said.count("'") == 2 * (8 + 1)
    assert "max_steps" not in said


def test_names_to_be_listed_are_told_whole() -> None:
    said = choices("letter", LETTERS, listed=["z", *LETTERS])
    assert said == "did you mean 'letter_j'? valid: 'z', " + ", ".join(map(repr, LETTERS))


def test_where_nothing_is_near_the_first_are_given() -> None:
    assert choices("", LETTERS) == "valid: " + ", ".join(map(repr, LETTERS[:8])) + ", ... (10 in all)"
