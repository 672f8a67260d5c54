"""Which service of the virtual cloud answers a call."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import ClientError

from drs_emulator import Caller, DrsEmulator, Hooks, Request, Settings
from drs_emulator.clock import ManualClock
from local.ministack import dynamodb_limits, ec2_extras, images
from local.ministack.ec2_lifecycle import Timings
from local.shortcuts import inline_reads
from local.simulation.call_faults import CallFaults
from local.simulation.event_delivery import EventDelivery
from local.simulation.functions import Functions
from local.simulation.machines import Machines
from local.simulation.scheduler import Scheduler
from local.simulation.transport import Answer, Call, MiniStack, remember_session
from local.states.errors import StatesError

_JSON = {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": "virtual"}


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a cloud that answer calls. ``client(service, account, region)``: an account's root."""

    clock: ManualClock
    scheduler: Scheduler
    functions: Functions
    states: Machines
    event_delivery: EventDelivery
    client: Callable[[str, str, str], Any]


class Routes:
    """The services of one cloud, and a record of what was asked of them."""

    drs: DrsEmulator
    ec2: ec2_extras.Ec2Extras
    throughput: dynamodb_limits.Limits
    """Of DynamoDB, for what functions read and write."""

    def __init__(
        self,
        parts: Parts,
        seed: int,
        drs_settings: Settings | None,
        ec2_timings: Timings | None,
        api_seconds: float,
    ) -> None:
        self._parts = parts
        self._seed = seed
        self._drs_settings = drs_settings
        self._ec2_timings = ec2_timings
        self.api_seconds = api_seconds
        self.faults = CallFaults(seed)
        self._local = threading.local()
        self._ministack = MiniStack()
        self.calls: Counter[tuple[str, str]] = Counter()
        self.notifications: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.denied_actions: set[str] = set()

    def open(self) -> None:
        """Everything empty, on the cloud's clock."""
        # MiniStack draws EC2 ids from the module's generator.
        random.seed(self._seed)
        self._ministack.reset()
        clock, timings = self._parts.clock, self._ec2_timings
        self.ec2 = ec2_extras.install(clock, self._seed, self.record_event, timings, self._is_of_function)
        self.throughput = dynamodb_limits.Limits(lambda: clock.now().timestamp(), self._is_of_function)
        dynamodb_limits.use(self.throughput)
        self.drs = DrsEmulator(
            clock,
            _Ec2Access(self._parts),
            _EventSink(self),
            self._drs_settings or Settings(),
            self._seed,
            Hooks(image_for=images.image_for),
        )

    def _is_of_function(self) -> bool:
        return self._parts.functions.calling() is not None

    def close(self) -> None:
        """Gives up the services; their state goes with the next ``open``."""
        dynamodb_limits.use(None)
        self._ministack.close()

    def record_event(self, account: str, region: str, event: dict[str, Any]) -> None:
        """Keeps an EventBridge event and sends it on its way."""
        kept = {"time": self._parts.clock.now().isoformat(), **event, "account": account, "region": region}
        self.events.append(kept)
        if kept.get("bus", "default") == "default":
            self._parts.event_delivery.put(account, region, kept)

    def answer(self, call: Call) -> Answer:
        """The answer to ``call``."""
        self.calls[call.service, call.operation] += 1
        if call.access_key_id.isdecimal():  # an account's root: a test, or DRS in the midst of its own work
            return self._served(call)
        self._local.service = call.service
        self.pause(self.api_seconds)
        invocation = self._parts.functions.calling()
        if invocation is None:
            return self._served(call)
        invocation.check()
        answer = self.faults.refusal(call) or self.faults.answer(call, self._served(call))
        invocation.answered()
        return answer

    def pause(self, seconds: float) -> None:
        """Lets time pass for the function that calls; none for one of many reads, whichever thread makes it.

        None either for a call of STS: all functions of this process share the sessions of roles, and botocore
        holds a lock on one while it is renewed.
        """
        scheduler = self._parts.scheduler
        if inline_reads.are_under_way():
            return
        if seconds and scheduler.current() is not None and getattr(self._local, "service", "") != "sts":
            scheduler.sleep(seconds)

    def _served(self, call: Call) -> Answer:
        if call.service == "drs":
            return self._drs(call)
        if call.service == "service-quotas":
            quotas = self.drs.service_quotas(call.operation, call.body, call.account, call.region)
            return Answer(quotas.status, quotas.headers, quotas.body)
        if call.service == "sfn":
            return self._states(call)
        if call.service == "lambda" and call.operation == "Invoke":
            return self._lambda(call)
        if call.service == "eventbridge" and call.operation == "PutEvents":
            return self._put_events(call)
        if call.service == "iam" and call.operation == "SimulatePrincipalPolicy":
            return self._simulate(call)
        if call.service == "sns" and call.operation == "Publish":
            self._record_notification(call)
        answer = self._ministack.answer(call)
        if call.service == "sts" and call.operation == "AssumeRole":
            _remember(answer)
        return answer

    def _drs(self, call: Call) -> Answer:
        response = self.drs.handle(
            Request(
                method=call.method,
                path=call.path,
                query=call.query,
                headers=call.headers,
                body=call.body,
                caller=Caller(call.account, call.region, call.access_key_id),
            )
        )
        return Answer(response.status, response.headers, response.body)

    def _states(self, call: Call) -> Answer:
        try:
            result = self._parts.states.call(call.operation, json.loads(call.body or b"{}"))
        except StatesError as error:
            body = {"__type": error.code, "message": str(error)}
            return Answer(400, {**_JSON, "x-amzn-errortype": error.code}, json.dumps(body).encode())
        return Answer(200, _JSON, json.dumps(result).encode())

    def _lambda(self, call: Call) -> Answer:
        name = call.path.split("/functions/", 1)[1].split("/", 1)[0]
        try:
            payload, failed = self._parts.functions.invoke(name, call.body)
        except ClientError as error:
            body = {"Type": "User", "Message": error.response["Error"]["Message"]}
            code = error.response["Error"]["Code"]
            return Answer(404, {**_JSON, "x-amzn-errortype": code}, json.dumps(body).encode())
        headers = {**_JSON, **({"x-amz-function-error": failed} if failed else {})}
        return Answer(202 if call.headers.get("x-amz-invocation-type") == "Event" else 200, headers, payload)

    def _put_events(self, call: Call) -> Answer:
        entries = json.loads(call.body)["Entries"]
        for entry in entries:
            self.record_event(
                call.account,
                call.region,
                {
                    "source": entry.get("Source"),
                    "detail-type": entry.get("DetailType"),
                    "resources": entry.get("Resources", []),
                    "detail": json.loads(entry.get("Detail") or "{}"),
                    "bus": entry.get("EventBusName", "default"),
                },
            )
        first = len(self.events) - len(entries) + 1
        made = [{"EventId": f"00000000-0000-4000-a000-{first + n:012d}"} for n in range(len(entries))]
        return Answer(200, _JSON, json.dumps({"FailedEntryCount": 0, "Entries": made}).encode())

    def _simulate(self, call: Call) -> Answer:
        """Nothing is enforced here, so that everything is allowed but what a test says is not."""
        form = parse_qs(call.body.decode())
        resource = form.get("ResourceArns.member.1", ["*"])[0]
        results = "".join(
            f"<member><EvalActionName>{action}</EvalActionName><EvalResourceName>{resource}</EvalResourceName>"
            f"<EvalDecision>{'implicitDeny' if action in self.denied_actions else 'allowed'}</EvalDecision>"
            "</member>"
            for key, (action, *_) in form.items()
            if key.startswith("ActionNames.member.")
        )
        body = (
            '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
            "<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>"
            f"<EvaluationResults>{results}</EvaluationResults></SimulatePrincipalPolicyResult>"
            "<ResponseMetadata><RequestId>virtual</RequestId></ResponseMetadata>"
            "</SimulatePrincipalPolicyResponse>"
        )
        return Answer(200, {"content-type": "text/xml"}, body.encode())

    def _record_notification(self, call: Call) -> None:
        form = {key: values[0] for key, values in parse_qs(call.body.decode()).items()}
        self.notifications.append(
            {
                "topic": form.get("TopicArn", ""),
                "subject": form.get("Subject", ""),
                "message": form.get("Message", ""),
                "attributes": _attributes(form),
                "time": self._parts.clock.now().isoformat(),
            }
        )


class _EventSink:
    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    def put(self, account: str, region: str, event: dict[str, Any]) -> None:
        self._routes.record_event(account, region, event)


class _Ec2Access:
    """EC2 for DRS. There is no IAM here: every caller may do everything."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def client(self, account: str, region: str, caller: Any | None) -> Any:
        return self._parts.client("ec2", account, region)


def _attributes(form: dict[str, str]) -> dict[str, str]:
    prefix = "MessageAttributes.entry."
    names = {key: value for key, value in form.items() if key.startswith(prefix) and key.endswith(".Name")}
    return {
        value: form.get(key.removesuffix(".Name") + ".Value.StringValue", "") for key, value in names.items()
    }


def _remember(answer: Answer) -> None:
    """A session's key stands for its account for as long as the process lives."""
    text = answer.body.decode()
    if answer.status == 200:
        key = text.split("<AccessKeyId>", 1)[1].split("<", 1)[0]
        arn = text.split("<Arn>", 1)[1].split("<", 1)[0]
        remember_session(key, arn.split(":")[4])
