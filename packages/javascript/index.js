// A mock of Elasticsearch's Connector API: a server in a process of its own, its verbs, and a scope for each test.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { constants, tmpdir } from 'node:os';
import { isAbsolute, join, parse, relative, resolve as absolute } from 'node:path';
import { fileURLToPath, URL, URLSearchParams } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { binary } from './binary.js';
import { ContractError, ElastimockError } from './errors.js';
import { bodiesOf, isPath, pathOf } from './fixtures.js';

export { binary, ContractError, ElastimockError };

const listed = (given) => (given === undefined ? [] : Array.isArray(given) ? given : [given]);

/** How long a server may take to start, and one that does not answer to be known as ended. */
const START_MS = 30_000;
const END_MS = 2_000;
/** How much is kept of what a server tells. */
const TOLD_MAX = 64 * 1024;

/** Starts a server at a free port. It ends with `stop()`, and whenever this process ends, however that happens. */
export async function start({ fixtures, args = [] } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'elastimock-'));
  try {
    const words = ['serve', '--json', '--quiet', '--exit-with-stdin'];
    if (!args.some((word) => /^--listen(=|$)/.test(word))) words.push('--listen', '127.0.0.1:0');
    if (process.platform !== 'win32') {
      for (const pid of [process.pid, ...(isWorkerOfRunner() ? [process.ppid] : [])]) {
        words.push('--exit-with-pid', String(pid));
      }
    }
    for (const [at, fixture] of listed(fixtures).entries()) {
      let path = pathOf(fixture);
      if (!isPath(fixture)) {
        path = join(folder, `fixture-${at}.json`);
        await writeFile(path, JSON.stringify(fixture));
      }
      words.push('--fixtures', path);
    }
    const program = findBinary();
    const { ELASTIMOCK_BINARY, ...env } = process.env;
    // In a session of its own: Ctrl-C is for the tests, which still ask it afterwards.
    const child = spawn(program, [...words, ...args], { stdio: 'pipe', env, detached: process.platform !== 'win32' });
    const told = { stderr: '' };
    const ready = await firstLine(program, child, told);
    // A test runner ends when its tests have ended, and the server with it.
    for (const handle of [child, child.stdin, child.stdout, child.stderr]) handle.unref();
    return new Server(child, ready, told);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function findBinary() {
  try {
    return binary();
  } catch (error) {
    throw new ElastimockError(error.message);
  }
}

/** Whether a test runner has started this process for its tests: they end with the runner, whatever this process does. */
function isWorkerOfRunner() {
  if (process.env.NODE_TEST_CONTEXT?.startsWith('child')) return true;
  return isMainThread && process.connected && Boolean(process.env.VITEST || process.env.JEST_WORKER_ID);
}

function firstLine(program, child, told) {
  return new Promise((resolve, reject) => {
    let stdout = '';
    const fail = (why) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new ElastimockError(why));
    };
    const timer = setTimeout(() => fail(`the mock did not start: ${program} told nothing in ${START_MS / 1000} s`), START_MS);
    child.stderr.on('data', (data) => (told.stderr = (told.stderr + data).slice(-TOLD_MAX)));
    child.stdout.on('data', function read(data) {
      stdout += data;
      if (!stdout.includes('\n')) return;
      child.stdout.off('data', read).resume();
      const line = stdout.slice(0, stdout.indexOf('\n'));
      const ready = parsed(line);
      if (!ready?.url) return fail(`the mock did not start: ${program} told ${JSON.stringify(line)}; is it elastimock?`);
      clearTimeout(timer);
      resolve(ready);
    });
    child.on('error', (error) => fail(`the mock did not start: ${error.message}`));
    child.on('close', (code, signal) =>
      fail(told.stderr.trim() || `the mock did not start: ${program} ended with ${ending(code, signal)} and told nothing`));
    child.stdin.on('error', () => {});
  });
}

