"""Encoders: one modality in, ``Encoded`` out. One file an encoder, found by its class name."""
