// The run: its lines in order, the lanes that they stand in, and the state after any of them.
import { brief, instant, timeOfDay } from './text.js';

const SHELVES = ['connectors', 'sync_jobs'];
const SNAPSHOT_EVERY = 200;
const RUNNING = ['in_progress', 'canceling'];
export const ENDED = ['completed', 'canceled', 'error'];
const HEARTBEAT_MS = 300000;
const CHECK_IN_MS = 1800000;

/** Everything that is known of a run. */
export class Run {
  constructor(data) {
    this.lines = [];
    this.byNumber = new Map();
    this.lanes = new Map();
    this.histories = new Map();
    this.snapshots = [];
    this.heads = [];
    this.latest = { docs: [new Map(), new Map()], known: false };
    this.take(data);
  }

  /** Takes in the whole run, or what has come since. */
  take(data) {
    const isWhole = !data.after;
    this.data = data;
    if (isWhole) {
      this.latest = { docs: SHELVES.map((name) => new Map(Object.entries((data.state || {})[name] || {}))), known: !!data.state };
      this.snapshots = [this.copied()];
      for (const shelf of [0, 1]) for (const [id, doc] of this.latest.docs[shelf]) this.note(shelf, id, doc, -1);
    }
    // What was forgotten meanwhile may have changed anything.
    if (!isWhole && data.evicted && data.lines.length) data.lines[0].lost = !data.lines[0].known;
    for (const line of data.lines) {
      line.ms = instant(line.t);
      line.found = [];
      line.at = this.lines.length;
      // Numbers of header blocks count from the first of this delivery.
      if (line.h) line.h = line.h.map((block) => data.heads[block]);
      this.lines.push(line);
      this.byNumber.set(line.n, line);
      this.step(line);
    }
    for (const line of this.lines) line.found = [];
    for (const finding of data.findings) {
      const numbers = finding.seq && !('recorded_seq' in (finding.evidence || {})) ? [finding.seq] : [];
      for (const number of numbers) this.byNumber.get(number)?.found.push(finding);
    }
    this.draw();
    return this;
  }

  /** Takes in what one line changed. */
  step(line) {
    // From here on it is known, whatever there was before.
    if (line.known) this.latest = { docs: [new Map(), new Map()], known: true };
    if (line.lost) this.latest.known = false;
    const { docs } = this.latest;
    line.before = line.d?.map(([shelf, id]) => docs[shelf].get(id));
    for (const [shelf, id, fields, gone = []] of line.d || []) {
      change(docs[shelf], id, fields, gone);
      this.note(shelf, id, docs[shelf].get(id), line.at);
    }
    if (this.lines.length % SNAPSHOT_EVERY === 0) this.snapshots.push(this.copied());
  }

  /** The documents as they are now, to be kept. */
  copied() {
    return { docs: this.latest.docs.map((shelf) => new Map(shelf)), known: this.latest.known };
  }

  /** Writes the history of a document. */
  note(shelf, id, doc, at) {
    const key = `${shelf} ${id}`;
    const known = this.histories.get(key) || [];
    known.push({ at, status: doc?.status, worker: doc?.worker_hostname, seen: doc?.last_seen, connector: doc?.connector?.id });
    this.histories.set(key, known);
  }

  /** The history of a document: what it was after which line. */
  history(shelf, id) {
    return this.histories.get(`${shelf} ${id}`) || [];
  }

  /** The documents after a line, each shelf by id; null if nobody knows them. */
  stateAt(at) {
    const until = this.data.state_until;
    if (until != null && (at < 0 || this.lines[at]?.n >= until)) return null;
    const from = Math.min(this.snapshots.length - 1, Math.floor((at + 1) / SNAPSHOT_EVERY));
    let { docs, known } = this.snapshots[from];
    docs = docs.map((shelf) => new Map(shelf));
    for (let next = from * SNAPSHOT_EVERY; next <= at; next += 1) {
      const line = this.lines[next];
      if (line.known) [docs, known] = [[new Map(), new Map()], true];
      if (line.lost) known = false;
      for (const [shelf, id, fields, gone = []] of line.d || []) change(docs[shelf], id, fields, gone);
    }
    return known ? docs : null;
  }