const ending = (code, signal) => (signal ? `signal ${constants.signals[signal]}` : `exit code ${code}`);

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A place in a source file as findings tell it: relative to the repository in CI, else to the current folder. */
export function placeOf(file, line, test) {
  const path = file.startsWith('file:') ? fileURLToPath(file) : file;
  const below = relative(process.env.GITHUB_WORKSPACE || process.cwd(), path);
  const shown = below.startsWith('..') || isAbsolute(below) ? path : below.replaceAll('\\', '/');
  return [shown, line, test].filter((part) => part !== undefined).join(line === undefined ? '::' : ':');
}

/** The place outside of this package that has called, or `undefined`. */
export function caller() {
  for (const frame of new Error().stack.split('\n').slice(1)) {
    const [, file, line, column] = /\(?((?:file:\/\/|\/|[A-Za-z]:[\\/])[^()]*?):(\d+):(\d+)\)?$/.exec(frame) ?? [];
    if (file && !OWN.has(file)) return { file, line: Number(line), column: Number(column) };
  }
  return undefined;
}

/** The line outside of this package that has called, as findings tell it, or `undefined`. */
export function calledFrom(test) {
  const place = caller();
  return place && placeOf(place.file, place.line, test);
}

const OWN = new Set(
  ['index.js', 'node-test.js', 'vitest.js'].flatMap((name) => {
    const url = new URL(name, import.meta.url).href;
    return [url, fileURLToPath(url)];
  }),
);

/** What a server is to the test that has it: see `beginScope`. */
const tests = new WeakMap();

let howEnded;

/** A running mock, and its verbs. */
export class Server {
  #child;
  #told;
  #ended;
  #how;

