"""The only room that imports mlflow: what is read from and written to runs and the registry."""
