"""What somebody reads at 3 a.m. when the fault is one of configuration, credentials, the store, or what is in between.

Each row runs the real program: its exit code is what a schedule acts on, its two lines are what a person has.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests import forked
from tests.conftest import Bucket, WriteTable
from tests.publisher.aws.answering import answering, error, own_certificate
from tests.publisher.crash import fault_proxy
from tests.publisher.crash.fault_proxy import Exchange, Request

CONFIGURATION, STORE = 2, 7
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "hush-hush", "AWS_REGION": "us-east-1"}
PROFILES = """
[profile sso]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = Publisher
[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
[profile sso-session]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Publisher
[profile sso-half]
sso_start_url = https://example.awsapps.com/start
sso_account_id = 123456789012
[profile login]
login_session = arn:aws:iam::123456789012:user/somebody
[profile process-missing]
credential_process = /nowhere/tool
[profile process-no-json]
credential_process = /bin/echo tellsecrets
[profile process-fails]
credential_process = /bin/sh -c 'echo tellsecrets >&2; exit 3'
[profile process-old]
credential_process = /bin/echo '{"Version": 7}'
[profile half]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
[profile base]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = hush-hush
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/me
[profile role]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = base
[profile role-of-nobody]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = nobody
[profile circle]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = circle-2
[profile circle-2]
role_arn = arn:aws:iam::123456789012:role/y
source_profile = circle
[profile quoted-region]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = hush-hush
region = "eu-west-1"
"""


@dataclass(frozen=True)
class Cause:
    """Something that is wrong, and what is to be told of it.

    Attributes:
        environment: What is set; with nothing of the surrounding environment but PATH and HOME.
        code: The exit code.
        told: What the first line says.
        advice: What the second line says.
    """

    environment: Mapping[str, str]
    code: int
    told: str
    advice: str


def profile(name: str, told: str, advice: str) -> Cause:
    return Cause({"AWS_PROFILE": name, "AWS_REGION": "us-east-1"}, CONFIGURATION, told, advice)


HERE = {
    "no credentials": Cause({"AWS_REGION": "us-east-1"}, CONFIGURATION, "NoCredentialsError", "AWS_ACCESS_KEY_ID"),
    "half of the credentials": Cause(
        {"AWS_ACCESS_KEY_ID": "A", "AWS_REGION": "us-east-1"}, CONFIGURATION, "from the environment", "neither"
    ),
    "half of a profile": profile("half", "from the AWS profile", "aws_secret_access_key"),
    "sign-on without a token": profile("sso", "single sign-on", "aws sso login --profile sso"),
    "a session without a token": profile("sso-session", "single sign-on", "aws sso login --profile sso-session"),
    "half of a sign-on": profile("sso-half", "single sign-on", "aws sso login"),
    "login": profile("login", "aws login", "aws login --profile login|botocore.crt"),
    "no such process": profile("process-missing", "credential_process .*: FileNotFoundError", "by hand"),
    "a process that prints no JSON": profile("process-no-json", "credential_process .*: JSONDecodeError", "by hand"),
    "a process that fails": profile("process-fails", "credential_process", "end with 0"),
    "a process of another version": profile("process-old", "credential_process", "Version 1"),
    "a code at no terminal": profile("mfa", r"a code \(MFA\), and there is no terminal", "mfa_serial"),
    "a role of no profile": profile("role-of-nobody", "the role of the AWS profile", "source_profile"),
    "a circle of roles": profile("circle", "the role of the AWS profile", "source_profile"),
    "no such profile": profile("nobody", "ProfileNotFound", "AWS_PROFILE names a profile that is not"),
    "a profile's quoted region": Cause({"AWS_PROFILE": "quoted-region"}, CONFIGURATION, "InvalidRegionError", "quotes"),
    "a quoted region": Cause({**KEYS, "AWS_REGION": '"us-east-1"'}, CONFIGURATION, "InvalidRegionError", "quotes"),
    "a file that is no configuration": Cause(
        {**KEYS, "AWS_CONFIG_FILE": "/proc/self/cmdline"}, CONFIGURATION, "ConfigParseError", "mend its lines"
    ),
    "a token file that is not there": Cause(
        {"AWS_ROLE_ARN": "arn:aws:iam::1:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere", "AWS_REGION": "us-east-1"},
        CONFIGURATION,
        "web identity .*: FileNotFoundError",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ),
    "a container's token file that is not there": Cause(
        {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/",
            "AWS_REGION": "us-east-1",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nowhere",
        },
        CONFIGURATION,
        "the container .*: FileNotFoundError",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ),
    "a container's address that does not answer": Cause(
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/", "AWS_REGION": "us-east-1"},
        CONFIGURATION,
        "the container .*: CredentialRetrievalError",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ),
    "certificates that are not there": Cause(
        {**KEYS, "AWS_CA_BUNDLE": "/nowhere.pem"}, CONFIGURATION, "/nowhere.pem do not exist", "AWS_CA_BUNDLE"
    ),
    "an endpoint that is no URL": Cause(
        {**KEYS, "AWS_ENDPOINT_URL_S3": "nonsense"}, CONFIGURATION, "not a URL", "http"
    ),
    "an endpoint with a port that is none": Cause(
        {**KEYS, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:port"}, CONFIGURATION, "not a URL", "http://host:port"
    ),
    "an endpoint of another kind": Cause(
        {**KEYS, "AWS_ENDPOINT_URL_S3": "ftp://127.0.0.1"}, CONFIGURATION, "not a URL", "http://host:port"
    ),
    "a checksum setting that is none": Cause(
        {**KEYS, "AWS_DEFAULTS_MODE": "fastest"}, CONFIGURATION, "InvalidDefaultsMode", "AWS_PROFILE"
    ),
    "an owner that is no account": Cause(
        {**KEYS, "PUBLISHER_EXPECTED_BUCKET_OWNER": "us"}, CONFIGURATION, "--expected-bucket-owner", "twelve digits"
    ),
    "an endpoint with an empty name in it": Cause(
        {**KEYS, "AWS_ENDPOINT_URL_S3": "http://a..b"}, CONFIGURATION, "not a URL", "http://host:port"
    ),
    "a key with a line break": Cause(
        {**KEYS, "AWS_ACCESS_KEY_ID": "AKIA\n"}, CONFIGURATION, "The access key from the environment", "Copy it again"
    ),
    "a secret with a line break": Cause(
        {**KEYS, "AWS_SECRET_ACCESS_KEY": "hush-hush\n"}, CONFIGURATION, "The secret key from", "Copy it again"
    ),
    "a token of several lines": Cause(
        {**KEYS, "AWS_SESSION_TOKEN": "hush-hush\nhush"}, CONFIGURATION, "The session token from", "Copy it again"
    ),
    "a key with other letters": Cause({**KEYS, "AWS_ACCESS_KEY_ID": "Á"}, CONFIGURATION, "access key", "Copy it again"),
    "a role without a region": Cause({"AWS_PROFILE": "role"}, CONFIGURATION, "NoRegionError", "Set AWS_REGION"),
    "a role that cannot be asked for now": Cause(
        {"AWS_PROFILE": "role", "AWS_REGION": "us-east-1"},
        STORE,
        "the role of the AWS profile could not be fetched now: EndpointConnectionError",
        "Run again",
    ),
    "a proxy that is no URL": Cause(
        {**KEYS, "HTTP_PROXY": "http://[bad", "AWS_ENDPOINT_URL_S3": "http://store.invalid"},
        CONFIGURATION,
        "an address is no URL",
        "HTTP_PROXY",
    ),
    "a proxy that does not answer": Cause(
        {**KEYS, "HTTP_PROXY": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "http://store.invalid"},
        STORE,
        "ProxyConnectionError",
        "NO_PROXY",
    ),
}


def run(environment: Mapping[str, str], home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (home / ".aws").mkdir(exist_ok=True)
    (home / ".aws" / "config").write_text(PROFILES)
    alone = {
        **{name: value for name, value in os.environ.items() if name.startswith(forked.OF_INTERPRETER)},
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_EC2_METADATA_DISABLED": "true",
        "PUBLISHER_TO": "s3://ids/daily",
        # Nobody listens there: what is wrong must be told before anything is sent.
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        **environment,
    }
    return forked.publisher.run(arguments or ("status",), alone)


def require(cause: Cause, ended: subprocess.CompletedProcess[str], secrets: tuple[str, ...] = ()) -> None:
    assert ended.returncode == cause.code, ended.stderr
    lines = [line for line in ended.stderr.splitlines() if "plain http" not in line]
    assert len(lines) == 2, ended.stderr
    assert re.search(cause.told, lines[0]), lines[0]
    assert re.search(cause.advice, lines[1]), lines[1]
    assert not re.search("bug|Retries", ended.stderr) or cause.code == STORE
    for secret in ("hush-hush", "tellsecrets", *secrets):
        assert secret not in ended.stderr + ended.stdout


@pytest.mark.parametrize("name", HERE)
def test_a_fault_of_this_machine_s_configuration(name: str, tmp_path: Path) -> None:
    require(HERE[name], run(HERE[name].environment, tmp_path))


@pytest.mark.parametrize("name", ["process-fails", "process-no-json", "process-old", "half"])
def test_what_a_credential_process_printed_is_in_no_traceback(name: str, tmp_path: Path) -> None:
    ended = run({"AWS_PROFILE": name, "AWS_REGION": "us-east-1"}, tmp_path, "status", "--debug")
    assert (ended.returncode, "Traceback" in ended.stderr) == (CONFIGURATION, True)
    assert "tellsecrets" not in ended.stderr + ended.stdout


@dataclass(frozen=True)
class Answer:
    """What a store, or what stands before it, answers to everything, and what is to be told of it."""

    status: int
    code: int
    told: str
    advice: str
    body: bytes = b""
    headers: Mapping[str, str | Callable[[], str]] = field(default_factory=dict)


def two_hours_ago() -> str:
    return format_datetime(datetime.now(timezone.utc) - timedelta(hours=2), usegmt=True)


ANSWERS = {
    "a redirect to nowhere": Answer(301, CONFIGURATION, "MovedPermanently", "AWS_REGION", error("MovedPermanently")),
    "a redirect without a body": Answer(301, CONFIGURATION, "301", "AWS_REGION"),
    "a redirect to https": Answer(
        308, CONFIGURATION, "sends on to https", "https://", b"<html/>", {"location": "https://store/ids"}
    ),
    "another region, named by a header": Answer(
        301,
        CONFIGURATION,
        "the bucket is in eu-west-1",
        "Set AWS_REGION to eu-west-1",
        error("PermanentRedirect"),
        {"x-amz-bucket-region": "eu-west-1"},
    ),
    "another region, named by the body": Answer(
        400,
        CONFIGURATION,
        "the bucket is in eu-central-1",
        "Set AWS_REGION to eu-central-1",
        error("AuthorizationHeaderMalformed", Region="eu-central-1"),
    ),
    "a region that forges a line": Answer(
        400,
        CONFIGURATION,
        "InvalidRegionError",
        "AWS_REGION",
        error("AuthorizationHeaderMalformed", Region="x\npublisher: all is well"),
    ),
    "a clock that is wrong": Answer(
        403,
        STORE,
        r"RequestTimeTooSkewed, the clocks differ by 7,[12]\d\d s",
        "NTP",
        error("RequestTimeTooSkewed"),
        {"date": two_hours_ago},
    ),
    "credentials that ended": Answer(400, STORE, "ExpiredToken", "credentials have expired", error("ExpiredToken")),
    "another's secret": Answer(403, STORE, "SignatureDoesNotMatch", "SECRET", error("SignatureDoesNotMatch")),
    "a right that is missing": Answer(
        403, STORE, "AccessDenied", "s3:GetObject, and s3:ListBucket", error("AccessDenied")
    ),
    "a right to the key that is missing": Answer(
        403,
        STORE,
        "AccessDenied, kms:Decrypt",
        "kms:Decrypt on the key",
        error("AccessDenied", "User is not authorized to perform: kms:Decrypt on the resource"),
    ),
    "a key that is disabled": Answer(
        400, STORE, "KMS.DisabledException, the KMS key", "KMS key", error("KMS.DisabledException")
    ),
    "a key that is to be deleted": Answer(
        400, STORE, "KMS.KMSInvalidStateException", "brought back", error("KMS.KMSInvalidStateException")
    ),
    "an archived object": Answer(
        403, STORE, "InvalidObjectState, .*archived", "restore-object", error("InvalidObjectState")
    ),
    "a quota": Answer(403, STORE, "QuotaExceeded, the store, or its quota", "Make room", error("QuotaExceeded")),
    "a bucket that is not there": Answer(404, STORE, "does not exist", "Create the bucket", error("NoSuchBucket")),
    "a new code": Answer(418, STORE, r"BrandNew \(GetObject, HTTP 418\)", "Look up what BrandNew", error("BrandNew")),
    "a page": Answer(403, STORE, ": 403", "s3:GetObject", b"<html><p>Blocked</p></html>"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_store_answers_to_a_head_is_asked_for_again(name: str, tmp_path: Path) -> None:
    wanted = ANSWERS[name]
    headers = {name: moment() if callable(moment) else moment for name, moment in wanted.headers.items()}
    with answering(wanted.status, wanted.body, headers) as url:
        ended = run({**KEYS, "AWS_ENDPOINT_URL": url}, tmp_path)
    require(Cause({}, wanted.code, wanted.told, wanted.advice), ended)
    assert "Retries" not in ended.stderr


def test_doctor_ends_with_what_a_publish_would_end_with_and_lays_the_rest_at_its_door(tmp_path: Path) -> None:
    with answering(301, error("MovedPermanently")) as url:
        ended = run({**KEYS, "AWS_ENDPOINT_URL": url}, tmp_path, "doctor", "--target-path", str(tmp_path))
    assert ended.returncode == CONFIGURATION
    assert "Mend what failed above." in ended.stdout
    assert "Use a store" not in ended.stdout


def test_a_redirect_is_followed_once_and_not_until_the_stack_is_full(tmp_path: Path) -> None:
    with fault_proxy.running("http://127.0.0.1:9") as proxy:
        proxy.inject(fault_proxy.answers("301 Moved Permanently", "PermanentRedirect"))
        ended = run({**KEYS, "AWS_ENDPOINT_URL": proxy.url}, tmp_path)
        assert ended.returncode == CONFIGURATION
        assert len(proxy.requests) <= 6


def test_tls_to_an_endpoint_that_speaks_none(tmp_path: Path) -> None:
    with answering(200) as url:
        ended = run({**KEYS, "AWS_ENDPOINT_URL": url.replace("http", "https")}, tmp_path)
    assert (ended.returncode, "SSLError" in ended.stderr) == (CONFIGURATION, True)
    assert "give it as http://" in ended.stderr


def test_a_certificate_that_nobody_knows_and_that_is_then_named(tmp_path: Path) -> None:
    with answering(404, error("NoSuchBucket"), tls=own_certificate(tmp_path)) as url:
        unknown = run({**KEYS, "AWS_ENDPOINT_URL": url}, tmp_path)
    assert (unknown.returncode, "SSLError" in unknown.stderr) == (STORE, True)
    assert "AWS_CA_BUNDLE" in unknown.stderr


def test_a_code_is_asked_for_where_there_is_a_terminal_and_stdin_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(PROFILES)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_PROFILE": "mfa", "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true", "PUBLISHER_TO": "s3://ids",
    }  # fmt: skip
    # In a session of its own there is no terminal, whatever stdin holds.
    command = ["sh", "-c", '"$@"; code=$?; cat; exit $code', "sh", sys.executable, "-m", "publisher", "status"]
    ended = subprocess.run(
        command, input="what is no code\n", env=environment, capture_output=True, text=True, start_new_session=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == CONFIGURATION
    assert "Enter MFA code" not in ended.stderr
    assert ended.stdout == "what is no code\n"


def dropped(head: bytes) -> bytes:
    """Returns a head as nginx passes it on by default: without headers that have an underscore in their name."""
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [lines[0], *(line for line in lines[1:] if b"_" not in line.partition(b":")[0])]
    return b"\r\n".join([*kept, b"", b""])


def without_underscores(exchange: Exchange) -> None:
    exchange.request = Request.parse(dropped(exchange.request.head))
    answer = exchange.forward()
    exchange.answer(answer.head + answer.body)


def answers_without_underscores(exchange: Exchange) -> None:
    answer = exchange.forward()
    exchange.answer(dropped(answer.head) + answer.body)


@pytest.mark.parametrize(
    ("fault", "code"), [(without_underscores, STORE), (answers_without_underscores, 4)], ids=["requests", "answers"]
)
def test_a_proxy_that_drops_headers_with_underscores_is_named(
    fault: fault_proxy.Fault, code: int, bucket: Bucket, write_table: WriteTable, tmp_path: Path
) -> None:
    table = ("--table", f"parquet:{write_table(['a'])}", "--source-partition", "20251022")
    settings = {**bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"}
    with fault_proxy.running(bucket.endpoint.url) as proxy:
        proxy.inject(fault)
        ended = run({**settings, "AWS_ENDPOINT_URL": proxy.url}, tmp_path, "publish", *table)
        doctor = run({**settings, "AWS_ENDPOINT_URL": proxy.url}, tmp_path, "doctor", "--target-path", str(tmp_path))
    assert ended.returncode == code, ended.stderr
    assert "underscores_in_headers" in ended.stderr
    assert not [key for key in bucket.data_keys() if "active" in key]
    assert re.search("FAILED +create an object: .*\n.*", doctor.stdout)
    assert "underscores_in_headers" in doctor.stdout


def test_a_password_in_an_address_is_shown_nowhere(bucket: Bucket, tmp_path: Path) -> None:
    address = "http://somebody:pass/word@127.0.0.1:9"
    for arguments in (("status",), ("status", "--json"), ("status", "--debug"), ("doctor", "--target-path", "/x")):
        ended = run({**KEYS, "AWS_ENDPOINT_URL": address}, tmp_path, *arguments)
        assert ended.returncode in (CONFIGURATION, STORE)
        assert "pass" not in (ended.stdout + ended.stderr).replace("passed", "")
    good = bucket.endpoint.url.replace("//", "//somebody:password@")
    settings = {**bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"}
    ended = run({**settings, "AWS_ENDPOINT_URL": good}, tmp_path)
    assert "somebody" not in ended.stdout + ended.stderr
    missing = run({**settings, "AWS_ENDPOINT_URL": good, "PUBLISHER_TO": "s3://no-such-bucket"}, tmp_path)
    assert "somebody" not in missing.stdout + missing.stderr


@pytest.mark.parametrize(
    ("endpoint", "is_told"),
    [
        ("http://127.0.0.1:9", False),
        ("http://localhost:9", False),
        ("http://[::1]:9", False),
        ("https://store.invalid", False),
        ("http://store.invalid", True),
        ("http://192.0.2.1", True),
    ],
)
def test_plain_http_beyond_this_machine_is_warned_about(endpoint: str, is_told: bool, tmp_path: Path) -> None:
    environment = {**KEYS, "AWS_ENDPOINT_URL": endpoint, "PUBLISHER_DEADLINE": "0s"}
    ended = run(environment, tmp_path)
    assert ("over plain http" in ended.stderr) == is_told
    assert "deadline" in ended.stderr
