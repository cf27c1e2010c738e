// The page: what is looked at, by pointer and by keyboard.
import { h, set, counted } from './dom.js';
import { span, timeOfDay } from './text.js';
import { Run, eventText, worstOf } from './model.js';
import { Lanes } from './lanes.js';
import { coverage, detail, documentPage, findings, rulePage, state, stubs, waiting } from './panels.js';
import { Live } from './live.js';

const LIST_ROW = 25;
const TABS = [['timeline', 'Timeline'], ['findings', 'Findings'], ['state', 'State'], ['coverage', 'Coverage'], ['stubs', 'Stubs'], ['waiting', 'Waiting']];
const KEYS = [['j, ↓', 'next call'], ['k, ↑', 'call before'], ['n, p', 'next finding, finding before'], ['Home, End', 'first and last call'], ['1 to 6', 'the panels'], ['/', 'filter the calls'], ['?', 'this help']];

class Page {
  constructor(data) {
    this.run = new Run(data);
    this.tab = 'timeline';
    this.lane = null;
    this.byWorker = false;
    this.follows = true;
    this.lanes = new Lanes((at, lane) => (lane ? this.chooseLane(lane) : this.go(at)));
    this.build();
    this.refill();
    const first = this.run.lines.findIndex((line) => line.found.some(({ severity }) => severity === 'error'));
    this.go(!data.live && first >= 0 ? first : this.run.lines.length - 1);
    if (data.live) this.live = new Live(this, (how) => this.tellState(how));
  }

