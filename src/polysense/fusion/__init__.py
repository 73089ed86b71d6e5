"""Fusions: several modalities in, one representation out. One file a fusion, found by its class name."""
