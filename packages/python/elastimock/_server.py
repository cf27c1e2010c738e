"""One process of the mock, and its verbs."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import importlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from operator import methodcaller
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Union
from urllib.parse import quote, urlencode, urlsplit

from elastimock._binary import binary

Json = Any
Fixture = Union[str, "os.PathLike[str]", Mapping[str, Json]]
FailOn = Literal["error", "warning", "never"]

_PREFIX = "/_elastimock"


class ElastimockError(Exception):
    """The mock could not be started, or refused what it was asked for; the message says why."""

    __module__ = "elastimock"


# pytest shows the line of the test that has asked for what was refused, and none of these.
__tracebackhide__ = methodcaller("errisinstance", (ElastimockError, AssertionError, KeyError))


class Finding(dict[str, Json]):
    """What a client did wrong, as the mock tells it: ``rule``, ``severity``, ``message``, ``hint`` and more."""

    @property
    def rule(self) -> str:
        return str(self["rule"])

    @property
    def severity(self) -> str:
        return str(self["severity"])

    @property
    def message(self) -> str:
        return str(self["message"])


class Findings(list[Finding]):
    """Findings, with their counts and the text that people read."""

    def __init__(self, findings: Sequence[Mapping[str, Json]], errors: int, warnings: int, text: str) -> None:
        super().__init__(Finding(finding) for finding in findings)
        self.errors = errors
        self.warnings = warnings
        self.text = text

    @property
    def rules(self) -> list[str]:
        """The rules that were broken, in the order of the findings."""
        return [finding.rule for finding in self]

    def fail(self, fail_on: FailOn = "error") -> bool:
        """Whether there are any at or above a severity."""
        return fail_on != "never" and self.errors + (self.warnings if fail_on == "warning" else 0) > 0

    def __str__(self) -> str:
        return self.text


def place_of(file: str | os.PathLike[str], line: int | None = None, test: str = "") -> str:
    """A place in a source file as findings tell it: relative to the repository in CI, else to the current folder."""
    base = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    try:
        shown = Path(file).resolve().relative_to(base.resolve()).as_posix()
    except (OSError, ValueError):
        shown = os.fspath(file)
    return shown + (f":{line}" if line else "") + (f"{':' if line else '::'}{test}" if test else "")


class Server:
    """A mock server in a process of its own, at a free port of this machine.

    It ends with ``stop()``, at the end of a ``with`` block, and whenever this process ends, however that happens.
    ``fixtures`` are what it starts with: paths, or a fixture as a dictionary. ``args`` are flags of
    ``elastimock serve``; without ``--listen`` it is at a free port of 127.0.0.1.

    Raises ``ElastimockError`` with the mock's own words if it does not start.
    """

    url: str
    port: int
    seed: int
    #: With ``args=["--tls", "self-signed"]`` the certificate of the authority as PEM, and its SHA-256 fingerprint for
    #: ``ssl_assert_fingerprint``; else ``None``.
    ca: str | None
    ca_fingerprint: str | None

    def __init__(
        self,
        fixtures: Fixture | Sequence[Fixture] = (),
        *,
        args: Sequence[str] = (),
        timeout: float = 30.0,
    ) -> None:
        self._owner = os.getpid()
        self._timeout = timeout
        single = isinstance(fixtures, (str, os.PathLike, Mapping))
        self._fixtures: list[Fixture] = [fixtures] if single else list(fixtures)  # type: ignore[list-item,arg-type]
        self._args = self._given = list(args)
        self._starts = 1
        # One scope ends at a time, and what a test has said of the next one is done; the plugin says that.
        self._turn = threading.RLock()
        self._prepare: Callable[[], None] | None = None
        self._start()

    def _start(self) -> None:
        self._stderr: IO[bytes] = tempfile.TemporaryFile()
        # The scope that goes on, as far as this process has begun it, and what was found in those that were ended, by
        # their numbers; the plugin asks for it.
        self._number = 1
        self._ended: dict[int, Findings | None] = {}
        self._was_asked = False
        self._is_stopped = False
        try:
            words = [binary(), "serve", "--json", "--quiet", "--exit-with-stdin"]
        except FileNotFoundError as error:
            raise ElastimockError(str(error)) from None
        if not any(word == "--listen" or word.startswith("--listen=") for word in self._args):
            words += ["--listen", "127.0.0.1:0"]
        if can_see_processes():
            # A process that was forked from this one may hold its standard input open.
            words += ["--exit-with-pid", str(self._owner)]
        with tempfile.TemporaryDirectory(prefix="elastimock-") as folder:
            for at, fixture in enumerate(self._fixtures):
                if isinstance(fixture, Mapping):
                    path = Path(folder) / f"fixture-{at}.json"
                    path.write_text(json.dumps(fixture), encoding="utf-8")
                    fixture = path
                words += ["--fixtures", os.fspath(fixture)]
            try:
                # In a session of its own: Ctrl-C is for those who use it, who still ask it afterwards.
                self._process = subprocess.Popen(
                    [*words, *self._args],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._stderr,
                    # Which binary it is, is none of its own flags.
                    env={name: value for name, value in os.environ.items() if name != "ELASTIMOCK_BINARY"},
                    start_new_session=True,
                )
            except OSError as error:
                raise ElastimockError(f"cannot start {words[0]}: {error}") from None
            ready = self._first_line()
        try:
            told = json.loads(ready)
            self.url, self.port, self.seed = told["url"], told["port"], told["seed"]
            self.ca, self.ca_fingerprint = told.get("ca"), told.get("ca_fingerprint")
        except (ValueError, KeyError, TypeError):
            code = self._process.poll()
            self._kill()
            how = f"told nothing in {self._timeout:g} s" if code is None else f"ended with {_ended(code)} and told nothing"
            if ready.strip():
                how = f"told {ready.strip()!r}; is it elastimock?"
            raise ElastimockError(self._told() or f"the mock did not start: {words[0]} {how}") from None

    # ── its life ──────────────────────────────────────────────────────────────────────────────────

    def stop(self) -> int:
        """Stops the server in order: recordings and reports are written. Returns its exit code."""
        if os.getpid() != self._owner:
            return 0
        self._is_stopped = True
        if self._process.poll() is None:
            try:
                self._process.communicate(timeout=self._timeout)
            except subprocess.TimeoutExpired:
                self._kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        return self._process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _is_gone(self) -> bool:
        # Of a process that is not its own child nobody can tell.
        return os.getpid() == self._owner and self._process.poll() is not None

    def _first_line(self) -> str:
        lines: list[str] = []
        stdout = self._process.stdout

        def read() -> None:
            if stdout:
                lines.append(stdout.readline().decode("utf-8", "replace"))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        reader.join(self._timeout)
        if lines and not lines[0]:
            # It has closed its standard output, so that it is about to end.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self._timeout)
        return lines[0] if lines else ""

    def _start_again(self, own_files: Callable[[list[str], str], list[str]]) -> None:
        """A new process in place of one that has ended: the next test has a mock all the same.

        ``own_files`` gives it flags for files of its own: what the one before has written stays.
        """
        self.stop()
        self._starts += 1
        self._args = own_files(self._given, str(self._starts))
        self._start()

    def _obituary(self, call: str = "") -> str:
        told = self._told()
        ended = f"the mock has ended ({_ended(self._process.wait())})"
        return ended + (f": no answer to {call}" if call else "") + (f"; it told: {told}" if told else "")

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _told(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode("utf-8", "replace").strip()

    # ── its verbs ─────────────────────────────────────────────────────────────────────────────────

    def admin(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        accept: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Json:
        """A call of the admin API: ``admin("POST", "/clock/_advance", {"by": "5m"})``.

        Raises ``ElastimockError`` with the mock's reason if it is refused.
        """
        if method != "POST" or path not in ("/scopes", "/reset"):
            return self._call(method, path, body, accept, query)
        with self._turn:
            found = self._found(is_last=False) if (query or {}).get("forget") != "true" else None
            answer = self._call(method, path, body, "application/json", query)
            ended = answer["ended"]["number"]
            self._ended[ended], self._number = found, ended + 1
            if self._prepare:
                self._prepare()
        return answer

    def _call(self, method: str, path: str, body: Json, accept: str, query: Mapping[str, str] | None) -> Json:
        target = _PREFIX + path + (f"?{urlencode(query)}" if query else "")
        headers = {"accept": accept}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["content-type"] = "application/json"
        # A connection of its own, by no proxy.
        address = urlsplit(self.url)
        host = address.hostname or "127.0.0.1"
        connection = http.client.HTTPConnection(host, self.port, timeout=self._timeout)
        if self.ca:
            trust = ssl.create_default_context(cadata=self.ca)
            connection = http.client.HTTPSConnection(host, self.port, timeout=self._timeout, context=trust)
        try:
            connection.request(method, target, content, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
        except (OSError, http.client.HTTPException) as error:
            if not self._is_gone:
                raise ElastimockError(f"{method} {target}: {error}") from error
            raise ElastimockError(self._obituary(f"{method} {target}")) from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise ElastimockError(f"{method} {target}: {_reason(text)}")
        return json.loads(text) if accept == "application/json" and text else text

    def scope(self, name: str, source: str | None = None) -> None:
        """Ends the scope and begins the next, which has this name: state, clock and ids as at the start.

        Within a test that is the start of the test, with what its markers say. What was found stays found.
        ``source`` is where its findings point to, ``tests/test_sync.py:41:test_claim``; the caller's line if not said.
        """
        caller = sys._getframe(1)
        place = source or place_of(caller.f_code.co_filename, caller.f_lineno)
        self.admin("POST", "/scopes", {"name": name, "source": place})

    def reset(self) -> None:
        """Ends the scope and begins the next, which has no name, as ``scope`` does."""
        self.admin("POST", "/reset")

    def _scopes(self, first: int) -> list[dict[str, Json]]:
        """The scopes of this number and above; the last one goes on."""
        return list(self.admin("GET", "/scopes", query={"after": str(first - 1)})["scopes"])

    def _found(self, *, is_last: bool = True) -> Findings | None:
        """What was found in the scope that goes on, if anything was.

        What is expected by the end of a run is asked of scopes that clients have called in, or of the last one.
        """
        has_calls = bool(self._scopes(self._number)[-1]["calls"])
        end = has_calls or (is_last and not self._was_asked)
        self._was_asked = self._was_asked or has_calls
        found = self.findings(end=end)
        return found if found.errors + found.warnings else None

    def _found_since(self, first: int, is_foreign: Callable[[str], bool]) -> list[Findings]:
        """What was found from this scope on, whoever has ended it: a forked process too, or a client.

        Nothing from the first scope on that is foreign by its name: the test of a forked process.
        """
        for scope in self._scopes(first):
            number = scope["number"]
            if number > first and is_foreign(scope["name"] or ""):
                break
            if scope["current"]:
                goes_on = self._found()
                return [*self._known(), *([goes_on] if goes_on else [])]
            if number not in self._ended and scope["calls"]:
                self._was_asked = True
                self._ended[number] = self._findings({"scope_number": str(number)})
        return self._known()

    def _known(self) -> list[Findings]:
        every = (found for _, found in sorted(self._ended.items()))
        return [found for found in every if found and found.errors + found.warnings]

    def findings(self, *, end: bool = True, scope: str | None = None) -> Findings:
        """What clients did wrong in the scope that goes on, in another one, or in ``scope="all"``.

        With ``end=False`` the rules about the end of a run are not asked.
        """
        return self._findings({"end": "true" if end else "false", **({"scope": scope} if scope else {})})

    def _findings(self, query: Mapping[str, str]) -> Findings:
        found = self.admin("GET", "/findings", query=query)
        text = self.admin("GET", "/findings", query=query, accept="text/plain")
        counts = found["counts"]
        return Findings(found["findings"], counts["error"], counts["warning"], text.rstrip())

    def assert_conformant(self, fail_on: FailOn = "error") -> None:
        """Raises ``AssertionError`` with the text report if the scope that goes on has findings."""
        found = self.findings()
        if found.fail(fail_on):
            raise AssertionError(found.text)

    def allow(self, rule: str, reason: str) -> None:
        """Lets a rule be broken in this scope."""
        self.admin("POST", "/allow", {"rule": rule, "reason": reason})

    def advance(self, by: str) -> str:
        """Moves mock time forward, by ``"5m"`` and the like, and returns the new instant."""
        return str(self.admin("POST", "/clock/_advance", {"by": by})["now"])

    def set_clock(self, clock: str) -> str:
        """Sets mock time as ``--clock`` does: ``frozen@INSTANT``, ``from@INSTANT`` or an instant. Returns it."""
        mode, _, instant = clock.rpartition("@")
        modes = {"": {}, "frozen": {"mode": "frozen"}, "from": {"mode": "running"}}
        if mode not in modes:
            raise ElastimockError(f"a clock is frozen@INSTANT, from@INSTANT or INSTANT, not {clock!r}")
        return str(self.admin("PUT", "/clock", {**modes[mode], "now": instant})["now"])

    @property
    def now(self) -> str:
        """Mock time."""
        return str(self.admin("GET", "/clock")["now"])

    def stub(self, *stubs: Mapping[str, Json]) -> None:
        """Adds stubs: ``{"request": {"operation": "bulk"}, "response": {"status": 503}}``."""
        self.admin("POST", "/stubs", {"stubs": [dict(stub) for stub in stubs]})

    @property
    def state(self) -> dict[str, Json]:
        """The whole state as a fixture."""
        return dict(self.admin("GET", "/state"))

    def put_state(self, *fixtures: Fixture) -> None:
        """Replaces the state by fixtures, which are read together: files, folders or dictionaries."""
        self._state("PUT", fixtures)

    def add_state(self, *fixtures: Fixture) -> None:
        """Adds fixtures to the state; they are read together."""
        self._state("POST", fixtures)

    def _state(self, method: str, fixtures: Sequence[Fixture]) -> None:
        documents = [document for fixture in fixtures for document in _documents(fixture)]
        try:
            self.admin(method, "/state", _together(documents))
        except ElastimockError as error:
            where = ", ".join(where for where, _ in documents if where)
            raise ElastimockError(f"{where}: {error}" if where else str(error)) from None

    def sync_job(self, id: str) -> dict[str, Json]:
        """A sync job as it is stored. Raises ``KeyError`` if there is none."""
        return self._entry("sync_jobs", id)

    def connector(self, id: str) -> dict[str, Json]:
        """A connector as it is stored. Raises ``KeyError`` if there is none."""
        return self._entry("connectors", id)

    def _entry(self, section: str, id: str) -> dict[str, Json]:
        entries = self.state.get(section, [])
        for entry in entries:
            if entry.get("id") == id:
                return dict(entry.get("_source", entry))
        there = ", ".join(str(entry.get("id")) for entry in entries[:10]) + (", …" if len(entries) > 10 else "")
        raise KeyError(f"the mock has no {id} in {section}; it has {there or 'none'}")

    def calls(self, operation: str | None = None, *, scope: str | None = None) -> list[dict[str, Json]]:
        """The calls of the scope that goes on, or those of one operation."""
        query = {name: value for name, value in (("operation", operation), ("scope", scope)) if value}
        found: list[dict[str, Json]] = []
        after = 0
        while True:
            page = self.admin("GET", "/journal", query={**query, "after": str(after)})
            found += page["interactions"]
            if not page["interactions"]:
                return found
            after = page["next"]

    def recording(self, *, scope: str | None = None) -> str:
        """The calls as a recording, which ``elastimock play``, ``judge`` and ``show`` read."""
        query = {"scope": scope} if scope else None
        return str(self.admin("GET", "/journal", query=query, accept="application/x-ndjson"))

    def coverage(self, *, scope: str | None = None) -> dict[str, Json]:
        """How much of the Connector API was exercised."""
        return dict(self.admin("GET", "/coverage", query={"scope": scope} if scope else None))

    def gates(self) -> Json:
        """The calls that are held."""
        return self.admin("GET", "/gates")

    def release(self, gate: str, *order: int) -> None:
        """Lets the calls go that are held at a gate: all, or those with these numbers, from 0, in this order.

        ``release("claims", 1, 0)`` lets the second call go before the first.
        """
        self.admin("POST", f"/gates/{quote(gate, safe='')}/_release", {"order": list(order)} if order else None)

    def hand(self, deed: Mapping[str, Json]) -> Json:
        """The other side's hand: ``{"cancel": "job-1"}``. It is never judged as the client's."""
        return self.admin("POST", "/hand", dict(deed))


def _documents(fixture: Fixture) -> list[tuple[str, Json]]:
    """Where a fixture stands, and what it says; a folder has one for each of its files."""
    if isinstance(fixture, Mapping):
        return [("", dict(fixture))]
    path = Path(fixture)
    if not path.is_dir():
        return [(str(path), _read(path))]
    kinds = (".json", ".yaml", ".yml", ".json.gz", ".yaml.gz", ".yml.gz")
    files = sorted(file for file in path.iterdir() if file.name.lower().endswith(kinds) and not file.name.startswith("."))
    if not files:
        raise ElastimockError(f"{path}: there is no fixture in this folder")
    return [(str(file), _read(file)) for file in files]


def _together(documents: Sequence[tuple[str, Json]]) -> Json:
    """Fixtures as one: their sections one after the other."""
    if len(documents) == 1:
        return documents[0][1]
    whole: dict[str, Json] = {}
    for where, document in documents:
        if not isinstance(document, Mapping):
            raise ElastimockError(f"{where}: a fixture is an object; `elastimock lint {where}` tells more")
        for name, section in document.items():
            there = whole.get(name)
            if isinstance(there, list) and isinstance(section, list):
                whole[name] = there + section
            elif isinstance(there, dict) and isinstance(section, dict) and not there.keys() & section.keys():
                whole[name] = {**there, **section}
            elif name not in whole or there == section:
                whole[name] = section
            else:
                raise ElastimockError(f"{where or name}: `{name}` is said before already, and otherwise")
    return whole


def _read(path: Path) -> Json:
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ElastimockError(f"{path}: cannot be read: {why}; a relative path of a marker begins beside its test file") from None
    if not path.name.lower().endswith((".yaml", ".yml", ".yaml.gz", ".yml.gz")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ElastimockError(f"{path}: {error}; `elastimock lint {path}` points at the place") from None
    try:
        yaml = importlib.import_module("yaml")
    except ImportError:
        raise ElastimockError(f"{path}: a fixture of one test is JSON, or YAML where PyYAML is installed") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ElastimockError(f"{path}: {error}") from None


def can_see_processes() -> bool:
    """Whether the binary can watch another process on this system."""
    return os.name == "posix" and (sys.platform != "linux" or os.path.exists("/proc/self/stat"))


def _ended(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def joined(found: Sequence[Findings]) -> Findings:
    """The findings of several scopes as those of one."""
    if len(found) == 1:
        return found[0]
    text = "\n\n".join(each.text for each in found)
    every = [finding for each in found for finding in each]
    return Findings(every, sum(each.errors for each in found), sum(each.warnings for each in found), text)


def _reason(text: str) -> str:
    try:
        error = json.loads(text)["error"]
        return str(error["reason"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return text.strip()
