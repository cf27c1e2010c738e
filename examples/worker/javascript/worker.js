// The worker of examples/worker in JavaScript, with Elastic's own client.
import { Client } from '@elastic/elasticsearch';

/** The index behind the API: no call says that a job has been stopped. */
const JOBS = '.elastic-connectors-sync-jobs';

export class Worker {
  constructor(url, hostname) {
    this.client = new Client({ node: url, maxRetries: 3 });
    this.hostname = hostname;
  }

  /** Does the pending job that has waited longest, with so many documents in each batch; tells its id, or undefined. */
  async runOnce(batches) {
    const { connector } = this.client;
    const { results } = await connector.syncJobList({ status: 'pending' });
    // The list begins with the newest job.
    const job = results.at(-1);
    if (!job) return undefined;
    const connector_sync_job_id = job.id;
    // A cursor says where the last sync stopped; it is sent only if the job has one.
    const { sync_cursor } = job.connector;
    await connector.syncJobClaim({
      connector_sync_job_id,
      worker_hostname: this.hostname,
      ...(sync_cursor ? { sync_cursor } : {}),
    });
    let indexed = 0;
    try {
      for await (const batch of batches) {
        indexed += batch;
        await connector.syncJobCheckIn({ connector_sync_job_id });
        const { status } = await connector.syncJobGet({ connector_sync_job_id });
        if (status === 'canceling') {
          const now = new Date().toISOString();
          await this.client.update({ index: JOBS, id: job.id, doc: { status: 'canceled', canceled_at: now, completed_at: now } });
          return job.id;
        }
      }
    } catch (error) {
      await connector.syncJobError({ connector_sync_job_id, error: error.message });
      throw error;
    }
    // Counts are totals, not differences to the last report.
    await connector.syncJobUpdateStats({
      connector_sync_job_id,
      indexed_document_count: indexed,
      deleted_document_count: 0,
      indexed_document_volume: 0,
    });
    return job.id;
  }
}
