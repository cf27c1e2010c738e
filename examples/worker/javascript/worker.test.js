// Does the worker keep the Connector Protocol? What it does wrong fails the test, also where Elasticsearch is silent.
import { describe, expect } from 'vitest';
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

describe('a sync that fails', () => {
  const allow = { 'last-sync-unreported': 'this worker leaves the connector to somebody else' };

  test.extend({ elastimockOptions: { allow } })('it says why', async ({ elastimock }) => {
    async function* batches() {
      yield 10;
      throw new Error('the source refused the password');
    }
    await expect(new Worker(elastimock.url, 'w-1').runOnce(batches())).rejects.toThrow('refused the password');
    expect(await elastimock.syncJob('job-old')).toMatchObject({ status: 'error', error: 'the source refused the password' });
  });
});

// Elasticsearch takes a claim without a name, and the mock tells.
test.fails('a worker without a name is caught', async ({ elastimock }) => {
  await new Worker(elastimock.url, '').runOnce([1]);
});