  constructor(child, { url, port, pid, seed, ca, ca_fingerprint: caFingerprint }, told) {
    Object.assign(this, { url, port, pid, seed, ca, caFingerprint });
    this.#child = child;
    this.#told = told;
    this.#ended = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        this.#how = ending(code, signal);
        resolve(code ?? -1);
      });
    });
  }

  static {
    howEnded = (mock) => mock.#how;
  }

  /** Stops the server in order: recordings and reports are written. Tells its exit code. */
  async stop() {
    const test = tests.get(this);
    if (test && !test.stopped && !this.#how) {
      // Its findings are those of the test.
      test.known = await allFound(this, test);
      test.stopped = true;
    }
    this.#keepAwake();
    this.#child.stdin.end();
    return this.#ended;
  }

  /** Lets this process wait for the end of the server. */
  #keepAwake() {
    for (const handle of [this.#child, this.#child.stdout, this.#child.stderr]) handle.ref();
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
  }

  /** A call of the admin API. */
  async admin(method, path, body, { accept = 'application/json', query = {} } = {}) {
    const parameters = Object.entries(query).filter(([, value]) => value !== undefined);
    const target = `/_elastimock${path}${parameters.length ? `?${new URLSearchParams(parameters)}` : ''}`;
    const test = tests.get(this);
    if (test && method === 'POST' && ['/reset', '/scopes'].includes(path)) {
      // One scope ends at a time, and the next begins as the test has begun.
      const turn = test.turn.then(async () => {
        // Its findings are those of the test.
        const found = String(query.forget) !== 'true' ? await foundIn(this, test, false) : undefined;
        const answer = await this.#ask(method, target, body, 'application/json');
        test.ended.set(answer.ended.number, found);
        await test.prepare();
        return answer;
      });
      test.turn = turn.catch(() => {});
      return turn;
    }
    return this.#ask(method, target, body, accept);
  }

  async #ask(method, target, body, accept) {
    const content = body === undefined ? undefined : body instanceof Verbatim ? body.text : JSON.stringify(body);
    let answer;
    try {
      answer = await this.#call(method, target, content, accept);
    } catch (error) {
      throw await this.#unanswered(`${method} ${target}`, error);
    }
    const { status, text } = answer;
    if (status >= 400) throw new ElastimockError(`${method} ${target}: ${reason(text)}`);
    return accept === 'application/json' && text ? JSON.parse(text) : text;
  }

  /** A connection of its own: whatever stands for `fetch` here, or for a proxy, has no part in it. */
  #call(method, target, content, accept) {
    return new Promise((resolve, reject) => {
      const { request } = this.ca ? https : http;
      const headers = { accept, ...(content === undefined ? {} : { 'content-type': 'application/json' }) };
      const calling = request(this.url + target, { method, headers, ca: this.ca, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (data) => (text += data));
        answer.on('error', reject);
        answer.on('end', () => resolve({ status: answer.statusCode, text }));
      });
      calling.on('error', reject);
      calling.end(content);
    });
  }

  /** Why there was no answer to a call. */
  async #unanswered(call, error) {
    this.#keepAwake();
    let timer;
    await Promise.race([this.#ended, new Promise((resolve) => (timer = setTimeout(resolve, END_MS)))]);
    clearTimeout(timer);
    if (!this.#how) {
      for (const handle of [this.#child, this.#child.stdout, this.#child.stderr]) handle.unref();
      return new ElastimockError(`${call}: ${error.message || error.code}`);
    }
    const told = this.#told.stderr.trim();
    return new ElastimockError(`the mock has ended (${this.#how}): no answer to ${call}${told && `; it told: ${told}`}`);
  }

  /**
   * Ends the scope and begins the next, which has this name: state, clock and ids as at the start, of the test if there
   * is one. `source` is where its findings point to, `tests/sync.test.js:41`; the caller's line if not said.
   */
  async scope(name, source = calledFrom()) {
    await this.admin('POST', '/scopes', { name, source });
  }

  /** Ends the scope and begins the next, which has no name. */
  async reset() {
    await this.admin('POST', '/reset');
  }

  /** What clients did wrong in the scope that goes on, in another one, or in the scope `all`. */
  async findings({ end = true, scope } = {}) {
    return findingsOf(this, { end: String(end), scope });
  }

  /** Throws a `ContractError` with the text report if the scope that goes on has findings. */
  async assertConformant(failOn = 'error') {
    const found = await this.findings();
    if (fails(found, failOn)) throw new ContractError(found);
  }

  /** Lets a rule be broken in this scope. */
  async allow(rule, reason) {
    await this.admin('POST', '/allow', { rule, reason });
  }

  /** Moves mock time forward, by `5m` and the like, and tells the new instant. */
  async advance(by) {
    return (await this.admin('POST', '/clock/_advance', { by })).now;
  }

  /** Sets mock time: `frozen@INSTANT`, `from@INSTANT` or an instant. */
  async setClock(clock) {
    const [, mode, now] = /^(?:(frozen|from)@)?([^@]+)$/.exec(clock) ?? [];
    if (!now) throw new ElastimockError(`a clock is frozen@INSTANT, from@INSTANT or INSTANT, not ${clock}`);
    const modes = { frozen: 'frozen', from: 'running' };
    return (await this.admin('PUT', '/clock', mode ? { mode: modes[mode], now } : { now })).now;
  }

  /** Mock time. */
  async now() {
    return (await this.admin('GET', '/clock')).now;
  }

  /** Adds stubs. */
  async stub(...stubs) {
    await this.admin('POST', '/stubs', { stubs });
  }

  /** The whole state as a fixture. */
  async state() {
    return this.admin('GET', '/state');
  }

  /** Replaces the state by fixtures, which are read together: paths of files and folders, or what stands in one. */
  async putState(...fixtures) {
    await this.#send('PUT', fixtures.length ? fixtures : [{}]);
  }

  /** Adds fixtures to the state. */
  async addState(...fixtures) {
    await this.#send('POST', fixtures);
  }

  async #send(method, fixtures) {
    for (const { name, text } of await bodiesOf(fixtures)) {
      try {
        await this.admin(method, '/state', new Verbatim(text));
      } catch (error) {
        throw name ? new ElastimockError(`${name}: ${error.message.replace(/^P[A-Z]+ \S+: /, '')}`) : error;
      }
      method = 'POST';
    }
  }

  /** A sync job as it is stored, or `undefined`. */
  async syncJob(id) {
    return this.#entry('sync_jobs', id);
  }

  /** A connector as it is stored, or `undefined`. */
  async connector(id) {
    return this.#entry('connectors', id);
  }

  async #entry(section, id) {
    const found = ((await this.state())[section] ?? []).find((entry) => entry.id === id);
    return found?._source ?? found;
  }

  /** The calls of the scope that goes on, or those of one operation. */
  async calls(operation, { scope } = {}) {
    const found = [];
    for (let after = 0; ; ) {
      const page = await this.admin('GET', '/journal', undefined, { query: { operation, scope, after: String(after) } });
      if (!page.interactions.length) return found;
      found.push(...page.interactions);
      after = page.next;
    }
  }

  /** The calls as a recording, which `elastimock play`, `judge` and `show` read. */
  async recording({ scope } = {}) {
    return this.admin('GET', '/journal', undefined, { query: { scope }, accept: 'application/x-ndjson' });
  }

  /** How much of the Connector API was exercised. */
  async coverage({ scope } = {}) {
    return this.admin('GET', '/coverage', undefined, { query: { scope } });
  }

  /** The calls that are held. */
  async gates() {
    return this.admin('GET', '/gates');
  }

  /** Lets the calls go that are held at a gate: all, or those with these numbers, from 0, in this order. */
  async release(gate, ...order) {
    await this.admin('POST', `/gates/${encodeURIComponent(gate)}/_release`, order.length ? { order } : undefined);
  }

  /** The other side's hand, which is never judged as the client's: `{ cancel: 'job-1' }`. */
  async hand(deed) {
    return this.admin('POST', '/hand', deed);
  }
}

