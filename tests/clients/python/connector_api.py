"""Drives every call of the Connector API with Elastic's official client: connector_api.py URL.

Fails if the client has a method that this story leaves out, so a newer client cannot pass unseen.
"""

import sys

from elasticsearch import ApiError, Elasticsearch

called = set()


class Calls:
    """The client's namespace for connectors, which notes what is called on it."""

    def __init__(self, namespace):
        self.namespace = namespace

    def __getattr__(self, name):
        called.add(name)
        return getattr(self.namespace, name)


def expect(actual, wanted):
    assert actual == wanted, f"wanted {wanted!r}, got {actual!r}"


def refused(status, kind, call, /, *arguments, **options):
    """The call must fail, and in this way."""
    try:
        answer = call(*arguments, **options)
    except ApiError as error:
        expect((error.status_code, error.body["error"]["type"]), (status, kind))
    else:
        raise AssertionError(f"wanted {status} {kind}, got {answer}")


def updated(answer):
    expect(dict(answer), {"result": "updated"})


def connectors(api):
    expect(dict(api.put(connector_id="crm", index_name="search-crm", name="CRM", service_type="postgresql",
                        language="en", description="Customers", is_native=False)),
           {"id": "crm", "result": "created"})
    made = api.post(index_name="search-docs")
    expect(made["result"], "created")
    other = made["id"]
    expect(api.get(connector_id="crm")["status"], "created")
    expect(api.list(from_=0, size=10)["count"], 2)
    expect(api.list(index_name="search-docs")["results"][0]["id"], other)
    expect(api.list(service_type="postgresql", connector_name="CRM", query="customers")["count"], 1)
    refused(400, "status_exception", api.put, connector_id="twin", index_name="search-crm")
    refused(404, "resource_not_found_exception", api.get, connector_id="nobody")

    updated(api.check_in(connector_id="crm"))
    expect(api.get(connector_id="crm")["last_seen"][-1], "Z")
    updated(api.update_name(connector_id="crm", name="Customers", description="of the shop"))
    expect(dict(api.update_name(connector_id="crm", name="Customers")), {"result": "noop"})
    updated(api.update_index_name(connector_id="crm", index_name="search-customers"))
    updated(api.update_service_type(connector_id="crm", service_type="mysql"))
    expect(api.get(connector_id="crm")["status"], "created")
    updated(api.update_status(connector_id="crm", status="needs_configuration"))
    refused(400, "status_exception", api.update_status, connector_id="crm", status="connected")

    field = {
        "default_value": None, "depends_on": [], "display": "textbox", "label": "Host", "options": [], "order": 1,
        "placeholder": "db.example", "required": True, "sensitive": False, "tooltip": None, "type": "str",
        "ui_restrictions": [], "validations": [], "value": "",
    }
    updated(api.update_configuration(connector_id="crm", configuration={"host": field}))
    updated(api.update_configuration(connector_id="crm", values={"host": "crm.example"}))
    read = api.get(connector_id="crm")
    expect((read["status"], read["configuration"]["host"]["value"]), ("configured", "crm.example"))
    refused(400, "status_exception", api.update_configuration, connector_id="crm", values={"port": 1})

    rule = {
        "created_at": "2031-05-01T10:00:00Z", "updated_at": "2031-05-01T10:00:00Z", "id": "no-drafts",
        "field": "state", "policy": "exclude", "rule": "equals", "value": "draft", "order": 0,
    }
    updated(api.update_filtering(connector_id="crm", rules=[rule, {**rule, "id": "DEFAULT", "field": "_",
                                                                  "policy": "include", "rule": "regex",
                                                                  "value": ".*", "order": 1}]))
    refused(400, "status_exception", api.update_active_filtering, connector_id="crm")
    updated(api.update_filtering_validation(connector_id="crm", validation={"errors": [], "state": "valid"}))
    updated(api.update_active_filtering(connector_id="crm"))
    expect(api.get(connector_id="crm")["filtering"][0]["active"]["rules"][0]["id"], "no-drafts")

    updated(api.update_features(connector_id="crm", features={"incremental_sync": {"enabled": True}}))
    updated(api.update_pipeline(connector_id="crm", pipeline={
        "extract_binary_content": True, "name": "p", "reduce_whitespace": True, "run_ml_inference": False}))
    updated(api.update_scheduling(connector_id="crm", scheduling={
        "full": {"enabled": True, "interval": "0 30 2 * * ?"}}))
    refused(400, "x_content_parse_exception", api.update_scheduling, connector_id="crm", scheduling={
        "full": {"enabled": True, "interval": "sometimes"}})
    updated(api.update_error(connector_id="crm", error="the source is away"))
    api.update_native(connector_id="crm", is_native=False)
    expect(api.get(connector_id="crm")["status"], "error")
    updated(api.update_api_key_id(connector_id="crm", api_key_id="key", api_key_secret_id="secret"))
    updated(api.last_sync(connector_id="crm", last_sync_status="completed", last_indexed_document_count=7,
                          last_synced="2031-05-01T10:00:00Z"))
    expect(api.get(connector_id="crm")["last_indexed_document_count"], 7)

    expect(dict(api.delete(connector_id=other)), {"acknowledged": True})
    refused(404, "resource_not_found_exception", api.get, connector_id=other)


