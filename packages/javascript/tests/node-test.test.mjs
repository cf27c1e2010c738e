// The helper for node:test, in suites of their own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

const HEAD = `
import { configure, test } from ${JSON.stringify(import.meta.resolve('elastimock/node-test'))};
const claim = (mock, worker = 'w-1') => fetch(mock.url + '/_connector/_sync_job/job-pending/_claim', {
  method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ worker_hostname: worker }) });
`;

/** Runs files of tests, each in a process of its own or all in one; tells what TAP has, and the folder. */
function run(files, { together = false, beside = {} } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'elastimock-test-'));
  const names = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(folder, name), HEAD + text);
    return join(folder, name);
  });
  for (const [name, text] of Object.entries(beside)) writeFileSync(join(folder, name), HEAD + text);
  if (beside['helper.js']) writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  if (together) writeFileSync(join(folder, 'all.test.mjs'), names.map((name) => `import ${JSON.stringify(name)};\n`).join(''));
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const given = together ? [join(folder, 'all.test.mjs')] : names;
  const told = spawnSync(process.execPath, ['--test', '--test-reporter=tap', ...given], { cwd: folder, encoding: 'utf8', env, timeout: 60_000 });
  const all = told.stdout + told.stderr;
  return { all, folder, failed: [...all.matchAll(/^ *not ok \d+ - (.*)/gm)].map(([, name]) => name).filter((name) => !name.endsWith('.mjs')) };
}