  /** How many calls are held at gates. */
  held() {
    return this.data.gates.reduce((sum, gate) => sum + gate.held.length, 0);
  }

  /** What is due next, in its order: what clients owe, and what else comes. */
  coming() {
    return [...this.data.due, ...this.data.coming].map((due) => ({ ...due, ms: instant(due.at) })).sort((one, other) => one.ms - other.ms);
  }

  /** Puts the lines into lanes: a call stands in its own, and in those of all documents that it changed. */
  draw() {
    const lanes = new Map();
    const lane = (key) => {
      if (!lanes.has(key)) lanes.set(key, new Lane(key));
      return lanes.get(key);
    };
    for (const line of this.lines) {
      // What another side did to a document stands in its lane; a state that was put would stand in all of them.
      if (line.event && !isDeed(line)) continue;
      const index = line.event ? line.more?.act?.bulk ?? line.more?.act?.index : null;
      const keys = new Set([...(line.event ? [] : [line.l]), ...(typeof index === 'string' ? [`index ${index}`] : []), ...(line.d || []).map(([shelf, id]) => keyOf(shelf, id))]);
      line.lanes = [...keys];
      for (const key of keys) lane(key).marks.push(line.at);
      if (line.found.length) for (const key of keys) lane(key).found += line.found.length;
    }
    for (const finding of this.data.findings) if (finding.subject && !finding.seq) lane(keyOf(finding.subject.kind === 'job' ? 1 : 0, finding.subject.id)).found += 1;
    for (const known of lanes.values()) this.shade(known);
    for (const due of this.data.due) lanes.get(keyOf(due.kind === 'job' ? 1 : 0, due.id))?.due.push({ ms: instant(due.at), ...due });
    this.lanes = lanes;
    this.order = this.ordered();
  }

  /** Connectors, each followed by its jobs; then indices and what is about everything. */
  ordered() {
    const first = (lane) => lane.marks[0] ?? Infinity;
    const all = [...this.lanes.values()].sort((one, other) => first(one) - first(other));
    const kinds = ['connectors', 'connector', 'jobs', 'job', 'index', 'cluster'];
    const of = (kind) => all.filter((lane) => lane.kind === kind);
    const jobs = of('job');
    const taken = new Set();
    const rows = [];
    for (const connector of of('connector')) {
      rows.push(connector);
      for (const job of jobs.filter((job) => job.connector === connector.id)) {
        taken.add(job);
        job.indent = true;
        rows.push(job);
      }
    }
    rows.push(...jobs.filter((job) => !taken.has(job)));
    for (const kind of kinds) if (kind !== 'connector' && kind !== 'job') rows.push(...of(kind));
    return rows;
  }

  /** The same calls by who worked: a lane for each worker, with the jobs that it held. */
  workers() {
    const lanes = new Map();
    for (const lane of this.lanes.values()) {
      for (const span of lane.spans.filter((span) => RUNNING.includes(span.status))) {
        const name = span.worker || 'a worker without a name';
        if (!lanes.has(name)) lanes.set(name, Object.assign(new Lane(`worker ${name}`), { kind: 'worker', id: name }));
        const worker = lanes.get(name);
        worker.spans.push({ ...span, label: lane.id });
        worker.gaps.push(...lane.gaps.filter((gap) => gap.from >= span.from && gap.from < (span.to ?? Infinity)));
        if (span.to == null) worker.due.push(...lane.due);
        for (const at of lane.marks) if (at >= span.from && at <= (span.to ?? Infinity)) worker.marks.push(at);
      }
    }
    for (const worker of lanes.values()) {
      worker.marks = [...new Set(worker.marks)].sort((one, other) => one - other);
      worker.found = worker.marks.reduce((sum, at) => sum + this.lines[at].found.length, 0);
    }
    return [...lanes.values()].sort((one, other) => one.marks[0] - other.marks[0]);
  }

