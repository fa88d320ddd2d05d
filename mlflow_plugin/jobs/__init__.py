"""The job table: which explanations are due, under way and done. May be lost; a scan of the registry refills it."""

from mlflow_plugin.jobs.job import Job, NewJob, Note, Outcome, Standing, State
from mlflow_plugin.jobs.table import JobTable

__all__ = ["Job", "JobTable", "NewJob", "Note", "Outcome", "Standing", "State"]