test('nothing that a test does keeps its findings from failing it', () => {
  const { all, folder, failed } = run({
    'all.test.mjs': `
test('reset', async (mock) => { await claim(mock, ''); await mock.reset(); });
test('scope', async (mock) => { await claim(mock, ''); await mock.scope('another'); await claim(mock); });
test('admin', async (mock) => { await claim(mock, ''); await mock.admin('POST', '/reset'); });
test('stop', async (mock) => { await claim(mock, ''); await mock.stop(); });
test('after', (mock, t) => t.after(() => claim(mock, '')));
test('skips itself', async (mock, t) => { await claim(mock, ''); t.skip('not today'); });
test('skips itself, and fails', async (mock, t) => { await claim(mock, ''); t.skip('not today'); throw new Error('its own'); });
test('forgets', async (mock) => { await claim(mock, ''); await mock.admin('POST', '/reset', undefined, { query: { forget: 'true' } }); });
test('good', async (mock, t) => { await claim(mock); await mock.reset(); t.after(() => claim(mock)); });
test('skips itself, good', async (mock, t) => { await claim(mock); t.skip('not today'); });
test('allowed', { elastimock: { allow: { 'blank-worker-hostname': 'meant' } } }, async (mock) => {
  await mock.reset();
  await claim(mock, '');
});
`,
  });
  assert.deepEqual(failed, ['reset', 'scope', 'admin', 'stop', 'after', 'skips itself', 'skips itself, and fails'], all);
  assert.match(all, /\nok 10 - skips itself, good # SKIP not today\n/);
  assert.equal(all.match(/job-pending was claimed by a worker without a name/g).length >= 6, true, all);
  // Its own line is where a test stands, to the runner and in findings.
  assert.ok(all.includes(`location: '${join(folder, 'all.test.mjs')}:6:1'`), all);
  assert.match(all, /all\.test\.mjs:6\b/);
});

test('what node:test has beside a test is there', () => {
  const { all, failed } = run({
    'all.test.mjs': `
test.skip('skipped', (mock) => claim(mock, ''));
test.todo('to be written');
test.todo('not good yet', (mock) => claim(mock, ''));
test(async function named(mock) { await claim(mock); });
test({ elastimock: { clock: 'frozen@2031-05-01T10:00:00Z' } }, async (mock) => { if (!(await mock.now()).startsWith('2031')) throw new Error(); });
if (typeof test.only !== 'function') throw new Error('only');
`,
  });
  assert.deepEqual(failed, ['not good yet # TODO'], all);
  assert.match(all, /ok 1 - skipped # SKIP\n/);
  assert.match(all, /ok 4 - named\n/);
  assert.match(all, /# fail 0\n/);
});

test('each file of a process begins with what it has configured', () => {
  const file = (id) => `
configure({ fixtures: { connectors: [{ id: '${id}' }] } });
for (const n of [1, 2]) test('${id} ' + n, async (mock) => {
  if (!(await mock.connector('${id}'))) throw new Error('it has ' + JSON.stringify((await mock.state()).connectors));
});
`;
  const { all, failed } = run({ 'a.mjs': file('a'), 'b.mjs': file('b') }, { together: true });
  assert.deepEqual(failed, [], all);
  assert.match(all, /# pass 4\n/);
});

test('a server that has died takes no other test with it', () => {
  const { all, failed } = run({
    'all.test.mjs': `
test('dies', async (mock) => { process.kill(mock.pid, 'SIGKILL'); await mock.now(); });
test('dies unseen', (mock) => process.kill(mock.pid, 'SIGKILL'));
test('its client fails', async (mock) => { process.kill(mock.pid, 'SIGKILL'); await mock.now().catch(() => {}); throw new Error('its own'); });
test('the next', (mock) => claim(mock));
`,
  });
  assert.deepEqual(failed, ['dies', 'dies unseen', 'its client fails'], all);
  assert.match(all, /the mock has ended \(signal 9\): no answer to GET \/_elastimock\/clock/);
  assert.match(all, /its own[^]*# the mock has ended \(signal 9\)/);
});

test('each server writes reports and a recording of its own, whoever calls for it', () => {
  const helper = `
configure({ args: ['--record', 'out.ndjson', '--report=json=out.json,text=out.txt', '--port-file=out.port'] });
export const both = (name) => {
  test(name, async (mock) => { await claim(mock); process.kill(mock.pid, 'SIGKILL'); await mock.now().catch(() => {}); });
  test(name + ' again', async (mock) => { await claim(mock); await mock.stop(); });
};
`;
  const files = ['a.mjs', 'b,c=d.mjs', `${'x'.repeat(100)}.mjs`];
  const text = (name) => `import { both } from './helper.js';\nboth(${JSON.stringify(name)});\n`;
  const { all, folder } = run(Object.fromEntries(files.map((name) => [name, text(name)])), { beside: { 'helper.js': helper } });
  const written = readdirSync(folder).filter((name) => name.startsWith('out.')).sort();
  const kinds = written.map((name) => name.replace(/^out\.(a\.mjs|b_c_d\.mjs\.[0-9a-f]{8}|x{76}\.mjs\.[0-9a-f]{8})\./, ''));
  assert.deepEqual(kinds.sort(), ['2.json', '2.ndjson', '2.txt', 'ndjson', 'port'].flatMap((kind) => [kind, kind, kind]), written.join(' ') + all);
  for (const name of written.filter((name) => name.endsWith('.ndjson'))) {
    assert.match(readFileSync(join(folder, name), 'utf8'), /_claim/, name);
  }
});

test('a scope that a client ends is the test\'s own', () => {
  const { all, failed } = run({
    'all.test.mjs': `
const reset = (mock) => fetch(mock.url + '/_elastimock/reset', { method: 'POST' });
const elastimock = { stubs: { request: { operation: 'connector.sync_job_claim' }, response: {}, expect: 1 } };
test('guilty', async (mock) => { await claim(mock, ''); await reset(mock); });
test('guilty later', async (mock) => { await reset(mock); await claim(mock, ''); await reset(mock); await mock.reset(); });
test('good', { elastimock }, async (mock) => { await claim(mock); await reset(mock); });
`,
  });
  assert.deepEqual(failed, ['guilty', 'guilty later'], all);
});

test('what a test expects is asked where clients have called', () => {
  const { all, failed } = run({
    'all.test.mjs': `
const elastimock = { stubs: { request: { operation: 'info' }, response: { status: 503 }, expect: 1 } };
const ask = (mock, path = '/') => fetch(mock.url + path);
test('reset at the end', { elastimock }, async (mock) => { await ask(mock); await mock.reset(); });
test('reset at the start', { elastimock }, async (mock) => { await mock.reset(); await mock.scope('begins'); await ask(mock); });
test('never', { elastimock }, (mock) => mock.reset());
test('not in the second phase', { elastimock }, async (mock) => { await ask(mock); await mock.scope('2'); await ask(mock, '/_connector'); });
test('resets at a time', { elastimock }, async (mock) => {
  await Promise.all([1, 2, 3, 4].map(() => mock.reset()));
  if ((await mock.admin('GET', '/stubs')).stubs.length !== 1) throw new Error('it was prepared more than once');
  await ask(mock);
});
`,
  });
  assert.deepEqual(failed, ['never', 'not in the second phase'], all);
});
