"""Toy pictures: a subject in a state, before a sky or a wall, with weather or confetti.

They are drawn at twice their size and reduced, which smooths the edges.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from types import MappingProxyType

from PIL import Image, ImageDraw, ImageFont, ImageOps

from polysense.data.toy.pen import Colour, Pen, lighter, near
from polysense.data.toy.subjects import BRIGHT, SUBJECTS, WHITE, YELLOW

_OUTSIDE = frozenset({"beach", "car", "dog", "house"})

# Upper and lower colour of the background; several a mood.
_LIGHT: Mapping[str, tuple[tuple[Colour, Colour], ...]] = MappingProxyType(
    {
        "positive": (
            ((92, 178, 240), (214, 240, 255)),
            ((255, 170, 120), (255, 232, 190)),
            ((140, 214, 200), (240, 255, 240)),
            ((250, 180, 200), (255, 236, 220)),
        ),
        "neutral": (
            ((176, 190, 202), (224, 228, 232)),
            ((206, 198, 186), (236, 230, 220)),
            ((160, 186, 190), (214, 226, 222)),
            ((190, 186, 204), (228, 226, 234)),
        ),
        "negative": (
            ((52, 58, 76), (118, 124, 136)),
            ((70, 60, 66), (140, 126, 122)),
            ((44, 62, 66), (104, 118, 112)),
            ((66, 54, 84), (126, 116, 140)),
        ),
    }
)
MOODS: tuple[str, ...] = tuple(sorted(_LIGHT))

_HONEST_LIGHT = 0.7
"""Share of pictures whose background fits their mood by design; the others draw it at random, so the subject must be read."""
_EFFECT = 0.55
"""Share of pictures with weather, confetti or hearts that fit their mood."""


def draw_picture(subject: str, mood: str, rng: random.Random) -> Image.Image:
    """The picture of a ``subject`` (a key of ``SUBJECTS``) in a mood: about 260 x 220 pixels, RGB, marked as synthetic."""
    width, height = rng.randrange(208, 321, 8), rng.randrange(192, 273, 8)
    light = mood if rng.random() < _HONEST_LIGHT else rng.choice(MOODS)
    top, bottom = rng.choice(_LIGHT[light])
    picture = _gradient(near(rng, top), near(rng, bottom), 2 * width, 2 * height)
    unit = float(min(width, height))  # a pixel of the doubled picture is half a pixel of the final one
    canvas = Pen(ImageDraw.Draw(picture), rng, float(width), float(height), unit)

    floor = rng.uniform(0.55, 0.75)
    _ground(canvas, subject, light, floor)
    with_effect = rng.random() < _EFFECT
    if with_effect:
        _behind(canvas, mood, outside=subject in _OUTSIDE)
    size = rng.uniform(0.5, 0.78)
    room = max(0.05, width / unit - size)
    place = canvas.at(rng.uniform(-room, room) * 0.8, floor + rng.uniform(0.02, 0.12) - size, size)
    SUBJECTS[subject](Pen(place.draw, rng, place.x, place.y, place.scale, rng.choice([-1, 1])), mood)
    if with_effect:
        _in_front(canvas, mood)
    return _marked(picture.resize((width, height), Image.Resampling.BOX))


def _gradient(top: Colour, bottom: Colour, width: int, height: int) -> Image.Image:
    return ImageOps.colorize(Image.linear_gradient("L").resize((width, height)), black=top, white=bottom)


def _ground(pen: Pen, subject: str, light: str, floor: float) -> None:
    if subject == "beach":
        return
    if subject in _OUTSIDE:
        grass: Colour = {"positive": (132, 190, 104), "neutral": (160, 168, 140), "negative": (84, 92, 78)}[light]
        for x, tall in ((-1.2, 0.3), (0.2, 0.2), (1.3, 0.34)):
            pen.disc(x + pen.rng.uniform(-0.2, 0.2), floor + 0.1, 0.9, lighter(near(pen.rng, grass), 0.18), tall=tall)
        pen.box(-3, floor, 3, 3, near(pen.rng, grass))
    else:
        wood = near(pen.rng, pen.rng.choice([(176, 134, 96), (140, 108, 84), (198, 176, 150), (120, 124, 130)]))
        pen.box(-3, floor, 3, 3, wood)
        pen.box(-3, floor, 3, floor + 0.03, lighter(wood, 0.2))


def _behind(pen: Pen, mood: str, *, outside: bool) -> None:
    rng = pen.rng
    x = rng.uniform(-0.9, 0.9)
    if mood == "positive":
        if rng.random() < 0.5:
            for turn in range(12):
                ray = [(x + far * math.cos(turn * 0.5236), -0.72 + far * math.sin(turn * 0.5236)) for far in (0.26, 0.4)]
                pen.line(ray, YELLOW, 0.035)
            pen.disc(x, -0.72, 0.2, YELLOW)
        else:
            for ring, colour in enumerate([BRIGHT[0], BRIGHT[5], BRIGHT[2], BRIGHT[3], BRIGHT[1], BRIGHT[4]]):
                pen.bow(x, 0.3, 1.15 - 0.07 * ring, lighter(colour, 0.2), start=180, end=360, width=0.075)
    elif outside or mood == "negative":
        shade: Colour = (236, 238, 240) if mood == "neutral" else (74, 76, 88)
        for _ in range(2 if mood == "neutral" else 4):
            left, top = rng.uniform(-1.2, 1.2), rng.uniform(-0.95, -0.6)
            for puff in range(4):
                pen.disc(left + 0.16 * puff, top + rng.uniform(-0.05, 0.05), rng.uniform(0.12, 0.2), near(rng, shade, 8))
        if mood == "negative" and rng.random() < 0.4:
            pen.shape(
                [
                    (x, -0.6),
                    (x + 0.14, -0.6),
                    (x + 0.05, -0.32),
                    (x + 0.17, -0.32),
                    (x - 0.08, 0.1),
                    (x, -0.24),
                    (x - 0.1, -0.24),
                ],
                YELLOW,
            )


def _in_front(pen: Pen, mood: str) -> None:
    rng = pen.rng
    spots = [(rng.uniform(-1.4, 1.4), rng.uniform(-1, 1)) for _ in range(46)]
    if mood == "positive":
        kind = rng.randrange(3)
        for x, y in spots[:30] if kind == 0 else spots[:9]:
            if kind == 0:
                pen.box(x, y, x + 0.05, y + 0.035, rng.choice(BRIGHT))
            elif kind == 1:
                pen.heart(x, y, rng.uniform(0.08, 0.16), (232, 84, 110))
            else:
                pen.star(x, y, rng.uniform(0.05, 0.09), rng.choice([WHITE, YELLOW]), points=4)
    elif mood == "negative" and rng.random() < 0.75:
        slant = rng.uniform(-0.08, 0.08)
        for x, y in spots:
            pen.line([(x, y), (x + slant, y + 0.16)], (168, 190, 214), 0.014)


def _marked(picture: Image.Image) -> Image.Image:
    """The picture with its mark: nobody should take it, or a figure made from it, for real."""
    draw = ImageDraw.Draw(picture, "RGBA")
    where = (picture.width - 5, picture.height - 4)
    draw.text((where[0] + 1, where[1] + 1), "synthetic", fill=(0, 0, 0, 90), font=_FONT, anchor="rs")
    draw.text(where, "synthetic", fill=(255, 255, 255, 170), font=_FONT, anchor="rs")
    return picture


_FONT = ImageFont.load_default(11)
