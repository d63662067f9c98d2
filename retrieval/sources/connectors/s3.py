"""The only module that imports minio: a bucket of any S3-compatible store."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError

from retrieval.sources.connector import Item, Kind, Surroundings, known_fields, require
from retrieval.sources.connectors.pages import normal_address
from retrieval.sources.errors import SourceError, SourceRefused, SourceUnreachable
from retrieval.sources.guarded_http import HTTPError, body_of, pool, translated

_DEFAULTS: dict[str, Any] = {"endpoint": "", "bucket": "", "prefix": "", "region": "", "endings": []}
_DENIED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "AllAccessDisabled")
_OBJECT_S = 600.0  # for one object; the lease is kept meanwhile


class S3Connector:
    def __init__(self, settings: Mapping[str, Any], around: Surroundings) -> None:
        self._around, self._settings = around, settings
        address = urlsplit(settings["endpoint"])
        self._pool = pool(around.networks)
        access, _, secret = around.secret.partition(":")
        self._client = Minio(
            address.netloc,
            access_key=access or None,
            secret_key=secret or None,
            secure=address.scheme == "https",
            region=settings["region"] or "us-east-1",
            http_client=self._pool,
        )

    def items(self) -> Iterator[Item]:
        bucket, prefix = self._settings["bucket"], self._settings["prefix"]
        endings = tuple(ending.lower() for ending in self._settings["endings"])
        with self._translated():
            for found in self._client.list_objects(bucket, prefix=prefix, recursive=True):
                self._around.alive()
                key = found.object_name or ""
                name = key.rpartition("/")[2]
                if found.is_dir or not name or (endings and not name.lower().endswith(endings)):
                    continue
                etag = (found.etag or "").strip('"')
                version = f"{etag}-{found.size}"
                yield Item(key, version, name, partial(self._open, key), found.last_modified)

    @contextmanager
    def _open(self, key: str) -> Iterator[Any]:
        ends = time.monotonic() + _OBJECT_S
        with self._translated(), self._pool.until(ends):
            response: Any = self._client.get_object(self._settings["bucket"], key)
            try:
                body = body_of(response, self._around.item_bytes, ends, self._around.alive)
            finally:
                response.close()
        yield io.BytesIO(body)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except S3Error as error:
            if error.code in _DENIED:
                raise SourceRefused(detail=str(error)) from error
            what = f"The store says: {error.code}."
            raise SourceError(what, advice="Check bucket, prefix and region.", detail=str(error)) from error
        except (ServerError, InvalidResponseError, MinioException) as error:
            raise SourceUnreachable(detail=str(error)) from error
        except HTTPError as error:
            raise translated(error, self._settings["endpoint"]) from error


def _check(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = known_fields(given, _DEFAULTS)
    address = urlsplit(fields["endpoint"])
    plain = normal_address(fields["endpoint"], fields["endpoint"]) and not address.path.strip("/")
    require(bool(plain) and "@" not in address.netloc, "The setting endpoint must look like https://s3.example.com.")
    require(bool(fields["bucket"]), "The setting bucket is empty.")
    return fields


KIND = Kind("s3", "S3-compatible bucket", _DEFAULTS, _check, S3Connector)
