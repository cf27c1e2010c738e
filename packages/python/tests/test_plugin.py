"""The plugin, in suites of its own."""

import itertools
import json
import sys
import textwrap
import time
from pathlib import Path

import pytest

TESTS = """
    import http.client, os, time
    import pytest

    def claim(mock, job="job-pending", worker="w-1"):
        connection = http.client.HTTPConnection("127.0.0.1", mock.port)
        body = '{"worker_hostname": "%s"}' % worker
        connection.request("PUT", f"/_connector/_sync_job/{job}/_claim", body, {"content-type": "application/json"})
        assert connection.getresponse().status == 200
        connection.close()
"""


@pytest.fixture
def suite(pytester):
    def make(tests):
        pytester.makepyfile(test_it=textwrap.dedent(TESTS) + textwrap.dedent(tests))
        return pytester

    return make


def run(suite, *words):
    return suite.runpytest_subprocess("-p", "no:cacheprovider", *words)


def test_findings_fail_the_test_that_caused_them(suite):
    result = run(suite("""
        def test_before(elastimock):
            claim(elastimock)

        def test_guilty(elastimock):
            claim(elastimock, worker="")

        def test_after(elastimock):
            claim(elastimock)

        def test_without():
            pass
    """))
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines([
        "*_ test_guilty _*",
        "the client broke the contract: 1 error*",
        "*error?blank-worker-hostname? call *: job-pending was claimed by a worker without a name",
        "*hint: put the worker's host name into*",
        "FAILED test_it.py::test_guilty*",
    ])


def test_in_parallel_exactly_the_guilty_test_fails(suite):
    result = run(suite("""
        @pytest.mark.parametrize("number", range(30))
        def test_claim(elastimock, number):
            claim(elastimock, worker="" if number == 17 else "w-1")
            assert len(elastimock.calls()) == 1
    """), "-n", "3", "-v")
    result.assert_outcomes(passed=29, failed=1)
    result.stdout.fnmatch_lines(["*the client broke the contract: 1 error*", "FAILED test_it.py::test_claim?17?*"])


def test_a_failure_of_the_test_itself_has_the_report_beside_it(suite):
    result = run(suite("""
        def test_both(elastimock):
            claim(elastimock, worker="")
            assert 1 == 2

        @pytest.mark.xfail(strict=True)
        def test_expected(elastimock):
            claim(elastimock, worker="")

        def test_skipped(elastimock):
            pytest.skip("for now")
    """))
    result.assert_outcomes(failed=1, xfailed=1, skipped=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2", "*- Captured elastimock call -*", "*error?blank-worker-hostname?*"])


def test_what_a_fixture_does_when_it_is_taken_down_counts(suite):
    result = run(suite("""
        @pytest.fixture
        def worker(elastimock):
            yield
            claim(elastimock, worker="")

        def test_worker(worker):
            pass
    """))
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_worker*", "the client broke the contract: 1 error*"])


def test_markers_say_what_the_mock_is(suite):
    suite = suite("""
        pytestmark = pytest.mark.elastimock(allow={"blank-worker-hostname": "that is not what this file is about"})

        @pytest.mark.elastimock(fixtures={"connectors": [{"id": "a"}], "sync_jobs": [{"id": "j", "connector_id": "a"}]})
        def test_fixture(elastimock):
            claim(elastimock, job="j", worker="")
            assert [connector["id"] for connector in elastimock.state["connectors"]] == ["a"]

        @pytest.mark.elastimock(fixtures=["more.json", {"connectors": [{"id": "b"}]}])
        def test_files(elastimock):
            claim(elastimock, job="more", worker="")
            assert [connector["id"] for connector in elastimock.state["connectors"]] == ["more", "b"]

        @pytest.mark.elastimock(clock="frozen@2031-05-01T10:00:00Z")
        def test_clock(elastimock):
            claim(elastimock, worker="")
            assert elastimock.now == "2031-05-01T10:00:00.000Z"

        @pytest.mark.elastimock(fail_on="never", allow={"claim-of-running-job": "it is meant"})
        def test_lenient(elastimock):
            claim(elastimock, worker="")
            claim(elastimock, worker="w-2")
            assert elastimock.findings().rules == []

        def test_environment(elastimock):
            claim(elastimock, worker="")
            assert os.environ["ELASTICSEARCH_URL"] == os.environ["ELASTIMOCK_URL"] == elastimock.url

        @pytest.mark.elastimock(fail_on="warning")
        def test_warning(elastimock):
            claim(elastimock, worker="")
            claim(elastimock, worker="")
    """)
    suite.makefile(".json", more='{"connectors": [{"id": "more"}], "sync_jobs": [{"id": "more", "connector_id": "more"}]}')
    result = run(suite, "--strict-markers")
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["*warnings fail this test*", "*warning?reclaim-of-own-job?*"])


