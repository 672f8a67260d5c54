"""EC2 operations on instances: batches are all or nothing, states take time, errors are AWS's."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ministack.services import ec2

from local.ministack.ec2_filters import INSTANCE_FIELDS, is_glob, matches, page, select
from local.ministack.ec2_filters import check as check_filters
from local.ministack.ec2_instance_xml import instance_xml, reservation_xml
from local.ministack.ec2_lifecycle import Lifecycle
from local.ministack.ec2_wire import (
    Ec2Error,
    Handler,
    Params,
    Record,
    Response,
    answer,
    element,
    filters,
    flag,
    groups,
    items,
    many,
    one,
)

_ENDED = ("shutting-down", "terminated")


def _asked_for(params: Params) -> Iterable[Record]:
    """All that may pass the filters: those with the ids that are asked for, else all that there are."""
    ids = filters(params).get("instance-id")
    if ids is None or any(map(is_glob, ids)):
        everything: list[Record] = ec2._instances.values()
        return everything
    return [ec2._instances[i] for i in dict.fromkeys(ids) if i in ec2._instances]


class Instances:
    """Handlers by operation name in ``handlers``."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self._modify_part: dict[str, Callable[[Record, str], None]] = {
            "InstanceType": self._set_type,
            "DisableApiTermination": _set_flag("_protected_from_termination"),
            "DisableApiStop": _set_flag("_protected_from_stop"),
            "SourceDestCheck": _set_flag("SourceDestCheck"),
            "EbsOptimized": _set_flag("EbsOptimized"),
        }
        self.handlers: dict[str, Handler] = {
            "DescribeInstances": self.describe,
            "DescribeInstanceStatus": self.describe_status,
            "DescribeInstanceAttribute": self.describe_attribute,
            "ModifyInstanceAttribute": self.modify_attribute,
            "StartInstances": self.start,
            "StopInstances": self.stop,
            "TerminateInstances": self.terminate,
        }
        self._describe_other = ec2._ACTION_MAP["DescribeInstanceAttribute"]

    def describe(self, params: Params) -> Response:
        ids = many(params, "InstanceId")
        found = select(params, named(ids) if ids else _asked_for(params), "InstanceId", INSTANCE_FIELDS)
        shown, token = page(params, found, named=bool(ids))
        return answer(
            "DescribeInstances",
            items("reservationSet", map(reservation_xml, shown)) + element("nextToken", token),
        )

    def describe_status(self, params: Params) -> Response:
        ids = many(params, "InstanceId")
        wanted = filters(params)
        fields = {
            **{
                name: INSTANCE_FIELDS[name]
                for name in ("availability-zone", "instance-state-name", "instance-state-code")
            },
            "instance-status.status": lambda record: (self._lifecycle.checks(record),),
            "system-status.status": lambda record: (self._system_status(record),),
        }
        check_filters(wanted, fields)
        everything = flag(params, "IncludeAllInstances")
        found = [
            record
            for record in (named(ids) if ids else ec2._instances.values())
            if (everything or record["State"]["Name"] == "running")
            and matches(record, record["InstanceId"], wanted, fields)
        ]
        shown, token = page(params, found, named=bool(ids))
        return answer(
            "DescribeInstanceStatus",
            items("instanceStatusSet", map(self._status_xml, shown)) + element("nextToken", token),
        )

    def start(self, params: Params) -> Response:
        chosen = named(many(params, "InstanceId"))
        for instance in chosen:
            state = instance["State"]["Name"]
            if state not in ("stopped", "running", "pending"):
                raise _wrong_state(instance, "started")
            if state == "stopped" and not has_root(instance):
                raise Ec2Error(
                    "InvalidParameterValue",
                    f"Invalid value '{instance['InstanceId']}' for instanceId. Instance does not have a "
                    f"volume attached at root ({instance['RootDeviceName']})",
                )
            if state == "stopped" and (fault := self._lifecycle.take("START_REFUSED", instance)):
                message = fault.message or (
                    "InsufficientInstanceCapacity: We currently do not have sufficient "
                    f"{instance['InstanceType']} capacity in the Availability Zone you requested."
                )
                code = message.split(":")[0]
                raise Ec2Error(code, message, 500 if "Capacity" in code else 400)
        return self._move(
            "StartInstances",
            chosen,
            lambda instance: (
                self._lifecycle.start(instance) if instance["State"]["Name"] == "stopped" else None
            ),
        )

    def stop(self, params: Params) -> Response:
        chosen, force = named(many(params, "InstanceId")), flag(params, "Force")
        for instance in chosen:
            if instance["State"]["Name"] not in ("running", "stopping", "stopped"):
                raise _wrong_state(instance, "stopped")
            if instance.get("_protected_from_stop"):
                raise Ec2Error(
                    "OperationNotPermitted",
                    f"The instance '{instance['InstanceId']}' may not be stopped. Modify its "
                    "'disableApiStop' instance attribute and try again.",
                )

        def act(instance: Record) -> None:
            state = instance["State"]["Name"]
            if state == "running" or (state == "stopping" and force):
                self._lifecycle.stop(instance, force=force)

        return self._move("StopInstances", chosen, act)

    def terminate(self, params: Params) -> Response:
        chosen = named(many(params, "InstanceId"))
        for instance in chosen:
            if instance.get("_protected_from_termination"):
                raise Ec2Error(
                    "OperationNotPermitted",
                    f"The instance '{instance['InstanceId']}' may not be terminated. Modify its "
                    "'disableApiTermination' instance attribute and try again.",
                )
        return self._move(
            "TerminateInstances",
            chosen,
            lambda instance: (
                self._lifecycle.terminate(instance) if instance["State"]["Name"] not in _ENDED else None
            ),
        )

    def modify_attribute(self, params: Params) -> Response:
        (instance,) = named([one(params, "InstanceId")])
        attribute = one(params, "Attribute")
        changes = {name: one(params, f"{name}.Value") for name in self._modify_part}
        if attribute:
            changes[attribute[0].upper() + attribute[1:]] = one(params, "Value")
        for name, value in changes.items():
            if value and name in self._modify_part:
                self._modify_part[name](instance, value)
        if security_groups := many(params, "GroupId"):
            instance["SecurityGroups"] = security_group_refs(security_groups)
        for change in groups(params, "BlockDeviceMapping"):
            self._set_delete_on_termination(instance, change)
        return answer("ModifyInstanceAttribute", element("return", True))

    def describe_attribute(self, params: Params) -> Response:
        (instance,) = named([one(params, "InstanceId")])
        attribute = one(params, "Attribute")
        flags = {
            "disableApiTermination": "_protected_from_termination",
            "disableApiStop": "_protected_from_stop",
            "ebsOptimized": "EbsOptimized",
        }
        if attribute in flags:
            value = element("value", bool(instance.get(flags[attribute])))
            inner = f"<{attribute}>{value}</{attribute}>"
        elif attribute == "sourceDestCheck":
            value = element("value", instance.get("SourceDestCheck", True))
            inner = f"<sourceDestCheck>{value}</sourceDestCheck>"
        elif attribute == "blockDeviceMapping":
            inner = f"<blockDeviceMapping>{ec2._inst_bdm_xml(instance)}</blockDeviceMapping>"
        else:
            response: Response = self._describe_other(params)
            return response
        return answer("DescribeInstanceAttribute", element("instanceId", instance["InstanceId"]) + inner)

    def _move(self, operation: str, chosen: list[Record], act: Callable[[Record], None]) -> Response:
        changes = []
        for instance in chosen:
            before = dict(instance["State"])
            act(instance)
            changes.append((instance["InstanceId"], before, dict(instance["State"])))
        return answer(
            operation,
            items(
                "instancesSet",
                (
                    element("instanceId", name)
                    + _state_xml("previousState", before)
                    + _state_xml("currentState", now)
                    for name, before, now in changes
                ),
            ),
        )

    def _set_type(self, instance: Record, value: str) -> None:
        if instance["State"]["Name"] != "stopped":
            raise Ec2Error(
                "IncorrectInstanceState",
                f"The instance '{instance['InstanceId']}' is not in the 'stopped' state.",
            )
        instance["InstanceType"] = value

    def _set_delete_on_termination(self, instance: Record, change: dict[str, str]) -> None:
        for mapping in instance["BlockDeviceMappings"]:
            if mapping["DeviceName"] == change.get("DeviceName"):
                value = change.get("Ebs.DeleteOnTermination", "true").lower() == "true"
                mapping["Ebs"]["DeleteOnTermination"] = value
                for attachment in ec2._volumes[mapping["Ebs"]["VolumeId"]]["Attachments"]:
                    attachment["DeleteOnTermination"] = value

    def _system_status(self, instance: Record) -> str:
        status = self._lifecycle.checks(instance)
        return "ok" if status == "impaired" else status

    def _status_xml(self, instance: Record) -> str:
        return (
            element("instanceId", instance["InstanceId"])
            + element("availabilityZone", instance["Placement"]["AvailabilityZone"])
            + _state_xml("instanceState", instance["State"])
            + _checks_xml("systemStatus", self._system_status(instance))
            + _checks_xml("instanceStatus", self._lifecycle.checks(instance))
        )


