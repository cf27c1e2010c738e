/** A fixture: the path of a file or a folder, or what stands in one. */
export type Fixture = string | URL | { connectors?: object[]; sync_jobs?: object[]; [section: string]: unknown };

export type FailOn = 'error' | 'warning' | 'never';

/** What a client did wrong. */
export interface Finding {
  rule: string;
  severity: 'error' | 'warning';
  message: string;
  hint?: string;
  seq?: number;
  operation?: string;
  [more: string]: unknown;
}

export interface Found {
  findings: Finding[];
  counts: { error: number; warning: number };
  /** The rules that were broken, in the order of the findings. */
  rules: string[];
  /** The text report. */
  text: string;
}

export interface StartOptions {
  fixtures?: Fixture | Fixture[];
  /** Further flags of `elastimock serve`; without `--listen` it is at a free port of 127.0.0.1. */
  args?: string[];
}

/** What the mock is for a test. */
export interface ScopeOptions {
  fixtures?: Fixture | Fixture[];
  stubs?: object | object[];
  /** `frozen@INSTANT`, `from@INSTANT` or an instant. */
  clock?: string;
  /** Rules that the test may break, with the reasons. */
  allow?: Record<string, string>;
  failOn?: FailOn;
}

/** The mock could not be started, has ended, or refused what it was asked for. */
export class ElastimockError extends Error {}

/** What a client did wrong; its message is the text report. */
export class ContractError extends Error {
  readonly findings: Finding[];
}

/** A running mock, and its verbs. */
export class Server implements AsyncDisposable {
  private constructor();
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly seed: number;
  /** With `args: ['--tls', 'self-signed']` the certificate of the authority as PEM: `tls.ca` of a client. */
  readonly ca?: string;
  /** The SHA-256 fingerprint of that certificate: `caFingerprint` of a client. */
  readonly caFingerprint?: string;
  /** Stops the server in order: recordings and reports are written. Tells its exit code. */
  stop(): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
  /** A call of the admin API: `admin('POST', '/clock/_advance', { by: '5m' })`. */
  admin(
    method: string,
    path: string,
    body?: unknown,
    options?: { accept?: string; query?: Record<string, string | undefined> },
  ): Promise<any>;
  /**
   * Ends the scope and begins the next, which has this name: state, clock and ids as at the start, of the test if there
   * is one. `source` is where its findings point to, `tests/sync.test.js:41`; the caller's line if not said.
   */
  scope(name: string, source?: string): Promise<void>;
  /** Ends the scope and begins the next, which has no name. */
  reset(): Promise<void>;
  /** What clients did wrong in the scope that goes on, in another one, or in the scope `all`. */
  findings(options?: { end?: boolean; scope?: string }): Promise<Found>;
  /** Throws a `ContractError` with the text report if the scope that goes on has findings. */
  assertConformant(failOn?: FailOn): Promise<void>;
  /** Lets a rule be broken in this scope. */
  allow(rule: string, reason: string): Promise<void>;
  /** Moves mock time forward, by `5m` and the like, and tells the new instant. */
  advance(by: string): Promise<string>;
  /** Sets mock time: `frozen@INSTANT`, `from@INSTANT` or an instant. */
  setClock(clock: string): Promise<string>;
  /** Mock time. */
  now(): Promise<string>;
  /** Adds stubs. */
  stub(...stubs: object[]): Promise<void>;
  /** The whole state as a fixture. */
  state(): Promise<Record<string, any>>;
  /** Replaces the state by fixtures, which are read together: paths of files and folders, or what stands in one. */
  putState(...fixtures: Fixture[]): Promise<void>;
  /** Adds fixtures to the state. */
  addState(...fixtures: Fixture[]): Promise<void>;
  /** A sync job as it is stored, or `undefined`. */
  syncJob(id: string): Promise<Record<string, any> | undefined>;
  /** A connector as it is stored, or `undefined`. */
  connector(id: string): Promise<Record<string, any> | undefined>;
  /** The calls of the scope that goes on, or those of one operation. */
  calls(operation?: string, options?: { scope?: string }): Promise<Record<string, any>[]>;
  /** The calls as a recording, which `elastimock play`, `judge` and `show` read. */
  recording(options?: { scope?: string }): Promise<string>;
  /** How much of the Connector API was exercised. */
  coverage(options?: { scope?: string }): Promise<Record<string, any>>;
  /** The calls that are held. */
  gates(): Promise<any>;
  /**
   * Lets the calls go that are held at a gate: all, or those with these numbers, from 0, in this order:
   * `release('claims', 1, 0)` lets the second call go before the first.
   */
  release(gate: string, ...order: number[]): Promise<void>;
  /** The other side's hand, which is never judged as the client's: `{ cancel: 'job-1' }`. */
  hand(deed: object): Promise<any>;
}

/** Starts a server at a free port. It ends with `stop()`, and whenever this process ends, however that happens. */
export function start(options?: StartOptions): Promise<Server>;

/** The path of the binary: `ELASTIMOCK_BINARY` if that is set, else the one that npm installed. */
export function binary(): string;

/** What every test of this process begins with from then on, unless it says otherwise. */
export function configure(options: StartOptions & Pick<ScopeOptions, 'allow' | 'failOn'>): void;

/** A scope that goes on. */
export interface Scope {
  mock: Server;
  /** A `ContractError` if the test has findings that fail it, those of scopes that it has ended itself included. */
  verdict(): Promise<ContractError | undefined>;
  /** Lets another test have the server. */
  end(): void;
}

/**
 * Begins a scope for a test, which starts from the fixtures again. Tests that run at a time have a server each, tests
 * that run one after the other share one. Findings point at `source`; at the caller's line if not said.
 */
export function beginScope(name: string, options?: ScopeOptions, source?: string): Promise<Scope>;

/**
 * Runs a test in a scope of its own. Findings are thrown as a `ContractError`; if the test has failed by itself, they
 * are told to `onFailed`.
 */
export function withScope<T>(
  name: string,
  options: ScopeOptions | undefined,
  test: (mock: Server) => T | Promise<T>,
  onFailed?: (text: string) => void,
  source?: string,
): Promise<T>;

declare const elastimock: {
  start: typeof start;
  binary: typeof binary;
  configure: typeof configure;
  beginScope: typeof beginScope;
  withScope: typeof withScope;
  Server: typeof Server;
  ElastimockError: typeof ElastimockError;
  ContractError: typeof ContractError;
};
export default elastimock;