def test_mistakes_in_markers_are_told(suite):
    result = run(suite("""
        @pytest.mark.elastimock(fixture="x.json")
        def test_name(elastimock): pass

        @pytest.mark.elastimock(allow="job-left-open")
        def test_allow(elastimock): pass

        @pytest.mark.elastimock(fixtures={"conectors": []})
        def test_fixture(elastimock): pass
    """))
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines(["*not fixture*", "*allow of the marker elastimock is a dictionary of rules with reasons*", "*did you mean `connectors`*"])


def test_options_are_for_all_tests(suite):
    suite = suite("""
        def test_it(elastimock):
            claim(elastimock, job="crm-1")
            assert elastimock.seed == 7
            claim(elastimock, job="crm-1")
    """)
    suite.makeini("""
        [pytest]
        elastimock_fixtures = crm.json
        elastimock_fail_on = warning
        elastimock_args = --seed 7
    """)
    suite.makefile(".json", crm='{"connectors": [{"id": "crm"}], "sync_jobs": [{"id": "crm-1", "connector_id": "crm"}]}')
    result = run(suite, "--elastimock-record", "recordings")
    result.assert_outcomes(failed=1)
    assert '"operation":"connector.sync_job_claim"' in (suite.path / "recordings/main.ndjson").read_text()
    suite.makeini("[pytest]\nelastimock_fail_on = all\n")
    assert "elastimock_fail_on is one of error, warning, never" in str(run(suite).stderr) + str(run(suite).stdout)


def test_a_runner_that_crashes_leaves_no_server(suite):
    if sys.platform != "linux":
        pytest.skip("processes are looked at in /proc")
    suite = suite("""
        def test_crash(elastimock):
            open("pid", "w").write(str(elastimock._process.pid))
            os.kill(os.getpid(), 9)
    """)
    run(suite)
    pid = (suite.path / "pid").read_text()
    until = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] not in "ZX":
        assert time.monotonic() < until, "the server goes on running"
        time.sleep(0.02)


def test_findings_point_at_the_test(suite):
    pytester = suite("""
        def test_guilty(elastimock):
            claim(elastimock, worker="")

        class TestMore:
            @pytest.mark.parametrize("name", ["a:1", "b"])
            def test_named(self, elastimock, name):
                claim(elastimock, worker="")

        def test_by_hand(elastimock):
            elastimock.scope("by hand")
            claim(elastimock, worker="")
    """)
    pytester.makeini("[pytest]\nelastimock_args = --report annotations=found.txt --report json=found.json")
    run(pytester).assert_outcomes(failed=4)
    lines = (pytester.path / "test_it.py").read_text().splitlines()
    found = json.loads((pytester.path / "found.json").read_text())["findings"]
    places = [(finding["source"]["file"], finding["source"]["line"], finding["source"].get("test")) for finding in found]
    names = ["test_guilty", "test_named[a:1]", "test_named[b]"]
    # pytest counts a decorated test from its decorator.
    starts = ["def test_guilty", "@pytest.mark.parametrize", "@pytest.mark.parametrize"]
    line_of = lambda start: next(at for at, line in enumerate(lines, 1) if line.strip().startswith(start))
    assert places[:3] == [("test_it.py", line_of(start), name) for start, name in zip(starts, names)]
    assert places[3] == ("test_it.py", line_of("elastimock.scope"), None)
    told = (pytester.path / "found.txt").read_text()
    assert told.startswith(f"::error file=test_it.py,line={places[0][1]},title=blank-worker-hostname in test_it.py")


