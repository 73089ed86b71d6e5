"""Mixtures: how the batches of several corpora follow each other. One file a mixture, found by its class name."""
