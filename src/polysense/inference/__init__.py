"""Trained models at work: load, predict, encode, save, share."""
