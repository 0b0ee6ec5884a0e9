"""Find where the camera stands, from pictures of a board that the bucket carries."""
