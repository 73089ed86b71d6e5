"""Which signal helps, on one's own table: asked, trained, read and answered."""
