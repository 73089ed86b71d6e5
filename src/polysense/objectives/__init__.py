"""Objectives: the training signals. One file a signal, found by its class name."""