def named(ids: list[str]) -> list[Record]:
    """The instances of a request, in its order. One unknown id fails the whole request."""
    for name in ids:
        if not ec2._INSTANCE_ID_RE.match(name):
            raise Ec2Error("InvalidInstanceID.Malformed", f'Invalid id: "{name}"')
    missing = [name for name in ids if name not in ec2._instances]
    if len(missing) == 1:
        raise Ec2Error("InvalidInstanceID.NotFound", f"The instance ID '{missing[0]}' does not exist")
    if missing:
        raise Ec2Error("InvalidInstanceID.NotFound", f"The instance IDs '{', '.join(missing)}' do not exist")
    if not ids:
        raise Ec2Error("MissingParameter", "The request must contain the parameter InstanceId")
    return [ec2._instances[name] for name in dict.fromkeys(ids)]


def security_group_refs(ids: Iterable[str]) -> list[Record]:
    """What an instance keeps of its security groups. Raises InvalidGroup.NotFound."""
    refs = []
    for name in ids:
        group = ec2._security_groups.get(name)
        if group is None:
            raise Ec2Error("InvalidGroup.NotFound", f"The security group '{name}' does not exist")
        refs.append({"GroupId": name, "GroupName": group["GroupName"]})
    return refs


def has_root(instance: Record) -> bool:
    return any(
        mapping["DeviceName"] == instance["RootDeviceName"] for mapping in instance["BlockDeviceMappings"]
    )


def _set_flag(key: str) -> Callable[[Record, str], None]:
    def change(instance: Record, value: str) -> None:
        instance[key] = value.lower() == "true"

    return change


def _wrong_state(instance: Record, verb: str) -> Ec2Error:
    return Ec2Error(
        "IncorrectInstanceState",
        f"The instance '{instance['InstanceId']}' is not in a state from which it can be {verb}.",
    )


def _state_xml(name: str, state: Record) -> str:
    return f"<{name}>{element('code', state['Code'])}{element('name', state['Name'])}</{name}>"


def _checks_xml(name: str, status: str) -> str:
    passed = {"ok": "passed", "impaired": "failed", "initializing": "initializing"}.get(status)
    details = (
        items("details", [element("name", "reachability") + element("status", passed)]) if passed else ""
    )
    return f"<{name}>{element('status', status)}{details}</{name}>"


__all__ = ["Instances", "has_root", "instance_xml", "named", "security_group_refs"]
