"""Tables that runs and versions name: where they lie, and which of them may be read."""
