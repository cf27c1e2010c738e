"""Reaches a mock that speaks TLS as Elastic's official client does: tls.py URL CA FINGERPRINT.

By the certificate of its authority, by that certificate's fingerprint, and not at all without either.
"""

import ssl
import sys

from elasticsearch import ConnectionError, Elasticsearch

url, ca, fingerprint = sys.argv[1:]


def info(**trust):
    with Elasticsearch(url, retry_on_timeout=False, max_retries=0, **trust) as client:
        return client.info()["tagline"]


assert info(ca_certs=ca) == "You Know, for Search"
assert info(ssl_context=ssl.create_default_context(cafile=ca)) == "You Know, for Search"
for written in (fingerprint, fingerprint.replace(":", "").lower()):
    assert info(ssl_assert_fingerprint=written) == "You Know, for Search"
for wrong in ({}, {"ssl_assert_fingerprint": "00" * 32}):
    try:
        info(**wrong)
    except ConnectionError:
        continue
    raise AssertionError(f"{wrong} should not be enough")
