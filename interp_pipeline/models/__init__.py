"""Estimators of other libraries as models that can be explained: raw columns in, named outputs out."""
