"""Which rows of a version are explained, which stand for "unknown", and what is unusual about them."""