def test_findings_between_tests_are_told(suite):
    suite = suite("""
        @pytest.fixture(scope="module")
        def wide(elastimock_server):
            claim(elastimock_server, worker="")
            yield
            claim(elastimock_server, worker="")

        def test_it(wide, elastimock):
            claim(elastimock)

        def test_good(elastimock):
            claim(elastimock)

        class TestLater:
            @pytest.fixture(scope="class", autouse=True)
            def wide(self, elastimock_server):
                claim(elastimock_server, worker="")

            def test_first(self, elastimock):
                claim(elastimock)

            def test_second(self, elastimock):
                claim(elastimock)

        def test_only_the_server(elastimock_server):
            claim(elastimock_server, worker="")

        @pytest.fixture
        def guilty(elastimock_server):
            claim(elastimock_server, worker="")

        def test_a_guilty_fixture(guilty, elastimock_server):
            pass

        def test_after(elastimock_server):
            pass
    """)
    result = run(suite, "-p", "no:asyncio")
    result.assert_outcomes(passed=3, failed=2, errors=3)
    result.stdout.fnmatch_lines([
        "*ERROR at setup of test_it*",
        "fixture wide, when it was made:",
        "the client broke the contract: 1 error*",
        "*called from: test_it.py:* (wide)",
        "*ERROR at setup of TestLater.test_first*",
        "*ERROR at teardown of test_after*",
        "fixture wide, when it was taken down:",
        "*_ test_only_the_server _*",
        "*called from: test_it.py:* (test_only_the_server)",
    ])
    result.stdout.no_fnmatch_line("*ERROR at setup of test_good*")


def test_a_wide_fixture_that_does_wrong_at_its_end_is_an_error(suite):
    suite = suite("""
        @pytest.fixture(scope="session")
        def registered(elastimock_server):
            claim(elastimock_server)
            yield elastimock_server.sync_job("job-pending")
            claim(elastimock_server, worker="")

        def test_it(registered, elastimock):
            claim(elastimock)

        def test_late(registered, elastimock):
            claim(elastimock)
    """)
    suite.makeini("[pytest]\nelastimock_args = --report junit=out.xml\n")
    result = run(suite)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines([
        "*ERROR at teardown of test_late*",
        "fixture registered, when it was taken down:",
        "*called from: test_it.py:* (registered)",
    ])
    # No test is blamed for it.
    assert (suite.path / "out.xml").read_text().count("<failure") == 1


def test_a_scope_that_a_test_ends_is_still_its_own(suite):
    result = run(suite("""
        def test_reset(elastimock):
            claim(elastimock, worker="")
            elastimock.reset()
            claim(elastimock)

        def test_scope(elastimock):
            claim(elastimock, worker="")
            elastimock.scope("second half")
            claim(elastimock, worker="")

        def test_by_hand(elastimock):
            claim(elastimock, worker="")
            elastimock.admin("POST", "/reset")

        def test_good(elastimock):
            elastimock.reset()
            claim(elastimock)

        def test_forgotten(elastimock):
            claim(elastimock, worker="")
            elastimock.admin("POST", "/reset", query={"forget": "true"})

        @pytest.mark.elastimock(
            fixtures={"connectors": [{"id": "mine"}]}, clock="frozen@2031-05-01T10:00:00Z",
            allow={"blank-worker-hostname": "meant"}, stubs={"request": {"operation": "info"}, "response": {"status": 503}},
        )
        def test_begins_again_as_it_began(elastimock):
            for begin in (lambda: None, elastimock.reset, lambda: elastimock.scope("again")):
                elastimock.advance("1h")
                begin()
                assert [connector["id"] for connector in elastimock.state["connectors"]] == ["mine"]
                assert len(elastimock.admin("GET", "/stubs")["stubs"]) == 1
            assert elastimock.now == "2031-05-01T10:00:00.000Z"

        def test_another(elastimock):
            assert "mine" not in [connector["id"] for connector in elastimock.state["connectors"]]
            elastimock.reset()
            assert "mine" not in [connector["id"] for connector in elastimock.state["connectors"]]
    """))
    result.assert_outcomes(passed=4, failed=3)


