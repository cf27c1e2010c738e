"""The pytest plugin: the fixture ``elastimock`` is a mock server whose findings fail the test that caused them.

There is one process for each session, or for each worker of xdist, and a scope for each test, which starts from the
fixtures again. While a test runs ``ELASTICSEARCH_URL`` and ``ELASTIMOCK_URL`` tell where the mock is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence, Set
from operator import methodcaller
from pathlib import Path
from typing import Any, cast

import pytest

from elastimock._server import ElastimockError, FailOn, Findings, Fixture, Server, can_see_processes, joined, place_of

# pytest shows what a test has asked for, and nothing of this.
__tracebackhide__ = methodcaller("errisinstance", ElastimockError)

_FAIL_ON = ("error", "warning", "never")
_KNOWN = ("fixtures", "stubs", "clock", "allow", "fail_on")
_VARIABLES = ("ELASTICSEARCH_URL", "ELASTIMOCK_URL")

_MARKER = """\
elastimock(fixtures=…, stubs=…, clock=…, allow=…, fail_on=…): what the mock is for this test. fixtures: a fixture, a path \
beside the test file, or a list of them; stubs: a stub or a list; clock: "frozen@2031-05-01T10:00:00Z"; allow: rules that \
it may break, {"job-left-open": "it ends after the claim"}; fail_on: error, warning or never\
"""


class _Mock:
    """What belongs to a test while it runs, or to what is between two tests."""

    def __init__(self, server: Server, fail_on: FailOn, name: str, tests: Set[str]) -> None:
        self.server = server
        self.fail_on = fail_on
        #: Its first scope, and what tells those of other tests.
        self.first = server._number
        self.name = name
        self.tests = tests
        self.told = (0, 0)
        #: Whose it is: a forked process tells what its own tests have done, and nothing twice.
        self.process = os.getpid()
        #: Whether the mock has ended and a test has failed for it.
        self.is_lost = False
        #: Whether the test has its verdict, so that further calls are none of its own.
        self.is_over = False
        server._ended.clear()
        server._was_asked = False

    def news(self) -> str | None:
        """The report that fails the test, if there is more in it than was told already.

        Raises ``ElastimockError`` once if the mock has ended.
        """
        if self.is_lost:
            return None
        try:
            found = self.server._found_since(self.first, lambda name: name in self.tests and name != self.name)
        except ElastimockError:
            self.is_lost = True
            raise
        if not found:
            return None
        whole = joined(found)
        errors, warnings = self.told
        is_news = whole.errors > errors or (self.fail_on == "warning" and whole.warnings > warnings)
        self.told = (max(errors, whole.errors), max(warnings, whole.warnings))
        return self._report(whole) if is_news and whole.fail(self.fail_on) else None

    def _report(self, found: Findings) -> str:
        if found.errors or self.fail_on != "warning":
            return found.text
        return f"warnings fail this test (fail_on=warning)\n{found.text}"


#: The mock of a test, and the one whose scope goes on.
_MOCK = pytest.StashKey[_Mock]()
_LATEST = pytest.StashKey[_Mock]()
#: The process that runs the session, and the names of its tests.
_PROCESS = pytest.StashKey[int]()
_TESTS = pytest.StashKey[Set[str]]()


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
    config.stash[_PROCESS] = os.getpid()
    config.stash[_TESTS] = frozenset()
    _fail_on(config.getini("elastimock_fail_on"), "elastimock_fail_on")


def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[_TESTS] = frozenset(item.nodeid for item in session.items)


def _fail_on(given: object, where: str) -> FailOn:
    if given not in _FAIL_ON:
        raise pytest.UsageError(f"{where} is one of {', '.join(_FAIL_ON)}, not {given!r}")
    return cast(FailOn, given)


@pytest.fixture(scope="session")
def elastimock_server(request: pytest.FixtureRequest) -> Generator[Server]:
    """The mock's process. Tests use ``elastimock``; this is for what is made once in a session."""
    config = request.config
    args: list[str] = list(config.getini("elastimock_args"))
    worker = getattr(config, "workerinput", {}).get("workerid")
    # A test in a forked process that is the first to want a mock, as pytest-forked has it.
    fork = f"fork{os.getpid()}" if os.getpid() != config.stash[_PROCESS] else None
    process = ".".join(filter(None, (worker, fork)))
    folder = config.getoption("--elastimock-record")
    if folder:
        args = _without(args, "--record")
    if process:
        if any(word.split("=")[0] == "--cassette" for word in args) or os.environ.get("ELASTIMOCK_CASSETTE"):
            raise pytest.UsageError("a cassette is of one process: leave --cassette out, or -n and --forked")
        args = _with_own_files(args, process, has_record=not folder)
        parent = os.getppid() if can_see_processes() else 0
        if parent > 0:
            # A worker that is busy outlives the process that has started it.
            args += ["--exit-with-pid", str(parent)]
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        args += ["--record", str(Path(folder) / f"{process or 'main'}.ndjson")]
    with Server(config.getini("elastimock_fixtures"), args=args) as server:
        fail_on = _fail_on(config.getini("elastimock_fail_on"), "elastimock_fail_on")
        config.stash[_LATEST] = _Mock(server, fail_on, "", config.stash[_TESTS])
        config.stash[_LATEST].is_over = True
        yield server
        _fail_between(config, "after the last test")
        del config.stash[_LATEST]


