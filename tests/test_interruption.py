from __future__ import annotations

import signal
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from polysense.interruption import heed, listen
from polysense.training.progress import TrainingBar


@pytest.fixture
def listening() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    listen()
    yield
    signal.signal(signal.SIGINT, before)


class Deaf:
    """What drops an interruption that comes while it goes."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interruption_that_was_dropped_ends_the_training_at_its_next_step(listening: None) -> None:
    bar = TrainingBar("posts, seed 0", "last", dict)
    state = SimpleNamespace(global_step=1)
    bar.on_step_end(None, state, None)
    one = Deaf()
    del one
    with pytest.raises(KeyboardInterrupt):
        bar.on_step_end(None, state, None)
    heed()  # once is enough


def test_an_interruption_comes_at_once_where_it_can(listening: None) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        heed()
