"""Evaluators: metrics of a learner on samples. One file an evaluator, found by its class name."""
