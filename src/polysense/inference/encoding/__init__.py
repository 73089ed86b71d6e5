"""Texts and pictures to vectors, as fast as the machine allows: the engines, and what is batched for them."""