def test_a_scope_that_another_process_ends_is_the_tests_own(suite):
    result = run(suite("""
        def in_a_child(deed):
            child = os.fork()
            if not child:
                try:
                    deed()
                finally:
                    os._exit(0)
            os.waitpid(child, 0)

        def test_guilty(elastimock):
            def child():
                claim(elastimock, worker="")
                elastimock.reset()
            in_a_child(child)

        def test_guilty_twice(elastimock):
            def child():
                claim(elastimock, worker="")
                elastimock.scope("of the child")
                claim(elastimock, worker="")
            in_a_child(child)
            claim(elastimock, worker="")
            elastimock.reset()

        def test_by_hand(elastimock):
            claim(elastimock, worker="")
            connection = http.client.HTTPConnection("127.0.0.1", elastimock.port)
            connection.request("POST", "/_elastimock/reset")
            connection.getresponse()

        @pytest.mark.elastimock(stubs={"request": {"operation": "connector.sync_job_claim"}, "response": {}, "expect": 1})
        def test_good(elastimock):
            def child():
                claim(elastimock)
                elastimock.reset()
            in_a_child(child)

        def test_forgotten(elastimock):
            def child():
                claim(elastimock, worker="")
                elastimock.admin("POST", "/reset", query={"forget": "true"})
            in_a_child(child)
    """))
    result.assert_outcomes(passed=2, failed=3)
    # In CI the summary at the end tells it all once more.
    told = itertools.takewhile(lambda line: "short test summary" not in line, result.outlines)
    assert len([line for line in told if line.startswith("> ") and "_claim" in line]) == 5


def test_a_test_in_a_forked_process_has_its_own_verdict(suite):
    pytester = suite("""
        def test_before(elastimock):
            claim(elastimock)

        @pytest.mark.fork
        def test_guilty(elastimock):
            claim(elastimock, worker="")
            elastimock.reset()

        @pytest.mark.fork
        def test_good(elastimock):
            claim(elastimock)

        def test_after(elastimock):
            claim(elastimock)

        @pytest.mark.fork
        def test_without():
            pass
    """)
    # As pytest-forked does it.
    pytester.makeconftest("""
        import os, pickle, pytest
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item):
            if not (item.get_closest_marker("fork") or os.environ.get("FORK_ALL")):
                return None
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                reports = runtestprotocol(item, log=False)
                config = item.config.hook
                told = [config.pytest_report_to_serializable(config=item.config, report=report) for report in reports]
                os.write(writing, pickle.dumps(told))
                os._exit(0)
            os.close(writing)
            with open(reading, "rb") as pipe:
                told = pickle.load(pipe)
            os.waitpid(child, 0)
            for report in told:
                report = item.config.hook.pytest_report_from_serializable(config=item.config, data=report)
                item.ihook.pytest_runtest_logreport(report=report)
            return True
    """)
    pytester.makeini("[pytest]\nmarkers = fork: runs in a process of its own\nelastimock_args = --report json=out.json\n")
    result = run(pytester)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["FAILED *::test_guilty*"])
    assert [path.name for path in pytester.path.glob("out.*")] == ["out.json"]
    # Where none has a process before, each has one of its own, and writes what is its own.
    result = run(pytester, "-k", "test_guilty or test_good")
    result.assert_outcomes(passed=1, failed=1, deselected=3)
    assert len(list(pytester.path.glob("out.fork*.json"))) == 2