def sync_jobs(api):
    job = api.sync_job_post(id="crm", job_type="full", trigger_method="on_demand")["id"]
    expect(api.sync_job_list(status="pending", connector_id="crm", job_type=["full"])["count"], 1)
    updated(api.sync_job_claim(connector_sync_job_id=job, worker_hostname="worker-0", sync_cursor={"page": 1}))
    updated(api.sync_job_check_in(connector_sync_job_id=job))
    updated(api.sync_job_update_stats(connector_sync_job_id=job, deleted_document_count=1, indexed_document_count=2,
                                      indexed_document_volume=3, total_document_count=4, metadata={"tables": 1}))
    read = api.sync_job_get(connector_sync_job_id=job)
    expect((read["status"], read["indexed_document_count"]), ("in_progress", 2))
    updated(api.sync_job_error(connector_sync_job_id=job, error="the source is away"))
    refused(400, "status_exception", api.sync_job_cancel, connector_sync_job_id=job)
    other = api.sync_job_post(id="crm")["id"]
    updated(api.sync_job_cancel(connector_sync_job_id=other))
    expect(api.sync_job_get(connector_sync_job_id=other)["status"], "canceled")
    expect(dict(api.sync_job_delete(connector_sync_job_id=job)), {"acknowledged": True})
    refused(404, "resource_not_found_exception", api.sync_job_get, connector_sync_job_id=job)
    expect(dict(api.delete(connector_id="crm", delete_sync_jobs=True)), {"acknowledged": True})
    expect(api.sync_job_list()["count"], 0)


def secrets(client):
    """The client has no methods for secrets."""
    json = {"accept": "application/json", "content-type": "application/json"}

    def call(method, path, body=None):
        return client.perform_request(method, f"/_connector/_secret{path}", headers=json, body=body).body

    secret = call("POST", "", {"value": "tr0ub4dor"})["id"]
    expect(call("GET", f"/{secret}"), {"id": secret, "value": "tr0ub4dor"})
    expect(call("PUT", "/own", {"value": "first"}), {"result": "created"})
    expect(call("PUT", "/own", {"value": "second"}), {"result": "updated"})
    expect(call("DELETE", "/own"), {"deleted": True})
    refused(404, "resource_not_found_exception", call, "GET", "/own")


def main(url):
    client = Elasticsearch(url, request_timeout=20, max_retries=0)
    api = Calls(client.connector)
    connectors(api)
    sync_jobs(api)
    secrets(client)
    has = {name for name, member in vars(type(client.connector)).items() if callable(member) and name[0] != "_"}
    expect(called & has, has)
    print(f"{len(called)} calls of client.connector, and the secrets")


main(sys.argv[1])
