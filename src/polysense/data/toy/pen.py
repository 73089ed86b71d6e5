"""Drawing in local coordinates: a shape knows its own -1..1 square, the pen knows where that lies in the picture."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pen:
    """What draws. ``x`` grows to the right (to the left if ``flip`` is -1), ``y`` grows downwards."""

    draw: ImageDraw.ImageDraw
    rng: random.Random
    x: float
    """Of the local origin, in pixels."""
    y: float
    scale: float
    """Pixels per local unit."""
    flip: int = 1

    def at(self, x: float, y: float, scale: float = 1.0) -> Pen:
        """A pen whose origin is the local point (x, y) and whose unit is ``scale`` of this pen's."""
        (left, top), *_ = self.pixels([(x, y)])
        return replace(self, x=left, y=top, scale=self.scale * scale)

    def pixels(self, points: Sequence[Point]) -> list[Point]:
        """Local points in pixels."""
        return [(self.x + self.flip * x * self.scale, self.y + y * self.scale) for x, y in points]

    def _frame(self, left: float, top: float, right: float, bottom: float) -> list[Point]:
        (x0, y0), (x1, y1) = self.pixels([(left, top), (right, bottom)])
        return [(min(x0, x1), min(y0, y1)), (max(x0, x1), max(y0, y1))]

    def _width(self, width: float) -> int:
        return max(1, round(width * self.scale))

    def disc(self, x: float, y: float, radius: float, colour: Colour, *, tall: float = 1.0) -> None:
        """A filled circle, or an ellipse ``tall`` times as high as wide."""
        self.draw.ellipse(self._frame(x - radius, y - radius * tall, x + radius, y + radius * tall), fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour, *, round_by: float = 0.0) -> None:
        """A filled rectangle with corners rounded by a local radius."""
        self.draw.rounded_rectangle(self._frame(left, top, right, bottom), radius=round_by * self.scale, fill=colour)

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        self.draw.polygon(self.pixels(points), fill=colour)

    def line(self, points: Sequence[Point], colour: Colour, width: float = 0.06) -> None:
        """A line through points, with round joints."""
        self.draw.line(self.pixels(points), fill=colour, width=self._width(width), joint="curve")

    def bow(self, x: float, y: float, radius: float, colour: Colour, *, start: int, end: int, width: float = 0.08) -> None:
        """A piece of a circle, in degrees clockwise from the right: 0 to 180 smiles, 180 to 360 frowns."""
        if self.flip < 0:
            start, end = 180 - end, 180 - start
        self.draw.arc(
            self._frame(x - radius, y - radius, x + radius, y + radius), start, end, fill=colour, width=self._width(width)
        )

    def heart(self, x: float, y: float, size: float, colour: Colour) -> None:
        """A heart of about ``size`` local units."""
        half = size / 2
        self.disc(x - half / 2, y - half / 4, half / 1.8, colour)
        self.disc(x + half / 2, y - half / 4, half / 1.8, colour)
        self.shape([(x - half, y), (x + half, y), (x, y + half * 1.15)], colour)

    def star(self, x: float, y: float, size: float, colour: Colour, *, points: int = 5) -> None:
        """A star."""
        corners = [
            (x + radius * math.sin(turn * math.pi / points), y - radius * math.cos(turn * math.pi / points))
            for turn in range(2 * points)
            for radius in [size if turn % 2 == 0 else size * 0.45]
        ]
        self.shape(corners, colour)

    def smoke(self, x: float, y: float, colour: Colour) -> None:
        """Puffs that rise from (x, y)."""
        for step in range(5):
            self.disc(
                x + self.rng.uniform(-0.12, 0.12) + 0.06 * step, y - 0.2 * step, 0.1 + 0.05 * step, lighter(colour, 0.08 * step)
            )


def lighter(colour: Colour, by: float) -> Colour:
    """The colour moved towards white by a fraction, towards black if it is negative."""
    goal = 255 if by > 0 else 0
    red, green, blue = (round(part + (goal - part) * abs(by)) for part in colour)
    return red, green, blue


def near(rng: random.Random, colour: Colour, spread: int = 18) -> Colour:
    """A colour like the given one."""
    red, green, blue = (min(255, max(0, part + rng.randint(-spread, spread))) for part in colour)
    return red, green, blue
