"""What can be learned from labels, by its name in a HeadSpec."""

from __future__ import annotations

from kindred_worker.labels.classification import Classification
from kindred_worker.labels.regression import Regression
from kindred_worker.labels.spec import TaskName
from kindred_worker.labels.task import Task

TASKS: dict[TaskName, Task] = {"CLASSIFICATION": Classification(), "REGRESSION": Regression()}
