// The server as a JavaScript program meets it, with node:test.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
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
  const mock = await start({ fixtures: CRM, args: ['--clock', 'frozen@2031-05-01T10:00:00Z', '--seed', '7', '--listen', '127.0.0.1:0'] });
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

const bin = new URL('../bin.js', import.meta.resolve('elastimock/node-test').replace('node-test.js', 'x/y')).pathname;

test('the command line is there too', () => {
  const told = spawnSync(process.execPath, [bin, 'run', '-q', '--', 'sh', '-c', 'echo $ELASTICSEARCH_URL; exit 9'], { encoding: 'utf8' });
  assert.match(told.stdout, /^http:\/\/127.0.0.1:\d+\n$/);
  assert.equal(told.status, 9);
  assert.equal(spawnSync(binary(), ['-V']).status, 0);
});

test('a command line that is killed leaves no server behind', { skip: process.platform !== 'linux' }, async () => {
  const child = spawn(process.execPath, [bin, 'serve', '--json', '-q', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { pid } = JSON.parse(await new Promise((resolve) => child.stdout.once('data', resolve)));
  assert.ok(isAlive(pid));
  child.kill('SIGKILL');
  await ends(pid);
});

test('a binary that is not there, or is another program, is told', async () => {
  const env = { ...process.env, ELASTIMOCK_BINARY: '/no/such/elastimock' };
  const told = spawnSync(process.execPath, [bin, '-V'], { encoding: 'utf8', env });
  assert.deepEqual([told.status, told.stderr], [3, 'error: spawn /no/such/elastimock ENOENT\n']);
  // For a platform without a package.
  const packages = folder();
  for (const file of ['bin.js', 'binary.js']) writeFileSync(join(packages, file), readFileSync(join(bin, '..', file)));
  writeFileSync(join(packages, 'package.json'), '{ "type": "module" }');
  const { ELASTIMOCK_BINARY, ...without } = process.env;
  const none = spawnSync(process.execPath, [join(packages, 'bin.js'), '-V'], { encoding: 'utf8', env: without });
  assert.equal(none.status, 3);
  assert.match(none.stderr, /^error: @elastimock\/[^\n]+ is not installed\. [^\n]+\n$/);
  const before = process.env.ELASTIMOCK_BINARY;
  try {
    for (const [program, message] of [
      ['/bin/false', /^the mock did not start: \/bin\/false ended with exit code 1 and told nothing$/],
      ['/bin/echo', /^the mock did not start: \/bin\/echo told "serve .*"; is it elastimock\?$/],
      ['/no/such/elastimock', /^the mock did not start: spawn \/no\/such\/elastimock ENOENT$/],
    ]) {
      process.env.ELASTIMOCK_BINARY = program;
      await assert.rejects(start(), { name: 'ElastimockError', message });
    }
  } finally {
    if (before === undefined) delete process.env.ELASTIMOCK_BINARY;
    else process.env.ELASTIMOCK_BINARY = before;
  }
});

test('fixtures of one test are read as those of a server', async () => {
  const all = folder();
  const file = (name, content) => {
    writeFileSync(join(all, name), content);
    return join(all, name);
  };
  // The job comes before its connector, and nothing else in the folder is looked at.
  mkdirSync(join(all, 'crm'));
  file('crm/1.json', '\uFEFF{ "sync_jobs": [{ "id": "job-1", "connector_id": "crm" }] }');
  file('crm/2.json.gz', gzipSync('{ "$schema": "x", "connectors": [{ "id": "crm" }] }'));
  file('crm/.hidden.json', 'no');
  file('crm/README.md', 'no');
  mkdirSync(join(all, 'crm', 'below.json'));
  mkdirSync(join(all, 'empty'));
  const mock = await start();
  const ids = async () => (await mock.state()).connectors.map(({ id }) => id);
  await mock.putState(join(all, 'crm'));
  assert.deepEqual(await ids(), ['crm']);
  assert.equal((await mock.syncJob('job-1')).status, 'pending');
  await mock.putState(pathToFileURL(join(all, 'crm')), { connectors: [{ id: 'other' }] });
  assert.deepEqual(await ids(), ['crm', 'other']);
  const lines = ['x', 'y'].map((id) => JSON.stringify({ _index: '.elastic-connectors', _id: id, _source: { name: 'n' } }));
  await mock.putState(file('dump.json', lines.join('\n')), { connectors: [{ id: 'z' }] });
  assert.deepEqual((await ids()).sort(), ['x', 'y', 'z']);

  const slip = file('slip.json', '{\n  "conectors": []\n}');
  const rejects = (path, message) => assert.rejects(mock.putState(path), { name: 'ElastimockError', message });
  await rejects(slip, `${slip}: line 2, column 3: \`conectors\` is no part of a fixture; did you mean \`connectors\`?`);
  await rejects(file('cut.json', '{'), new RegExp(`^${all}/cut.json: line 1`));
  await rejects(file('cut.json.gz', gzipSync('{')), new RegExp(`^${all}/cut.json.gz: line 1`));
  await rejects(join(all, 'empty'), `${all}/empty: no fixture in this folder; name them .json, .yaml or .yml`);
  await rejects(join(all, 'gone.json'), /cannot read .*gone.json: ENOENT/);
  const yaml = file('crm.yml', 'connectors: [{ id: of-yaml }]\n');
  // A package for YAML is found where the tests are.
  const before = process.cwd();
  try {
    process.chdir(all);
    await rejects(yaml, `${yaml}: a fixture of one test is JSON, or YAML where the package yaml or js-yaml is installed`);
    mkdirSync(join(all, 'node_modules/yaml'), { recursive: true });
    file('node_modules/yaml/index.js', `exports.parse = (text) => { if (text.includes('of-yaml')) return { connectors: [{ id: 'of-yaml' }] }; throw new Error('line 1'); };`);
    await mock.putState(yaml);
    assert.deepEqual(await ids(), ['of-yaml']);
    await rejects(file('wrong.yaml', 'a: ['), `${all}/wrong.yaml: line 1`);
  } finally {
    process.chdir(before);
  }
  assert.equal(await mock.stop(), 0);
});

test('what stands for fetch has no part in it', async () => {
  const before = globalThis.fetch;
  globalThis.fetch = () => Promise.reject(new TypeError('Cross-Origin Request Blocked'));
  try {
    await withScope('it has another fetch', {}, (mock) => mock.now());
  } finally {
    globalThis.fetch = before;
  }
});

test('a server that has ended says so', async () => {
  const killed = await start();
  process.kill(killed.pid, 'SIGKILL');
  await assert.rejects(killed.now(), {
    name: 'ElastimockError',
    message: 'the mock has ended (signal 9): no answer to GET /_elastimock/clock',
  });
  assert.equal(await killed.stop(), -1);
  const stopped = await start();
  await stopped.stop();
  await assert.rejects(stopped.now(), /^ElastimockError: the mock has ended \(exit code 0\)/);
  // It takes no other test with it.
  await assert.rejects(withScope('killed', {}, (mock) => process.kill(mock.pid, 'SIGKILL')), /has ended \(signal 9\)/);
  await withScope('the next', { fixtures: CRM }, (mock) => claim(mock));
  // Nor one that dies while no test has it.
  const pid = await withScope('dies later', {}, (mock) => mock.pid);
  process.kill(pid, 'SIGKILL');
  await withScope('the next', { fixtures: CRM }, (mock) => claim(mock));
});

test('what a test has ended itself counts for it', async () => {
  const guilty = async (name, then) => {
    const ended = withScope(name, { fixtures: CRM }, async (mock) => {
      await claim(mock, '');
      await then(mock);
    });
    await assert.rejects(ended, (error) => error instanceof ContractError && error.findings.length === 1 && /job-1 was claimed/.test(error.message));
  };
  await guilty('reset', (mock) => mock.reset());
  await guilty('scope', (mock) => mock.scope('x'));
  await guilty('stop', (mock) => mock.stop());
  const twice = withScope('twice', { fixtures: CRM, clock: 'frozen@2031-05-01T10:00:00Z' }, async (mock) => {
    await claim(mock, '');
    await mock.reset();
    // It begins as the test has begun.
    assert.equal(await mock.now(), '2031-05-01T10:00:00.000Z');
    await claim(mock, '');
  });
  await assert.rejects(twice, (error) => error.findings.length === 2 && error.message.match(/1 error, 0 warnings/g).length === 2);
  await withScope('innocent', { fixtures: CRM }, (mock) => claim(mock));
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

test('Ctrl-C is for the tests, and not for the server', { skip: process.platform !== 'linux' }, async () => {
  const mock = await start();
  const [, , group] = readFileSync(`/proc/${mock.pid}/stat`, 'utf8').split(') ').pop().split(' ');
  assert.equal(Number(group), mock.pid);
  await mock.stop();
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

test('what is refused is thrown at the line that has asked', async () => {
  const mock = await start();
  try {
    await mock.advance('5 minutes');
    assert.fail('it was taken');
  } catch (error) {
    assert.match(error.stack, /^ElastimockError: POST [^]*write a whole number and a unit/);
    assert.match(error.stack.split('\n').find((line) => /^\s+at /.test(line)), /server\.test\.mjs/);
  } finally {
    await mock.stop();
  }
});
