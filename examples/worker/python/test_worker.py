"""Does the worker keep the Connector Protocol? What it does wrong fails the test, also where Elasticsearch is silent."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from elastimock import Server, binary
from worker import AsyncWorker, Worker


def test_it_does_the_job_that_has_waited_longest(elastimock: Server) -> None:
    assert Worker(elastimock.url, "w-1").run_once([120, 80]) == "job-old"
    job = elastimock.sync_job("job-old")
    assert (job["status"], job["indexed_document_count"]) == ("in_progress", 200)


def test_it_goes_on_until_nothing_is_pending(elastimock: Server) -> None:
    worker = Worker(elastimock.url, "w-1")
    assert [worker.run_once([1]), worker.run_once([1]), worker.run_once([1])] == ["job-old", "job-new", None]


def test_a_batch_may_take_its_time(elastimock: Server) -> None:
    def batches() -> Iterator[int]:
        for _ in range(3):
            # A minute of the mock's time, and none of the test's.
            elastimock.advance("1m")
            yield 10

    Worker(elastimock.url, "w-1").run_once(batches())
    assert elastimock.sync_job("job-old")["last_seen"] == "2031-05-01T10:03:00.000Z"


REPORTED_ELSEWHERE = {"last-sync-unreported": "this worker leaves the connector to somebody else"}


@pytest.mark.elastimock(allow=REPORTED_ELSEWHERE)
def test_it_stops_when_the_job_is_canceled(elastimock: Server) -> None:
    def batches() -> Iterator[int]:
        yield 10
        elastimock.hand({"cancel": "job-old"})
        yield 10
        raise AssertionError("nobody asks for more")

    assert Worker(elastimock.url, "w-1").run_once(batches()) == "job-old"
    assert elastimock.sync_job("job-old")["status"] == "canceled"


def test_it_tries_again_when_the_connection_breaks(elastimock: Server) -> None:
    elastimock.stub({"request": {"operation": "connector.sync_job_check_in", "call": 1}, "response": {"fault": "reset"}})
    Worker(elastimock.url, "w-1").run_once([10])
    assert len(elastimock.calls("connector.sync_job_check_in")) == 2


def test_it_gets_over_an_incident() -> None:
    # The first claim is done, and its answer lost: `elastimock incidents` lists more.
    jobs = Path(__file__).with_name("jobs.json")
    with Server(jobs, args=["--clock", "frozen@2031-05-01T10:00:00Z", "--incident", "lost-claim"]) as mock:
        assert Worker(mock.url, "w-1").run_once([10]) == "job-old"
        assert len(mock.calls("connector.sync_job_claim")) == 2
        mock.assert_conformant("warning")


@pytest.mark.elastimock(fail_on="never")
def test_two_workers_that_want_the_same_job_are_let_go_together(elastimock: Server) -> None:
    elastimock.stub({"request": {"operation": "connector.sync_job_list"}, "response": {"hold": "both"}})
    with ThreadPoolExecutor() as pool:
        workers = [pool.submit(Worker(elastimock.url, name).run_once, [1]) for name in ("w-1", "w-2")]
        while len(elastimock.gates()["gates"][0]["held"]) < 2:
            pass
        elastimock.release("both")
        assert [worker.result() for worker in workers] == ["job-old", "job-old"]
    # Elasticsearch lets both have it; the judgement is that only one may.
    assert "claim-of-running-job" in elastimock.findings().rules


def test_what_was_said_can_be_judged_later(elastimock: Server, tmp_path: Path) -> None:
    Worker(elastimock.url, "w-1").run_once([10])
    story = tmp_path / "story.ndjson"
    story.write_text(elastimock.recording())
    judged = subprocess.run([binary(), "judge", "--fail-on", "warning", story], capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout


@pytest.mark.elastimock(allow=REPORTED_ELSEWHERE)
def test_it_says_why_a_sync_failed(elastimock: Server) -> None:
    def batches() -> Iterator[int]:
        yield 10
        raise OSError("the source refused the password")

    with pytest.raises(OSError):
        Worker(elastimock.url, "w-1").run_once(batches())
    job = elastimock.sync_job("job-old")
    assert (job["status"], job["error"]) == ("error", "the source refused the password")


async def test_the_same_for_asyncio(elastimock: Server) -> None:
    async def batches() -> AsyncIterator[int]:
        yield 120

    worker = AsyncWorker(elastimock.url, "w-1")
    assert await worker.run_once(batches()) == "job-old"
    await worker.client.close()


@pytest.mark.xfail(strict=True, reason="Elasticsearch takes a claim without a name, and the mock tells")
def test_a_worker_without_a_name_is_caught(elastimock: Server) -> None:
    Worker(elastimock.url, "").run_once([1])
