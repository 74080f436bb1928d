"""Credentials as boto3 finds them, and in which place when they cannot be used.

boto3 raises whatever went wrong in a place: an exception of its own, that a file is missing, that a text is no JSON.
And it asks for a code (MFA) wherever it runs. Which place it was, and so what mends it, is known only here.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from typing import Any

from botocore import exceptions
from botocore.exceptions import ClientError

from publisher.aws.failures import cannot_be_set_up, code, is_passing
from publisher.errors import Misconfigured, StoreFailed

_AGAIN = "Run again; if it happens twice, see what is between here and where the credentials come from."
# Names of boto3's places: what each is called, and what mends it. {profile} is the option that names the profile.
_PLACES = {
    "sso": (
        "single sign-on",
        "Run `aws sso login{profile}`, or give a job a role instead: a sign-on ends after hours.",
    ),
    "login": ("`aws login`", "Run `aws login{profile}`, or give a job a role instead: a login ends after hours."),
    "custom-process": (
        "the credential_process of the AWS profile",
        "Run that command by hand: it must be there, end with 0, and print the JSON that AWS documents (Version 1).",
    ),
    "assume-role": (
        "the role of the AWS profile",
        "Check role_arn, and source_profile or credential_source, in ~/.aws/config, and that the role trusts them: "
        "`aws sts get-caller-identity{profile}` must work.",
    ),
    "assume-role-with-web-identity": (
        "web identity",
        "AWS_WEB_IDENTITY_TOKEN_FILE must name the token file that the platform writes, and AWS_ROLE_ARN a role that "
        "trusts the platform.",
    ),
    "container-role": (
        "the container",
        "Check the task's role, AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE.",
    ),
    "iam-role": ("the instance", "Check the instance's role, or set AWS_EC2_METADATA_DISABLED=true where it has none."),
    "env": ("the environment", "Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither."),
}
_FILES = (
    "the AWS profile",
    "Check its lines in ~/.aws/credentials and ~/.aws/config: both aws_access_key_id and aws_secret_access_key.",
)
_IN_A_HEADER = re.compile(r"[!-~]+")


class Credentials:
    """Finds credentials in the places that a session knows; in the way that botocore's own resolver does."""

    def __init__(self, resolver: Any) -> None:
        """Takes over from botocore's resolver, whose places stay as they are.

        Args:
            resolver: The session's.
        """
        self._resolver = resolver
        for provider in resolver.providers:
            if provider.METHOD == "assume-role":
                provider._prompter = _ask_at_the_terminal

    def __getattr__(self, name: str) -> Any:
        """Everything else is the resolver's."""
        return getattr(self._resolver, name)

    def load_credentials(self) -> Any:
        """Returns the first credentials that a place has; None when none has any.

        Raises:
            Misconfigured: A place cannot be used.
            StoreFailed: It could not be asked now.
        """
        found = (
            _guarded(provider.METHOD, _tried(provider.METHOD, provider.load)) for provider in self._resolver.providers
        )
        return next((credentials for credentials in found if credentials is not None), None)


def _guarded(place: str, credentials: Any) -> Any:
    """Lets what a place has promised be tried, too, when a request is signed: then it is fetched, and renewed."""
    if credentials is not None:
        place, load = credentials.method or place, credentials.get_frozen_credentials
        credentials.get_frozen_credentials = lambda: _usable(place, _tried(place, load))
    return credentials


def _usable(place: str, credentials: Any) -> Any:
    """Lets through only what can stand in a header: a line break that was copied with a key makes a request none."""
    parts = {"access key": credentials.access_key, "session token": credentials.token or "x"}
    bad = [name for name, text in parts.items() if not _IN_A_HEADER.fullmatch(text)]
    if credentials.secret_key != credentials.secret_key.strip():
        bad.append("secret key")
    if bad:
        name = _PLACES.get(place, _FILES)[0]
        raise Misconfigured(
            f"The {' and the '.join(bad)} from {name} cannot be sent: a blank, a line break or a sign that is no ASCII "
            "is in it.",
            "Copy it again, without what stands around it.",
        )
    return credentials


def _tried(place: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except StoreFailed:  # told already
        raise
    except exceptions.CredentialRetrievalError as error:
        raise _failure(place, error) from None  # its text is what a process printed, and a traceback would show it
    except Exception as error:
        raise _failure(place, error) from error


def _failure(place: str, error: Exception) -> StoreFailed:
    """Returns what to do. The error's text is kept out: that of a process is what the process printed."""
    if isinstance(error, exceptions.RefreshWithMFAUnsupportedError):
        return Misconfigured(
            "The credentials ended, and renewing them takes a code (MFA) again.",
            "Run again, or raise duration_seconds in the AWS profile; give a job a role that needs no code.",
        )
    name, hint = _PLACES.get(place, _FILES)
    if isinstance(error, (exceptions.NoRegionError, exceptions.InvalidRegionError)):
        return cannot_be_set_up(error)
    found = code(error) if isinstance(error, (ClientError, exceptions.BotoCoreError)) else type(error).__name__
    profile = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    option = f" --profile {shlex.quote(profile)}" if profile else ""
    of = f" of {error.operation_name}" if isinstance(error, ClientError) else ""
    if is_passing(error):
        return StoreFailed(f"The credentials from {name} could not be fetched now: {found}{of}.", _AGAIN)
    return Misconfigured(f"The credentials from {name} cannot be used: {found}{of}.", hint.format(profile=option))


def _ask_at_the_terminal(prompt: str) -> str:
    """Asks for a code where somebody can type one: at the terminal, whatever stdin is."""
    import getpass

    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError as error:
        raise Misconfigured(
            "The role of the AWS profile takes a code (MFA), and there is no terminal to ask for it.",
            "Give a job a role that needs no code (no mfa_serial); by hand, run it at a terminal.",
        ) from error
    return getpass.getpass(prompt)
