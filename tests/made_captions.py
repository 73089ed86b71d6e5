"""Captions that a small grammar makes: every picture has a scene, and each of its captions says some of it."""

from __future__ import annotations

import random

from polysense.knowledge.rewriting import Caption

WHO = ("dog", "cat", "boy", "girl", "man", "woman", "horse", "owl")
MANY = ("dogs", "cats", "boys", "girls", "men", "women", "horses", "owls")
HOW = ("small", "brown", "white", "old", "young", "black", "orange")
DOES = ("running", "sitting", "sleeping", "jumping", "playing", "eating")
WHERE = ("on", "in", "near", "behind")
THINGS = ("beach", "field", "house", "street", "park", "river", "oven", "apple tree")


def made_captions(pictures: int, *, seed: int = 0, each: int = 3) -> list[Caption]:
    """``each`` captions of every picture, in an order drawn by the seed."""
    draw = random.Random(seed)
    captions = []
    for picture in range(pictures):
        who, many, thing = draw.choice(WHO), draw.choice(MANY), draw.choice(THINGS)
        for _ in range(each):
            does, where, how = draw.choice(DOES), draw.choice(WHERE), draw.choice(HOW)
            article = "An" if how[0] in "aeiou" else "A"
            text = draw.choice(
                (
                    f"{article} {how} {who} is {does} {where} the {thing} .",
                    f"Two {how} {many} are {does} {where} the {thing}",
                    f"The {who} and the {how} {who} are {does} near {draw.choice(('a', 'the'))} {how} {thing} .",
                    f"{article} {how} {who} with two {many} , {does} {where} the {draw.choice(THINGS)} .",
                )
            )
            captions.append(Caption(text, f"{picture}.jpg"))
    draw.shuffle(captions)
    return captions
