"""A few calls of Elasticsearch, kept by vcrpy or not: calls.py URL [CASSETTE yaml|json]."""

import json
import sys
import urllib.error
import urllib.request

CALLS = [
    ("PUT", "/_connector/notes", {"index_name": "search-notes", "service_type": "dir"}),
    ("PUT", "/search-notes/_doc/1?refresh=true", {"title": "Zwölf Boxkämpfer", "at": 1.5}),
    ("POST", "/search-notes/_bulk", '{"index":{"_id":"2"}}\n{"title":"two"}\n'),
    ("GET", "/search-notes/_search?q=title:two", None),
    ("GET", "/_connector/nobody", None),
    ("HEAD", "/search-notes", None),
]


def tell(url):
    for method, target, body in CALLS:
        kind = "application/x-ndjson" if isinstance(body, str) else "application/json"
        data = body.encode() if isinstance(body, str) else body and json.dumps(body).encode()
        headers = {"authorization": "ApiKey tr0ub4dor"} | ({"content-type": kind} if data else {})
        call = urllib.request.Request(url + target, data, headers, method=method)
        try:
            with urllib.request.urlopen(call, timeout=20) as answer:
                print(method, target, answer.status, answer.read().decode())
        except urllib.error.HTTPError as refused:
            print(method, target, refused.code, refused.read().decode())


if len(sys.argv) == 2:
    tell(sys.argv[1])
else:
    import vcr

    url, cassette, form = sys.argv[1:]
    with vcr.use_cassette(cassette, serializer=form, record_mode="all", decode_compressed_response=True):
        tell(url)
    # What vcrpy has written it reads, and plays.
    with vcr.use_cassette(cassette, serializer=form, record_mode="none", allow_playback_repeats=True) as played:
        tell(url)
        assert played.play_count == len(CALLS), played.play_count
