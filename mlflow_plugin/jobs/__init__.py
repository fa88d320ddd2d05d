"""The job table: which explanations are due, under way and done. May be lost; a scan of the registry refills it."""

from mlflow_plugin.jobs.job import Belonging, Job, NewJob, Note, Outcome, Standing, State
from mlflow_plugin.jobs.table import JobTable

__all__ = ["Belonging", "Job", "JobTable", "NewJob", "Note", "Outcome", "Standing", "State"]