/** A body that is sent as it is. */
class Verbatim {
  constructor(text) {
    this.text = text;
  }
}

async function findingsOf(mock, query) {
  const { findings, counts } = await mock.admin('GET', '/findings', undefined, { query });
  const text = await mock.admin('GET', '/findings', undefined, { query, accept: 'text/plain' });
  return { findings, counts, rules: findings.map((finding) => finding.rule), text: text.trimEnd() };
}

/** The scopes of a test; the last one goes on. */
async function scopesOf(mock, test) {
  const { scopes } = await mock.admin('GET', '/scopes', undefined, { query: { after: String(test.first - 1) } });
  return scopes;
}

/**
 * What was found in the scope of a test that goes on. What is expected by the end of a run is asked of scopes that clients
 * have called in, or of the last one.
 */
async function foundIn(mock, test, isLast) {
  const hasCalls = (await scopesOf(mock, test)).at(-1).calls > 0;
  const end = hasCalls || (isLast && !test.wasAsked);
  test.wasAsked ||= hasCalls;
  return mock.findings({ end });
}

/** What was found in all scopes of a test, whoever has ended them: another process too, or a client. */
async function allFound(mock, test) {
  if (test.stopped) return test.known;
  for (const { number, calls, current } of await scopesOf(mock, test)) {
    if (current || !calls || test.ended.has(number)) continue;
    test.wasAsked = true;
    test.ended.set(number, await findingsOf(mock, { scope_number: String(number) }));
  }
  const ended = [...test.ended].sort(([one], [other]) => one - other).map(([, found]) => found);
  return [...ended.filter(Boolean), await foundIn(mock, test, true)];
}

const fails = ({ counts }, failOn) =>
  failOn !== 'never' && counts.error + (failOn === 'warning' ? counts.warning : 0) > 0;