def _without(args: list[str], flag: str) -> list[str]:
    """Flags without one that has a value."""
    kept = [at for at, word in enumerate(args) if word.split("=")[0] != flag and (not at or args[at - 1] != flag)]
    return [args[at] for at in kept]


#: Flags that name files which a server writes.
_WRITTEN = ("--report", "--record", "--port-file", "--tls-ca-out", "--tls-client-out")


def _with_own_files(args: list[str], process: str, *, has_record: bool = True) -> list[str]:
    """Flags for one of several processes: each has reports and other files of its own, ``report.gw0.xml``."""

    def own(path: str) -> str:
        file = Path(path)
        return str(file.with_name(f"{file.stem}.{process}{file.suffix}")) if path != "-" and file.name else path

    def report(word: str) -> str:
        kind, equals, path = word.partition("=")
        return kind + equals + own(path)

    def its(flag: str, value: str) -> str:
        if flag == "--report":
            return ",".join(map(report, value.split(",")))
        return ",".join(map(own, value.split(","))) if flag == "--tls-client-out" else own(value)

    given = list(args)
    for flag in _WRITTEN:
        # What a variable says holds where no flag does.
        said = os.environ.get("ELASTIMOCK_" + flag[2:].replace("-", "_").upper())
        if said and (has_record or flag != "--record") and not any(word.split("=")[0] == flag for word in args):
            given += [flag, said]
    for at, word in enumerate(given):
        before = given[at - 1] if at else ""
        flag, equals, value = word.partition("=")
        if before in _WRITTEN:
            given[at] = its(before, word)
        elif flag in _WRITTEN and equals:
            given[at] = f"{flag}={its(flag, value)}"
    return given


def _fail_between(config: pytest.Config, when: str) -> None:
    """Fails for what was found since the latest verdict, outside of all tests."""
    latest = config.stash.get(_LATEST, None)
    if not latest or latest.is_lost or latest.server._is_stopped or latest.process != os.getpid():
        return
    if latest.server._is_gone:
        latest.is_lost = True
        pytest.fail(f"{when}: {latest.server._obituary()}", pytrace=False)
    if latest.is_over:
        latest.fail_on = _fail_on(config.getini("elastimock_fail_on"), "elastimock_fail_on")
    report = latest.news()
    if report:
        pytest.fail(f"{when}:\n{report}", pytrace=False)


def _end_between(config: pytest.Config, when: str) -> None:
    latest = config.stash.get(_LATEST, None)
    if latest:
        latest.is_over = True
        _fail_between(config, when)


def _begin_between(config: pytest.Config, name: str, source: str) -> None:
    """Begins a scope for calls that are no test's, unless one goes on."""
    latest = config.stash.get(_LATEST, None)
    if latest and latest.is_over and not latest.server._is_gone:
        # What the scope that ends here has not told yet is told now.
        _fail_between(config, "after a test's verdict, perhaps by a thread")
        latest.server.scope(name, source)
        fail_on = _fail_on(config.getini("elastimock_fail_on"), "elastimock_fail_on")
        config.stash[_LATEST] = _Mock(latest.server, fail_on, name, config.stash[_TESTS])


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Generator[None, Any, Any]:
    """What a fixture of more than one test does wrong is its own error, when it is made and when it is taken down."""
    if fixturedef.scope == "function" or fixturedef.argname == "elastimock_server":
        return (yield)
    config, name = request.config, f"fixture {fixturedef.argname}"
    code = getattr(fixturedef.func, "__code__", None)
    source = place_of(code.co_filename, code.co_firstlineno, fixturedef.argname) if code else name
    # The last to be called when it is taken down, and behind what it does itself.
    fixturedef.addfinalizer(lambda: _end_between(config, f"{name}, when it was taken down"))
    _begin_between(config, name, source)
    result = yield
    fixturedef.addfinalizer(lambda: _begin_between(config, name, source))
    _fail_between(config, f"{name}, when it was made")
    return result


