"""A program of its own: trains and explains from Python, as a notebook does, without the command line.

Arguments: tracking URI, data, TOML file of settings, then one kind of model and its registered name after another.
"""

from __future__ import annotations

import dataclasses
import sys
import tomllib
from pathlib import Path


def _main(tracking_uri: str, data: str, settings: str, *models: str) -> None:
    import mlflow

    import interp_pipeline
    from interp_pipeline.config import ExplainConfig, TrainConfig
    from interp_pipeline.steps.explain import explain
    from interp_pipeline.steps.train import train

    sections = {
        section: {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
        for section, options in tomllib.loads(Path(settings).read_text(encoding="utf-8")).items()
    }
    mlflow.set_tracking_uri(tracking_uri)
    for kind, name in zip(models[::2], models[1::2], strict=True):
        trained = train(data, name, TrainConfig.from_mapping({**sections["train"], "kind": kind}))
        config = ExplainConfig.from_mapping(sections["explain"])
        more = dataclasses.replace(config, instances=config.instances + 1, methods=("shap",))
        explain(trained.uri, more)  # its further pictures are then deleted again
        explain(trained.uri, config)
        interp_pipeline.load(trained.uri)


if __name__ == "__main__":
    _main(*sys.argv[1:])
