"""Views: what the model is shown of a batch. One file a view, found by its class name."""
