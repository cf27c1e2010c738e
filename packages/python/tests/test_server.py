"""The server as a Python program meets it."""

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import elastimock
from elastimock import ElastimockError, Server

CRM = {"connectors": [{"id": "crm", "index_name": "search-crm"}], "sync_jobs": [{"id": "job-1", "connector_id": "crm"}]}


def call(server, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {"content-type": "application/json"} if body is not None else {}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


def claim(server, worker="w-1", job="job-1"):
    return call(server, "PUT", f"/_connector/_sync_job/{job}/_claim", {"worker_hostname": worker})


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except (OSError, IndexError):
        return False
    return state not in "ZX"


def test_it_serves_fixtures_and_tells_what_was_wrong():
    with Server(CRM, args=["--clock", "frozen@2031-05-01T10:00:00Z", "--seed", "7"]) as server:
        assert (server.seed, server.now) == (7, "2031-05-01T10:00:00.000Z")
        assert claim(server, worker="") == (200, {"result": "updated"})
        assert server.sync_job("job-1")["status"] == "in_progress"
        assert server.connector("crm")["index_name"] == "search-crm"
        with pytest.raises(KeyError):
            server.sync_job("job-2")
        found = server.findings()
        assert (found.rules, found.errors, found[0].severity) == (["blank-worker-hostname"], 1, "error")
        assert "put the worker's host name into `worker_hostname`" in str(found)
        with pytest.raises(AssertionError, match="job-1 was claimed by a worker without a name"):
            server.assert_conformant()
        assert [call["operation"] for call in server.calls()] == ["connector.sync_job_claim"]
        assert server.calls("bulk") == []
        assert server.recording().startswith('{"elastimock_recording":1')
        assert server.coverage()["percent"] > 0
        assert server.advance("1m") == "2031-05-01T10:01:00.000Z"
        assert server.set_clock("2031-05-01T10:02:00Z") == "2031-05-01T10:02:00.000Z"

        server.scope("the next")
        assert server.findings() == [] and server.now == "2031-05-01T10:00:00.000Z"
        assert server.findings(scope="all").rules == ["blank-worker-hostname"]
        server.allow("blank-worker-hostname", "it is about something else")
        claim(server, worker="")
        server.assert_conformant()
        server.put_state({"connectors": [{"id": "other"}]})
        server.add_state({"connectors": [{"id": "third"}]})
        assert [connector["id"] for connector in server.state["connectors"]] == ["other", "third"]
        server.reset()
        assert server.connector("crm")
    assert server.stop() == 1, "the run had an error"
    assert server.stop() == 1, "once more is no harm"


def test_what_is_refused_is_told_in_the_words_of_the_mock(tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{ "conectors": [] }')
    with pytest.raises(ElastimockError, match="did you mean `connectors`"):
        Server(wrong)
    with pytest.raises(ElastimockError, match="unexpected argument"):
        Server(args=["--no-such-flag"])
    with Server() as server:
        with pytest.raises(ElastimockError, match="there is no parameter"):
            server.admin("GET", "/health", query={"x": "y"})
        with pytest.raises(ElastimockError, match="a clock is"):
            server.set_clock("stopped@now")
        with pytest.raises(ElastimockError, match="lint"):
            wrong.write_text("{")
            server.put_state(wrong)


def test_the_command_line_is_there_too():
    told = subprocess.run([sys.executable, "-m", "elastimock", "--version"], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("elastimock ")
    assert subprocess.run([elastimock.binary(), "-V"], check=True).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at in /proc")
@pytest.mark.parametrize("forks", [False, True])
def test_no_server_outlives_its_program(forks):
    program = f"""
        import os, sys, time
        from elastimock import Server
        server = Server()
        if {forks} and os.fork() == 0:
            sys.stdout.close()
            time.sleep(300)
        print(server._process.pid, flush=True)
        time.sleep(300)
    """
    running = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert running.stdout
    pid = int(running.stdout.readline())
    assert is_alive(pid)
    running.send_signal(signal.SIGKILL)
    running.wait()
    until = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < until, "the server goes on running"
        time.sleep(0.02)
    if forks:
        os.killpg(running.pid, signal.SIGKILL)
    running.stdout.close()


def test_it_speaks_tls():
    with Server(CRM, args=["--tls", "self-signed"]) as server:
        assert server.url.startswith("https://") and len(server.ca_fingerprint) == 64
        trust = ssl.create_default_context(cadata=server.ca)
        connection = http.client.HTTPSConnection("localhost", server.port, context=trust)
        connection.request("GET", "/_connector")
        assert connection.getresponse().status == 200
        connection.close()
        assert [call["operation"] for call in server.calls()] == ["connector.list"]
    with Server(CRM) as server:
        assert (server.ca, server.ca_fingerprint) == (None, None)
