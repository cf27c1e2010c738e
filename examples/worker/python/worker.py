"""The worker of examples/worker in Python, with Elastic's own client.

It finds the pending job that has waited longest, claims it, says that it is alive while it works, stops when the job is
canceled, and reports what it has done. ``AsyncWorker`` is the same for asyncio.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from datetime import datetime, timezone
from typing import Any

from elasticsearch import AsyncElasticsearch, Elasticsearch

#: The index behind the API: no call says that a job has been stopped.
JOBS = ".elastic-connectors-sync-jobs"


class Worker:
    def __init__(self, url: str, hostname: str) -> None:
        # What failed for a moment is tried again; the client waits before it does.
        self.client = Elasticsearch(url, max_retries=3, retry_on_timeout=True)
        self.hostname = hostname

    def run_once(self, batches: Iterable[int]) -> str | None:
        """Does one job, with so many documents in each batch. Returns its id, or ``None`` if there is no job to do."""
        jobs = self.client.connector.sync_job_list(status="pending")["results"]
        if not jobs:
            return None
        # The list begins with the newest job.
        job = jobs[-1]
        id = job["id"]
        self.client.connector.sync_job_claim(connector_sync_job_id=id, **claim(job, self.hostname))
        indexed = 0
        try:
            for batch in batches:
                indexed += batch
                self.client.connector.sync_job_check_in(connector_sync_job_id=id)
                if self.client.connector.sync_job_get(connector_sync_job_id=id)["status"] == "canceling":
                    self.client.update(index=JOBS, id=id, doc=canceled())
                    return str(id)
        except Exception as error:
            self.client.connector.sync_job_error(connector_sync_job_id=id, error=str(error))
            raise
        self.client.connector.sync_job_update_stats(connector_sync_job_id=id, **statistics(indexed))
        return str(id)


class AsyncWorker:
    def __init__(self, url: str, hostname: str) -> None:
        self.client = AsyncElasticsearch(url, max_retries=3, retry_on_timeout=True)
        self.hostname = hostname

    async def run_once(self, batches: AsyncIterable[int]) -> str | None:
        jobs = (await self.client.connector.sync_job_list(status="pending"))["results"]
        if not jobs:
            return None
        job = jobs[-1]
        id = job["id"]
        await self.client.connector.sync_job_claim(connector_sync_job_id=id, **claim(job, self.hostname))
        indexed = 0
        try:
            async for batch in batches:
                indexed += batch
                await self.client.connector.sync_job_check_in(connector_sync_job_id=id)
                job = await self.client.connector.sync_job_get(connector_sync_job_id=id)
                if job["status"] == "canceling":
                    await self.client.update(index=JOBS, id=id, doc=canceled())
                    return str(id)
        except Exception as error:
            await self.client.connector.sync_job_error(connector_sync_job_id=id, error=str(error))
            raise
        await self.client.connector.sync_job_update_stats(connector_sync_job_id=id, **statistics(indexed))
        return str(id)


def claim(job: dict[str, Any], hostname: str) -> dict[str, Any]:
    """A cursor says where the last sync stopped; it is sent only if the job has one."""
    cursor = job["connector"].get("sync_cursor")
    return {"worker_hostname": hostname, **({"sync_cursor": cursor} if cursor else {})}


def canceled() -> dict[str, str]:
    """What is written when a job has been stopped because somebody asked for it."""
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"status": "canceled", "canceled_at": now, "completed_at": now}


def statistics(indexed: int) -> dict[str, Any]:
    """Counts are totals, not differences to the last report."""
    return {"indexed_document_count": indexed, "deleted_document_count": 0, "indexed_document_volume": 0}