function reason(text) {
  try {
    const { error } = JSON.parse(text);
    return error.reason ?? error;
  } catch {
    return text.trim();
  }
}

// ── a scope for each test ───────────────────────────────────────────────────────────────────────────────────────────

let defaults = {};
/** Servers that no test has, each with what it was started with. */
let idle = [];

/** What every test of this process begins with from then on, unless it says otherwise. */
export function configure(options) {
  defaults = options;
}

/** What `configure` has said last. */
export const configured = () => defaults;

/** How many servers this process has started for the tests of a file. */
const started = new Map();

/**
 * What tells the servers of one test file from those of others: its path, in one word. Nothing where one process runs all
 * tests.
 */
function testFile() {
  const worker = globalThis.__vitest_worker__;
  const file = worker?.filepath ?? (process.env.NODE_TEST_CONTEXT?.startsWith('child') ? process.argv[1] : undefined);
  if (!file) {
    const number = process.env.JEST_WORKER_ID ?? process.env.MOCHA_WORKER_ID;
    return number ? `worker-${number}` : '';
  }
  const whole = [worker?.config?.name, placeOf(file)].filter(Boolean).join('/').replaceAll('\\', '/');
  const word = whole.replaceAll('/', '+').replace(/[^\p{L}\p{N}+._@-]/gu, '_').slice(-80);
  // Two files never share a name.
  const isWhole = word === whole.replaceAll('/', '+') && !whole.includes('+');
  return isWhole ? word : `${word}.${createHash('sha256').update(whole).digest('hex').slice(0, 8)}`;
}

/**
 * Flags for one of several servers, each of which writes files of its own: `report.xml` becomes
 * `report.tests+claim.test.js.xml`, and `report.tests+claim.test.js.2.xml` for the second server of that test file.
 */
function withOwnFiles(args = []) {
  const all = [...args];
  for (const [flag, variable] of OWN_FILES) {
    // What a variable says holds where no flag does.
    if (process.env[variable] && !args.some((word) => word.split('=')[0] === flag)) all.push(flag, process.env[variable]);
  }
  const given = all.map((word, at) => {
    const [, flag, value] = /^(--[a-z-]+)=(.*)$/s.exec(word) ?? [undefined, all[at - 1], word];
    return OWN_FILES.has(flag) ? { flag, value, before: word.slice(0, word.length - value.length) } : undefined;
  });
  if (!given.some(Boolean)) return all;
  const file = testFile();
  const count = (started.get(file) ?? 0) + 1;
  started.set(file, count);
  const infix = [file, count > 1 ? count : ''].filter(Boolean).join('.');
  const own = (path) => {
    const { dir, name, ext } = parse(path);
    return path === '-' || !name || !infix ? path : join(dir, `${name}.${infix}${ext}`);
  };
  const report = (one) => one.replace(/=(.*)$/s, (_, path) => `=${own(path)}`);
  return all.map((word, at) => {
    if (!given[at]) return word;
    const { flag, value, before } = given[at];
    const parts = ['--report', '--tls-client-out'].includes(flag) ? value.split(',') : [value];
    return before + parts.map(flag === '--report' ? report : own).join(',');
  });
}

/** Flags that name files that a server writes, and the variables that say the same. */
const OWN_FILES = new Map(
  ['--report', '--record', '--cassette', '--port-file', '--tls-ca-out', '--tls-client-out'].map((flag) => [
    flag,
    `ELASTIMOCK_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`,
  ]),
);

/** A server that was started with just that, one that is idle if there is one. */
async function take({ fixtures, args }) {
  const startedWith = JSON.stringify([listed(fixtures).map((one) => (isPath(one) ? absolute(pathOf(one)) : one)), args]);
  // One that has died is let go.
  idle = idle.filter(({ mock }) => !howEnded(mock));
  const at = idle.findLastIndex((one) => one.startedWith === startedWith);
  if (at >= 0) return idle.splice(at, 1)[0];
  // Those of an earlier file are not needed any more.
  const others = idle.filter((one) => one.startedWith !== startedWith);
  idle = idle.filter((one) => one.startedWith === startedWith);
  for (const { mock } of others) void mock.stop();
  return { mock: await start({ fixtures, args: withOwnFiles(args) }), startedWith };
}

