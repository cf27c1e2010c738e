// The lanes over time: only what is in sight is drawn, so that ten thousand calls are no more than ten.
import { h, s, set } from './dom.js';
import { timeOfDay } from './text.js';
import { ENDED, eventText, isDeed, worstOf } from './model.js';

const ROW = 28;
const AXIS = 26;
const PAD = 16;

/** The lanes of a run in a box that scrolls both ways. */
export class Lanes {
  /** @param {(at: number, lane?: any) => void} choose called with the place of a line that was pointed at */
  constructor(choose) {
    this.choose = choose;
    this.zoom = 0; // 0 fits the box
    this.scale = 'gaps';
    this.rows = [];
    this.cursor = -1;
    this.labels = h('div', { class: 'labels', role: 'list', 'aria-label': 'lanes' });
    this.svg = s('svg', { class: 'drawing', role: 'img', 'aria-label': 'calls over time, a row for each lane' });
    this.sizer = h('div', { class: 'sizer' }, this.svg);
    this.box = h('div', { class: 'scroller', tabindex: 0, role: 'region', 'aria-label': 'lanes over time', onscroll: () => this.paint() }, this.sizer);
    this.tip = h('div', { class: 'tip', hidden: true });
    this.element = h('div', { class: 'lanes' }, this.labels, this.box, this.tip);
    this.box.addEventListener('click', (event) => this.point(event, true));
    this.box.addEventListener('pointermove', (event) => this.point(event, false));
    this.box.addEventListener('pointerleave', () => { this.tip.hidden = true; });
    this.labels.addEventListener('scroll', () => { this.box.scrollTop = this.labels.scrollTop; });
    new ResizeObserver(() => this.layout()).observe(this.box);
  }

  /** Shows those rows of a run. */
  show(run, rows) {
    this.run = run;
    this.rows = rows;
    this.rowOf = new Map(rows.map(({ key }, row) => [key, row]));
    this.layout();
  }

  /** Where every line stands, for the width that there is. */
  layout() {
    if (!this.run) return;
    const { lines } = this.run;
    const steps = lines.map((line, at) => {
      const gap = at ? line.ms - lines[at - 1].ms : 0;
      if (line.event === 'reset') return 40;
      if (this.scale === 'even') return Math.max(0, gap);
      return 10 + 7 * Math.log2(1 + Math.max(0, gap) / 250);
    });
    let x = 0;
    const places = steps.map((step, at) => (at ? (x += step) : 0));
    const now = this.now();
    const dueSteps = this.rows.flatMap((row) => row.due).map((due) => this.ahead(due.ms - now));
    this.tail = Math.max(0, ...dueSteps);
    const inner = Math.max(100, this.box.clientWidth - 2 * PAD - this.tail - 10);
    const most = x || 1;
    // Lines closer than that cannot be told apart; what does not fit is scrolled.
    const least = this.scale === 'even' ? 0 : 0.35;
    this.factor = this.zoom ? (this.scale === 'even' ? (inner / most) * this.zoom : this.zoom) : Math.min(this.scale === 'even' ? Infinity : 3, Math.max(inner / most, least));
    this.x = places.map((place) => PAD + place * this.factor);
    this.width = PAD + most * this.factor + this.tail + PAD + 10;
    this.height = AXIS + this.rows.length * ROW;
    this.sizer.style.width = `${Math.max(this.width, this.box.clientWidth - 1)}px`;
    this.sizer.style.height = `${this.height}px`;
    this.paint();
  }

  now() {
    const { lines } = this.run;
    return lines.length ? lines[lines.length - 1].ms : 0;
  }

  /** How far ahead of the last line an instant is drawn. */
  ahead(ms) {
    return ms > 0 ? Math.min(160, 24 + 7 * Math.log2(1 + ms / 250)) : 12;
  }

