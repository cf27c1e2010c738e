"""Stubs, gates and the other side's hand, as far as the mock has them."""

import threading

import pytest
from test_server import CRM, call, claim

from elastimock import ElastimockError, Server


@pytest.fixture(scope="module")
def server():
    with Server(CRM) as server:
        try:
            server.admin("GET", "/stubs")
        except ElastimockError:
            pytest.skip("this mock has no stubs")
        yield server


def test_a_stub_answers_in_its_scope(server):
    server.scope("stub")
    server.stub({"request": {"operation": "connector.sync_job_claim", "call": 1}, "response": {"status": 503}})
    assert [claim(server)[0], claim(server)[0]] == [503, 200]
    server.scope("the next")
    assert claim(server)[0] == 200


def test_a_gate_holds_calls(server):
    server.scope("gate")
    server.stub({"request": {"operation": "connector.sync_job_claim"}, "response": {"hold": "claims"}})
    claiming = threading.Thread(target=claim, args=(server,))
    claiming.start()
    while not any(gate["held"] for gate in server.gates()["gates"]):
        assert claiming.is_alive()
    assert server.sync_job("job-1")["status"] == "pending"
    server.release("claims")
    claiming.join()
    assert server.sync_job("job-1")["status"] == "in_progress"


def test_a_gate_lets_calls_go_in_an_order(server):
    server.scope("order")
    server.stub({"request": {"operation": "connector.sync_job_claim"}, "response": {"hold": "claims"}})
    claiming = []
    for worker in ("first", "second"):
        body = {"worker_hostname": worker}
        claiming.append(threading.Thread(target=call, args=(server, "PUT", "/_connector/_sync_job/job-1/_claim", body)))
        claiming[-1].start()
        while sum(len(gate["held"]) for gate in server.gates()["gates"]) < len(claiming):
            assert claiming[-1].is_alive()
    server.release("claims", 1)
    claiming[1].join()
    assert server.sync_job("job-1")["worker_hostname"] == "second"
    assert claiming[0].is_alive()
    server.release("claims", 0)
    claiming[0].join()
    assert server.sync_job("job-1")["worker_hostname"] == "first"
    with pytest.raises(ElastimockError, match="there is no call"):
        server.release("claims", 7)


def test_the_other_side_cancels(server):
    server.scope("hand")
    claim(server)
    server.hand({"cancel": "job-1"})
    assert call(server, "GET", "/_connector/_sync_job/job-1")[1]["status"] == "canceling"
    assert server.calls("connector.sync_job_cancel") == []