@pytest.fixture
def elastimock(request: pytest.FixtureRequest, elastimock_server: Server) -> Generator[Server]:
    """A mock server in a scope of this test's own. Its findings fail the test."""
    server, item = elastimock_server, request.node
    wanted = _wanted(item)
    tests = item.config.stash[_TESTS]
    _fail_between(item.config, "between the test before this one and this one, perhaps by a thread")
    if server._is_gone:
        server._start_again(_with_own_files)

    def prepare() -> None:
        if "fixtures" in wanted:
            server.put_state(*(_beside(item.path, fixture) for fixture in _listed(wanted["fixtures"])))
        if "clock" in wanted:
            server.set_clock(wanted["clock"])
        if "stubs" in wanted:
            server.stub(*_listed(wanted["stubs"]))
        for rule, reason in wanted.get("allow", {}).items():
            server.allow(rule, reason)

    server._prepare = prepare
    item.addfinalizer(lambda: setattr(server, "_prepare", None))
    try:
        server.scope(item.nodeid, _place(item))
    except BaseException:
        # Whatever is in this scope is nobody's.
        item.config.stash[_LATEST] = _Mock(server, wanted["fail_on"], item.nodeid, tests)
        item.config.stash[_LATEST].is_lost = item.config.stash[_LATEST].is_over = True
        raise
    mock = item.stash[_MOCK] = item.config.stash[_LATEST] = _Mock(server, wanted["fail_on"], item.nodeid, tests)
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
    mock.is_over = True
    report = mock.news()
    if report:
        pytest.fail(report, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    if _MOCK not in item.stash and "elastimock_server" in getattr(item, "fixturenames", ()):
        # It has the process alone, without a scope that its fixtures have begun.
        _begin_between(item.config, item.nodeid, _place(item))
        latest = item.config.stash.get(_LATEST, None)
        if latest:
            item.stash[_MOCK] = latest
            latest.is_over = True
    try:
        result = yield
    except (KeyboardInterrupt, pytest.exit.Exception):
        raise
    except pytest.skip.Exception:
        # A test that has done something wrong does not get away with it by skipping itself.
        _fail_with_news(item)
        raise
    except BaseException as error:
        _add_news(item, error)
        raise
    # unittest keeps to itself that a test has failed, and how.
    kept: list[BaseException] = [info.value for info in getattr(item, "_excinfo", None) or []]
    failed = next((error for error in kept if not isinstance(error, pytest.skip.Exception)), None)
    if failed:
        _add_news(item, failed)
    else:
        _fail_with_news(item)
    return result


def _fail_with_news(item: pytest.Item) -> None:
    mock = item.stash.get(_MOCK, None)
    report = mock.news() if mock else None
    if report:
        if getattr(item, "_excinfo", None):
            # A skip that unittest keeps would be told in place of it.
            item._excinfo = None  # type: ignore[attr-defined]
        pytest.fail(report, pytrace=False)


def _add_news(item: pytest.Item, error: BaseException) -> None:
    """The test failed by itself; why may stand in the report beside it."""
    mock = item.stash.get(_MOCK, None)
    if not mock:
        return
    try:
        report = mock.news()
    except ElastimockError as gone:
        report = str(gone) if str(gone) not in str(error) else None
    if report and report not in str(error):
        item.add_report_section("call", "elastimock", report)


def _all(*kinds: type) -> Callable[[Any], bool]:
    return lambda given: all(isinstance(one, kinds) for one in _listed(given))


#: What a marker's words have to be.
_FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "fixtures": (_all(str, os.PathLike, Mapping), "a path, a fixture as a dictionary, or a list of them"),
    "stubs": (_all(Mapping), "a stub as a dictionary, or a list of them"),
    "clock": (lambda given: isinstance(given, str), 'a text like "frozen@2031-05-01T10:00:00Z"'),
    "allow": (
        lambda given: isinstance(given, Mapping),
        'a dictionary of rules with reasons, {"job-left-open": "it ends after the claim"}',
    ),
}


def _wanted(item: pytest.Item) -> dict[str, Any]:
    """What the markers of a test say together: the nearest counts, and allowances add up."""
    wanted: dict[str, Any] = {}
    allow: dict[str, str] = {}
    for marker in item.iter_markers("elastimock"):
        unknown = [name for name in marker.kwargs if name not in _KNOWN]
        if unknown or marker.args:
            what = ", ".join(unknown) or repr(marker.args[0])
            raise pytest.UsageError(f"the marker elastimock takes {', '.join(_KNOWN)}, each by its name, not {what}")
        given = {name: value for name, value in marker.kwargs.items() if value is not None}
        for name, (is_right, form) in _FORMS.items():
            if name in given and not is_right(given[name]):
                raise pytest.UsageError(f"{name} of the marker elastimock is {form}, not {given[name]!r}")
        allow = {**given.get("allow", {}), **allow}
        wanted = {**given, **wanted}
    fail_on = wanted.get("fail_on", item.config.getini("elastimock_fail_on"))
    return {**wanted, "allow": allow, "fail_on": _fail_on(fail_on, "fail_on")}


def _place(item: pytest.Item) -> str:
    """Where the test stands: findings point there."""
    # The file of the line: a test that is inherited stands in another one than its class.
    file, line, _ = item.location
    return place_of(item.config.rootpath / file, None if line is None else line + 1, item.name)


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _beside(test: Path, fixture: Fixture) -> Fixture:
    return fixture if isinstance(fixture, Mapping) else test.parent / fixture
