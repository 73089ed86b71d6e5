"""What is computed of recordings and films in files, so that models of sequences can read them."""
