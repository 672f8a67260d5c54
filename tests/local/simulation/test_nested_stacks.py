"""Nested stacks are read as if their resources stood in the parent's template."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.simulation.nested_stacks import NestedStackError
from local.simulation.template import Template

PARENT = """
Parameters:
  Days: {Type: Number, Default: 7}
Resources:
  Records:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
  Api:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: stacks/api.yaml
      Parameters: {Table: !Ref Records, Days: !Ref Days}
  ListPlansFunction:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {NEWS: !GetAtt Api.Outputs.News}}
"""

CHILD = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Table: {Type: String}
  Days: {Type: Number}
  Suffix: {Type: String, Default: end}
Resources:
  NewsTopic: {Type: AWS::SNS::Topic}
  GetPlanFunction:
    Type: AWS::Serverless::Function
    Properties:
      Environment:
        Variables:
          TABLE: !Ref Table
          TEXT: !Sub "${Table}/${Days}/${Suffix}/${AWS::Region}/${NewsTopic}"
Outputs:
  News: {Value: !Ref NewsTopic}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "template.yaml").write_text(PARENT)
    (tmp_path / "stacks" / "api.yaml").write_text(CHILD)
    return tmp_path


def read(project: Path) -> Template:
    return Template.read(project, "111122223333", "us-east-1")


def test_resources_of_a_nested_stack_are_there_with_what_the_parent_gives_it(project: Path) -> None:
    function = read(project).functions()["GetPlanFunction"]
    topic = "arn:aws:sns:us-east-1:111122223333:NewsTopic"
    assert function.environment == {"TABLE": "Records", "TEXT": f"Records/7/end/us-east-1/{topic}"}


def test_outputs_of_a_nested_stack_are_what_they_are_there(project: Path) -> None:
    function = read(project).functions()["ListPlansFunction"]
    assert function.environment == {"NEWS": "arn:aws:sns:us-east-1:111122223333:NewsTopic"}


def test_the_nested_stack_itself_is_no_resource(project: Path) -> None:
    assert set(read(project).resources) == {"Records", "ListPlansFunction", "NewsTopic", "GetPlanFunction"}


def test_an_id_that_two_stacks_have_is_refused(project: Path) -> None:
    (project / "stacks" / "api.yaml").write_text(CHILD.replace("NewsTopic", "Records"))
    with pytest.raises(NestedStackError, match="Records"):
        read(project)
