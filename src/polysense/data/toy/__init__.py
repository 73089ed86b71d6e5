"""A small synthetic set of image-text posts, for demonstrations and tests: drawn pictures and composed texts."""

from polysense.data.toy.posts import write_toy

__all__ = ["write_toy"]
