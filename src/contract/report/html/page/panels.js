// What stands beside and below the lanes: one call, findings, state, coverage, stubs.
import { h, counted } from './dom.js';
import { bodyOf, brief, instant, prose, span, timeOfDay } from './text.js';
import { asCurl, asRust, asScenario, asStub, copy, headersOf } from './copy.js';
import { eventText, keyOf } from './model.js';
import { machine } from './machine.js';

const SHELF_NAMES = ['connector', 'job'];

const copier = (label, text) => h('button', { type: 'button', class: 'small', onclick: (event) => copy(event.currentTarget, text()) }, label);

function headersTable(block) {
  const headers = headersOf(block);
  return h('details', { class: 'headers' }, h('summary', {}, counted(headers.length, 'header')),
    h('table', {}, h('tbody', {}, headers.map(([name, value]) => h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, value))))));
}

function cutNote(call, part) {
  const more = call.cut?.[part];
  return more ? h('p', { class: 'note' }, `${more.toLocaleString('en')} more bytes stand in the recording`) : null;
}

/** A line of the run whole. */
export function detail(page, line) {
  const { run } = page;
  if (!line) return h('p', { class: 'nothing' }, run.lines.length ? 'Before the first call.' : 'No call has come yet.');
  if (line.event) return [h('h2', {}, h('span', { class: 'number' }, `#${line.n}`), ' ', eventText(line)), h('p', { class: 'facts' }, timeOfDay(line.t)),
    Object.keys(line.more || {}).length ? bodyOf(JSON.stringify(line.more)) : null, changes(page, line)];
  const previous = run.lines[line.at - 1];
  const places = line.found.map((finding) => finding.evidence?.pointer).filter(Boolean);
  const facts = [line.op || 'no operation of Elasticsearch', timeOfDay(line.t), previous && `${span(line.ms - previous.ms)} after #${previous.n}`,
    line.us && `took ${span(line.us / 1000)}`, line.stub && `stubbed by ${line.stub}`, line.fault && `fault ${brief(line.fault)}`].filter(Boolean);
  return [
    h('h2', {}, h('span', { class: 'number' }, `#${line.n}`), ' ', h('span', { class: 'method' }, line.m), ' ', line.u),
    h('p', { class: 'facts' }, status(line.s), facts.map((fact) => h('span', {}, fact))),
    h('p', { class: 'copies' }, h('span', {}, 'copy as'), copier('curl', () => asCurl(line)), copier('stub', () => asStub(line)), copier('scenario', () => asScenario(line)), copier('Rust', () => asRust(line))),
    line.found.map((finding) => findingOf(page, finding)),
    h('h3', {}, 'Request'), headersTable(line.h[0]), bodyOf(line.q, places), cutNote(line, 'q'),
    h('h3', {}, 'Answer'), headersTable(line.h[1]), bodyOf(line.a), cutNote(line, 'a'),
    changes(page, line),
    way(page, line),
  ];
}

function status(code) {
  return h('span', { class: `status s${Math.floor(code / 100)}` }, code || 'no answer');
}

/** Where two values differ, down to what is no object: path, before, after. */
function differences(path, was, is) {
  const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
  if (!isObject(was) || !isObject(is)) return JSON.stringify(was) === JSON.stringify(is) ? [] : [[path, was, is]];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((name) => differences(`${path}.${name}`, was[name], is[name]));
}

/** A value in a list of changes; of an instant its time. */
function changed(value) {
  if (value === undefined) return '—';
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? timeOfDay(value) : brief(value, 60);
}

/** A name of several words that may be broken between them. */
const breakable = (name) => name.split(/(?<=[_.])/).flatMap((word, at) => (at ? [h('wbr'), word] : [word]));