  /** The first line at or behind a place. */
  after(x) {
    let [low, high] = [0, this.x.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.x[middle] < x) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  paint() {
    if (!this.run || !this.x) return;
    const { box, svg } = this;
    const [left, top, width, height] = [box.scrollLeft, box.scrollTop, box.clientWidth, box.clientHeight];
    svg.setAttribute('width', width);
    svg.setAttribute('height', height);
    const from = Math.max(0, Math.floor((top) / ROW) - 1);
    const to = Math.min(this.rows.length, Math.ceil((top + height) / ROW) + 1);
    const parts = [
      s('defs', {}, s('pattern', { id: 'hatch', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
        s('rect', { width: 2.4, height: 6, class: 'hatch' }))),
    ];
    for (let row = from; row < to; row += 1) parts.push(this.row(this.rows[row], AXIS + row * ROW - top, left, width));
    parts.push(this.axis(left, width, height));
    const cursor = this.x[this.cursor];
    if (cursor != null) {
      parts.push(s('line', { class: 'cursor', x1: cursor - left, x2: cursor - left, y1: AXIS - 6, y2: height }),
        s('path', { class: 'cursor-head', d: `M${cursor - left - 5} ${AXIS - 10}h10l-5 8z` }));
    }
    set(svg, parts);
    this.paintLabels(from, to, top);
  }

  paintLabels(from, to, top) {
    const key = `${from} ${to} ${this.rows.length} ${this.chosen?.key} ${this.run.lines.length} ${this.rows.map((row) => row.found).join()}`;
    if (this.painted !== key) {
      this.painted = key;
      const filler = (rows) => h('div', { class: 'filler', role: 'presentation' });
      const above = filler();
      const below = filler();
      above.style.height = `${AXIS + from * ROW}px`;
      below.style.height = `${Math.max(0, this.rows.length - to) * ROW + 40}px`;
      set(this.labels, above, this.rows.slice(from, to).map((row) => h('div', { role: 'listitem', class: 'label' },
        h('button', {
          class: `lane-name ${row.kind}${row.indent ? ' indent' : ''}`, title: row.key, 'aria-pressed': this.chosen === row ? 'true' : 'false',
          onclick: () => this.choose(-1, row),
        }, h('span', { class: 'kind' }, { job: 'job', connector: 'connector', index: 'index', worker: 'worker' }[row.kind] || ''), ' ',
          h('span', { class: 'id' }, row.id), row.found ? h('span', { class: 'count' }, row.found) : null))), below);
    }
    if (this.labels.scrollTop !== top) this.labels.scrollTop = top;
  }

  /** The instants above the lanes, where scopes begin, and what else happened beside the calls. */
  axis(left, width, height) {
    const parts = [s('rect', { class: 'axis', x: 0, y: 0, width, height: AXIS })];
    const { lines } = this.run;
    let free = 4;
    let ticks = '';
    let lastClock = -9;
    const first = Math.max(0, this.after(left) - 1);
    for (let at = first; at < lines.length && this.x[at] < left + width; at += 1) {
      const line = lines[at];
      const x = this.x[at] - left;
      if (line.event === 'clock' || isDeed(line)) {
        // There may be one between any two calls.
        if (x - lastClock > 4) {
          ticks += `M${x.toFixed(1)} ${AXIS - 8}V${AXIS}`;
          lastClock = x;
        }
      } else if (line.event) {
        const scope = line.event === 'reset' ? this.run.data.scopes.find((known) => known.first > line.n) : null;
        parts.push(s('line', { class: `event ${line.event}`, x1: x, x2: x, y1: AXIS - 8, y2: height }, s('title', {}, eventText(line))));
        if (scope && x >= free - 60) {
          const text = scope.label.length > 40 ? `${scope.label.slice(0, 39)}…` : scope.label;
          parts.push(s('text', { class: 'scope', x: x + 4, y: 16 }, text));
          free = x + 14 + text.length * 6.6;
        }
      } else if (x >= free) {
        parts.push(s('text', { class: 'instant', x, y: 16 }, timeOfDay(line.t)), s('line', { class: 'tick', x1: x, x2: x, y1: AXIS - 5, y2: AXIS }));
        free = x + 110;
      }
    }
    if (ticks) parts.push(s('path', { class: 'event clock', d: ticks }));
    return parts;
  }

  row(lane, y, left, width) {
    const parts = [];
    const middle = y + ROW / 2;
    if (y + ROW < AXIS) return parts;
    const place = (at) => (at == null ? this.x[this.x.length - 1] ?? PAD : at < 0 ? PAD - 8 : this.x[at]) - left;
    if (this.chosen === lane) parts.push(s('rect', { class: 'chosen-row', x: 0, y, width, height: ROW }));
    parts.push(s('line', { class: 'rule', x1: 0, x2: width, y1: y + ROW - 0.5, y2: y + ROW - 0.5 }));
    for (const one of lane.spans) {
      const [from, to] = [place(one.from), place(one.to)];
      if (to < -20 || from > width + 20) continue;
      const ends = ENDED.includes(one.status);
      const holds = ['in_progress', 'canceling'].includes(one.status);
      const band = holds ? 16 : 3;
      if (!ends) {
        parts.push(s('rect', { class: `span ${one.status}`, x: Math.max(-30, from), y: middle - band / 2, width: Math.max(2, Math.min(to, width + 30) - Math.max(-30, from)), height: band, rx: Math.min(4, band / 2) },
          s('title', {}, `${one.status}${one.worker ? `, ${one.worker}` : ''}`)));
      } else if (one.from >= 0) {
        parts.push(s('g', { class: `end ${one.status}` }, s('rect', { x: from - 1.5, y: middle - 9, width: 3, height: 18, rx: 1.5 }),
          s('title', {}, one.status)));
      }
    }
    for (const gap of lane.gaps) {
      const [from, to] = [place(gap.from), gap.to == null ? place(null) + this.tail : place(gap.to)];
      parts.push(s('rect', { class: 'gap', x: from, y: middle - 8, width: Math.max(3, to - from), height: 16, fill: 'url(#hatch)' },
        s('title', {}, 'no sign of life for too long')));
    }
    parts.push(this.marks(lane, middle, left, width));
    const now = this.now();
    for (const due of lane.due) {
      const end = place(null);
      const x = end + this.ahead(due.ms - now);
      parts.push(s('g', { class: due.ms < now ? 'due late' : 'due' }, s('line', { x1: end + 6, x2: x, y1: middle, y2: middle }), s('circle', { cx: x, cy: middle, r: 3.5 }),
        s('title', {}, `${due.what} is due at ${timeOfDay(due.at)}`)));
    }
    return s('g', {}, parts);
  }

  marks(lane, middle, left, width) {
    const { marks } = lane;
    let [low, high] = [0, marks.length];
    const first = this.after(left - 10);
    while (low < high) {
      const between = (low + high) >> 1;
      if (marks[between] < first) low = between + 1;
      else high = between;
    }
    const plain = { read: '', write: '', deed: '', 'read warned': '', 'write warned': '' };
    const special = [];
    const last = {};
    for (let at = low; at < marks.length; at += 1) {
      const line = this.run.lines[marks[at]];
      const x = this.x[marks[at]] - left;
      if (x > width + 10) break;
      const worst = worstOf(line);
      const reads = line.m === 'GET' || line.m === 'HEAD' || /(^|_)search$|^count$|^mget$/.test(line.op || '');
      const kind = line.event ? 'deed' : worst === 'error' ? 'error' : line.stub || line.fault ? 'stubbed' : line.s >= 400 ? 'refused' : `${reads ? 'read' : 'write'}${worst ? ' warned' : ''}`;
      // What stands in the same place is drawn once.
      if (x - (last[kind] ?? -99) < 0.8) continue;
      last[kind] = x;
      if (kind === 'deed') plain.deed += `M${(x - 4).toFixed(1)} ${middle + 3.5}h8l-4 -7z`;
      else if (kind in plain) plain[kind] += reads ? `M${x.toFixed(1)} ${middle - 4}v8` : `M${(x - 3.5).toFixed(1)} ${middle}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0`;
      else special.push([kind, worst, x]);
    }
    special.sort((one, other) => Number(one[0] === 'error') - Number(other[0] === 'error'));
    const shapes = special.map(([kind, worst, x]) => (kind === 'error'
      ? s('path', { class: 'mark error', d: `M${x} ${middle - 6.5}l6.5 6.5l-6.5 6.5l-6.5 -6.5z` })
      : kind === 'stubbed'
        ? s('rect', { class: `mark stubbed ${worst}`, x: x - 3.5, y: middle - 3.5, width: 7, height: 7 })
        : s('circle', { class: `mark refused ${worst}`, cx: x, cy: middle, r: 3.5 })));
    return [Object.entries(plain).filter(([, d]) => d).map(([kind, d]) => s('path', { class: `mark ${kind}`, d })), shapes];
  }

  /** The line that a pointer is at: in its row if there is one near, else in any. */
  point(event, chooses) {
    if (!this.x?.length) return;
    const { left, top } = this.box.getBoundingClientRect();
    const x = event.clientX - left + this.box.scrollLeft;
    const y = event.clientY - top + this.box.scrollTop - AXIS;
    const inAxis = event.clientY - top < AXIS;
    const lane = inAxis ? null : this.rows[Math.floor(y / ROW)];
    const candidates = lane ? lane.marks : this.x.map((_, at) => at);
    let best = -1;
    for (const at of candidates) if (best < 0 || Math.abs(this.x[at] - x) < Math.abs(this.x[best] - x)) best = at;
    if (chooses) {
      if (best >= 0) this.choose(best);
      return;
    }
    const line = this.run.lines[best];
    this.tip.hidden = !line || Math.abs(this.x[best] - x) > 12;
    if (this.tip.hidden) return;
    set(this.tip, h('b', {}, line.event ? eventText(line) : `#${line.n} ${line.op || `${line.m} ${line.u}`}`), line.event ? null : ` ${line.s}`, h('br'), timeOfDay(line.t),
      line.found.map((finding) => [h('br'), `${finding.severity}: ${finding.rule}`]));
    const area = this.element.getBoundingClientRect();
    this.tip.style.left = `${Math.min(event.clientX - area.left + 14, area.width - 240)}px`;
    this.tip.style.top = `${event.clientY - area.top + 16}px`;
  }

  /** Moves the cursor, and brings it into sight. */
  move(at) {
    this.cursor = at;
    const x = this.x?.[at];
    if (x != null) {
      const { box } = this;
      const rows = (this.run.lines[at].lanes || []).map((key) => this.rowOf.get(key)).filter((row) => row != null);
      const y = rows.length ? Math.max(...rows) * ROW : null;
      if (y != null && (y < box.scrollTop || y + ROW + AXIS > box.scrollTop + box.clientHeight)) box.scrollTop = Math.max(0, y - (box.clientHeight - AXIS) / 2);
      if (x < box.scrollLeft + 40) box.scrollLeft = Math.max(0, x - box.clientWidth / 3);
      else if (x > box.scrollLeft + box.clientWidth - 40) box.scrollLeft = x - (box.clientWidth * 2) / 3;
    }
    this.paint();
  }

}
