"""What goes wrong with a call, as Elastic's official client tells it: troubles.py URL.

Each trouble is a stub of the mock, and the client must say by its own exception what it was.
"""

import json
import sys
import urllib.request

from elasticsearch import (
    ApiError,
    ConnectionError,
    ConnectionTimeout,
    Elasticsearch,
    SerializationError,
    helpers,
)

URL = sys.argv[1]


def expect(actual, wanted):
    assert actual == wanted, f"wanted {wanted!r}, got {actual!r}"


def stub(response, **request):
    """Has calls answered like that; without what was there before."""
    admin("DELETE", "stubs")
    admin("POST", "stubs", {"request": request, "response": response})


def admin(method, path, body=None):
    request = urllib.request.Request(f"{URL}/_elastimock/{path}", method=method, data=json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def calls(operation):
    return len(admin_get(f"journal?operation={operation}")["interactions"])


def admin_get(path):
    with urllib.request.urlopen(f"{URL}/_elastimock/{path}") as answer:
        return json.load(answer)


def raises(kind, call, /, *arguments, **options):
    try:
        answer = call(*arguments, **options)
    except Exception as error:
        assert type(error) is kind, f"wanted {kind.__name__}, got {error!r}"
        return error
    raise AssertionError(f"wanted {kind.__name__}, got {answer!r}")


client = Elasticsearch(URL)
once = client.options(max_retries=0)
client.connector.put(connector_id="crm", index_name="search-crm", service_type="postgresql")
job = client.connector.sync_job_post(id="crm")["id"]

# 429, then well: told once, and passed over by a client that tries again.
busy = {"error": "es_rejected_execution_exception", "headers": {"retry-after": "1"}}
stub(busy, operation="connector.sync_job_claim", call=1)
error = raises(ApiError, once.connector.sync_job_claim, connector_sync_job_id=job, worker_hostname="w-1")
expect((error.status_code, error.error), (429, "es_rejected_execution_exception"))
expect(error.meta.headers["retry-after"], "1")
expect(once.connector.sync_job_get(connector_sync_job_id=job)["status"], "pending")
expect(dict(once.connector.sync_job_claim(connector_sync_job_id=job, worker_hostname="w-1")), {"result": "updated"})

stub(busy, operation="connector.sync_job_check_in", calls="1-2")
before = calls("connector.sync_job_check_in")
again = client.options(max_retries=2)
expect(dict(again.connector.sync_job_check_in(connector_sync_job_id=job)), {"result": "updated"})
expect(calls("connector.sync_job_check_in") - before, 3)

# 429 of single items: the helper sends these again, and no others.
stub({"items": {"2": {"error": "es_rejected_execution_exception"}}}, operation="bulk", call=1)
documents = [{"_index": "search-crm", "_id": str(at), "number": at} for at in range(3)]
outcomes = helpers.streaming_bulk(client, documents, max_retries=2, initial_backoff=0, raise_on_error=False)
expect(sorted(item["index"]["status"] for ok, item in outcomes), [201, 201, 201])
expect(calls("bulk"), 2)

# An answer that comes too late.
stub({"delay": "1m"}, operation="indices.refresh")
raises(ConnectionTimeout, client.options(request_timeout=0.5, max_retries=0).indices.refresh, index="search-crm")

# A connection that breaks: before an answer, in the middle of one, and after the work was done.
for fault in ({"fault": "reset"}, {"fault": "close"}, {"fault": "cut"}):
    stub(fault, operation="connector.get", call=1)
    raises(ConnectionError, once.connector.get, connector_id="crm")
    expect(client.connector.get(connector_id="crm")["index_name"], "search-crm")
stub({"fault": "reset", "acts": "after"}, operation="connector.check_in", call=1)
raises(ConnectionError, once.connector.check_in, connector_id="crm")
assert client.connector.get(connector_id="crm")["last_seen"], "it was done, although nobody was told"

# A proxy answers, and an answer that is none.
stub({"status": 502, "text": "upstream connect error"}, operation="connector.get", call=1)
error = raises(ApiError, once.connector.get, connector_id="crm")
expect(error.status_code, 502)
stub({"fault": "garbage"}, operation="connector.get", call=1)
raises(SerializationError, once.connector.get, connector_id="crm")
admin("DELETE", "stubs")
