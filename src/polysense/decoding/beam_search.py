"""The likeliest texts, sought among the best beginnings; a decoding loop for ``generate`` of transformers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def rank(log_probability: Tensor, length: Tensor, penalty: float) -> Tensor:
    """``log p / ((5 + length) / 6)^penalty``: what texts are ordered by. Source: Wu et al. 2016, equation 14."""
    return log_probability / ((5 + length) / 6) ** penalty


@torch.no_grad()
def beam_search(
    model: Any,
    input_ids: Tensor,
    logits_processor: Any,
    stopping_criteria: Any,
    generation_config: Any,
    **given: Any,
) -> Tensor:
    """For each row the text of the highest :func:`rank` that is found, padded behind its end.

    Of each row ``num_beams`` beginnings are kept. In each step every one that is not finished is followed by every token, and the best
    of all these and of the finished ones are kept. A finished one keeps its length and its rank, and no row sees another one. A row's
    search is over when all that it keeps are finished.

    transformers has a beam search of its own, whose ranks are sums / length^penalty, without the constants; hence this one, through
    its argument ``custom_generate``.

    Args:
        model: ``Decoder``.
        input_ids: (rows * beams, 1): [CLS].
        logits_processor: of transformers: what may not be written, by (tokens so far, log probabilities).
        stopping_criteria: of transformers; lengths and ends are what counts here, and ``generation_config`` holds them.
        generation_config: of transformers.
        given: what the model's ``forward`` takes besides, a row a beam; transformers repeats tensors for the beams only where a loop
            leaves them unnamed.
    """
    del stopping_criteria
    beams, longest, penalty = generation_config.num_beams, generation_config.max_length, generation_config.length_penalty
    end, padding = int(generation_config._eos_token_tensor[0]), int(generation_config._pad_token_tensor)
    rows = len(input_ids) // beams
    device = input_ids.device
    sums = torch.full((rows, beams), -torch.inf, device=device)
    sums[:, 0] = 0.0  # all beams are equal yet
    lengths = torch.zeros(rows, beams, dtype=torch.int64, device=device)
    finished = torch.zeros(rows, beams, dtype=torch.bool, device=device)
    own = torch.arange(rows, device=device).unsqueeze(1) * beams
    while input_ids.shape[1] < longest and not finished.all():
        logits = model(input_ids[:, -1:], **given).logits[:, -1]
        following = logits_processor(input_ids, logits.float().log_softmax(dim=1)).view(rows, beams, -1)
        only_padding = torch.full_like(following[0, 0], -torch.inf)
        only_padding[padding] = 0.0
        following = torch.where(finished.unsqueeze(2), only_padding, following)
        tokens = following.shape[2]
        summed = sums.unsqueeze(2) + following
        after = lengths + ~finished
        _, best = rank(summed, after.unsqueeze(2), penalty).flatten(1).topk(beams, dim=1)
        from_beam, token = best // tokens, best % tokens
        sums = summed.flatten(1).gather(1, best)
        lengths, finished = after.gather(1, from_beam), finished.gather(1, from_beam) | (token == end)
        chosen = (own + from_beam).flatten()
        input_ids = torch.cat([input_ids[chosen], token.flatten().unsqueeze(1)], dim=1)
        given["past_key_values"].reorder_cache(chosen)
    winner = rank(sums, lengths, penalty).argmax(dim=1, keepdim=True)
    return input_ids[(own + winner).flatten()]