/** What a line changed in connectors and jobs, before and after. */
function changes(page, line) {
  if (!line.d) return null;
  return [h('h3', {}, 'What it changed'), line.d.slice(0, 50).map(([shelf, id, fields, gone = []], at) => {
    const before = line.before[at];
    const rows = Object.entries(fields || {}).flatMap(([name, value]) => differences(name, before?.[name], value)).concat(gone.map((name) => [name, before?.[name], undefined]));
    const short = before ? rows.slice(0, 40) : rows.filter(([, , value]) => value !== null && typeof value !== 'object').slice(0, 12);
    const left = rows.length - short.length;
    return h('div', { class: 'change' }, h('h4', {}, `${SHELF_NAMES[shelf]} ${id}`, fields ? (before ? null : h('em', {}, ' is new')) : h('em', {}, ' is gone')),
      short.length ? h('table', {}, h('tbody', {}, short.map(([name, was, is]) => h('tr', {}, h('th', { scope: 'row' }, breakable(name)),
        before ? h('td', { class: 'was' }, changed(was)) : null, h('td', { class: 'is' }, changed(is)))))) : null,
      left > 0 ? h('p', { class: 'note' }, `and ${counted(left, 'field')} more; State shows all of it`) : null);
  }), line.d.length > 50 ? h('p', { class: 'note' }, `and ${line.d.length - 50} more documents`) : null];
}

/** The way of the job that a line is about, up to that line. */
function way(page, line) {
  const key = (line.lanes || [line.l]).find((lane) => lane?.startsWith('sync job '));
  if (!key) return null;
  const id = key.slice('sync job '.length);
  const known = page.run.history(1, id).filter(({ at }) => at <= line.at);
  if (!known.some(({ status }) => status)) return null;
  return [h('h3', {}, `The way of job ${id}`), machine(known, page.run.lines, (at) => page.go(at))];
}

/** A finding with what was expected and seen, and its rule. */
export function findingOf(page, finding, withCall = false) {
  const evidence = finding.evidence || {};
  const shows = 'expected' in evidence || 'seen' in evidence;
  const earlier = (finding.calls || []).filter((seq) => seq !== finding.seq && page.run.byNumber.has(seq)).slice(0, 12);
  const link = (seq) => h('button', { class: 'link', onclick: () => page.goTo(seq) }, `#${seq}`);
  const near = evidence.nearest_call || evidence.near_miss;
  return h('article', { class: `finding ${finding.severity}` },
    h('h3', {}, h('span', { class: 'badge' }, finding.severity), ' ', h('button', { class: 'link rule-link', onclick: () => page.explain(finding.rule) }, finding.rule),
      withCall && page.run.byNumber.has(finding.seq) ? [' ', link(finding.seq)] : null, finding.scope ? h('span', { class: 'scope-name' }, finding.scope) : null),
    h('p', {}, prose(finding.message)),
    shows ? h('dl', { class: 'sides' }, h('div', {}, h('dt', {}, 'expected'), h('dd', {}, sideOf(evidence.expected))), h('div', {}, h('dt', {}, 'seen'), h('dd', {}, sideOf(evidence.seen)))) : null,
    evidence.pointer ? h('p', { class: 'note' }, 'at ', h('code', {}, evidence.pointer)) : null,
    near ? h('details', {}, h('summary', {}, 'What comes closest'), bodyOf(JSON.stringify(near))) : null,
    finding.next ? h('p', {}, h('b', {}, 'Next: '), prose(finding.next)) : null,
    h('p', {}, h('b', {}, 'Hint: '), prose(finding.hint)),
    earlier.length ? h('p', { class: 'note' }, 'with ', earlier.map((seq, at) => [at ? ', ' : '', link(seq)])) : null,
    finding.recorded_in ? h('p', { class: 'note' }, `recorded in ${finding.recorded_in}`) : null);
}

function sideOf(value) {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'string') return value.trim() ? value : JSON.stringify(value);
  return brief(value, 400);
}

