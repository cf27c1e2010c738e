"""Does the worker keep the Connector Protocol? What it does wrong fails the test, also where Elasticsearch is silent."""

import pytest
from worker import AsyncWorker, Worker


def test_it_does_the_job_that_has_waited_longest(elastimock):
    assert Worker(elastimock.url, "w-1").run_once([120, 80]) == "job-old"
    job = elastimock.sync_job("job-old")
    assert (job["status"], job["indexed_document_count"]) == ("in_progress", 200)


def test_it_goes_on_until_nothing_is_pending(elastimock):
    worker = Worker(elastimock.url, "w-1")
    assert [worker.run_once([1]), worker.run_once([1]), worker.run_once([1])] == ["job-old", "job-new", None]


def test_a_batch_may_take_its_time(elastimock):
    def batches():
        for _ in range(3):
            # A minute of the mock's time, and none of the test's.
            elastimock.advance("1m")
            yield 10

    Worker(elastimock.url, "w-1").run_once(batches())
    assert elastimock.sync_job("job-old")["last_seen"] == "2031-05-01T10:03:00.000Z"


@pytest.mark.elastimock(allow={"last-sync-unreported": "this worker leaves the connector to somebody else"})
def test_it_says_why_a_sync_failed(elastimock):
    def batches():
        yield 10
        raise OSError("the source refused the password")

    with pytest.raises(OSError):
        Worker(elastimock.url, "w-1").run_once(batches())
    job = elastimock.sync_job("job-old")
    assert (job["status"], job["error"]) == ("error", "the source refused the password")


async def test_the_same_for_asyncio(elastimock):
    async def batches():
        yield 120

    worker = AsyncWorker(elastimock.url, "w-1")
    assert await worker.run_once(batches()) == "job-old"
    await worker.client.close()


@pytest.mark.xfail(strict=True, reason="Elasticsearch takes a claim without a name, and the mock tells")
def test_a_worker_without_a_name_is_caught(elastimock):
    Worker(elastimock.url, "").run_once([1])
