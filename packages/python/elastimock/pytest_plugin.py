"""The pytest plugin: the fixture ``elastimock`` is a mock server whose findings fail the test that caused them.

There is one process for each session, or for each worker of xdist, and a scope for each test, which starts from the
fixtures again. While a test runs ``ELASTICSEARCH_URL`` and ``ELASTIMOCK_URL`` tell where the mock is.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from elastimock._server import FailOn, Findings, Fixture, Server, place_of

_FAIL_ON = ("error", "warning", "never")
_KNOWN = ("fixtures", "stubs", "clock", "allow", "fail_on")
_VARIABLES = ("ELASTICSEARCH_URL", "ELASTIMOCK_URL")

_MARKER = """\
elastimock(fixtures=…, stubs=…, clock=…, allow=…, fail_on=…): what the mock is for this test. fixtures: a fixture, a path \
beside the test file, or a list of them; stubs: a stub or a list; clock: "frozen@2031-05-01T10:00:00Z"; allow: rules that \
it may break, {"job-left-open": "it ends after the claim"}; fail_on: error, warning or never\
"""


class _Mock:
    """What belongs to a test while it runs."""

    def __init__(self, server: Server, fail_on: FailOn) -> None:
        self.server = server
        self.fail_on = fail_on
        self.told = 0

    def news(self) -> Findings | None:
        """What fails the test, if there is more of it than was told already."""
        found = self.server.findings()
        count = found.errors + (found.warnings if self.fail_on == "warning" else 0)
        is_news = found.fail(self.fail_on) and count > self.told
        self.told = max(self.told, count)
        return found if is_news else None

    def report(self, found: Findings) -> str:
        if found.errors or self.fail_on != "warning":
            return found.text
        return f"warnings fail this test (fail_on=warning)\n{found.text}"


_MOCK = pytest.StashKey[_Mock]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("elastimock")
    group.addoption(
        "--elastimock-record",
        metavar="FOLDER",
        help="write what is said to the mock to FOLDER, a recording for each process, for `elastimock coverage`",
    )
    parser.addini("elastimock_fixtures", "fixtures of every test: files or folders", type="paths", default=[])
    parser.addini("elastimock_fail_on", "findings that fail a test: error, warning or never", default="error")
    parser.addini("elastimock_args", "further flags of `elastimock serve`", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    _fail_on(config.getini("elastimock_fail_on"), "elastimock_fail_on")


def _fail_on(given: object, where: str) -> FailOn:
    if given not in _FAIL_ON:
        raise pytest.UsageError(f"{where} is one of {', '.join(_FAIL_ON)}, not {given!r}")
    return cast(FailOn, given)


@pytest.fixture(scope="session")
def elastimock_server(request: pytest.FixtureRequest) -> Generator[Server]:
    """The mock's process. Tests use ``elastimock``; this is for what is made once in a session."""
    config = request.config
    args: list[str] = list(config.getini("elastimock_args"))
    folder = config.getoption("--elastimock-record")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        worker = getattr(config, "workerinput", {}).get("workerid", "main")
        args += ["--record", str(Path(folder) / f"{worker}.ndjson")]
    with Server(config.getini("elastimock_fixtures"), args=args) as server:
        yield server


@pytest.fixture
def elastimock(request: pytest.FixtureRequest, elastimock_server: Server) -> Generator[Server]:
    """A mock server in a scope of this test's own. Its findings fail the test."""
    server, item = elastimock_server, request.node
    wanted = _wanted(item)
    server.scope(item.nodeid, _place(item))
    if "fixtures" in wanted:
        server.put_state(*(_beside(item.path, fixture) for fixture in _listed(wanted["fixtures"])))
    if "clock" in wanted:
        server.set_clock(wanted["clock"])
    if "stubs" in wanted:
        server.stub(*_listed(wanted["stubs"]))
    for rule, reason in wanted.get("allow", {}).items():
        server.allow(rule, reason)
    mock = item.stash[_MOCK] = _Mock(server, wanted["fail_on"])
    before = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update(dict.fromkeys(_VARIABLES, server.url))
    try:
        yield server
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    # What the test's own fixtures did wrong when they were taken down.
    found = mock.news()
    if found:
        pytest.fail(mock.report(found), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    try:
        result = yield
    except pytest.skip.Exception:
        raise
    except Exception as error:
        mock = item.stash.get(_MOCK, None)
        found = mock.news() if mock else None
        if mock and found and found.text not in str(error):
            # The test failed by itself; why may stand here.
            item.add_report_section("call", "elastimock", mock.report(found))
        raise
    mock = item.stash.get(_MOCK, None)
    found = mock.news() if mock else None
    if mock and found:
        pytest.fail(mock.report(found), pytrace=False)
    return result


def _wanted(item: pytest.Item) -> dict[str, Any]:
    """What the markers of a test say together: the nearest counts, and allowances add up."""
    wanted: dict[str, Any] = {}
    allow: dict[str, str] = {}
    for marker in item.iter_markers("elastimock"):
        unknown = [name for name in marker.kwargs if name not in _KNOWN]
        if unknown or marker.args:
            what = ", ".join(unknown) or repr(marker.args[0])
            raise pytest.UsageError(f"the marker elastimock takes {', '.join(_KNOWN)}, each by its name, not {what}")
        if not isinstance(marker.kwargs.get("allow", {}), Mapping):
            raise pytest.UsageError('allow names rules with reasons: {"job-left-open": "it ends after the claim"}')
        allow = {**marker.kwargs.get("allow", {}), **allow}
        wanted = {**marker.kwargs, **wanted}
    fail_on = wanted.get("fail_on", item.config.getini("elastimock_fail_on"))
    return {**wanted, "allow": allow, "fail_on": _fail_on(fail_on, "fail_on")}


def _place(item: pytest.Item) -> str:
    """Where the test stands: findings point there."""
    line = item.location[1]
    return place_of(item.path, None if line is None else line + 1, item.name)


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _beside(test: Path, fixture: Fixture) -> Fixture:
    return fixture if isinstance(fixture, Mapping) else test.parent / fixture
