"""What is told of what Spark answers from elsewhere: behind Thrift, and in a session of AWS Glue."""

from __future__ import annotations

from typing import Any

import pytest
from dbt.adapters.glue.gluedbapi.commons import GlueStatement
from dbt.adapters.glue.gluedbapi.cursor import GlueCursor
from dbt.adapters.spark.connections import hive
from dbt_common.exceptions import DbtDatabaseError
from pyhive.exc import OperationalError
from TCLIService import ttypes

from dbt_matched_ids.redaction import Statements
from dbt_matched_ids.spark.connections import install
from dbt_matched_ids.spark.errors import redacted, redacted_text
from tests.quoted import CPF, quoted

CAST = f"""[CAST_INVALID_INPUT] The value '{CPF}' of the type "STRING" cannot be cast to "INT" because it is \
malformed. Correct the value as per the syntax, or change its target type. SQLSTATE: 22018"""
OF_A_STAGE = f"""org.apache.hive.service.cli.HiveSQLException: Error running query: [CAST_INVALID_INPUT] \
org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times, most recent \
failure: Lost task 0.3 in stage 1.0 (TID 9) (10.0.0.1 executor 1): org.apache.spark.SparkNumberFormatException: {CAST}
\tat org.apache.spark.sql.hive.thriftserver.HiveThriftServerErrors$.runningQueryError(HiveThriftServerErrors.scala:43)
Caused by: org.apache.spark.sql.execution.QueryExecutionException: Encountered error while reading file \
s3://lake/records/ano_mes_dia=20251022/part-0.parquet. Details: column: [documento], Expected: string, Found: INT64
"""
OF_A_NAME = f"""org.apache.hive.service.cli.HiveSQLException: Error running query: [TABLE_OR_VIEW_NOT_FOUND] \
org.apache.spark.sql.AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table or view `raw`.`t{CPF}` cannot be found.
\tat org.apache.spark.sql.hive.thriftserver.HiveThriftServerErrors$.runningQueryError(HiveThriftServerErrors.scala:43)
"""


@pytest.fixture
def statements() -> Statements:
    statements = Statements()
    statements.remember("select documento from raw.records")
    return statements


def test_of_an_answer_the_class_the_kinds_the_file_and_the_column_are_told(statements: Statements) -> None:
    text = redacted_text(OF_A_STAGE, "an error", statements)
    assert quoted(text) == 0
    for word in (
        "[CAST_INVALID_INPUT]", "SQLSTATE 22018", "SparkNumberFormatException", "column documento",
        "file s3://lake/records/ano_mes_dia=20251022/part-0.parquet. ", "expected string, found INT64",
    ):  # fmt: skip
        assert word in text
    assert redacted_text(text, "an error", statements) == text  # it is not taken for Spark's when it is passed on


def test_of_an_answer_about_names_the_first_line_is_told(statements: Statements) -> None:
    text = redacted_text(OF_A_NAME, "an error", statements)
    assert text.endswith("[TABLE_OR_VIEW_NOT_FOUND] The table or view `raw`.`t(a number)` cannot be found.")


@pytest.mark.parametrize(
    "value",
    [
        f"[A{CPF}]", f"SQLSTATE: {CPF}", f"org.{CPF}.A{CPF}Exception", f"s3://lake/{CPF}.parquet",
        f"/data/{CPF}.parquet", f"column: [{CPF}]", f"Expected: {CPF}, Found: {CPF}",
        f"x.y.AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] {CPF}",
        f"\nx.y.AnalysisException: {CPF[:3]}.{CPF[3:6]}.{CPF[6:9]}-{CPF[9:]}\n",
    ],
)  # fmt: skip
def test_a_value_that_looks_like_something_that_is_told_is_not(value: str, statements: Statements) -> None:
    for text in (CAST.replace(CPF, value), OF_A_STAGE.replace(CPF, value), value):
        assert quoted(redacted_text(text, "an error", statements)) == 0


def test_an_error_of_a_thrift_server_is_redacted_wherever_the_server_puts_it(statements: Statements) -> None:
    status = ttypes.TStatus(errorMessage=CAST, infoMessages=[f"*{OF_A_STAGE}"], sqlState="22018")
    text = redacted(OperationalError(ttypes.TFetchResultsResp(status=status)), statements)
    assert text.startswith("Spark failed with SparkException, SparkNumberFormatException")
    assert quoted(text) == 0


def test_what_a_thrift_server_answers_while_it_is_asked_is_redacted() -> None:
    install()

    class Client:
        def GetOperationStatus(self, _: Any) -> Any:  # noqa: N802 -- Thrift calls it so
            done = ttypes.TStatus(statusCode=ttypes.TStatusCode.SUCCESS_STATUS)
            state = ttypes.TOperationState.ERROR_STATE
            return ttypes.TGetOperationStatusResp(
                status=done, operationState=state, errorMessage=OF_A_STAGE, taskStatus=f'[{{"error": "{CPF}"}}]'
            )

    cursor = hive.Cursor(None)
    cursor._operationHandle, cursor._state = object(), hive.Cursor._STATE_RUNNING
    cursor._connection = type("Connection", (), {"client": Client()})()
    answer = cursor.poll()  # the adapter logs it whole, and raises what it says
    cursor._operationHandle = None
    assert quoted(repr(answer)) == 0
    assert answer.errorMessage.startswith("Spark failed with SparkException, SparkNumberFormatException")


def test_what_a_session_of_glue_answers_is_redacted() -> None:
    install()
    install()  # by the next run in this process

    class Client:
        def run_statement(self, **_: Any) -> dict[str, Any]:
            return {"Id": 1}

        def get_statement(self, **_: Any) -> dict[str, Any]:
            value = f"An error occurred while calling o9.count.\n: {OF_A_STAGE}"
            output = {"Status": "error", "ErrorName": "Py4JJavaError", "ErrorValue": value, "Traceback": [f"  {value}"]}
            return {"Statement": {"Id": 1, "State": "AVAILABLE", "Output": output}}

    statement = GlueStatement(Client(), "session", "SqlWrapper2.execute('''select documento from x''')", 0.01)
    answer = statement.execute()  # the adapter logs it whole
    assert quoted(repr(answer)) == 0

    credentials = type("Credentials", (), {"statement_poll_interval": 0.01})()
    attributes = {
        "client": Client(), "session_id": "session", "use_arrow": False, "location": "", "credentials": credentials,
    }  # fmt: skip
    with pytest.raises(DbtDatabaseError) as raised:
        GlueCursor(type("Connection", (), attributes)()).execute("select documento from raw.records")
    assert quoted(str(raised.value)) == 0
    assert "Spark in Glue failed with SparkException, SparkNumberFormatException" in str(raised.value)
    assert "column documento" in str(raised.value)
