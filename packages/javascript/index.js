// A mock of Elasticsearch's Connector API: a server in a process of its own, its verbs, and a scope for each test.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { binary } from './binary.js';

export { binary };

/** The mock could not be started, or refused what it was asked for. */
export class ElastimockError extends Error {
  name = 'ElastimockError';
}

/** What a client did wrong; its message is the text report. */
export class ContractError extends Error {
  name = 'ContractError';

  constructor(found) {
    super(found.text);
    this.findings = found.findings;
    // Where it was noticed tells nobody anything.
    this.stack = `${this.name}: ${this.message}`;
  }
}

const listed = (given) => (given === undefined ? [] : Array.isArray(given) ? given : [given]);
const isPath = (fixture) => typeof fixture === 'string' || fixture instanceof URL;

/** Starts a server at a free port. It ends with `stop()`, and whenever this process ends, however that happens. */
export async function start({ fixtures, args = [] } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'elastimock-'));
  try {
    const words = ['serve', '--json', '--quiet', '--listen', '127.0.0.1:0', '--exit-with-stdin'];
    if (process.platform !== 'win32') words.push('--exit-with-pid', String(process.pid));
    for (const [at, fixture] of listed(fixtures).entries()) {
      let path = fixture instanceof URL ? fileURLToPath(fixture) : fixture;
      if (!isPath(fixture)) {
        path = join(folder, `fixture-${at}.json`);
        await writeFile(path, JSON.stringify(fixture));
      }
      words.push('--fixtures', path);
    }
    const child = spawn(binary(), [...words, ...args], { stdio: 'pipe' });
    const ready = await firstLine(child);
    // A test runner ends when its tests have ended, and the server with it.
    for (const handle of [child, child.stdin, child.stdout, child.stderr]) handle.unref();
    return new Server(child, ready);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    child.stderr.on('data', (data) => (stderr += data));
    child.stdout.on('data', (data) => {
      stdout += data;
      if (stdout.includes('\n')) resolve(JSON.parse(stdout.slice(0, stdout.indexOf('\n'))));
    });
    child.on('error', (error) => reject(new ElastimockError(error.message)));
    child.on('close', (code) => reject(new ElastimockError(stderr.trim() || `the mock ended with ${code}`)));
    child.stdin.on('error', () => {});
  });
}

/** A place in a source file as findings tell it: relative to the repository in CI, else to the current folder. */
export function placeOf(file, line, test) {
  const path = file.startsWith('file:') ? fileURLToPath(file) : file;
  const below = relative(process.env.GITHUB_WORKSPACE || process.cwd(), path);
  const shown = below.startsWith('..') || isAbsolute(below) ? path : below.replaceAll('\\', '/');
  return [shown, line, test].filter((part) => part !== undefined).join(line === undefined ? '::' : ':');
}

/** The line outside of this package that has called, or `undefined`. */
export function calledFrom(test) {
  for (const frame of new Error().stack.split('\n').slice(1)) {
    const [, file, line] = /\(?((?:file:\/\/|\/|[A-Za-z]:[\\/])[^()]*?):(\d+):\d+\)?$/.exec(frame) ?? [];
    if (file && !OWN.has(file)) return placeOf(file, Number(line), test);
  }
  return undefined;
}

const OWN = new Set(
  ['index.js', 'node-test.js', 'vitest.js'].flatMap((name) => {
    const url = new URL(name, import.meta.url).href;
    return [url, fileURLToPath(url)];
  }),
);

/** A running mock, and its verbs. */
export class Server {
  #child;
  #ended;