/** All findings, by rule. */
export function findings(page) {
  const { data } = page.run;
  if (!data.findings.length) return h('p', { class: 'nothing' }, data.total ? 'The client kept the contract: no findings.' : 'Nothing has been called yet.');
  const groups = new Map();
  for (const finding of data.findings) groups.set(finding.rule, [...(groups.get(finding.rule) || []), finding]);
  const weight = (all) => (all.some(({ severity }) => severity === 'error') ? 0 : 1);
  const more = data.errors + data.warnings - data.findings.length;
  return [[...groups].sort((one, other) => weight(one[1]) - weight(other[1])).map(([id, all]) => h('section', { class: `rule ${all[0].severity}` },
    h('h2', {}, h('span', { class: 'badge' }, all[0].severity), ' ', h('button', { class: 'link rule-link', onclick: () => page.explain(id) }, id), h('span', { class: 'count' }, all.length)),
    h('p', { class: 'demand' }, prose(data.rules[id]?.demands)),
    findingOf(page, all[0], true),
    all.length > 1 ? h('details', {}, h('summary', {}, `${all.length - 1} more`), h('ul', { class: 'alike' }, all.slice(1, 200).map((finding) => h('li', {},
      page.run.byNumber.has(finding.seq) ? h('button', { class: 'link', onclick: () => page.goTo(finding.seq) }, `#${finding.seq}`) : null, ' ', finding.message)),
    all.length > 200 ? h('li', {}, `and ${all.length - 200} more`) : null)) : null)),
  more > 0 ? h('p', { class: 'note' }, `and ${counted(more, 'finding')} more that are only counted`) : null,
  data.forgotten ? h('p', { class: 'note' }, `${counted(data.forgotten, 'finding')} forgotten on request`) : null];
}

/** The page of a rule. */
export function rulePage(id, rule) {
  if (!rule) return [h('h2', {}, id), h('p', {}, `elastimock explain ${id}`)];
  const part = (title, text) => [h('h3', {}, title), h('p', {}, prose(text))];
  return [
    h('h2', { id: 'rule-title' }, h('span', { class: `badge ${rule.severity}` }, rule.severity), ' ', id),
    part('What it demands', rule.demands), part('Why', rule.why), part('How to mend a client', rule.mend),
    h('h3', {}, 'An example that breaks it'), h('pre', { class: 'body', tabindex: 0 }, rule.breaks),
    h('h3', {}, 'An example that just keeps it'), h('pre', { class: 'body', tabindex: 0 }, rule.keeps),
    part('Where it is written', rule.reference),
    h('p', { class: 'note' }, h('code', {}, `--rule ${id}=off`), ' silences it, ', h('code', {}, '=error'), ' and ', h('code', {}, '=warning'), ' set how much it weighs.'),
  ];
}

// The fields that are shown of connectors and of jobs, each with the word above it.
const COLUMNS = [
  { id: 'id', status: 'status', index_name: 'index', service_type: 'service type', last_seen: 'last seen', last_sync_status: 'last sync', error: 'error' },
  { id: 'id', status: 'status', connector: 'connector', job_type: 'type', worker_hostname: 'worker', last_seen: 'last seen', indexed_document_count: 'indexed', deleted_document_count: 'deleted', error: 'error' },
];
const ROWS_MAX = 300;

