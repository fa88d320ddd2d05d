"""Files, metrics and tags of runs: written, and read back."""