  build() {
    const { data } = this.run;
    this.verdict = h('p', { class: 'verdict', role: 'status' });
    this.facts = h('p', { class: 'facts' });
    this.clock = h('time', { class: 'clock' });
    this.due = h('span', { class: 'due-text' });
    const verb = (label, act, body, title) => h('button', { type: 'button', class: 'small', title, onclick: async () => this.tellClock(await this.live?.clock(act, body)) }, label);
    this.dot = h('span', { class: 'dot' });
    this.liveText = h('span', {}, 'file');
    const header = h('header', {},
      h('h1', {}, 'elastimock'), this.verdict, this.facts,
      h('div', { class: 'clock-box' }, h('span', { class: 'live-state' }, this.dot, this.liveText), this.clock,
        data.live ? [verb('+10 s', '_advance', { by: '10s' }, 'move mock time forward by ten seconds'), verb('+5 min', '_advance', { by: '5m' }, 'move mock time forward by five minutes'), verb('to what is due', '_next', {}, 'move mock time to the next deadline')] : null, this.due));
    this.tabs = h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'panels' }, TABS.map(([id, label]) => h('button', { role: 'tab', id: `tab-${id}`, 'aria-controls': 'panel', tabindex: -1, onclick: () => this.open(id) },
      label, h('span', { class: 'count' }))));
    this.tabs.addEventListener('keydown', (event) => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!move) return;
      event.preventDefault();
      event.stopPropagation();
      const at = (TABS.findIndex(([id]) => id === this.tab) + move + TABS.length) % TABS.length;
      this.open(TABS[at][0]);
      document.getElementById(`tab-${this.tab}`).focus();
    });
    this.slider = h('input', { type: 'range', min: -1, 'aria-label': 'call', oninput: () => this.go(Number(this.slider.value)) });
    this.where = h('output', { class: 'where' });
    const step = (label, title, act) => h('button', { type: 'button', class: 'small step', 'aria-label': title, title, onclick: act }, label);
    const scrubber = h('section', { class: 'scrubber', 'aria-label': 'which call' }, step('‹', 'call before', () => this.step(-1)), this.slider, step('›', 'next call', () => this.step(1)), this.where);
    this.filter = h('input', { type: 'search', placeholder: 'filter: path, operation, status', 'aria-label': 'filter the calls', oninput: () => this.refill() });
    this.onlyFound = h('input', { type: 'checkbox', onchange: () => this.refill() });
    this.laneChip = h('button', { type: 'button', class: 'chip', hidden: true, onclick: () => this.chooseLane(null) });
    this.shownCount = h('span', { class: 'note' });
    this.sizer = h('div', { class: 'rows' });
    this.list = h('div', { class: 'list', role: 'listbox', tabindex: 0, id: 'calls', 'aria-label': 'calls', onscroll: () => this.paintList() }, this.sizer);
    const choice = (label, options, change) => h('label', { class: 'choice' }, label, h('select', { onchange: (event) => change(event.target.value) }, options.map(([value, text]) => h('option', { value }, text))));
    this.tools = h('div', { class: 'tools' },
      choice('lanes of', [['things', 'jobs and connectors'], ['workers', 'workers']], (value) => { this.byWorker = value === 'workers'; this.chooseLane(null); }),
      choice('scale', [['gaps', 'steps, wider where time passes'], ['even', 'time']], (value) => { this.lanes.scale = value; this.lanes.layout(); this.lanes.move(this.at); }),
      choice('zoom', [[0, 'fit'], [0.5, '½'], [1, '1'], [2, '2'], [4, '4'], [10, '10']], (value) => { this.lanes.zoom = Number(value); this.lanes.layout(); this.lanes.move(this.at); }));
    this.timeline = h('div', { class: 'timeline' }, this.tools, this.lanes.element,
      h('div', { class: 'filters' }, this.filter, h('label', {}, this.onlyFound, ' only with findings'), this.laneChip, this.shownCount), this.list);
    this.panel = h('div', { class: 'panel', role: 'tabpanel', id: 'panel', 'aria-labelledby': 'tab-timeline' });
    this.aside = h('aside', { 'aria-label': 'the call', tabindex: 0 });
    this.dialog = h('dialog', { 'aria-labelledby': 'rule-title' });
    this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.dialog.close(); });
    set(document.getElementById('app'), header, h('nav', { 'aria-label': 'panels' }, this.tabs, h('button', { type: 'button', class: 'small help', onclick: () => this.help() }, 'keys')), scrubber,
      h('main', {}, this.panel, this.aside), this.dialog);
    document.addEventListener('keydown', (event) => this.key(event));
    new ResizeObserver(() => this.paintList()).observe(this.list);
    this.open('timeline');
  }

  /** Takes in what has come since, and stays where it is unless it followed the end. */
  take(data) {
    if (data.started_at !== this.run.data.started_at) {
      // Another server has taken the place of the one that this page came from.
      location.reload();
      return;
    }
    this.run.take(data);
    this.refill();
    if (this.follows) this.go(this.run.lines.length - 1, true);
    else this.go(this.at, false);
    if (this.tab !== 'timeline' && this.shownPart !== this.part()) this.fillPanel();
  }

  /** What the open panel is made from. */
  part() {
    const { findings, errors, warnings, coverage, stubs, gates, due, coming, now } = this.run.data;
    const parts = { findings: [findings, errors, warnings], coverage, stubs, waiting: [gates, due, coming, now], state: [this.at, this.run.lines.length] };
    return JSON.stringify([this.tab, parts[this.tab]]);
  }

  tellState(how) {
    this.dot.className = `dot ${how}`;
    this.liveText.textContent = how === 'live' ? 'live' : 'not reached';
  }

  /** Lets calls go that are held at a gate. */
  async release(gate, body) {
    const told = await this.live?.release(gate, body);
    if (told?.error) this.due.textContent = told.error;
  }

  tellClock(told) {
    if (told?.deadline) this.due.textContent = `${told.deadline.what}`;
    else if (told && 'deadline' in told) this.due.textContent = 'nothing is due';
    else if (told?.error) this.due.textContent = told.error;
  }

  /** Everything that depends on the run and the filters. */
  refill() {
    const { run } = this;
    const { data } = run;
    const kind = data.errors ? 'error' : data.warnings ? 'warning' : 'good';
    this.verdict.className = `verdict ${kind}`;
    this.verdict.textContent = data.summary;
    const facts = [counted(data.total, 'call'), data.elasticsearch && `Elasticsearch ${data.elasticsearch}`, data.seed && `seed ${data.seed}`,
      data.scopes.length > 1 && counted(data.scopes.length, 'scope'), data.evicted && `${data.evicted} forgotten`, data.left_out && `the last ${run.lines.length.toLocaleString('en')} shown`];
    set(this.facts, facts.filter(Boolean).map((fact) => h('span', {}, fact)));
    this.clock.textContent = `${(data.now || '').slice(0, 10)} ${timeOfDay(data.now)}`;
    this.clock.title = `mock time, ${data.clock}`;
    const counts = { findings: data.errors + data.warnings, coverage: `${data.coverage.percent} %`, stubs: data.stubs.length, waiting: run.held() };
    for (const tab of this.tabs.children) tab.lastChild.textContent = counts[tab.id.slice(4)] || '';
    const rows = this.byWorker ? run.workers() : run.order;
    this.rowsShown = rows;
    if (this.lane) this.lane = rows.find(({ key }) => key === this.lane.key) || null;
    this.lanes.chosen = this.lane;
    this.lanes.show(run, rows);
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const marks = this.lane && new Set(this.lane.marks);
    this.shown = run.lines.filter((line) => {
      if (marks && !marks.has(line.at)) return false;
      if (this.onlyFound.checked && !line.found.length) return false;
      if (!words.length) return true;
      const text = `${line.n} ${line.m || ''} ${line.u || ''} ${line.op || ''} ${line.s || ''} ${line.event || ''} ${line.stub || ''} ${line.found.map(({ rule }) => rule).join(' ')}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    this.shownCount.textContent = this.shown.length === run.lines.length ? '' : `${this.shown.length.toLocaleString('en')} of ${run.lines.length.toLocaleString('en')}`;
    this.laneChip.hidden = !this.lane;
    this.laneChip.textContent = this.lane ? `${this.lane.key} ×` : '';
    this.laneChip.setAttribute('aria-label', this.lane ? `show all lanes again, not only ${this.lane.key}` : 'show all lanes');
    this.sizer.style.height = `${this.shown.length * LIST_ROW}px`;
    this.slider.max = run.lines.length - 1;
    this.paintList();
  }

  chooseLane(lane) {
    this.lane = lane && this.lane?.key === lane.key ? null : lane;
    this.refill();
    if (this.lane && !this.lane.marks.includes(this.at) && this.lane.marks.length) this.go(this.lane.marks[0]);
    else this.lanes.paint();
  }

  /** Looks at a line. */
  go(at, follows = at === this.run.lines.length - 1) {
    this.follows = follows;
    const isOther = this.at !== at;
    this.at = Math.max(-1, Math.min(at, this.run.lines.length - 1));
    const line = this.run.lines[this.at];
    this.slider.value = this.at;
    const text = line ? `${line.event || 'call'} #${line.n} · ${timeOfDay(line.t)}` : 'before the first call';
    this.where.textContent = text;
    this.slider.setAttribute('aria-valuetext', text);
    this.lanes.move(this.at);
    if (isOther || !this.aside.hasChildNodes()) {
      set(this.aside, detail(this, line));
      this.aside.scrollTop = 0;
    }
    this.reveal();
    if (this.tab === 'state' && isOther) this.fillPanel();
  }

  /** Brings the row that is looked at into sight. */
  reveal() {
    const { list } = this;
    const row = this.shown.findIndex((shown) => shown.at === this.at);
    if (row >= 0 && row * LIST_ROW < list.scrollTop) list.scrollTop = row * LIST_ROW;
    else if (row >= 0 && (row + 1) * LIST_ROW > list.scrollTop + list.clientHeight) list.scrollTop = (row + 1) * LIST_ROW - list.clientHeight;
    this.paintList();
  }

  /** Looks at a call by its number. */
  goTo(number) {
    const line = this.run.byNumber.get(number);
    if (!line) return;
    this.dialog.close();
    this.go(line.at);
  }

  /** Goes on among the calls that are shown. */
  step(by) {
    let next = this.shown.findIndex((line) => line.at === this.at) + by;
    if (!this.shown.some((line) => line.at === this.at)) {
      const behind = this.shown.findIndex((line) => line.at > this.at);
      next = by > 0 ? behind : (behind < 0 ? this.shown.length : behind) - 1;
    }
    const line = this.shown[next];
    if (line) this.go(line.at);
    else if (by < 0 && this.shown.length === this.run.lines.length) this.go(-1);
  }

  stepFinding(by) {
    for (let at = this.at + by; at >= 0 && at < this.run.lines.length; at += by) if (this.run.lines[at].found.length) return this.go(at);
    return undefined;
  }

  open(id) {
    this.tab = id;
    for (const tab of this.tabs.children) {
      const isIt = tab.id === `tab-${id}`;
      tab.setAttribute('aria-selected', String(isIt));
      tab.tabIndex = isIt ? 0 : -1;
    }
    this.panel.setAttribute('aria-labelledby', `tab-${id}`);
    this.panel.className = `panel ${id}`;
    if (id === 'timeline') {
      set(this.panel, this.timeline);
      this.lanes.layout();
      if (this.at != null) this.lanes.move(this.at);
      if (this.shown) this.reveal();
    } else this.fillPanel();
  }

  fillPanel() {
    const { scrollTop } = this.panel;
    this.shownPart = this.part();
    // Whoever works with the keyboard stays where he is.
    const stops = () => [...this.panel.querySelectorAll('button, summary, [tabindex]')];
    const focused = stops().indexOf(document.activeElement);
    set(this.panel, { findings, state, coverage, stubs, waiting }[this.tab](this));
    this.panel.scrollTop = scrollTop;
    if (focused >= 0) stops()[Math.min(focused, stops().length - 1)]?.focus({ preventScroll: true });
  }

  /** Draws the rows of the list that are in sight. */
  paintList() {
    if (!this.shown) return;
    const { list, sizer, run } = this;
    const from = Math.max(0, Math.floor(list.scrollTop / LIST_ROW) - 5);
    const to = Math.min(this.shown.length, Math.ceil((list.scrollTop + (list.clientHeight || 400)) / LIST_ROW) + 5);
    const rows = this.shown.slice(from, to).map((line, index) => {
      const at = from + index;
      const worst = worstOf(line);
      const before = run.lines[line.at - 1];
      const row = h('div', { class: `row ${line.event ? 'event' : ''} ${worst}`, role: 'option', id: `row-${line.n}`, 'aria-selected': String(line.at === this.at), 'aria-posinset': at + 1, 'aria-setsize': this.shown.length, onclick: () => this.go(line.at) },
        h('span', { class: 'number' }, line.n), h('span', { class: 'time' }, timeOfDay(line.t)), h('span', { class: 'gap-text' }, before ? `+${span(line.ms - before.ms)}` : ''),
        line.event ? h('span', { class: 'what' }, eventText(line)) : [h('span', { class: `status s${Math.floor(line.s / 100)}` }, line.s || '—'), h('span', { class: 'method' }, line.m), h('span', { class: 'what' }, line.u)],
        line.stub ? h('span', { class: 'tag' }, 'stub') : null,
        line.found.length ? h('span', { class: `tag ${worst}` }, line.found[0].rule, line.found.length > 1 ? ` +${line.found.length - 1}` : '') : null);
      row.style.top = `${at * LIST_ROW}px`;
      return row;
    });
    set(sizer, rows);
    const line = run.lines[this.at];
    if (line && this.shown.slice(from, to).includes(line)) list.setAttribute('aria-activedescendant', `row-${line.n}`);
    else list.removeAttribute('aria-activedescendant');
  }

  explain(id) {
    this.show(rulePage(id, this.run.data.rules[id]));
  }

  showDocument(shelf, id) {
    this.show(documentPage(this, shelf, id));
  }

  help() {
    this.show([h('h2', { id: 'rule-title' }, 'Keys'), h('table', { class: 'keys' }, h('tbody', {}, KEYS.map(([key, what]) => h('tr', {}, h('th', { scope: 'row' }, key), h('td', {}, what)))))]);
  }

  show(content) {
    set(this.dialog, h('button', { type: 'button', class: 'small close', 'aria-label': 'close', onclick: () => this.dialog.close() }, 'close'), content);
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.scrollTop = 0;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.dialog.open) return;
    const target = event.target;
    const types = /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
    if (types) {
      if (event.key === 'Escape') target.blur();
      return;
    }
    const inText = target.closest?.('aside, pre, .wide, .scroller');
    const acts = {
      j: () => this.step(1), k: () => this.step(-1), n: () => this.stepFinding(1), p: () => this.stepFinding(-1),
      '/': () => { this.open('timeline'); this.filter.focus(); }, '?': () => this.help(),
    };
    if (!inText) Object.assign(acts, { ArrowDown: acts.j, ArrowUp: acts.k, Home: () => this.go(0), End: () => this.go(this.run.lines.length - 1) });
    TABS.forEach(([id], index) => { acts[index + 1] = () => { this.open(id); document.getElementById(`tab-${id}`).focus(); }; });
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }
}

window.elastimock = new Page(JSON.parse(document.getElementById('data').textContent));