  /** What a lane's document was over time: its statuses, the silence of whoever owes it signs of life. */
  shade(lane) {
    const shelf = lane.kind === 'job' ? 1 : lane.kind === 'connector' ? 0 : null;
    if (shelf == null) return;
    const history = this.history(shelf, lane.id);
    lane.connector = history.find((entry) => entry.connector)?.connector;
    let open = null;
    let seen = null;
    const most = shelf ? HEARTBEAT_MS : CHECK_IN_MS;
    for (const { at, status, worker, seen: last } of history) {
      const isOther = !open || open.status !== status || open.worker !== worker;
      if (isOther) {
        if (open) open.to = at;
        open = status ? { from: at, to: null, status, worker } : null;
        if (open) lane.spans.push(open);
      }
      const runs = shelf ? RUNNING.includes(status) : true;
      if (at >= 0 && last && last !== seen?.text) {
        if (seen && seen.runs && this.lines[at].ms - seen.ms > most) lane.gaps.push({ from: seen.at, to: at });
        seen = { text: last, ms: this.lines[at].ms, at, runs };
      } else if (seen) seen.runs = runs;
    }
    const now = instant(this.data.now);
    if (seen && seen.runs && shelf && open && RUNNING.includes(open.status) && now - seen.ms > most) lane.gaps.push({ from: seen.at, to: null });
  }

  /** The number of the last line that there is. */
  last() {
    return this.lines.length ? this.lines[this.lines.length - 1].n : 0;
  }
}

/** Changes a document on its shelf; without fields it is gone. */
function change(shelf, id, fields, gone) {
  if (!fields) {
    shelf.delete(id);
    return;
  }
  const doc = { ...shelf.get(id), ...fields };
  gone.forEach((name) => delete doc[name]);
  shelf.set(id, doc);
}

class Lane {
  constructor(key) {
    const [, kind, id] = /^(sync job|connector|index) (.*)$/s.exec(key) || [];
    this.key = key;
    this.kind = kind === 'sync job' ? 'job' : kind || (key === 'sync jobs' ? 'jobs' : key === 'connectors' ? 'connectors' : 'cluster');
    this.id = id ?? key;
    this.marks = [];
    this.spans = [];
    this.gaps = [];
    this.due = [];
    this.found = 0;
  }
}

/** The lane of a document. */
export function keyOf(shelf, id) {
  return `${shelf ? 'sync job' : 'connector'} ${id}`;
}

/** How bad the worst finding of a line is; empty if there is none. */
export function worstOf(line) {
  if (!line.found.length) return '';
  return line.found.some(({ severity }) => severity === 'error') ? 'error' : 'warning';
}

/** Whether an event is something that another side did. */
export function isDeed(line) {
  return line.event === 'hand' || line.event === 'simulated';
}

/** What an event says in a few words. */
export function eventText(line) {
  const { event, more = {} } = line;
  if (event === 'clock') return `the clock shows ${timeOfDay(line.t)}`;
  if (event === 'reset') return more.scope ? `reset: ${more.scope} begins` : 'reset';
  if (event === 'state') return more.change === 'put' ? 'another state is put' : 'a state is added';
  if (event === 'hand') return `the other side: ${brief(more.act, 120)}`;
  if (event === 'simulated') return `simulated ${more.side}: ${brief(more.refused || more.act, 120)}`;
  if (event === 'allow') return `${more.rule} is allowed: ${more.reason}`;
  if (event === 'stubs') return `stubs: ${[...(more.added || []).map(({ name }) => `${name} comes`), ...(more.removed || []).map((name) => `${name} goes`)].join(', ')}`;
  return event;
}
