// The helper for vitest, in a suite of its own that runs in parallel.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

const HEAD = `
import { expect } from 'vitest';
import { configure, test } from 'elastimock/vitest';
const claim = (mock, worker = 'w-1') => fetch(mock.url + '/_connector/_sync_job/job-pending/_claim', {
  method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ worker_hostname: worker }) });
`;

/** The arguments for vitest in a folder, and the environment. */
function vitestIn(folder, ...more) {
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const words = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder, ...more];
  return [process.execPath, words, { encoding: 'utf8', cwd: folder, env: { ...env, NO_COLOR: '1', CI: 'true' } }];
}

test('nothing that a test does keeps its findings from failing it, in files that share a process', () => {
  const folder = mkdtempSync(join(root, 'suite-'));
  try {
    const configured = (id) => `${HEAD}
configure({ fixtures: { connectors: [{ id: '${id}' }] } });
test('${id}', async ({ elastimock }) => expect((await elastimock.state()).connectors[0].id).toBe('${id}'));
`;
    writeFileSync(join(folder, 'a.test.mjs'), configured('a'));
    writeFileSync(join(folder, 'b.test.mjs'), configured('b'));
    writeFileSync(join(folder, 'c.test.mjs'), `${HEAD}
test('reset', async ({ elastimock }) => { await claim(elastimock, ''); await elastimock.reset(); });
test('scope', async ({ elastimock }) => { await claim(elastimock, ''); await elastimock.scope('another'); });
test('skips itself', async ({ elastimock, skip }) => { await claim(elastimock, ''); skip('not today'); });
test('skips itself, good', async ({ elastimock, skip }) => { await claim(elastimock); skip('not today'); });
let tried = 0;
test('good at the second try', { retry: 2 }, async ({ elastimock }) => { await claim(elastimock, tried++ ? 'w-1' : ''); });
test('dies', async ({ elastimock }) => { process.kill(elastimock.pid, 'SIGKILL'); await elastimock.now(); });
test('the next', ({ elastimock }) => claim(elastimock));
test.extend({ elastimockOptions: { fixtures: { connectors: [{ id: 'own' }] } } })('as at its start', async ({ elastimock }) => {
  await elastimock.putState();
  await elastimock.reset();
  expect(await elastimock.connector('own')).toBeTruthy();
});
`);
    const shared = ['--no-isolate', '--maxWorkers=1', '--reporter=json', '--outputFile=told.json'];
    const told = spawnSync(...vitestIn(folder, ...shared));
    const all = told.stdout + told.stderr;
    const { testResults } = JSON.parse(readFileSync(join(folder, 'told.json'), 'utf8'));
    const tests = testResults.flatMap((file) => file.assertionResults);
    const failed = tests.filter((one) => one.status === 'failed');
    assert.deepEqual(failed.map((one) => one.title), ['reset', 'scope', 'skips itself', 'dies'], JSON.stringify(tests, null, 2) + all);
    assert.deepEqual(tests.filter((one) => one.status === 'pending' || one.status === 'skipped').map((one) => one.title), ['skips itself, good']);
    const [reset, , , dies] = failed.map((one) => one.failureMessages.join());
    assert.match(reset, /job-pending was claimed by a worker without a name/);
    assert.match(reset, /called from: c\.test\.mjs:7 \(reset\)/);
    assert.match(dies, /the mock has ended \(signal 9\): no answer to GET/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('no server outlives vitest', { skip: process.platform !== 'linux' }, async () => {
  const folder = mkdtempSync(join(root, 'suite-'));
  const isAlive = (pid) => {
    try {
      return !'ZX'.includes(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()[0]);
    } catch {
      return false;
    }
  };
  const until = async (what, is) => {
    for (const end = Date.now() + 30_000; !is(); ) {
      assert.ok(Date.now() < end, what);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  let worker;
  try {
    // The worker is an orphan that is busy with its test.
    writeFileSync(join(folder, 'a.test.mjs'), `${HEAD}
import { renameSync, writeFileSync } from 'node:fs';
process.on('disconnect', () => {});
test('long', { timeout: 60_000 }, async ({ elastimock }) => {
  writeFileSync('pids.new', JSON.stringify([elastimock.pid, process.pid]));
  renameSync('pids.new', 'pids');
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});
`);
    const [program, words, options] = vitestIn(folder, '--pool=forks');
    const vitest = spawn(program, words, { ...options, stdio: 'ignore' });
    const pids = join(folder, 'pids');
    await until('the test begins', () => existsSync(pids));
    const [server, itsWorker] = JSON.parse(readFileSync(pids, 'utf8'));
    worker = itsWorker;
    assert.ok(isAlive(server));
    vitest.kill('SIGKILL');
    await until('the server ends with vitest', () => !isAlive(server));
  } finally {
    if (worker && isAlive(worker)) process.kill(worker, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});
