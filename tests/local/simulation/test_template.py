"""What the virtual cloud reads from a template."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local import states
from local.simulation import VirtualCloud
from local.simulation.cloud import PROJECT
from local.simulation.template import Template, TemplateError, machine_name, machine_of_arn, snake

SAMPLE = """
Parameters:
  ExternalId: {Type: String}
  Retention: {Type: Number, Default: 90}
Globals:
  Function:
    Environment:
      Variables:
        PLANS_TABLE: !Ref PlansTable
        EXTERNAL_ID: !Ref ExternalId
        RETENTION: !Ref Retention
Resources:
  PlansTable:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: at, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      GlobalSecondaryIndexes:
        - IndexName: byTime
          KeySchema: [{AttributeName: at, KeyType: HASH}]
          Projection: {ProjectionType: ALL}
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
  Reports: {Type: AWS::S3::Bucket}
  NewsTopic: {Type: AWS::SNS::Topic}
  DiscoverServersFunction:
    Type: AWS::Serverless::Function
    Properties:
      Environment:
        Variables:
          TOPIC: !Ref NewsTopic
          BUCKET_ARN: !GetAtt Reports.Arn
          TEXT: !Sub "${AWS::Region}/${PlansTable.Arn}/${Extra}/${!Literal}"
          JOINED: !Join ["-", [a, !Ref "AWS::AccountId"]]
          MACHINE: !Ref RecoveryWaveStateMachine
  RecoveryWaveStateMachine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: statemachines/recovery-wave.asl.json
      DefinitionSubstitutions:
        DiscoverServersFunction: !GetAtt DiscoverServersFunction.Arn
        Table: !Ref PlansTable
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a template, a machine and a function's file."""
    (tmp_path / "template.yaml").write_text(SAMPLE.replace("/${Extra}", ""))
    (tmp_path / "statemachines").mkdir()
    (tmp_path / "statemachines" / "recovery-wave.asl.json").write_text(
        '{"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true, "Output":'
        ' ["${DiscoverServersFunction}", "${Table}", "${AWS::Partition}", "${FailoverStateMachine}"]}}}'
    )
    (tmp_path / "functions" / "query").mkdir(parents=True)
    (tmp_path / "functions" / "query" / "discover_servers.py").write_text("")
    return tmp_path


def test_functions_have_their_module_and_environment(project: Path) -> None:
    template = Template.read(project, "111122223333", "eu-west-1", {"ExternalId": "secret"})
    function = template.functions()["DiscoverServersFunction"]
    assert function.module == "functions.query.discover_servers"
    assert function.environment == {
        "PLANS_TABLE": "PlansTable",
        "EXTERNAL_ID": "secret",
        "RETENTION": "90",
        "TOPIC": "arn:aws:sns:eu-west-1:111122223333:NewsTopic",
        "BUCKET_ARN": "arn:aws:s3:::virtual-reports-111122223333",
        "TEXT": "eu-west-1/arn:aws:dynamodb:eu-west-1:111122223333:table/PlansTable/${Literal}",
        "JOINED": "a-111122223333",
        "MACHINE": "arn:aws:states:eu-west-1:111122223333:stateMachine:recovery-wave",
    }


def test_a_name_that_two_files_have_is_refused(project: Path) -> None:
    (project / "functions" / "execution").mkdir()
    (project / "functions" / "execution" / "discover_servers.py").write_text("")
    with pytest.raises(TemplateError, match="DiscoverServersFunction could be any of"):
        Template.read(project, "111122223333", "eu-west-1").functions()


def test_the_cloud_has_what_the_template_declares(project: Path) -> None:
    with VirtualCloud(project=project) as cloud:
        table = cloud.client("dynamodb").describe_table(TableName="PlansTable")["Table"]
        assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["byTime"]
        buckets = cloud.client("s3").list_buckets()["Buckets"]
        assert [bucket["Name"] for bucket in buckets] == ["virtual-reports-999988887777"]
        (topic,) = cloud.client("sns").list_topics()["Topics"]
        assert topic["TopicArn"] == os.environ["TOPIC"]
        assert os.environ["EXTERNAL_ID"] == "virtual-ExternalId"
        assert cloud.run("recovery-wave", {}, name="one").output == [
            "arn:aws:lambda:us-east-1:999988887777:function:DiscoverServersFunction",
            "PlansTable",
            "aws",
            "arn:aws:states:us-east-1:999988887777:stateMachine:failover",
        ]
    assert "TOPIC" not in os.environ


def test_every_machine_of_the_project_is_accepted() -> None:
    with VirtualCloud() as cloud:
        machines = sorted((PROJECT / "statemachines").glob("*.asl.json"))
        assert machines
        for path in machines:
            states.check(cloud.definition(path.name.removesuffix(".asl.json")))


def test_every_function_of_the_project_has_its_file() -> None:
    with VirtualCloud() as cloud:
        functions = cloud.template.functions()
        assert functions
        assert [name for name, function in functions.items() if function.module is None] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [("DiscoverServers", "discover_servers"), ("StartDRSJob", "start_drs_job"), ("Close", "close")],
)
def test_names_of_files(name: str, expected: str) -> None:
    assert snake(name) == expected


def test_names_of_machines() -> None:
    assert machine_name("RecoveryWaveStateMachine") == "recovery-wave"


def test_a_machine_is_called_as_its_file_whatever_its_logical_id(project: Path) -> None:
    text = (project / "template.yaml").read_text()
    more = """
  DrillCleanUpStateMachine:
    Type: AWS::Serverless::StateMachine
    Properties: {DefinitionUri: statemachines/drill-cleanup.asl.json}
"""
    (project / "template.yaml").write_text(text + more)
    template = Template.read(project, "111122223333", "eu-west-1")

    assert template.machines()["DrillCleanUpStateMachine"].name == "drill-cleanup"
    arn = template.ref("DrillCleanUpStateMachine")
    assert arn == "arn:aws:states:eu-west-1:111122223333:stateMachine:drill-cleanup"
    assert machine_of_arn(arn) == "drill-cleanup"
    assert machine_of_arn("arn:aws:states:us-east-1:1:stateMachine:virtual-failover") == "failover"
