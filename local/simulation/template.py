"""What template.yaml declares, as far as a process can have it: tables, buckets, topics, functions, machines.

Names and ARNs are made from the logical ids, so that they are the same in every virtual cloud of one
account: modules under test keep what they once read from their environment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.simulation.nested_stacks import flattened
from local.simulation.template_document import TemplateError, read_document
from local.simulation.template_names import STACK_NAME, by_machine_name, machine_name, machine_of_arn, snake
from local.simulation.template_resources import Function, Machine, Rule

__all__ = [
    "STACK_NAME",
    "Function",
    "Machine",
    "Rule",
    "Template",
    "TemplateError",
    "machine_name",
    "machine_of_arn",
    "read_document",
    "snake",
]

_DEFINITION = ".asl.json"
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


@dataclass(slots=True)
class Template:
    """The resources of one template, names resolved for ``account`` and ``region``."""

    account: str
    region: str
    root: Path
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    globals: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        root: Path,
        account: str,
        region: str,
        parameters: dict[str, str] | None = None,
        name: str = "template.yaml",
    ) -> Template:
        """``root``/``name``, or nothing if there is none. ``parameters`` override defaults."""
        template = cls(account=account, region=region, root=root)
        path = root / name
        if path.exists():
            document = flattened(path, read_document)
            template.resources = document.get("Resources") or {}
            template.globals = (document.get("Globals") or {}).get("Function") or {}
            declared = document.get("Parameters") or {}
            template.parameters = {
                name: value.get("Default", f"virtual-{name}") for name, value in declared.items()
            }
        template.parameters.update(parameters or {})
        return template

    def tables(self) -> dict[str, dict[str, Any]]:
        """CreateTable's parameters by logical id."""
        made = {}
        for name, properties in self._of_type("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"):
            taken: dict[str, Any] = {
                key: self.resolve(properties[key])
                for key in ("AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes", "WarmThroughput")
                if key in properties
            }
            indexes = [
                {key: index[key] for key in ("IndexName", "KeySchema", "Projection") if key in index}
                for index in self.resolve(properties.get("GlobalSecondaryIndexes", []))
            ]
            if indexes:
                taken["GlobalSecondaryIndexes"] = indexes
            if warm := taken.get("WarmThroughput"):
                taken["WarmThroughput"] = {unit: int(units) for unit, units in warm.items()}
            made[name] = {"TableName": self.ref(name), "BillingMode": "PAY_PER_REQUEST", **taken}
        return made

    def buckets(self) -> list[str]:
        """The names of all buckets."""
        return [self.ref(name) for name, _ in self._of_type("AWS::S3::Bucket")]

    def topics(self) -> list[str]:
        """The names of all SNS topics."""
        return [self.ref(name).rsplit(":", 1)[-1] for name, _ in self._of_type("AWS::SNS::Topic")]

    def functions(self) -> dict[str, Function]:
        """Every function by logical id, its environment with that of Globals."""
        common = _variables(self.globals)
        made = {}
        for name, properties in self._of_type("AWS::Serverless::Function", "AWS::Lambda::Function"):
            variables = {**common, **_variables(properties)}
            made[name] = Function(
                name=name,
                module=self._module_of(name),
                environment={key: str(self.resolve(value)) for key, value in variables.items()},
            )
        return made

    def function(self, name: str) -> Function:
        """A function that the template does not declare, with the module of that name if there is one."""
        return Function(name, self._module_of(name), {})

    def machines(self) -> dict[str, Machine]:
        """Every state machine by logical id."""
        made = {}
        for name, properties in self._of_type("AWS::Serverless::StateMachine"):
            uri = properties.get("DefinitionUri")
            made[name] = Machine(
                logical_id=name,
                name=self._machine_name(name),
                definition=self.root / uri if isinstance(uri, str) else None,
                substitutions={
                    key: str(self.resolve(value))
                    for key, value in (properties.get("DefinitionSubstitutions") or {}).items()
                },
            )
        return made

    def rules(self) -> list[Rule]:
        """Every rule: those of functions' events, and those that stand for themselves."""
        made = [
            Rule(
                by_machine_name(self.resolve(event["Properties"]["Pattern"])),
                functions=(name,),
                own_bus="EventBusName" in event["Properties"],
            )
            for name, properties in self._of_type("AWS::Serverless::Function")
            for event in (properties.get("Events") or {}).values()
            if event["Type"] == "EventBridgeRule"
        ]
        for _, properties in self._of_type("AWS::Events::Rule"):
            if "EventPattern" in properties:
                targets = [str(self.resolve(target["Arn"])) for target in properties.get("Targets", [])]
                made.append(
                    Rule(
                        by_machine_name(self.resolve(properties["EventPattern"])),
                        functions=tuple(t.rsplit(":", 1)[-1] for t in targets if ":function:" in t),
                        buses=tuple(target for target in targets if ":event-bus/" in target),
                    )
                )
        return made

    def substitute(self, text: str, substitutions: dict[str, str]) -> str:
        """``text`` of a definition with ``${Name}`` filled in: as given, or by what the name ends in."""

        def fill(match: re.Match[str]) -> str:
            name = match.group(2)
            value = substitutions.get(name)
            return value if value is not None else self.by_convention(name)

        return _PLACEHOLDER.sub(fill, text)

    def by_convention(self, name: str) -> str:
        """The ARN or name of a resource that a definition calls ``name``."""
        pseudo = self._pseudo(name)
        if pseudo is not None:
            return pseudo
        if name in self.parameters:
            return str(self.parameters[name])
        if name.endswith(("Function", "StateMachine", "Topic")):
            return self.arn(name)
        return self.ref(name)

    def arn(self, name: str) -> str:
        """``Fn::GetAtt name.Arn``."""
        kind = self.resources.get(name, {}).get("Type", "")
        short = self._name(name)
        place = f"{self.region}:{self.account}"
        if kind.endswith("::Function") or (not kind and name.endswith("Function")):
            return f"arn:aws:lambda:{place}:function:{name}"
        if kind.endswith("::StateMachine") or (not kind and name.endswith("StateMachine")):
            return f"arn:aws:states:{place}:stateMachine:{self._machine_name(name)}"
        if kind == "AWS::SNS::Topic" or (not kind and name.endswith("Topic")):
            return f"arn:aws:sns:{place}:{short}"
        if kind.startswith("AWS::DynamoDB::"):
            return f"arn:aws:dynamodb:{place}:table/{short}"
        if kind == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{short}"
        if kind == "AWS::IAM::Role":
            return f"arn:aws:iam::{self.account}:role/{short}"
        if kind == "AWS::Events::EventBus":
            return (
                f"arn:aws:events:{place}:event-bus/{self.resolve(self.resources[name]['Properties']['Name'])}"
            )
        return f"arn:aws:virtual:{place}:{short}"

    def ref(self, name: str) -> str:
        """``Ref name``."""
        pseudo = self._pseudo(name)
        if pseudo is not None:
            return pseudo
        if name in self.parameters:
            return str(self.parameters[name])
        kind = self.resources.get(name, {}).get("Type", "")
        if kind == "AWS::SNS::Topic" or kind.endswith("::StateMachine"):
            return self.arn(name)
        return self._name(name)

    def resolve(self, value: Any) -> Any:
        """``value`` with Ref, GetAtt, Sub, Join and the like worked out."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, argument), *_ = value.items()
            if key == "Ref":
                return self.ref(argument)
            if key == "Fn::GetAtt":
                name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                return self.arn(name) if attribute == "Arn" else self.ref(name)
            if key == "Fn::Sub":
                return self._sub(argument)
            if key == "Fn::Join":
                return str(argument[0]).join(str(self.resolve(item)) for item in argument[1])
            if key == "Fn::If":
                return self.resolve(argument[1])
            if key.startswith("Fn::"):
                return ""
        return {key: self.resolve(item) for key, item in value.items()}

    def _sub(self, argument: Any) -> str:
        text, extra = (argument, {}) if isinstance(argument, str) else argument

        def fill(match: re.Match[str]) -> str:
            if match.group(1):
                return "${" + match.group(2) + "}"
            name = match.group(2)
            if name in extra:
                return str(self.resolve(extra[name]))
            if name.endswith(".Arn"):
                return self.arn(name.removesuffix(".Arn"))
            return self.ref(name.split(".", 1)[0])

        return _PLACEHOLDER.sub(fill, text)

    def _pseudo(self, name: str) -> str | None:
        return {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::Partition": "aws",
            "AWS::StackName": STACK_NAME,
            "AWS::StackId": f"arn:aws:cloudformation:{self.region}:{self.account}:stack/{STACK_NAME}/0",
            "AWS::URLSuffix": "amazonaws.com",
        }.get(name)

    def _name(self, name: str) -> str:
        kind = self.resources.get(name, {}).get("Type", "")
        if kind == "AWS::S3::Bucket":
            return f"{STACK_NAME}-{snake(name).replace('_', '-')}-{self.account}"
        if kind == "AWS::IAM::Role":
            return str(self.resources[name]["Properties"].get("RoleName", name))
        return name

    def _machine_name(self, logical_id: str) -> str:
        """``recovery-wave`` for a machine whose file is recovery-wave.asl.json; without one, by its id."""
        properties = self.resources.get(logical_id, {}).get("Properties") or {}
        uri = properties.get("DefinitionUri")
        if isinstance(uri, str) and uri.endswith(_DEFINITION):
            return Path(uri).name.removesuffix(_DEFINITION)
        return machine_name(logical_id)

    def _module_of(self, name: str) -> str | None:
        """``functions.<tier>.discover_servers`` for ``DiscoverServersFunction``, None if there is no file."""
        stem = snake(name.removesuffix("Function"))
        found = sorted((self.root / "functions").rglob(f"{stem}.py"))
        if len(found) > 1:
            raise TemplateError(f"{name} could be any of {[str(path) for path in found]}")
        return ".".join(found[0].relative_to(self.root).with_suffix("").parts) if found else None

    def _of_type(self, *types: str) -> list[tuple[str, dict[str, Any]]]:
        return [
            (name, resource.get("Properties") or {})
            for name, resource in self.resources.items()
            if resource.get("Type") in types
        ]


def _variables(properties: dict[str, Any]) -> dict[str, Any]:
    variables: dict[str, Any] = (properties.get("Environment") or {}).get("Variables") or {}
    return variables
