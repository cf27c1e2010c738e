// Does the worker keep the Connector Protocol? What it does wrong fails the test, also where Elasticsearch is silent.
// For vitest: npx vitest run
import { describe, expect } from 'vitest';
import { spawnSync } from 'node:child_process';
import { binary, start } from 'elastimock';
import { configure, test } from 'elastimock/vitest';
import { Worker } from './worker.js';

configure({
  fixtures: new URL('jobs.json', import.meta.url),
  args: ['--clock', 'frozen@2031-05-01T10:00:00Z', '--seed', '7'],
  failOn: 'warning',
});

test('it does the job that has waited longest', async ({ elastimock }) => {
  expect(await new Worker(elastimock.url, 'w-1').runOnce([120, 80])).toBe('job-old');
  expect(await elastimock.syncJob('job-old')).toMatchObject({ status: 'in_progress', indexed_document_count: 200 });
});

test('it goes on until nothing is pending', async ({ elastimock }) => {
  const worker = new Worker(elastimock.url, 'w-1');
  expect([await worker.runOnce([1]), await worker.runOnce([1]), await worker.runOnce([1])]).toEqual(['job-old', 'job-new', undefined]);
});

test('a batch may take its time', async ({ elastimock }) => {
  async function* batches() {
    for (let n = 0; n < 3; n++) {
      // A minute of the mock's time, and none of the test's.
      await elastimock.advance('1m');
      yield 10;
    }
  }
  await new Worker(elastimock.url, 'w-1').runOnce(batches());
  expect(await elastimock.syncJob('job-old')).toMatchObject({ last_seen: '2031-05-01T10:03:00.000Z' });
});

describe('a sync that ends early', () => {
  const allow = { 'last-sync-unreported': 'this worker leaves the connector to somebody else' };

  test.extend({ elastimockOptions: { allow } })('it stops when the job is canceled', async ({ elastimock }) => {
    async function* batches() {
      yield 10;
      await elastimock.hand({ cancel: 'job-old' });
      yield 10;
      throw new Error('nobody asks for more');
    }
    expect(await new Worker(elastimock.url, 'w-1').runOnce(batches())).toBe('job-old');
    expect(await elastimock.syncJob('job-old')).toMatchObject({ status: 'canceled' });
  });

  test.extend({ elastimockOptions: { allow } })('it says why', async ({ elastimock }) => {
    async function* batches() {
      yield 10;
      throw new Error('the source refused the password');
    }
    await expect(new Worker(elastimock.url, 'w-1').runOnce(batches())).rejects.toThrow('refused the password');
    expect(await elastimock.syncJob('job-old')).toMatchObject({ status: 'error', error: 'the source refused the password' });
  });
});

test('it tries again when the connection breaks', async ({ elastimock }) => {
  await elastimock.stub({ request: { operation: 'connector.sync_job_check_in', call: 1 }, response: { fault: 'reset' } });
  await new Worker(elastimock.url, 'w-1').runOnce([10]);
  expect(await elastimock.calls('connector.sync_job_check_in')).toHaveLength(2);
});

test('what was said can be judged later', async ({ elastimock }) => {
  await new Worker(elastimock.url, 'w-1').runOnce([10]);
  const words = ['judge', '--fail-on', 'warning', '-'];
  const judged = spawnSync(binary(), words, { input: await elastimock.recording(), encoding: 'utf8' });
  expect(judged.status, judged.stdout).toBe(0);
});

test('it gets over an incident', async () => {
  // The first claim is done, and its answer lost: `elastimock incidents` lists more.
  const args = ['--clock', 'frozen@2031-05-01T10:00:00Z', '--incident', 'lost-claim'];
  const mock = await start({ fixtures: new URL('jobs.json', import.meta.url), args });
  expect(await new Worker(mock.url, 'w-1').runOnce([10])).toBe('job-old');
  expect(await mock.calls('connector.sync_job_claim')).toHaveLength(2);
  await mock.assertConformant('warning');
  await mock.stop();
});

const lenient = test.extend({ elastimockOptions: { failOn: 'never' } });

lenient('two workers that want the same job are let go together', async ({ elastimock }) => {
  await elastimock.stub({ request: { operation: 'connector.sync_job_list' }, response: { hold: 'both' } });
  const workers = ['w-1', 'w-2'].map((name) => new Worker(elastimock.url, name).runOnce([1]));
  while ((await elastimock.gates()).gates[0].held.length < 2);
  await elastimock.release('both');
  expect(await Promise.all(workers)).toEqual(['job-old', 'job-old']);
  // Elasticsearch lets both have it; the judgement is that only one may.
  expect((await elastimock.findings()).rules).toContain('claim-of-running-job');
});

// Elasticsearch takes a claim without a name, and the mock tells.
test.fails('a worker without a name is caught', async ({ elastimock }) => {
  await new Worker(elastimock.url, '').runOnce([1]);
});