/** What was found in several scopes. */
const together = (scopes) => ({
  findings: scopes.flatMap((found) => found.findings),
  counts: {
    error: scopes.reduce((sum, found) => sum + found.counts.error, 0),
    warning: scopes.reduce((sum, found) => sum + found.counts.warning, 0),
  },
  text: scopes.filter((found) => found.findings.length).map((found) => found.text).join('\n\n'),
});

/**
 * Begins a scope for a test, which starts from the fixtures again. Tests that run at a time have a server each, tests
 * that run one after the other share one. `verdict()` is a `ContractError` if the test has findings that fail it, those
 * of scopes that it has ended itself included, and `end()` lets another test have the server. Findings point at
 * `source`; at the caller's line if not said.
 */
export async function beginScope(name, options, source = calledFrom(), common = defaults) {
  const { fixtures, stubs, clock, allow = {}, failOn = common.failOn ?? 'error' } = { ...options };
  if (!['error', 'warning', 'never'].includes(failOn)) {
    throw new ElastimockError(`failOn is error, warning or never, not ${failOn}`);
  }
  const known = ['fixtures', 'stubs', 'clock', 'allow', 'failOn'];
  const unknown = Object.keys({ ...options }).filter((key) => !known.includes(key));
  if (unknown.length) throw new ElastimockError(`a test takes ${known.join(', ')}, not ${unknown.join(', ')}`);
  let taken = await take(common);
  const begin = () => taken.mock.admin('POST', '/scopes', { name, source });
  let begun;
  try {
    begun = await begin();
  } catch (error) {
    // It has died since, which is no fault of this test.
    if (!howEnded(taken.mock)) throw error;
    taken = await take(common);
    begun = await begin();
  }
  const { mock } = taken;
  const end = () => {
    const { stopped } = tests.get(mock) ?? {};
    tests.delete(mock);
    if (!stopped && !howEnded(mock)) idle.push(taken);
  };
  const prepare = async () => {
    if (fixtures !== undefined) await mock.putState(...listed(fixtures));
    if (clock !== undefined) await mock.setClock(clock);
    if (stubs !== undefined) await mock.stub(...listed(stubs));
    for (const [rule, why] of Object.entries({ ...common.allow, ...allow })) await mock.allow(rule, why);
  };
  const first = begun.ended.number + 1;
  const test = { first, ended: new Map(), stopped: false, wasAsked: false, turn: Promise.resolve(), prepare };
  tests.set(mock, test);
  const verdict = async () => {
    const found = together(await allFound(mock, test));
    return fails(found, failOn) ? new ContractError(found) : undefined;
  };
  try {
    await prepare();
  } catch (error) {
    end();
    throw error;
  }
  return { mock, verdict, end };
}

/**
 * Runs a test in a scope of its own. Findings are thrown as a `ContractError`; if the test has failed by itself, they
 * are told to `onFailed`.
 */
export async function withScope(name, options, test, onFailed = console.error, source = calledFrom()) {
  const { mock, verdict, end } = await beginScope(name, options, source);
  try {
    let result;
    try {
      result = await test(mock);
    } catch (error) {
      // Its own failure counts; what may be its cause is told.
      const wrong = error instanceof ContractError ? undefined : await verdict().catch((why) => why);
      if (wrong) onFailed(wrong.message);
      throw error;
    }
    const wrong = await verdict();
    if (wrong) throw wrong;
    return result;
  } finally {
    end();
  }
}

export default { start, binary, configure, beginScope, withScope, Server, ElastimockError, ContractError };