/** Connectors and jobs after the line that is looked at. */
export function state(page) {
  const docs = page.run.stateAt(page.at);
  if (!docs) return h('p', { class: 'nothing' }, page.run.data.state_until != null ? 'The run holds more documents than the page does.' : page.run.data.evicted ? 'The first calls of this run have been forgotten: the state is known from the next reset on.' : 'Nobody knows the state that this run began with.');
  const line = page.run.lines[page.at];
  const changed = new Map((line?.d || []).map(([shelf, id, fields]) => [keyOf(shelf, id), fields || {}]));
  return [h('p', { class: 'note' }, line ? `After ${line.event || 'call'} ${line.n}; what it changed is marked.` : 'Before the first call.'),
    [1, 0].map((shelf) => {
      const all = [...docs[shelf]];
      // What was just changed comes first where not all can be shown.
      if (all.length > ROWS_MAX) all.sort(([one], [other]) => Number(changed.has(keyOf(shelf, other))) - Number(changed.has(keyOf(shelf, one))));
      return h('section', {}, h('h2', {}, shelf ? 'Sync jobs' : 'Connectors', h('span', { class: 'count' }, docs[shelf].size)),
        all.length ? h('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': shelf ? 'sync jobs' : 'connectors' }, h('table', { class: 'documents' },
          h('thead', {}, h('tr', {}, Object.values(COLUMNS[shelf]).map((word) => h('th', { scope: 'col' }, word)))),
          h('tbody', {}, all.slice(0, ROWS_MAX).map(([id, doc]) => {
            const marks = changed.get(keyOf(shelf, id));
            return h('tr', { class: marks ? 'changed' : '' }, Object.keys(COLUMNS[shelf]).map((name) => cell(page, shelf, id, doc, name, marks)));
          })))) : h('p', { class: 'nothing' }, 'none'),
        all.length > ROWS_MAX ? h('p', { class: 'note' }, `and ${all.length - ROWS_MAX} more`) : null);
    })];
}

function cell(page, shelf, id, doc, name, marks) {
  const mark = marks && name in marks ? 'is' : null;
  if (name === 'id') return h('th', { scope: 'row' }, h('button', { class: 'link', onclick: () => page.showDocument(shelf, id) }, id));
  if (name === 'status') return h('td', { class: mark }, h('span', { class: `state-name ${doc.status}` }, doc.status ?? '—'));
  if (name === 'connector') return h('td', {}, doc.connector?.id ?? '—');
  const value = doc[name];
  if (/_seen$|_at$/.test(name)) return h('td', { class: mark }, timeOfDay(value) || '—');
  return h('td', { class: mark, title: typeof value === 'string' ? value : null }, value == null ? '—' : brief(value, 32));
}

/** One document whole, as it is after the line that is looked at. */
export function documentPage(page, shelf, id) {
  const doc = page.run.stateAt(page.at)?.[shelf].get(id);
  return [h('h2', { id: 'rule-title' }, `${SHELF_NAMES[shelf]} ${id}`),
    shelf ? machine(page.run.history(1, id).filter(({ at }) => at <= page.at), page.run.lines, (at) => page.go(at)) : null,
    doc ? bodyOf(JSON.stringify(doc)) : h('p', { class: 'nothing' }, 'It is not there.')];
}

const DIMENSIONS = [['states', 'in state'], ['errors', 'refusals'], ['variants', 'body variants']];

/** What of the contract was exercised: a cell for everything that there is, the darker the more often. */
export function coverage(page) {
  const { coverage: covered } = page.run.data;
  const rows = Object.entries(covered.operations).filter(([name]) => name.startsWith('connector.'));
  const shown = (operation) => {
    const cells = operation.calls ? [[`called`, operation.calls]] : [];
    for (const [dimension] of DIMENSIONS) cells.push(...Object.entries(operation[dimension] || {}));
    cells.push(...operation.missed.map((name) => [name, 0]));
    return cells;
  };
  const heat = (count) => (count === 0 ? 0 : Math.min(4, 1 + Math.floor(Math.log10(count) * 2)));
  return [
    h('p', { class: 'figure' }, h('b', {}, `${covered.percent} %`), ` of the Connector API: ${covered.covered} of ${covered.total} operations, states, refusals and body variants`),
    h('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'coverage by operation' }, h('table', { class: 'heat' },
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'operation'), h('th', { scope: 'col', class: 'figure-cell' }, 'calls'), h('th', { scope: 'col' }, 'covered and missed'))),
      h('tbody', {}, rows.map(([name, operation]) => {
        const cells = shown(operation);
        const missed = operation.missed.length;
        return h('tr', {}, h('th', { scope: 'row' }, name.slice('connector.'.length)), h('td', { class: 'figure-cell' }, operation.calls || '—'),
          h('td', {}, h('div', { class: 'cells', role: 'img', 'aria-label': `${cells.length - missed} of ${cells.length} covered; missed: ${brief(operation.missed.join(', '), 300) || 'nothing'}` },
            cells.map(([what, count]) => h('span', { class: `heat-${heat(count)}`, title: count ? `${what}: ${counted(count, 'call')}` : `missed: ${what}` })))));
      })))),
    covered.missed_cheapest.length ? [h('h2', {}, 'Requests that would add most'), h('p', { class: 'note' }, 'For a server on the built-in fixtures.'),
      h('div', { class: 'requests' }, covered.missed_cheapest.map((text) => h('div', {}, copier('copy', () => text), h('pre', { class: 'body', tabindex: 0 }, text))))] : null,
  ];
}