def test_however_a_test_ends_it_has_one_result(suite):
    result = run(suite("""
        import unittest

        def test_fail(elastimock):
            claim(elastimock, worker="")
            pytest.fail("mine")

        def test_exit(elastimock):
            claim(elastimock, worker="")
            raise SystemExit(3)

        def test_xfail(elastimock):
            claim(elastimock, worker="")
            pytest.xfail("known")

        def test_skip(elastimock):
            claim(elastimock, worker="")
            pytest.skip("not here")

        class TestCase(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def mock(self, elastimock):
                self.mock = elastimock

            def test_good(self):
                claim(self.mock)

            def test_guilty(self):
                claim(self.mock, worker="")

            def test_both(self):
                claim(self.mock, worker="")
                self.fail("mine")

            def test_skips(self):
                claim(self.mock, worker="")
                self.skipTest("not here")

            def test_good_skip(self):
                self.skipTest("not here")
    """))
    result.assert_outcomes(passed=1, failed=6, xfailed=1, skipped=1)
    # Three fail by themselves, and have the report beside.
    assert str(result.stdout).count("- Captured elastimock call -") == 3


def test_a_mock_that_ends_fails_one_test(suite):
    result = run(suite("""
        def test_kill(elastimock):
            elastimock._process.kill()
            elastimock._process.wait()

        def test_next(elastimock):
            claim(elastimock)

        def test_stop(elastimock):
            elastimock.stop()
            elastimock.advance("5m")

        def test_last(elastimock):
            claim(elastimock)
    """))
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["*the mock has ended (signal 9): no answer to *", "*the mock has ended (exit code 0): no answer to *"])


def test_what_a_mock_that_has_ended_has_written_stays(suite):
    pytester = suite("""
        @pytest.mark.parametrize("number", range(3))
        def test_kill(elastimock, number):
            claim(elastimock)
            elastimock.assert_conformant()
            elastimock._process.kill()
            elastimock._process.wait()
    """)
    pytester.makeini("[pytest]\nelastimock_args = --record out.ndjson\n")
    run(pytester).assert_outcomes(failed=3)
    written = {path.name: "/_claim" in path.read_text() for path in pytester.path.glob("out.*")}
    assert written == {"out.ndjson": True, "out.2.ndjson": True, "out.3.ndjson": True}


def test_an_inherited_test_stands_where_it_is_written(suite):
    pytester = suite("""
        from base import Base

        class TestHere(Base):
            pass
    """)
    pytester.makepyfile(base="""
        class Base:
            def test_inherited(self, elastimock):
                import test_it
                test_it.claim(elastimock, worker="")
    """)
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*called from: base.py:2 (test_inherited)"])


def test_a_fixture_of_one_test_is_read_as_serve_reads_it(suite):
    pytester = suite("""
        import gzip, json, pathlib

        state = {"connectors": [{"id": "a"}], "sync_jobs": [{"id": "j", "connector_id": "a"}]}
        folder = pathlib.Path(__file__).parent / "folder"
        folder.mkdir(exist_ok=True)
        # The job comes before its connector: a folder is read as one.
        jobs, connectors = {"sync_jobs": state["sync_jobs"]}, {"connectors": state["connectors"]}
        (folder / "a.json.gz").write_bytes(gzip.compress(json.dumps(jobs).encode()))
        (folder / "b.JSON").write_text("\ufeff" + json.dumps(connectors))
        (folder / "c.json").write_text('{"connectors": [{"id": "b"}]}')
        (folder.parent / "bad.json").write_text('{"conectors": []}')

        @pytest.mark.elastimock(fixtures="folder")
        def test_folder(elastimock):
            claim(elastimock, job="j")
            assert [connector["id"] for connector in elastimock.state["connectors"]] == ["a", "b"]

        @pytest.mark.elastimock(fixtures=["folder/c.json", "bad.json"])
        def test_bad(elastimock): pass

        @pytest.mark.elastimock(fixtures="nowhere.json")
        def test_nowhere(elastimock): pass
    """)
    result = run(pytester)
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*bad.json: *did you mean `connectors`*", "*nowhere.json: cannot be read*"])


