"""FreezePlan: the switch by which operators keep a plan, or all, from beginning anything more."""

from __future__ import annotations

from typing import Any

from shared.aws.sns import notify
from shared.model.freeze import Freeze
from shared.rules.plan.contracts import DocumentInvalidError, problems
from shared.rules.text import NAME_LIMIT, REASON_LIMIT, one_line
from shared.settings import ConfigurationSettings
from shared.store.freezes import FreezeStore
from shared.task import Run, task
from shared.times import iso


class FreezeInvalidError(DocumentInvalidError):
    """The message breaks the schema; each problem with its remedy."""


@task(ConfigurationSettings, own_clock=True)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """A message (shared/schemas/freeze.schema.json) → ``{plan, frozen, result}``. Repeating it is harmless.

    Raises FreezeInvalidError.
    """
    document = {key: value for key, value in run.event.items() if key != "now"}
    if found := problems(document, "freeze"):
        raise FreezeInvalidError("message", found)
    freezes, plan = FreezeStore(run.settings.executions_table), document["plan"]
    by = one_line(document["by"], NAME_LIMIT)
    freeze = Freeze(plan, by, one_line(document["reason"], REASON_LIMIT), iso(run.now))
    if document["action"] == "FREEZE":
        freezes.put(freeze)
        result = f"{freeze.text}. Jobs that run go on; starts and what restarts a workload are not frozen."
    elif freezes.release(plan):
        result = f"{plan} is released by {by}: {freeze.reason}. What waited goes on within five minutes."
    else:
        result = f"{plan} was not frozen. A freeze of all plans is released with plan *."
    notify(run.settings.topic_arn, f"{plan}: {document['action'].lower()}", result)
    return {"plan": plan, "frozen": document["action"] == "FREEZE", "result": result}
