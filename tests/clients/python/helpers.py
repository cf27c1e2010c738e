"""Drives the helpers of Elastic's official client over a content index: helpers.py URL.

Bulk loads, in one thread and in several, every action of a bulk, and scans by scroll and by page.
"""

import sys

from elasticsearch import Elasticsearch, NotFoundError, helpers

INDEX = "search-helpers"
COUNT = 1200


def expect(actual, wanted):
    assert actual == wanted, f"wanted {wanted!r}, got {actual!r}"


def documents(first, last):
    return ({"_index": INDEX, "_id": f"doc-{at:04}", "number": at, "parity": "even" if at % 2 == 0 else "odd"}
            for at in range(first, last))


def story(client):
    expect(helpers.bulk(client, documents(0, COUNT - 200), chunk_size=250), (COUNT - 200, []))
    outcomes = list(helpers.parallel_bulk(client, documents(COUNT - 200, COUNT), thread_count=2, chunk_size=50))
    expect((len(outcomes), all(ok for ok, _ in outcomes)), (200, True))
    client.indices.refresh(index=INDEX)
    expect(client.count(index=INDEX)["count"], COUNT)

    # Every document once, whatever the size of a page; `scan` clears its scroll by itself.
    for size in (100, 1000, 5000):
        numbers = sorted(hit["_source"]["number"] for hit in helpers.scan(client, index=INDEX, size=size))
        expect(numbers, list(range(COUNT)))
    odd = helpers.scan(client, index=INDEX, query={"query": {"term": {"parity.keyword": "odd"}}, "_source": ["number"]})
    expect(sorted(hit["_source"]["number"] for hit in odd), list(range(1, COUNT, 2)))

    actions = [
        {"_op_type": "create", "_index": INDEX, "_id": "doc-0000", "number": -1},
        {"_op_type": "update", "_index": INDEX, "_id": "doc-0001", "doc": {"parity": "strange"}},
        {"_op_type": "update", "_index": INDEX, "_id": "new", "doc": {"number": 7}, "doc_as_upsert": True},
        {"_op_type": "delete", "_index": INDEX, "_id": "doc-0002"},
        {"_op_type": "delete", "_index": INDEX, "_id": "never"},
    ]
    seen = [(ok, *[(action, item["status"]) for action, item in outcome.items()])
            for ok, outcome in helpers.streaming_bulk(client, actions, raise_on_error=False)]
    expect(seen, [
        (False, ("create", 409)),
        (True, ("update", 200)),
        (True, ("update", 201)),
        (True, ("delete", 200)),
        (False, ("delete", 404)),
    ])
    expect(client.get(index=INDEX, id="doc-0001")["_source"], {"number": 1, "parity": "strange"})

    try:
        helpers.bulk(client, [actions[0]])
    except helpers.BulkIndexError as error:
        expect(error.errors[0]["create"]["error"]["type"], "version_conflict_engine_exception")
    else:
        raise AssertionError("a bulk with a conflict must fail")

    # What `scan` would do with a point in time, as newer code does it by hand.
    pit = client.open_point_in_time(index=INDEX, keep_alive="1m")["id"]
    found, after = 0, None
    while True:
        page = client.search(pit={"id": pit, "keep_alive": "1m"}, size=500, sort=[{"number": "asc"}],
                             **({"search_after": after} if after else {}))["hits"]["hits"]
        if not page:
            break
        found, after = found + len(page), page[-1]["sort"]
    client.close_point_in_time(id=pit)
    expect(found, COUNT)

    client.indices.delete(index=INDEX)
    try:
        client.count(index=INDEX)
    except NotFoundError as error:
        expect(error.body["error"]["type"], "index_not_found_exception")
    else:
        raise AssertionError("the index is gone")


story(Elasticsearch(sys.argv[1]))