/** The stubs that there are. */
export function stubs(page) {
  const { stubs: all, live } = page.run.data;
  if (!all.length) return h('p', { class: 'nothing' }, live ? 'No stubs: the mocked cluster answers everything.' : 'No stubs were there at the end of the run.');
  return h('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'stubs' }, h('table', { class: 'documents' },
    h('thead', {}, h('tr', {}, ['name', 'matched', 'answered', 'expected', 'request', 'response'].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, all.map((stub) => h('tr', {}, h('th', { scope: 'row' }, stub.id), h('td', { class: 'figure-cell' }, stub.seen), h('td', { class: 'figure-cell' }, stub.answered),
      h('td', {}, stub.expect ?? '—'), h('td', {}, h('code', {}, brief(stub.request, 120))), h('td', {}, h('code', {}, brief(stub.response ?? stub.responses, 160))))))));
}

/** What is held at gates, what is on its way, and what is due next. */
export function waiting(page) {
  const { data } = page.run;
  const now = instant(data.now);
  const coming = page.run.coming();
  const release = (gate, body, label) => (data.live ? h('button', { type: 'button', class: 'small', onclick: () => page.release(gate, body) }, label) : null);
  const rows = (heads, body, name) => h('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': name },
    h('table', { class: 'documents' }, h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col' }, head)))), h('tbody', {}, body)));
  return [
    h('section', {}, h('h2', {}, 'Gates', h('span', { class: 'count' }, data.gates.length || '')),
      data.gates.length ? data.gates.map((gate) => [
        h('h3', { class: 'gate' }, gate.name, h('span', { class: 'count' }, `${counted(gate.held.length, 'call')} held`), ' ', gate.held.length ? release(gate.name, {}, 'release all') : null),
        gate.held.length ? rows(['call', 'since', 'operation', 'body', ''], gate.held.map((call) => h('tr', {}, h('th', { scope: 'row' }, `${call.method} ${call.path}`),
          h('td', {}, timeOfDay(call.at)), h('td', {}, call.operation ?? '—'), h('td', {}, h('code', {}, call.body == null ? '—' : brief(call.body, 120))),
          h('td', {}, release(gate.name, { call: call.call }, 'release')))), `calls held at ${gate.name}`) : null,
      ]) : h('p', { class: 'nothing' }, 'No stub holds calls.')),
    h('section', {}, h('h2', {}, 'What comes next', h('span', { class: 'count' }, coming.length || '')),
      coming.length ? rows(['when', 'in', 'what'], coming.slice(0, ROWS_MAX).map((due) => h('tr', {}, h('td', {}, `${due.at.slice(0, 10)} ${timeOfDay(due.at)}`),
        h('td', {}, due.ms >= now ? span(due.ms - now) : h('span', { class: 'badge error' }, `${span(now - due.ms)} late`)), h('th', { scope: 'row' }, due.what))), 'what comes next')
        : h('p', { class: 'nothing' }, 'Nothing is due: no client owes a sign of life, no answer is on its way.'),
      coming.length > ROWS_MAX ? h('p', { class: 'note' }, `and ${coming.length - ROWS_MAX} more`) : null),
  ];
}
