"""Objects on Google Cloud Storage: single calls, repeated while that can help.

The only place that imports `google.cloud`. Every call is repeated with growing pauses
on 408, 429, 500, 502, 503, 504, broken connections and stalls, until a deadline; then
it is a `StorageError`. An object is written in one request that is checked by its
crc32c, or in a resumable upload that counts only when it has ended: nobody ever reads
half of one. `STORAGE_EMULATOR_HOST` names another server, as in Google's own client.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import functools
import os
from collections.abc import Iterator
from typing import Any, Final

import google.auth.exceptions
import google_crc32c
import requests
from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption
from google.cloud.storage.retry import DEFAULT_RETRY

from ddsp_core.errors import StorageError, UsageError
from ddsp_core.io.addresses import SCHEME, Entry, split
from ddsp_core.io.settings import setting

CONNECT_SECS: Final = 10.0  # to open a connection; a server that lives takes 0.1
FIRST_PAUSE_SECS: Final = 0.5  # doubled each time, with jitter
LONGEST_PAUSE_SECS: Final = 30.0
CHUNK_BYTES: Final = 2**20  # of a file that is read for its checksum
FORGOTTEN: Final = (404, 410)  # a resumable upload, which is then begun again
LOGIN: Final = (
    "log in with `gcloud auth application-default login`, or name a service account's"
    " key file in GOOGLE_APPLICATION_CREDENTIALS"
)


class ChangedError(Exception):
    """An object is not, or no longer, of the generation that was expected."""


def entry(address: str) -> Entry:
    """Return what is known of an object.

    Raises:
        FileNotFoundError: There is none of this name.
        StorageError: As every function here: the network or the permissions failed.
    """
    blob = _blob(address)
    with _calling("looking at", address):
        blob.reload(**_patience())
    return Entry(address, int(blob.size), int(blob.generation))


def entries(folder: str) -> Iterator[Entry]:
    """Yield all objects below a folder, at any depth, sorted by name.

    Raises:
        UsageError: The bucket does not exist.
    """
    for blob in _list(folder):
        yield Entry(
            f"{SCHEME}{blob.bucket.name}/{blob.name}", blob.size, int(blob.generation)
        )


def names(folder: str) -> list[str]:
    """Return the names of the objects and folders right in a folder, sorted.

    Raises:
        UsageError: The bucket does not exist.
    """
    _, prefix = _folder(folder)
    listing = _list(folder, delimiter="/")
    found = {blob.name.removeprefix(prefix) for blob in listing}
    found |= {one.removeprefix(prefix).rstrip("/") for one in listing.prefixes}
    return sorted(found - {""})


def is_folder(address: str) -> bool:
    """Does any object stand below this name?"""
    return any(True for _ in _list(address, max_results=1))


def read(address: str, start: int = 0, stop: int | None = None) -> bytes:
    """Return the bytes [start, stop) of an object; all if no limits are given.

    Raises:
        FileNotFoundError: There is none of this name.
    """
    if stop is not None and stop <= start:
        return b""
    limits = {} if stop is None and not start else {"start": start, "end": stop}
    if stop is not None:
        limits["end"] = stop - 1  # the last byte, as HTTP counts
    with _calling("reading", address):
        data: bytes = _blob(address).download_as_bytes(**limits, **_patience())
    return data


def download(one: Entry, target: str) -> None:
    """Copy an object into a local file; its crc32c is checked.

    Raises:
        FileNotFoundError: The object, or this generation of it, is no more.
    """
    with _calling("downloading", one.path), open(target, "wb") as file:
        _blob(one.path).download_to_file(
            file, if_generation_match=one.version, checksum="crc32c", **_patience()
        )


def write(address: str, data: bytes) -> None:
    """Write an object, whole or not at all."""
    with _calling("writing", address, makes=True):
        _write(address, data)


def replace(address: str, data: bytes, generation: int) -> int:
    """Write an object over a given generation of it, 0 for none; return the new one.

    Raises:
        ChangedError: What is there is another generation, or nothing.
    """
    with _calling("writing", address, makes=True):
        return _write(address, data, if_generation_match=generation)


def upload(address: str, path: str) -> None:
    """Write an object from a local file, whole or not at all."""
    total = google_crc32c.Checksum()
    with open(path, "rb") as file:
        for _ in total.consume(file, CHUNK_BYTES):
            pass
    checksum = _text(total)
    with _calling("writing", address, makes=True):
        try:
            _upload(address, path, checksum)
        except exceptions.GoogleAPICallError as error:
            if error.code not in FORGOTTEN:
                raise
            _upload(address, path, checksum)


def remove(address: str, generation: int | None = None) -> None:
    """Remove an object, if it is there and of this generation."""
    with contextlib.suppress(FileNotFoundError, ChangedError):
        with _calling("removing", address):
            _blob(address).delete(if_generation_match=generation, **_patience())


def copy(source: str, target: str) -> None:
    """Copy an object on the server, whole or not at all.

    Raises:
        FileNotFoundError: There is no such source.
    """
    blob, new = _blob(source), _blob(target)
    with _calling(f"copying to {target} from", source):
        token, _, _ = new.rewrite(blob, **_patience())
        while token is not None:  # large, or to another region
            token, _, _ = new.rewrite(blob, token=token, **_patience())


def _write(address: str, data: bytes, **conditions: int) -> int:
    checksum = _text(google_crc32c.Checksum(data))
    blob = _blob(address)
    blob.upload_from_string(
        data,
        content_type="application/octet-stream",
        checksum=None,
        crc32c_checksum_value=checksum,
        **conditions,
        **_patience(),
    )
    _check(blob, checksum)
    return int(blob.generation)


def _upload(address: str, path: str, checksum: str) -> None:
    blob = _blob(address)
    blob.upload_from_filename(
        path, checksum=None, crc32c_checksum_value=checksum, **_patience()
    )
    _check(blob, checksum)


def _text(checksum: Any) -> str:
    return base64.b64encode(checksum.digest()).decode()


def _check(blob: Any, checksum: str) -> None:
    """See that the server holds what was sent; else remove it."""
    if blob.crc32c != checksum:
        blob.delete(if_generation_match=blob.generation, **_patience())
        raise DataCorruption(None, f"crc32c {blob.crc32c}, sent {checksum}")


def _list(folder: str, **options: Any) -> Any:
    """Return an iterator over objects below a folder whose errors are typed."""
    bucket, prefix = _folder(folder)
    listing = client().list_blobs(bucket, prefix=prefix, **options, **_patience())
    return _Listing(listing, folder)


class _Listing:
    """Objects of a listing; its pages are fetched while it is read."""

    def __init__(self, listing: Any, folder: str) -> None:
        self._listing = listing
        self._folder = folder

    def __iter__(self) -> Iterator[Any]:
        with _calling("listing", self._folder, makes=True):
            yield from self._listing

    @property
    def prefixes(self) -> set[str]:
        """Folders met, once all was read."""
        found: set[str] = self._listing.prefixes
        return found


def _folder(address: str) -> tuple[str, str]:
    bucket, key = split(address)
    return bucket, f"{key.rstrip('/')}/" if key.strip("/") else ""


def _blob(address: str) -> Any:
    bucket, key = split(address)
    if not key:
        raise UsageError(f"{address!r} names a bucket; needed gs://BUCKET/PATH")
    return client().bucket(bucket).blob(key)


def client() -> storage.Client:
    """Return this process's client; without credentials it reads public buckets."""
    return _client(os.getpid(), os.environ.get("STORAGE_EMULATOR_HOST"))


