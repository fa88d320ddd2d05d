"""Data in, fitted model and metrics out; nothing of MLflow here."""
