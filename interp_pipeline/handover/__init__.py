"""The handover between a process that holds credentials and one that runs a model's code and holds none.

The parent writes a task, the child computes and writes numbers or a reason, the parent reads them back as if
it had computed itself. Both directions are files of plain numbers and JSON: nothing is pickled, and the child
is believed in nothing that the parent knows or can compute again; see ``read_answer``.
"""

from interp_pipeline.handover.read_answer import read_answer
from interp_pipeline.handover.run_task import run_task
from interp_pipeline.handover.task import write_task

__all__ = ["read_answer", "run_task", "write_task"]