@functools.lru_cache(maxsize=2)
def _client(pid: int, emulator: str | None) -> storage.Client:
    """One for each process: a fork must not share connections."""
    if emulator is not None:
        return storage.Client(credentials=AnonymousCredentials(), project="emulated")
    try:
        return storage.Client()
    except google.auth.exceptions.DefaultCredentialsError:
        return storage.Client.create_anonymous_client()
    except OSError:  # credentials that name no project: none is needed here
        return storage.Client(project="none")


def _patience() -> dict[str, Any]:
    """How long to wait for one answer, and how long to go on asking."""
    retry: Retry = DEFAULT_RETRY.with_delay(
        initial=FIRST_PAUSE_SECS, maximum=LONGEST_PAUSE_SECS, multiplier=2.0
    ).with_timeout(setting("LUTHIER_GCS_DEADLINE_SECS"))
    timeout = (CONNECT_SECS, setting("LUTHIER_GCS_TIMEOUT_SECS"))
    return {"retry": retry, "timeout": timeout}


@contextlib.contextmanager
def _calling(doing: str, address: str, makes: bool = False) -> Iterator[None]:
    """Turn Google's errors into ours; `makes` if only a bucket can be missing."""
    bucket = split(address)[0]
    try:
        yield
    except exceptions.NotFound as error:
        if makes:
            raise UsageError(
                f"{doing} {address}: there is no bucket {bucket!r}; make it with"
                f" `gcloud storage buckets create gs://{bucket}`"
            ) from error
        text = "there is no such object"
        raise FileNotFoundError(errno.ENOENT, text, address) from error
    except exceptions.PreconditionFailed as error:
        raise ChangedError(f"{doing} {address}: it has changed") from error
    except (exceptions.Unauthorized, exceptions.Forbidden) as error:
        who = "nobody is logged in" if _is_anonymous() else "the account may not"
        raise StorageError(
            f"{doing} {address}: {error.code} {_reason(error)} ({who}); {LOGIN}, and"
            f" see that the account may do this in gs://{bucket}"
        ) from error
    except google.auth.exceptions.GoogleAuthError as error:
        what = "nobody is logged in" if _is_anonymous() else _reason(error)
        raise StorageError(f"{doing} {address}: {what}; {LOGIN}") from error
    except DataCorruption as error:
        raise StorageError(
            f"{doing} {address}: its bytes changed on the way ({error}); run the same"
            " command again"
        ) from error
    except exceptions.RetryError as error:
        raise StorageError(
            f"{doing} {address}: gave up after {setting('LUTHIER_GCS_DEADLINE_SECS'):g}"
            f" s of trying, the last time: {_reason(error.cause or error)}; check the"
            " network and https://status.cloud.google.com, then run the same command"
            " again"
        ) from error
    except (exceptions.GoogleAPICallError, requests.RequestException) as error:
        raise StorageError(
            f"{doing} {address}: {_reason(error)}; check the address, then run the same"
            " command again"
        ) from error


def _is_anonymous() -> bool:
    return isinstance(client()._credentials, AnonymousCredentials)


def _reason(error: BaseException) -> str:
    """One line of what may be a page."""
    text = " ".join(str(getattr(error, "message", error)).split())
    return text[:200] or type(error).__name__