  constructor(child, { url, port, pid, seed, ca, ca_fingerprint: caFingerprint }) {
    Object.assign(this, { url, port, pid, seed, ca, caFingerprint });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.on('close', (code) => resolve(code ?? -1)));
  }

  /** Stops the server in order: recordings and reports are written. Tells its exit code. */
  async stop() {
    this.#child.ref();
    this.#child.stdout.ref();
    this.#child.stderr.ref();
    this.#child.stdin.end();
    return this.#ended;
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
  }

  /** A call of the admin API. */
  async admin(method, path, body, { accept = 'application/json', query = {} } = {}) {
    const parameters = Object.entries(query).filter(([, value]) => value !== undefined);
    const target = `/_elastimock${path}${parameters.length ? `?${new URLSearchParams(parameters)}` : ''}`;
    const call = {
      method,
      headers: { accept, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    };
    const answer = await (this.ca ? fetchTrusting(this.ca, this.url + target, call) : fetch(this.url + target, call));
    const text = await answer.text();
    if (!answer.ok) throw new ElastimockError(`${method} ${target}: ${reason(text)}`);
    return accept === 'application/json' && text ? JSON.parse(text) : text;
  }

  /**
   * Ends the scope and begins the next, which has this name: state, clock and ids as at the start. `source` is where its
   * findings point to, `tests/sync.test.js:41`; the caller's line if not said.
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
    const query = { end: String(end), scope };
    const { findings, counts } = await this.admin('GET', '/findings', undefined, { query });
    const text = await this.admin('GET', '/findings', undefined, { query, accept: 'text/plain' });
    return { findings, counts, rules: findings.map((finding) => finding.rule), text: text.trimEnd() };
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

  /** Replaces the state by fixtures, as paths of JSON files or as objects. */
  async putState(first = {}, ...others) {
    await this.admin('PUT', '/state', await read(first));
    await this.addState(...others);
  }

  /** Adds fixtures to the state. */
  async addState(...fixtures) {
    for (const fixture of fixtures) await this.admin('POST', '/state', await read(fixture));
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

  /** Lets the calls go that are held at a gate. */
  async release(gate) {
    await this.admin('POST', `/gates/${encodeURIComponent(gate)}/_release`);
  }

  /** The other side's hand, which is never judged as the client's: `{ cancel: 'job-1' }`. */
  async hand(deed) {
    return this.admin('POST', '/hand', deed);
  }
}

/** `fetch` cannot be told whom to trust. */
const fetchTrusting = (ca, url, { method, headers, body }) =>
  new Promise((resolve, reject) => {
    const calling = request(url, { method, headers, ca, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (data) => (text += data));
      answer.on('error', reject);
      answer.on('end', () => resolve({ ok: answer.statusCode < 400, text: async () => text }));
    });
    calling.on('error', reject);
    calling.end(body);
  });

const fails = ({ counts }, failOn) =>
  failOn !== 'never' && counts.error + (failOn === 'warning' ? counts.warning : 0) > 0;

async function read(fixture) {
  if (!isPath(fixture)) return fixture;
  try {
    return JSON.parse(await readFile(fixture, 'utf8'));
  } catch (error) {
    throw new ElastimockError(`${fixture}: ${error.message}; a fixture of one test is JSON`);
  }
}

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
const idle = [];

/** What every test of this process begins with, unless it says otherwise. To be called before the first test. */
export function configure(options) {
  defaults = options;
}

/**
 * Begins a scope for a test, which starts from the fixtures again. Tests that run at a time have a server each, tests
 * that run one after the other share one. `verdict()` is a `ContractError` if the scope has findings that fail it, and
 * `end()` lets another test have the server. Findings point at `source`; at the caller's line if not said.
 */
export async function beginScope(name, options, source = calledFrom()) {
  const { fixtures, stubs, clock, allow = {}, failOn = defaults.failOn ?? 'error' } = { ...options };
  if (!['error', 'warning', 'never'].includes(failOn)) {
    throw new ElastimockError(`failOn is error, warning or never, not ${failOn}`);
  }
  const known = ['fixtures', 'stubs', 'clock', 'allow', 'failOn'];
  const unknown = Object.keys({ ...options }).filter((key) => !known.includes(key));
  if (unknown.length) throw new ElastimockError(`a test takes ${known.join(', ')}, not ${unknown.join(', ')}`);
  const mock = idle.pop() ?? (await start({ fixtures: defaults.fixtures, args: defaults.args }));
  const end = () => void idle.push(mock);
  const verdict = async () => {
    const found = await mock.findings();
    return fails(found, failOn) ? new ContractError(found) : undefined;
  };
  try {
    await mock.scope(name, source);
    if (fixtures !== undefined) await mock.putState(...listed(fixtures));
    if (clock !== undefined) await mock.setClock(clock);
    if (stubs !== undefined) await mock.stub(...listed(stubs));
    for (const [rule, why] of Object.entries({ ...defaults.allow, ...allow })) await mock.allow(rule, why);
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
      const wrong = error instanceof ContractError ? undefined : await verdict();
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
