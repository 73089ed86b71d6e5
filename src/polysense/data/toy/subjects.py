"""The things that toy pictures show, each in a positive, a neutral and a negative state.

Every function draws into the pen's -1..1 square and stands on y = 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from polysense.data.toy.pen import Colour, Pen, lighter, near

INK: Colour = (45, 42, 50)
WHITE: Colour = (250, 250, 248)
RED: Colour = (214, 62, 66)
ORANGE: Colour = (240, 150, 60)
YELLOW: Colour = (250, 205, 80)
GREEN: Colour = (96, 158, 92)
BROWN: Colour = (128, 92, 66)
BRIGHT: tuple[Colour, ...] = ((230, 80, 90), (70, 130, 210), (250, 190, 60), (110, 180, 110), (170, 110, 200), (240, 140, 80))
TEAR: Colour = (90, 165, 230)


def face(pen: Pen, mood: str) -> None:
    """A portrait: laughing, calm, or in tears."""
    skin = pen.rng.choice([(247, 212, 180), (225, 178, 138), (176, 122, 84), (120, 80, 58), (255, 219, 95)])
    hair = pen.rng.choice([(60, 44, 36), (28, 26, 30), (172, 120, 62), (120, 60, 40), (150, 150, 155)])
    shirt = near(pen.rng, pen.rng.choice(BRIGHT))
    pen.box(-0.85, 0.72, 0.85, 1.3, shirt, round_by=0.3)
    pen.disc(0, -0.12, 0.78, hair)
    if pen.rng.random() < 0.5:
        pen.box(-0.78, -0.12, 0.78, 0.75, hair, round_by=0.2)
    pen.disc(0, 0.05, 0.68, skin, tall=1.08)
    for side in (-1, 1):
        pen.disc(side * 0.25, -0.05, 0.085, INK, tall=1.2)
    if mood == "positive":
        for side in (-1, 1):
            pen.disc(side * 0.43, 0.22, 0.12, lighter(RED, 0.45) if sum(skin) > 400 else lighter(skin, 0.12))
        pen.shape([(0.36 * math.cos(turn), 0.25 + 0.34 * math.sin(turn)) for turn in _turns(0, math.pi)], (140, 40, 48))
        pen.box(-0.28, 0.25, 0.28, 0.34, WHITE)
    elif mood == "neutral":
        pen.line([(-0.2, 0.38), (0.2, 0.38)], INK, 0.06)
    else:
        pen.bow(0, 0.6, 0.27, INK, start=205, end=335, width=0.07)
        for side in (-1, 1):
            pen.line([(side * 0.4, -0.18), (side * 0.14, -0.28)], INK, 0.06)
            pen.disc(side * 0.27, 0.24, 0.075, TEAR, tall=1.7)


def phone(pen: Pen, mood: str) -> None:
    """A telephone: full of hearts, with its plain icons, or with a cracked screen."""
    case = pen.rng.choice([(40, 42, 50), (225, 225, 230), (70, 90, 130), (190, 150, 160)])
    pen.box(-0.56, -1, 0.56, 1, case, round_by=0.14)
    screen: Colour = {"positive": (255, 235, 238), "neutral": (206, 220, 232), "negative": (36, 38, 44)}[mood]
    pen.box(-0.48, -0.86, 0.48, 0.84, near(pen.rng, screen, 12), round_by=0.05)
    if mood == "positive":
        pen.heart(0, -0.2, pen.rng.uniform(0.5, 0.75), RED)
        for row, side in ((0.35, -1), (0.58, 1)):
            pen.box(side * 0.1 - 0.3, row, side * 0.1 + 0.3, row + 0.15, pen.rng.choice(BRIGHT), round_by=0.07)
    elif mood == "neutral":
        for row in range(4):
            for column in range(3):
                x, y = -0.36 + 0.27 * column, -0.7 + 0.34 * row
                pen.box(x, y, x + 0.19, y + 0.19, near(pen.rng, (120, 140, 160), 40), round_by=0.05)
    else:
        x, y = pen.rng.uniform(-0.2, 0.2), pen.rng.uniform(-0.4, 0.3)
        for spoke in range(9):
            turn = spoke * 0.7 + pen.rng.uniform(-0.2, 0.2)
            bend = (x + 0.22 * math.cos(turn + 0.15), y + 0.22 * math.sin(turn + 0.15))
            far = pen.rng.uniform(0.45, 0.8)
            end = (max(-0.47, min(0.47, x + far * math.cos(turn))), max(-0.85, min(0.83, y + far * math.sin(turn))))
            pen.line([(x, y), bend, end], (215, 222, 228), 0.022)
        pen.box(-0.16, 0.6, 0.16, 0.74, RED, round_by=0.03)


def plant(pen: Pen, mood: str) -> None:
    """A pot plant: in bloom, green, or withered."""
    clay = near(pen.rng, (190, 110, 80))
    leaf = near(pen.rng, GREEN if mood != "negative" else (140, 122, 72))
    if mood == "negative":
        for side, high in ((1, -0.2), (-1, 0.0), (1, 0.12)):
            bend = pen.rng.uniform(0.5, 0.75)
            stem = [
                (0.1 * side, 0.45),
                (0.16 * side, high + 0.12),
                (0.3 * side, high),
                (bend * side, high + 0.2),
                ((bend + 0.08) * side, high + 0.5),
            ]
            pen.line(stem, leaf, 0.06)
            pen.disc((bend + 0.08) * side, high + 0.56, 0.13, near(pen.rng, (120, 86, 60)), tall=1.5)
        for _ in range(5):
            pen.disc(pen.rng.uniform(-0.9, 0.9), 0.97, 0.07, near(pen.rng, (140, 100, 60)), tall=0.5)
    else:
        for x, top in ((0.0, -0.55), (-0.42, -0.25), (0.42, -0.3)):
            pen.line([(x * 0.3, 0.45), (x * 0.8, top / 2), (x, top)], leaf, 0.07)
            pen.disc(x * 0.9 + 0.14, top / 2 + 0.1, 0.15, lighter(leaf, 0.1), tall=0.55)
            pen.disc(x * 0.9 - 0.14, top / 2 - 0.02, 0.15, lighter(leaf, -0.1), tall=0.55)
            if mood == "positive":
                petal = pen.rng.choice(BRIGHT)
                for turn in range(6):
                    pen.disc(x + 0.17 * math.cos(turn * 1.05), top + 0.17 * math.sin(turn * 1.05), 0.13, petal)
                pen.disc(x, top, 0.1, YELLOW)
            else:
                pen.disc(x, top, 0.13, leaf, tall=1.6)
    pen.shape([(-0.42, 0.42), (0.42, 0.42), (0.3, 1), (-0.3, 1)], clay)
    pen.box(-0.47, 0.38, 0.47, 0.54, lighter(clay, 0.12))


def car(pen: Pen, mood: str) -> None:
    """A car: packed for a trip, parked, or broken down."""
    paint = near(pen.rng, pen.rng.choice([*BRIGHT, (200, 200, 205), (90, 95, 105)]))
    glass = (190, 220, 235)
    if mood == "negative":
        pen.smoke(0.72, 0.2, (105, 100, 100))
    pen.shape([(-0.55, 0.25), (-0.38, -0.15), (0.28, -0.15), (0.52, 0.25)], lighter(paint, -0.12))
    pen.shape([(-0.42, 0.22), (-0.3, -0.06), (-0.04, -0.06), (-0.04, 0.22)], glass)
    pen.shape([(0.04, 0.22), (0.04, -0.06), (0.22, -0.06), (0.38, 0.22)], glass)
    front = [(1.0, 0.35), (1.0, 0.72)] if mood != "negative" else [(0.78, 0.26), (0.9, 0.42), (0.76, 0.52), (0.94, 0.72)]
    pen.shape([(-1.0, 0.3), (0.6, 0.22), *front, (-1.0, 0.72)], paint)
    for x in (-0.55, 0.55):
        flat = mood == "negative" and x > 0
        pen.disc(x, 0.86 if flat else 0.76, 0.24, INK, tall=0.6 if flat else 1.0)
        pen.disc(x, 0.84 if flat else 0.76, 0.1, (190, 190, 195))
    if mood == "positive":
        for left, colour in ((-0.4, BROWN), (-0.02, pen.rng.choice(BRIGHT))):
            pen.box(left, -0.42, left + 0.32, -0.16, colour, round_by=0.05)
        pen.line([(-0.6, -0.47), (0.45, -0.47)], pen.rng.choice(BRIGHT), 0.09)
        pen.heart(-0.9, -0.3, 0.2, RED)
        pen.heart(-1.1, -0.55, 0.14, RED)
    elif mood == "negative":
        pen.shape([(-0.95, 1.0), (-0.8, 0.68), (-0.65, 1.0)], RED)
        pen.shape([(-0.87, 0.95), (-0.8, 0.8), (-0.73, 0.95)], WHITE)
        pen.line([(0.1, 0.0), (0.2, 0.1), (0.15, 0.18), (0.28, 0.2)], INK, 0.03)


def house(pen: Pen, mood: str) -> None:
    """A house: decked out with balloons, plain, or on fire."""
    wall = near(pen.rng, pen.rng.choice([(238, 222, 196), (214, 190, 170), (200, 214, 220), (228, 200, 190)]))
    roof = near(pen.rng, pen.rng.choice([(170, 80, 66), (110, 90, 90), (92, 100, 120)]))
    if mood == "negative":
        wall, roof = lighter(wall, -0.35), lighter(roof, -0.3)
        pen.smoke(-0.2, -0.6, (70, 66, 70))
    pen.box(-0.75, -0.1, 0.75, 1, wall)
    pen.shape([(-0.92, -0.08), (0, -0.85), (0.92, -0.08)], roof)
    pen.box(-0.16, 0.42, 0.16, 1, BROWN)
    for x in (-0.5, 0.5):
        pen.box(x - 0.17, 0.12, x + 0.17, 0.46, WHITE)
        pen.box(
            x - 0.14, 0.15, x + 0.14, 0.43, {"positive": YELLOW, "neutral": (170, 195, 210), "negative": (50, 30, 30)}[mood]
        )
        if mood == "negative":
            _flame(pen, x, 0.45, 0.36)
        elif mood == "neutral":
            pen.line([(x, 0.14), (x, 0.44)], WHITE, 0.03)
    if mood == "negative":
        _flame(pen, pen.rng.uniform(-0.3, 0.4), -0.35, 0.55)
    elif mood == "positive":
        for x, y in ((-0.95, -0.55), (-0.72, -0.85), (0.98, -0.5), (0.7, -0.9)):
            pen.line([(x, y), (math.copysign(0.75, x), 0.2)], INK, 0.015)
            pen.disc(x, y, 0.16, pen.rng.choice(BRIGHT), tall=1.2)
        for x in (-0.6, -0.42, 0.42, 0.6):
            pen.disc(x, 0.94, 0.09, pen.rng.choice(BRIGHT))


def cake(pen: Pen, mood: str) -> None:
    """Baking: a cake with candles, a plain loaf, or something burnt black."""
    pen.disc(0, 0.9, 0.95, (228, 230, 234), tall=0.13)
    if mood == "positive":
        icing = pen.rng.choice([(250, 190, 205), (255, 240, 220), (190, 225, 240), (222, 200, 245)])
        pen.box(-0.72, 0.2, 0.72, 0.9, (196, 142, 92), round_by=0.06)
        pen.box(-0.72, 0.2, 0.72, 0.46, icing, round_by=0.08)
        for step in range(6):
            pen.disc(-0.6 + 0.24 * step, 0.46, 0.12, icing, tall=pen.rng.uniform(0.8, 1.6))
            pen.disc(-0.6 + 0.24 * step, 0.74, 0.045, pen.rng.choice(BRIGHT))
        for x in (-0.45, -0.15, 0.15, 0.45):
            pen.box(x - 0.04, -0.22, x + 0.04, 0.22, pen.rng.choice(BRIGHT))
            pen.disc(x, -0.34, 0.08, YELLOW, tall=1.6)
            pen.disc(x, -0.31, 0.04, ORANGE, tall=1.6)
    else:
        crust: Colour = near(pen.rng, (206, 158, 104), 8) if mood == "neutral" else near(pen.rng, (46, 38, 36), 8)
        if mood == "negative":
            pen.smoke(-0.3, 0.2, (110, 106, 104))
            pen.smoke(0.25, 0.25, (90, 86, 86))
        pen.box(-0.7, 0.25, 0.7, 0.9, crust, round_by=0.3)
        for x in (-0.36, 0.0, 0.36):
            pen.line([(x - 0.1, 0.62), (x + 0.08, 0.34)], lighter(crust, 0.25 if mood == "neutral" else -0.4), 0.07)
        if mood == "negative":
            for _ in range(8):
                pen.disc(pen.rng.uniform(-0.85, 0.85), pen.rng.uniform(0.86, 0.96), 0.05, (40, 34, 32))


def beach(pen: Pen, mood: str) -> None:
    """The seaside: palm and parasol, a lone boat, or high dark waves and litter."""
    sea: Colour = near(pen.rng, {"positive": (64, 176, 200), "neutral": (130, 164, 180), "negative": (58, 76, 88)}[mood])
    sand: Colour = near(pen.rng, {"positive": (246, 220, 160), "neutral": (218, 204, 174), "negative": (140, 128, 112)}[mood])
    pen.box(-4, 0.1, 4, 0.75, sea)
    if mood == "positive":
        _sand(pen, sand)
        pen.line([(-0.85, 0.95), (-0.72, 0.2), (-0.5, -0.5)], BROWN, 0.12)
        for turn in (-2.9, -2.2, -1.2, -0.5, 0.2):
            end = (-0.5 + 0.55 * math.cos(turn), -0.45 + 0.4 * math.sin(turn))
            pen.line([(-0.5, -0.5), ((-0.5 + end[0]) / 2, (-0.62 + end[1]) / 2), end], GREEN, 0.1)
        pen.line([(0.5, 0.95), (0.5, 0.1)], WHITE, 0.05)
        colour = pen.rng.choice(BRIGHT)
        for step in range(6):
            ends = [
                (
                    0.5 + 0.55 * math.cos(math.pi + math.pi * (step + one) / 6),
                    0.22 + 0.45 * math.sin(math.pi + math.pi * (step + one) / 6),
                )
                for one in (0, 1)
            ]
            pen.shape([(0.5, 0.2), *ends], colour if step % 2 else WHITE)
    elif mood == "neutral":
        _sand(pen, sand)
        x = pen.rng.uniform(-0.4, 0.4)
        pen.shape([(x - 0.4, 0.12), (x + 0.4, 0.12), (x + 0.25, 0.3), (x - 0.25, 0.3)], near(pen.rng, (110, 96, 90)))
        pen.line([(x, 0.12), (x, -0.5)], INK, 0.03)
        pen.shape([(x + 0.04, -0.45), (x + 0.36, 0.05), (x + 0.04, 0.05)], (236, 236, 230))
    else:
        for layer, high in enumerate((0.5, 0.36, 0.26)):
            shift, base = pen.rng.uniform(0, 1), 0.1 + 0.24 * layer
            crest = [
                (x / 20, base - high * (1 - abs(math.sin(math.pi * (x / 20 + shift) / 0.9))) ** 1.4) for x in range(-80, 81)
            ]
            pen.shape([*crest, (4, 0.78), (-4, 0.78)], lighter(sea, -0.25 + 0.13 * layer))
            pen.line(crest, lighter(sea, 0.3 + 0.15 * layer), 0.045)
        _sand(pen, sand)
        pen.box(-0.7, 0.78, -0.5, 0.98, RED, round_by=0.03)
        pen.line([(0.15, 0.95), (0.5, 0.85)], (150, 190, 150), 0.11)
        pen.shape([(0.62, 0.98), (0.75, 0.8), (1.0, 0.86), (0.95, 0.98)], (225, 225, 220))


def dog(pen: Pen, mood: str) -> None:
    """A dog: playing, sitting, or sad in a collar from the vet."""
    fur = near(pen.rng, pen.rng.choice([(196, 150, 100), (120, 86, 62), (228, 214, 190), (90, 88, 92), (214, 170, 90)]), 7)
    dark = lighter(fur, -0.3)
    if mood == "positive":
        pen.bow(0.62, 0.3, 0.4, fur, start=270, end=400, width=0.14)
        ball = pen.rng.choice(BRIGHT)
        pen.disc(-0.85, 0.85, 0.16, ball)
        pen.bow(-0.85, 0.85, 0.1, WHITE, start=200, end=330, width=0.04)
    else:
        pen.line([(0.4, 0.9), (0.85, 0.95)], fur, 0.13)
    pen.disc(0.15, 0.6, 0.5, fur, tall=0.85)
    for x in (-0.18, 0.42):
        pen.disc(x, 0.93, 0.16, lighter(fur, 0.08), tall=0.6)
    if mood == "negative":
        pen.shape([(-0.3, 0.45), (0.25, 0.45), (0.75, -0.75), (-0.85, -0.75)], (222, 232, 238))
        pen.disc(-0.05, -0.75, 0.8, (240, 246, 250), tall=0.25)
    pen.disc(-0.05, -0.15, 0.48, fur, tall=0.95)
    for side in (-1, 1):
        if mood == "positive":
            pen.shape([(-0.05 + side * 0.2, -0.5), (-0.05 + side * 0.5, -0.85), (-0.05 + side * 0.5, -0.3)], dark)
        else:
            pen.disc(-0.05 + side * 0.46, -0.05, 0.14, dark, tall=2.2)
        pen.disc(-0.05 + side * 0.18, -0.25, 0.075, INK)
        pen.disc(-0.03 + side * 0.18, -0.28, 0.025, WHITE)
    pen.disc(-0.05, 0.1, 0.24, lighter(fur, 0.35), tall=0.8)
    pen.disc(-0.05, 0.0, 0.09, INK, tall=0.75)
    if mood == "positive":
        pen.bow(-0.05, 0.08, 0.16, INK, start=10, end=170, width=0.035)
        pen.box(-0.13, 0.2, 0.05, 0.46, (235, 110, 120), round_by=0.08)
    elif mood == "neutral":
        pen.line([(-0.15, 0.2), (0.05, 0.2)], INK, 0.03)
    else:
        pen.bow(-0.05, 0.32, 0.14, INK, start=200, end=340, width=0.035)
        pen.disc(-0.28, -0.07, 0.055, TEAR, tall=1.8)
        for side in (-1, 1):
            pen.line([(-0.05 + side * 0.28, -0.36), (-0.05 + side * 0.1, -0.42)], INK, 0.035)


def _sand(pen: Pen, colour: Colour) -> None:
    pen.disc(0.2, 1.6, 7, colour, tall=0.14)
    pen.box(-5, 1.2, 5, 5, colour)


def _flame(pen: Pen, x: float, y: float, height: float) -> None:
    for share, colour in ((1.0, (232, 84, 40)), (0.7, ORANGE), (0.4, YELLOW)):
        tall, wide = height * share, height * 0.42 * share
        tip = x + pen.rng.uniform(-0.05, 0.05)
        pen.shape(
            [
                (x - wide, y),
                (x - wide * 0.8, y - tall * 0.5),
                (tip, y - tall),
                (x + wide * 0.8, y - tall * 0.45),
                (x + wide, y),
            ],
            colour,
        )


def _turns(start: float, end: float, steps: int = 16) -> list[float]:
    return [start + (end - start) * step / steps for step in range(steps + 1)]


SUBJECTS: Mapping[str, Callable[[Pen, str], None]] = MappingProxyType(
    {"beach": beach, "cake": cake, "car": car, "dog": dog, "house": house, "phone": phone, "plant": plant, "selfie": face}
)
"""What a picture may show, by the word that texts use for it."""
