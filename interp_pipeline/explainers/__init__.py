"""Explainers: one method of attribution per file, behind one protocol."""
