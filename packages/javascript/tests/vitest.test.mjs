// The helper for vitest, in a suite of its own that runs in parallel.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'node:test';

// Beside vitest, so that what it imports is found.
const root = dirname(dirname(dirname(createRequire(import.meta.url).resolve('vitest/package.json'))));

test('exactly the guilty test fails, in files and tests that run at a time', () => {
  const folder = mkdtempSync(join(root, 'suite-'));
  try {
    mkdirSync(join(folder, 'tests'));
    for (const guilty of [false, false, true]) {
      const name = guilty ? 'guilty' : 'good';
      writeFileSync(join(folder, 'tests', `${name}-${Math.random()}.test.mjs`), `
        import { describe, expect } from 'vitest';
        import { test } from 'elastimock/vitest';
        const claim = (mock, worker) => fetch(mock.url + '/_connector/_sync_job/job-pending/_claim', {
          method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ worker_hostname: worker }) });
        describe.concurrent('claims', () => {
          for (let n = 0; n < 6; n++) {
            test('${name} ' + n, async ({ elastimock }) => {
              await claim(elastimock, n === 4 && ${guilty} ? '' : 'w-1');
              expect(await elastimock.calls()).toHaveLength(1);
            });
          }
        });
        test.extend({ elastimockOptions: { clock: 'frozen@2031-05-01T10:00:00Z' } })('${name} clock', async ({ elastimock }) => {
          expect(await elastimock.now()).toBe('2031-05-01T10:00:00.000Z');
        });
        ${guilty ? "test('fails by itself', async ({ elastimock }) => { await claim(elastimock, ''); expect(1).toBe(2); });" : ''}
        test('without a mock', () => {});
      `);
    }
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const { NODE_TEST_CONTEXT, ...env } = process.env;
    const told = spawnSync(process.execPath, [vitest, 'run', '--root', folder, '--reporter=json', '--outputFile.json=told.json', '--reporter=default'], {
      encoding: 'utf8',
      cwd: folder,
      env: { ...env, NO_COLOR: '1', CI: 'true' },
    });
    assert.equal(told.status, 1, told.stdout + told.stderr);
    const json = JSON.parse(readFileSync(join(folder, 'told.json'), 'utf8'));
    const failed = json.testResults.flatMap((file) => file.assertionResults).filter((one) => one.status === 'failed');
    assert.deepEqual(failed.map((one) => one.title).sort(), ['fails by itself', 'guilty 4'], told.stdout + told.stderr);
    const [own, guilty] = failed.sort((a, b) => a.title.localeCompare(b.title)).map((one) => one.failureMessages.join());
    assert.equal(guilty.match(/the client broke the contract/g).length, 1, 'it is told once');
    assert.match(guilty, /job-pending was claimed by a worker without a name/);
    assert.match(own, /expected 1 to be 2/);
    assert.match(told.stdout + told.stderr, /fails by itself[^]*blank-worker-hostname/);
    assert.equal(json.numPassedTests, json.numTotalTests - 2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
