"""Toy texts: a sentence with a mood about a thing, in the manner of a short post."""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType

_SENTENCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "positive": (
            "I love {thing}",
            "could not be happier with {thing}",
            "so proud of {thing} right now",
            "{thing} made my whole week",
            "what a wonderful time with {thing}",
            "{thing} turned out simply perfect",
            "still smiling about {thing}",
            "best thing today: {thing}",
            "would do it all again for {thing}",
            "{thing} was worth every penny",
            "finally some good news about {thing}",
            "everything went right, {thing} included",
            "cannot stop grinning at {thing}",
            "grateful for {thing} and for everyone who helped",
            "nothing beats {thing}",
            "{thing}? ten out of ten",
            "I could look at {thing} all day",
            "this is exactly how I dreamed of {thing}",
        ),
        "neutral": (
            "here is {thing}",
            "{thing}, seen from the side",
            "does anyone know how old {thing} is",
            "moving {thing} to the other side",
            "{thing} again, same place as last time",
            "we talked about {thing} for a minute",
            "second picture of {thing} for the album",
            "for those who asked: {thing}",
            "a note about {thing} follows later",
            "testing the camera on {thing}",
            "number four in the series is {thing}",
            "{thing} according to the plan",
            "I will write the date of {thing} down",
            "some people have {thing}, some do not",
            "comparing {thing} with the one next door",
            "{thing} measured, listed and filed",
            "the usual time, the usual way, {thing}",
            "looking for the size of {thing}",
        ),
        "negative": (
            "I am so tired of {thing}",
            "{thing} ruined my whole week",
            "never again with {thing}",
            "I want my money back for {thing}",
            "worst part of today: {thing}",
            "everything went wrong, {thing} included",
            "could cry about {thing}",
            "what a miserable time with {thing}",
            "{thing} is a complete disaster",
            "so disappointed in {thing}",
            "three hours of my life wasted on {thing}",
            "nobody warned me about {thing}",
            "bad news about {thing} once more",
            "I regret {thing} already",
            "{thing}? one star, and that is generous",
            "cannot bear to look at {thing}",
            "sick and angry because of {thing}",
            "this is not how I dreamed of {thing}",
        ),
    }
)

_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "beach": ("the beach", "our day by the sea", "this stretch of coast", "the seaside"),
        "cake": ("my baking", "what came out of the oven", "this cake", "the bake for Sunday"),
        "car": ("the car", "my old car", "driving up here", "our ride"),
        "dog": ("the dog", "my dog", "this puppy", "the four-legged one"),
        "house": ("the house", "our new home", "this place we live in", "the cottage"),
        "phone": ("my phone", "the new phone", "this screen", "the mobile"),
        "plant": ("my plant", "the flower pot", "this bit of garden", "the plant on the sill"),
        "selfie": ("this selfie", "my face today", "this portrait of me", "how I look"),
    }
)
_UNNAMED = ("this", "it", "all of it", "the thing")
_WHEN = ("", "", "", "", "this morning, ", "after work: ", "on a Monday, ", "before breakfast, ", "noon. ", "tonight: ")
_TAGS = ("", "", "", "#today", "#throwback", "#monday", "#nofilter", "#life", "#diary", "#weekend")
_DEFERRING = ("The picture says it all.", "See for yourself.", "Just look at the photo.", "Look at the picture and you know.")

_NAMED = 0.75
"""Share of texts that name what the picture shows."""
_TAGGED = 0.3
"""Share of the texts that name the subject in a hashtag."""


def compose_text(subject: str, mood: str, *, deferring: bool, rng: random.Random) -> str:
    """One post about a ``subject`` in a mood; ``deferring`` adds a sentence that sends the reader to the picture."""
    thing = rng.choice(_NAMES[subject] if rng.random() < _NAMED else _UNNAMED)
    words = rng.choice(_SENTENCES[mood]).format(thing=thing)
    words = rng.choice(_WHEN) + words
    words = words if rng.random() < 0.3 else words[0].upper() + words[1:]
    end = rng.choice(["", ".", ".", "..."]) if mood == "neutral" else rng.choice(["", ".", "!", "!!", "..."])
    tail = [rng.choice(_DEFERRING)] if deferring else []
    tag = f"#{subject}" if rng.random() < _TAGGED else rng.choice(_TAGS)
    return " ".join([words + (end or "." if deferring else end), *tail, *([tag] if tag else [])])
