"""HTTP beside a worker: health, metrics, and the receiver of MLflow's webhooks."""
