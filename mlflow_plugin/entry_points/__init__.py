"""What MLflow loads by name. Importing it loads nothing: an error here would break ``import mlflow`` for everybody."""
