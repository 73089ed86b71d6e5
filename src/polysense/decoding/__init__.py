"""Texts written by a trained model: token by token, with the keys and values of what was read and written before."""