def test_processes_in_parallel_write_reports_of_their_own(suite, monkeypatch):
    pytester = suite("""
        @pytest.mark.parametrize("number", range(2))
        def test_claim(elastimock, number):
            claim(elastimock)
    """)
    args = "--report junit=out.xml,json=out.json --report=text=out.txt --tls-ca-out=out.pem --port-file {folder}/out.port"
    pytester.makeini(f"[pytest]\nelastimock_args = {args.format(folder=pytester.path)} --tls self-signed\n")
    pytester.makepyfile(test_it="""
        import pytest
        from pathlib import Path

        @pytest.mark.parametrize("number", range(2))
        def test_claim(elastimock, number, worker_id):
            folder = Path(__file__).parent
            assert (folder / f"out.{worker_id}.port").read_text().strip() == str(elastimock.port)
            assert (folder / f"out.{worker_id}.pem").read_text() == elastimock.ca
    """)
    monkeypatch.setenv("ELASTIMOCK_RECORD", "out.ndjson")
    run(pytester, "-n", "2", "--dist", "each").assert_outcomes(passed=4)
    written = sorted(path.name for path in pytester.path.glob("out.*"))
    # The port's file goes with the port.
    kinds = ("json", "ndjson", "pem", "txt", "xml")
    assert written == [f"out.{worker}.{kind}" for worker in ("gw0", "gw1") for kind in kinds]


def test_a_binary_that_is_none_is_named(suite, monkeypatch):
    for binary, told in (("/bin/false", "*/bin/false ended with exit code 1 and told nothing*"), ("/nowhere/elastimock", "*cannot start /nowhere*")):
        monkeypatch.setenv("ELASTIMOCK_BINARY", binary)
        result = run(suite("def test_it(elastimock): pass"))
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines([told])


def test_what_a_marker_expects_is_asked_where_clients_have_called(suite):
    result = run(suite("""
        WANTED = {"request": {"operation": "info"}, "response": {"status": 503}, "expect": 1}
        pytestmark = pytest.mark.elastimock(stubs=WANTED)

        def ask(mock, path="/"):
            connection = http.client.HTTPConnection("127.0.0.1", mock.port)
            connection.request("GET", path)
            connection.getresponse()
            connection.close()

        def test_reset_at_the_end(elastimock):
            ask(elastimock)
            elastimock.reset()

        def test_reset_at_the_start(elastimock):
            elastimock.reset()
            elastimock.scope("begins")
            ask(elastimock)

        def test_never(elastimock):
            elastimock.reset()

        def test_not_in_the_second_phase(elastimock):
            ask(elastimock)
            elastimock.scope("phase 2")
            ask(elastimock, "/_connector")
    """))
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["FAILED *::test_never*", "FAILED *::test_not_in_the_second_phase*"])


def test_a_wrong_marker_is_an_error_of_its_own_test(suite):
    result = run(suite("""
        STUB = {"request": {"operation": "info"}, "response": {"status": 503}, "expect": 1}

        @pytest.fixture(scope="class")
        def wide(elastimock_server):
            yield

        @pytest.mark.elastimock(stubs=STUB, allow={"no-such-rule": "why"})
        def test_wrong(elastimock):
            pass

        def test_good(wide, elastimock):
            claim(elastimock)

        @pytest.mark.elastimock(allow={"no-such-rule": "why"}, stubs=None)
        def test_wrong_again(wide, elastimock):
            pass
    """))
    result.assert_outcomes(passed=1, errors=2)
    told = [line for line in result.outlines if line.startswith("E ") and "there is no rule `no-such-rule`" in line]
    assert len(told) == 2
    assert "_server.py" not in result.stdout.str()


