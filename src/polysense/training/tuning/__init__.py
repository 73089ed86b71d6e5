"""Values of a recipe, sought by how well they do on validation."""
