"""Fitted trees of every supported library as one set of arrays."""