def test_wrong_types_in_markers_are_told(suite):
    result = run(suite("""
        @pytest.mark.elastimock(clock=5)
        def test_clock(elastimock): pass

        @pytest.mark.elastimock(fixtures=[5])
        def test_fixtures(elastimock): pass

        @pytest.mark.elastimock(stubs="x")
        def test_stubs(elastimock): pass
    """))
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines([f"*{name} of the marker elastimock is a *" for name in ("clock", "fixtures", "stubs")])


def test_a_refusal_is_shown_where_the_test_has_asked(suite):
    result = run(suite("""
        def test_time(elastimock):
            elastimock.advance("5 minutes")

        def test_job(elastimock):
            elastimock.sync_job("none")

        @pytest.mark.elastimock(fixtures={"connectors": [{"id": "a", "statu": "x"}]})
        def test_fixture(elastimock): pass
    """))
    result.assert_outcomes(failed=2, errors=1)
    result.stdout.fnmatch_lines(["*`statu` is no field*", "*write a whole number and a unit*", "*no none in sync_jobs; it has job-pending,*"])
    assert not [line for line in result.outlines if "_server.py" in line or "pytest_plugin.py" in line]


def test_a_mock_that_ends_between_tests_is_told(suite):
    result = run(suite("""
        @pytest.fixture
        def killer(elastimock_server):
            yield
            elastimock_server._process.kill()
            elastimock_server._process.wait()

        def test_one(killer, elastimock):
            claim(elastimock)

        def test_two(elastimock):
            claim(elastimock)

        def test_three(killer, elastimock):
            claim(elastimock)
    """))
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["*between the test before this one*the mock has ended (signal 9)*", "*after the last test: the mock has ended*"])


def test_a_scope_begins_once_however_many_threads_end_it(suite):
    result = run(suite("""
        import threading

        @pytest.mark.elastimock(stubs={"request": {"operation": "info"}, "response": {"status": 503}})
        def test_it(elastimock):
            threads = [threading.Thread(target=elastimock.reset) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(elastimock.admin("GET", "/stubs")["stubs"]) == 1
    """))
    result.assert_outcomes(passed=1)


def test_each_server_starts_again_with_its_own_flags(suite):
    result = run(suite("""
        from elastimock import Server

        @pytest.fixture(scope="module", params=[1, 2])
        def elastimock_server(request):
            with Server(args=["--seed", str(request.param)]) as server:
                server.stop()
                server._start_again(lambda args, process: args)
                yield server

        def test_it(elastimock, request):
            assert elastimock.seed == request.node.callspec.params["elastimock_server"]
    """))
    result.assert_outcomes(passed=2)


def test_where_each_process_records(suite, monkeypatch):
    pytester = suite("def test_it(elastimock): claim(elastimock)")
    monkeypatch.setenv("ELASTIMOCK_RECORD", "out.ndjson")
    pytester.makeini("[pytest]\nelastimock_args = --record other.ndjson\n")
    for words in ((), ("-n", "1")):
        run(pytester, "--elastimock-record", "folder", *words).assert_outcomes(passed=1)
    assert sorted(path.name for path in (pytester.path / "folder").iterdir()) == ["gw0.ndjson", "main.ndjson"]
    assert not list(pytester.path.glob("o*.ndjson"))
    monkeypatch.delenv("ELASTIMOCK_RECORD")
    pytester.makeini("[pytest]\nelastimock_args = --cassette c.ndjson\n")
    result = run(pytester, "-n", "1")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*a cassette is of one process*"])
