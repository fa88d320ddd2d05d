"""Files of models: written for ours, fetched, read and loaded for any version."""
