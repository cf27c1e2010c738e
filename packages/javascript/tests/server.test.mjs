// The server as a JavaScript program meets it, with node:test.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import elastimock, { binary, ContractError, ElastimockError, start, withScope } from 'elastimock';

const CRM = {
  connectors: [{ id: 'crm', index_name: 'search-crm' }],
  sync_jobs: [{ id: 'job-1', connector_id: 'crm' }],
};

const claim = (mock, worker = 'w-1', job = 'job-1') =>
  fetch(`${mock.url}/_connector/_sync_job/${job}/_claim`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ worker_hostname: worker }),
  });

const folder = () => mkdtempSync(join(tmpdir(), 'elastimock-test-'));

function isAlive(pid) {
  try {
    return !'ZX'.includes(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()[0]);
  } catch {
    return false;
  }
}

async function ends(pid) {
  for (const until = Date.now() + 20_000; isAlive(pid); ) {
    assert.ok(Date.now() < until, 'the server goes on running');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('it serves fixtures and tells what was wrong', async () => {
  const mock = await start({ fixtures: CRM, args: ['--clock', 'frozen@2031-05-01T10:00:00Z', '--seed', '7'] });
  assert.equal(mock.seed, 7);
  assert.equal(await mock.now(), '2031-05-01T10:00:00.000Z');
  assert.equal((await claim(mock, '')).status, 200);
  assert.equal((await mock.syncJob('job-1')).status, 'in_progress');
  assert.equal((await mock.connector('crm')).index_name, 'search-crm');
  assert.equal(await mock.syncJob('job-2'), undefined);
  const found = await mock.findings();
  assert.deepEqual([found.rules, found.counts], [['blank-worker-hostname'], { error: 1, warning: 0 }]);
  await assert.rejects(mock.assertConformant(), /job-1 was claimed by a worker without a name/);
  assert.deepEqual((await mock.calls()).map((call) => call.operation), ['connector.sync_job_claim']);
  assert.deepEqual(await mock.calls('bulk'), []);
  assert.ok((await mock.recording()).startsWith('{"elastimock_recording":1'));
  assert.ok((await mock.coverage()).percent > 0);
  assert.equal(await mock.advance('1m'), '2031-05-01T10:01:00.000Z');
  assert.equal(await mock.setClock('2031-05-01T10:02:00Z'), '2031-05-01T10:02:00.000Z');

  await mock.scope('the next');
  assert.deepEqual([(await mock.findings()).rules, await mock.now()], [[], '2031-05-01T10:00:00.000Z']);
  assert.deepEqual((await mock.findings({ scope: 'all' })).rules, ['blank-worker-hostname']);
  await mock.allow('blank-worker-hostname', 'it is about something else');
  await claim(mock, '');
  await mock.assertConformant();
  await mock.putState({ connectors: [{ id: 'other' }] });
  await mock.addState({ connectors: [{ id: 'third' }] });
  assert.deepEqual((await mock.state()).connectors.map((connector) => connector.id), ['other', 'third']);
  await mock.reset();
  assert.ok(await mock.connector('crm'));
  assert.equal(await mock.stop(), 1);
  assert.equal(await mock.stop(), 1);
  assert.equal(elastimock.start, start);
});

test('what is refused is told in the words of the mock', async () => {
  const wrong = join(folder(), 'wrong.json');
  writeFileSync(wrong, '{ "conectors": [] }');
  await assert.rejects(start({ fixtures: wrong }), { name: 'ElastimockError', message: /did you mean `connectors`/ });
  await assert.rejects(start({ args: ['--no-such-flag'] }), /unexpected argument/);
  const mock = await start();
  await assert.rejects(mock.admin('GET', '/health', undefined, { query: { x: 'y' } }), /there is no parameter/);
  await assert.rejects(mock.setClock('stopped@now'), ElastimockError);
  await assert.rejects(mock.putState(wrong + '.gone'), /wrong.json.gone/);
  assert.equal(await mock.stop(), 0);
});

test('a scope fails with the findings of its own test', async () => {
  const seen = [];
  const guilty = withScope('guilty', { fixtures: CRM }, (mock) => claim(mock, ''));
  const other = withScope('other', { fixtures: CRM, clock: 'frozen@2031-05-01T10:00:00Z' }, async (mock) => {
    await claim(mock);
    return mock.now();
  });
  await assert.rejects(guilty, (error) => error instanceof ContractError && error.findings[0].rule === 'blank-worker-hostname');
  assert.equal(await other, '2031-05-01T10:00:00.000Z');
  const both = withScope('both', { fixtures: [CRM] }, async (mock) => {
    await claim(mock, '');
    throw new Error('its own');
  }, (text) => seen.push(text));
  await assert.rejects(both, /its own/);
  assert.match(seen.join(), /blank-worker-hostname/);
  await withScope('allowed', { fixtures: CRM, allow: { 'blank-worker-hostname': 'meant' } }, (mock) => claim(mock, ''));
  await withScope('lenient', { fixtures: CRM, failOn: 'never' }, (mock) => claim(mock, ''));
  await assert.rejects(withScope('slip', { fixture: CRM }, () => {}), /not fixture/);
  await assert.rejects(withScope('slip', { failOn: 'all' }, () => {}), /not all/);
});

test('exactly the guilty test fails in a suite', () => {
  const file = join(folder(), 'suite.test.mjs');
  writeFileSync(file, `
    import { test } from ${JSON.stringify(import.meta.resolve('elastimock/node-test'))};
    const claim = (mock, worker) => fetch(mock.url + '/_connector/_sync_job/job-pending/_claim', {
      method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ worker_hostname: worker }) });
    for (let n = 0; n < 9; n++) test('claim ' + n, { concurrency: true }, (mock, t) => claim(mock, n === 4 ? '' : t.name));
    test('frozen', { elastimock: { clock: 'frozen@2031-05-01T10:00:00Z' } }, async (mock) => {
      if (await mock.now() !== '2031-05-01T10:00:00.000Z') throw new Error(await mock.now());
    });
  `);
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const told = spawnSync(process.execPath, ['--test', '--test-reporter=tap', file], { encoding: 'utf8', env });
  assert.equal(told.status, 1);
  assert.deepEqual(told.stdout.match(/not ok \d+ - claim \d+/g), ['not ok 5 - claim 4'], told.stdout);
  assert.match(told.stdout, /# pass 9\n# fail 1/);
  assert.match(told.stdout, /job-pending was claimed by a worker without a name/);
});

test('the command line is there too', () => {
  const bin = new URL('../bin.js', import.meta.resolve('elastimock/node-test').replace('node-test.js', 'x/y'));
  const told = spawnSync(process.execPath, [bin.pathname, 'run', '-q', '--', 'sh', '-c', 'echo $ELASTICSEARCH_URL; exit 9'], { encoding: 'utf8' });
  assert.match(told.stdout, /^http:\/\/127.0.0.1:\d+\n$/);
  assert.equal(told.status, 9);
  assert.equal(spawnSync(binary(), ['-V']).status, 0);
});

test('no server outlives its program', { skip: process.platform !== 'linux' }, async () => {
  const program = `
    import { start } from ${JSON.stringify(import.meta.resolve('elastimock'))};
    const mock = await start();
    console.log(mock.pid);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  const pid = await new Promise((resolve) => child.stdout.on('data', (data) => resolve(Number(data))));
  assert.ok(isAlive(pid));
  child.kill('SIGKILL');
  await ends(pid);
  // One that ends well without stopping it is not kept waiting.
  const short = program.replace(/await new Promise.*/, '');
  const told = spawnSync(process.execPath, ['--input-type=module', '-e', short], { encoding: 'utf8', timeout: 20_000 });
  assert.equal(told.status, 0, told.stderr);
  await ends(Number(told.stdout));
});

test('it speaks TLS', async () => {
  const mock = await start({ fixtures: CRM, args: ['--tls', 'self-signed'] });
  assert.ok(mock.url.startsWith('https://'));
  assert.equal(mock.caFingerprint.length, 64);
  const status = await new Promise((resolve, reject) => {
    get(`https://localhost:${mock.port}/_connector`, { ca: mock.ca, agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode));
    }).on('error', reject);
  });
  assert.equal(status, 200);
  assert.deepEqual((await mock.calls()).map((call) => call.operation), ['connector.list']);
  await mock.advance('1m');
  await assert.rejects(mock.advance('soon'), ElastimockError);
  assert.equal(await mock.stop(), 0);
});
