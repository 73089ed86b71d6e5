"""Text encoders that other libraries saved: their folders, their weights, and what they say about pooling."""
