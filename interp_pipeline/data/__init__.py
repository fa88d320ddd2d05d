"""The data room: any table in, a typed and split data set out. Knows nothing of models or MLflow."""
