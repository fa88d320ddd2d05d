"""Repeats: claim → fetch → compute in the sandbox → validate → publish → done."""
