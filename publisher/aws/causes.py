"""What stands behind a code of S3, Glue or botocore, and what mends it: one table for all services.

The codes of S3 are those of its list and those of the stores that speak its language; the list is in the models that
botocore brings, and a test goes through it.
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "NotFound", "404"})
CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
DAMAGED = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "InvalidDigest"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "403", "AccessForbidden"})
REDIRECTED = frozenset(
    {
        "PermanentRedirect",
        "TemporaryRedirect",
        "Redirect",
        "MovedPermanently",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        *("301", "302", "303", "307", "308"),
    }
)
SKEWED = frozenset({"RequestTimeTooSkewed", "RequestInTheFuture"})


@dataclass(frozen=True)
class Cause:
    """What a code means for a person.

    Attributes:
        hint: What to do; empty where that is to look at the service and the way to it.
        means: What it says of itself too briefly, as a part of a sentence.
        is_configuration: Whether it is wrong as things are configured here: to run again does not help.
    """

    hint: str = ""
    means: str = ""
    is_configuration: bool = False


# The service, or what stands before it, is overloaded or broken: that may pass.
BUSY = Cause()
_REDIRECT = Cause(
    "The bucket is in another region, or at another endpoint: set AWS_REGION to the bucket's, and give "
    "--endpoint-url (AWS_ENDPOINT_URL_S3) as the store wants it, with https:// where it answers there.",
    is_configuration=True,
)
_CREDENTIALS = Cause("These credentials are not accepted: renew them, or check AWS_ACCESS_KEY_ID and AWS_PROFILE.")
_EXPIRED = Cause(
    "These credentials have expired: renew them (`aws sso login`, a new token of the role), then run again."
)
_SIGNATURE = Cause(
    "These credentials are not accepted: check AWS_SECRET_ACCESS_KEY. Where reading works and writing does not, a "
    "proxy drops headers with underscores, as those of the metadata (nginx: underscores_in_headers on)."
)
_ACCOUNT = Cause("The account has no S3, or it was closed or suspended: whoever owns the account has to mend that.")
_KEY = Cause(
    "Look at the state of the KMS key: one that is disabled, gone or to be deleted has to be brought back, or another "
    "named (--sse-kms-key-id, the bucket's default encryption).",
    "the KMS key that encrypts it cannot be used",
)
_ARCHIVED = Cause(
    "Restore it (`aws s3api restore-object`), and let no lifecycle rule archive active/, stage/ and runs/.",
    "a lifecycle rule archived the object",
)
LOCKED = Cause(
    "Object Lock keeps it until its retention ends: that is meant, or the bucket is the wrong one.",
    "the object is locked",
)
_FULL = Cause("Make room in the store, or raise its quota; nothing was changed.", "the store, or its quota, is full")
_THROTTLED = Cause("boto3 tried five times already: run again later, less often, or ask AWS for a higher limit.")
_LACKING = Cause("The store lacks this part of S3: `publisher doctor` tells what it can do. Use another store.")
_NAME = Cause("Correct the bucket and the prefix of --to.", is_configuration=True)
_WRITING = Cause(
    "Check --sse, --sse-kms-key-id, --acl and --tags against what the bucket and its policy allow.",
    "it does not take an option of what is written",
    is_configuration=True,
)
_REQUEST = Cause(
    "Run `publisher doctor`: it tells which request the store does not take. A proxy that changes requests does this, "
    "and a policy of the bucket that demands --sse, --acl or --tags."
)
_UPLOAD = Cause("Run again: somebody, a lifecycle rule of the bucket, or the store itself ended the multipart upload.")
_CATALOG_BUSY = Cause("The catalog, or the federated source behind it, is not ready: run again later.")

_S3 = {
    **dict.fromkeys(REDIRECTED, _REDIRECT),
    **dict.fromkeys(
        SKEWED,
        Cause("Set this machine's clock by NTP (or the store's, where that is the wrong one).", "the clocks differ"),
    ),
    # 400: what is left of the others where an answer has no body to tell.
    **dict.fromkeys(
        ("InvalidAccessKeyId", "InvalidToken", "InvalidSecurity", "MissingSecurityHeader", "400"), _CREDENTIALS
    ),
    **dict.fromkeys(("ExpiredToken", "TokenRefreshRequired", "RequestExpired"), _EXPIRED),
    "SignatureDoesNotMatch": _SIGNATURE,
    **dict.fromkeys(("AccountProblem", "AllAccessDisabled", "NotSignedUp", "OptInRequired"), _ACCOUNT),
    "InvalidObjectState": _ARCHIVED,
    "RestoreAlreadyInProgress": _ARCHIVED,
    "ObjectLocked": LOCKED,
    **dict.fromkeys(
        (
            "QuotaExceeded",
            "StorageFull",
            "InsufficientStorage",
            "XMinioStorageFull",
            "XMinioAdminBucketQuotaExceeded",
            "507",
        ),
        _FULL,
    ),
    **dict.fromkeys(("NotImplemented", "MethodNotAllowed", "405", "501", "XNotImplemented"), _LACKING),
    **dict.fromkeys(("InvalidBucketName", "InvalidURI", "KeyTooLongError", "InvalidBucketState"), _NAME),
    **dict.fromkeys(
        (
            "AccessControlListNotSupported",
            "EncryptionTypeMismatch",
            "InvalidEncryptionAlgorithmError",
            "InvalidStorageClass",
            "InvalidTag",
            "MalformedACLError",
        ),
        _WRITING,
    ),
    **dict.fromkeys(
        (
            "CredentialsNotSupported",
            "EntityTooLarge",
            "InvalidAddressingHeader",
            "InvalidArgument",
            "InvalidPayer",
            "InvalidRange",
            "InvalidRequest",
            "MalformedXML",
            "MaxMessageLengthExceeded",
            "MetadataTooLarge",
            "MissingContentLength",
            "MissingRequestBodyError",
            "UnexpectedContent",
        ),
        _REQUEST,
    ),
    **dict.fromkeys(("NoSuchUpload", "InvalidPart", "InvalidPartOrder", "EntityTooSmall"), _UPLOAD),
    **dict.fromkeys(
        (
            *("500", "502", "503", "504", "408", "429"),
            "BandwidthLimitExceeded",
            "IncompleteBody",
            "InternalError",
            "OperationAborted",
            "RequestTimeout",
            "ServiceUnavailable",
            "SlowDown",
            "TooManyRequests",
        ),
        BUSY,
    ),
}
_GLUE = {
    **dict.fromkeys(
        (
            "IncompleteSignature",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "UnrecognizedClientException",
        ),
        _CREDENTIALS,
    ),
    "ExpiredTokenException": _EXPIRED,
    **dict.fromkeys(
        ("ThrottlingException", "Throttling", "RequestLimitExceeded", "ConcurrentModificationException"), _THROTTLED
    ),
    "GlueEncryptionException": Cause("The catalog is encrypted: grant kms:Decrypt on its key."),
    **dict.fromkeys(
        ("FederationSourceException", "FederationSourceRetryableException", "ResourceNotReadyException"), _CATALOG_BUSY
    ),
    **dict.fromkeys(("InternalServiceException", "OperationTimeoutException"), BUSY),
}
_SETTING = Cause(
    "Check AWS_PROFILE, AWS_REGION and the other variables of AWS, and the profile's lines in ~/.aws/config.",
    is_configuration=True,
)
# What urllib3 says of an address that cannot be one, within an exception of botocore.
NO_ADDRESS = Cause(
    "Correct HTTPS_PROXY and HTTP_PROXY, or the endpoint: http://host:port.",
    "an address is no URL",
    is_configuration=True,
)
_BROKEN_CHECKSUM = Cause("Run again; if it happens twice, suspect the network between here and the store.")
# Exceptions of botocore, by their names; where one is not here, the kind above it in botocore is looked for.
_EXCEPTIONS = {
    **dict.fromkeys(("ConnectionError", "HTTPClientError", "IncompleteReadError", "MetadataRetrievalError"), BUSY),
    "SSLError": Cause(
        "The certificate of the endpoint is not accepted: name the company's certificates by AWS_CA_BUNDLE, or have "
        "the endpoint's renewed; where it answers without TLS, give it as http://."
    ),
    "ProxyConnectionError": Cause(
        "The proxy that HTTPS_PROXY or HTTP_PROXY names does not answer, or refuses: correct it, or name the store in "
        "NO_PROXY."
    ),
    **dict.fromkeys(("ChecksumError", "FlexibleChecksumError", "AwsChunkedWrapperError"), _BROKEN_CHECKSUM),
    "NoCredentialsError": Cause(
        "No usable credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role.",
        is_configuration=True,
    ),
    **dict.fromkeys(
        ("CredentialRetrievalError", "PartialCredentialsError", "TokenRetrievalError", "SSOError", "LoginError"),
        Cause("Renew the credentials, or check AWS_ACCESS_KEY_ID and AWS_PROFILE.", is_configuration=True),
    ),
    "RefreshWithMFAUnsupportedError": Cause(
        "The credentials ended, and renewing them takes a code (MFA): run again.", is_configuration=True
    ),
    "NoRegionError": Cause(
        "Set AWS_REGION (or AWS_DEFAULT_REGION, or a region in the AWS profile).", is_configuration=True
    ),
    "InvalidRegionError": Cause(
        "AWS_REGION (or AWS_DEFAULT_REGION, or the profile's region) must be a name as eu-west-1, without quotes.",
        "the region is no region's name",
        is_configuration=True,
    ),
    "ProfileNotFound": Cause(
        "AWS_PROFILE names a profile that is not in ~/.aws/config or ~/.aws/credentials: correct it, or leave it out.",
        is_configuration=True,
    ),
    "ConfigParseError": Cause(
        "~/.aws/config or ~/.aws/credentials (or what AWS_CONFIG_FILE names) cannot be read: mend its lines.",
        is_configuration=True,
    ),
    "InvalidProxiesConfigError": Cause("Correct HTTPS_PROXY, HTTP_PROXY and NO_PROXY.", is_configuration=True),
    "MissingDependencyException": Cause(
        "What this asks of AWS takes botocore's extra: pip install 'botocore[crt]'.", is_configuration=True
    ),
    "MD5UnavailableError": Cause(
        "This Python has no MD5 (FIPS): allow it, or use another Python.", is_configuration=True
    ),
    **dict.fromkeys(
        (
            "BaseEndpointResolverError",
            "ConfigNotFound",
            "EndpointProviderError",
            "InvalidConfigError",
            "InvalidChecksumConfigError",
            "InvalidDNSNameError",
            "InvalidDefaultsMode",
            "InvalidEndpointConfigurationError",
            "InvalidEndpointDiscoveryConfigurationError",
            "InvalidHostLabelError",
            "InvalidIMDSEndpointError",
            "InvalidIMDSEndpointModeError",
            "InvalidRetryConfigurationError",
            "InvalidS3AddressingStyleError",
            "InvalidS3UsEast1RegionalEndpointConfigError",
            "InvalidSTSRegionalEndpointsConfigError",
            "NoAuthTokenError",
            "ParamValidationError",
            "ServiceNotInRegionError",
            "UnknownCredentialError",
            "UnknownRegionError",
            "UnknownSignatureVersionError",
            "UnknownTokenProviderError",
            "UnsupportedOutpostResourceError",
            "UnsupportedS3AccesspointConfigurationError",
            "UnsupportedS3ArnError",
            "UnsupportedS3ConfigurationError",
            "UnsupportedSignatureVersionError",
            "ValidationError",
        ),
        _SETTING,
    ),
}
_CODES: Mapping[str, Cause] = {**_GLUE, **_S3}


def cause_of_code(code: str) -> Cause | None:
    """Returns what stands behind a service's error code; None for one that is not known."""
    if code.lower().startswith("kms."):
        return _THROTTLED if "Throttling" in code else _KEY
    return _CODES.get(code)


def cause_of_exception(kind: type[Exception]) -> Cause | None:
    """Returns what stands behind an exception of botocore, or the nearest kind above it; None for one not known."""
    return next((_EXCEPTIONS[above.__name__] for above in kind.__mro__ if above.__name__ in _EXCEPTIONS), None)
