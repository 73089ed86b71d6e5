"""Metrics as pure functions on arrays and lists: numbers in, numbers out."""
