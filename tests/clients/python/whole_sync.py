"""A whole sync by Elastic's official client, with all that is another in every run: whole_sync.py URL [FOLDER [POLLS]].

The host's name, the day, the folder and the number of polls differ; the ids of connector and job are the server's.
"""

import datetime
import hashlib
import socket
import sys

from elasticsearch import Elasticsearch, helpers

JOBS = ".elastic-connectors-sync-jobs"
CONNECTORS = ".elastic-connectors"


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def expect(actual, wanted):
    assert actual == wanted, f"wanted {wanted!r}, got {actual!r}"


def documents(folder):
    for number in range(5):
        path = f"{folder}/note-{number}.txt"
        digest = hashlib.sha256(path.encode()).hexdigest()[:32]
        yield {"_index": "search-notes", "_id": digest, "_source": {
            "id": digest, "path": path, "size": 17 + number, "_timestamp": now(), "body": f"Note number {number}"}}


def story(client, folder, polls):
    api = client.connector
    connector = api.post(index_name="search-notes", name="Notes", service_type="dir")["id"]
    api.update_configuration(connector_id=connector, configuration={"directory": {
        "default_value": None, "depends_on": [], "display": "textbox", "label": "Directory", "options": [], "order": 1,
        "placeholder": "/srv", "required": True, "sensitive": False, "tooltip": None, "type": "str",
        "ui_restrictions": [], "validations": [], "value": ""}})
    api.update_configuration(connector_id=connector, values={"directory": folder})
    for _ in range(polls):
        waiting = client.search(index=JOBS, query={"bool": {"must": [
            {"term": {"connector.id": connector}}, {"terms": {"status": ["pending", "suspended"]}}]}}, ignore_unavailable=True)
        expect(len(waiting["hits"]["hits"]), 0)
    job = api.sync_job_post(id=connector, job_type="full")["id"]
    expect(api.sync_job_get(connector_sync_job_id=job)["status"], "pending")
    api.sync_job_claim(connector_sync_job_id=job, worker_hostname=socket.gethostname())
    seen = client.get(index=JOBS, id=job)
    expect(seen["_source"]["status"], "in_progress")
    for _ in range(polls):
        api.check_in(connector_id=connector)
        api.sync_job_check_in(connector_sync_job_id=job)
        expect(api.sync_job_get(connector_sync_job_id=job)["status"], "in_progress")
    expect(helpers.bulk(client, documents(folder), refresh=True), (5, []))
    expect(client.count(index="search-notes", query={"range": {"_timestamp": {"lte": now()}}})["count"], 5)
    api.sync_job_update_stats(connector_sync_job_id=job, deleted_document_count=0, indexed_document_count=5,
                              indexed_document_volume=95)
    seen = client.get(index=JOBS, id=job)
    client.update(index=JOBS, id=job, if_seq_no=seen["_seq_no"], if_primary_term=seen["_primary_term"], refresh=True,
                  doc={"status": "completed", "completed_at": now(), "last_seen": now(), "error": None})
    api.last_sync(connector_id=connector, last_sync_status="completed", last_synced=now(), last_indexed_document_count=5)
    expect(api.sync_job_get(connector_sync_job_id=job)["status"], "completed")
    found = client.search(index="search-notes", query={"match": {"body": "number"}}, size=10)
    expect(sorted(hit["_source"]["size"] for hit in found["hits"]["hits"]), [17, 18, 19, 20, 21])


arguments = sys.argv[1:] + ["/srv/notes", "2"][len(sys.argv) - 2:]
story(Elasticsearch(arguments[0], request_timeout=20, max_retries=0), arguments[1], int(arguments[2]))
