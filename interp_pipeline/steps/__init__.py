"""One use case a file: train, explain (fetch → compute → publish), compare."""
