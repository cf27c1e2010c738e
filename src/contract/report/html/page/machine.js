// The states of a sync job, and the way that one took through them.
import { h, s } from './dom.js';

// Where each status stands, and the edges that the server's status machine has.
const PLACES = {
  pending: [60, 40], suspended: [60, 130], in_progress: [205, 40], canceling: [205, 130],
  completed: [350, 40], error: [350, 85], canceled: [350, 130],
};
const EDGES = [
  ['pending', 'in_progress'], ['pending', 'canceled'], ['suspended', 'in_progress'], ['suspended', 'canceled'], ['in_progress', 'suspended'],
  ['in_progress', 'canceling'], ['in_progress', 'completed'], ['in_progress', 'error'], ['canceling', 'canceled'], ['canceling', 'error'],
];
const [HALF_WIDTH, HALF_HEIGHT] = [44, 13];

/** A drawing of the states with the way of one job. `way` is its statuses, each with the line that made it. */
export function machine(way, lines, choose) {
  const steps = [];
  for (const { status, at } of way) if (status && steps[steps.length - 1]?.status !== status) steps.push({ status, at });
  const visited = new Set(steps.map(({ status }) => status));
  const now = steps[steps.length - 1]?.status;
  const taken = steps.slice(1).map((step, index) => ({ from: steps[index].status, to: step.status, number: index + 1, at: step.at }));
  const isLegal = ({ from, to }) => EDGES.some(([one, other]) => one === from && other === to);
  const edges = new Map(EDGES.map(([from, to]) => [`${from} ${to}`, { from, to, numbers: [], legal: true }]));
  for (const step of taken) {
    const key = `${step.from} ${step.to}`;
    if (!edges.has(key)) edges.set(key, { from: step.from, to: step.to, numbers: [], legal: false });
    edges.get(key).numbers.push(step.number);
  }
  const told = steps.map(({ status }) => status).join(', then ') || 'nobody knows';
  const drawing = s('svg', { class: 'machine', viewBox: '0 0 410 165', role: 'img', 'aria-label': `the statuses of the job: ${told}` },
    s('defs', {}, ['', 'way', 'wrong'].map((kind) => s('marker', { id: `tip-${kind || 'edge'}`, class: kind, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' },
      s('path', { d: 'M0 0L8 4L0 8z' })))),
    [...edges.values()].sort((one, other) => one.numbers.length - other.numbers.length).map(edge),
    Object.entries(PLACES).map(([status, [x, y]]) => s('g', { class: `state ${status}${visited.has(status) ? ' visited' : ''}${status === now ? ' now' : ''}` },
      s('rect', { x: x - HALF_WIDTH, y: y - HALF_HEIGHT, width: 2 * HALF_WIDTH, height: 2 * HALF_HEIGHT, rx: 13 }),
      s('text', { x, y: y + 4 }, status.replace('_', ' ')))));
  const way_ = taken.filter((step) => step.at >= 0).map((step) => h('li', { class: isLegal(step) ? '' : 'wrong' },
    h('button', { class: 'link', onclick: () => choose(step.at) }, `${step.from} → ${step.to}`), ` by ${lines[step.at].event || 'call'} ${lines[step.at].n}`, isLegal(step) ? null : ', which the protocol does not have'));
  return [drawing, way_.length ? h('ol', { class: 'way' }, way_) : null];
}

function edge({ from, to, numbers, legal }) {
  const [[x1, y1], [x2, y2]] = [PLACES[from] || [0, 0], PLACES[to] || [0, 0]];
  const [start, end] = [border(x1, y1, x2, y2, 0), border(x2, y2, x1, y1, 3)];
  // Two edges between the same states, or one that would cross a third, are bent apart.
  const bend = (from === 'in_progress' && to === 'suspended') || (!legal && x1 === x2) ? 14 : 0;
  const under = from === 'suspended' && to === 'canceled' ? 46 : 0;
  const middle = [(start[0] + end[0]) / 2 + bend * 0.4, (start[1] + end[1]) / 2 + bend + under];
  const kind = !numbers.length ? '' : legal ? 'way' : 'wrong';
  return s('g', { class: `edge ${kind}` },
    s('path', { d: `M${start}Q${middle} ${end}`, 'marker-end': `url(#tip-${kind || 'edge'})` }),
    numbers.length ? [s('circle', { cx: middle[0], cy: middle[1] - under / 2, r: 8 }), s('text', { x: middle[0], y: middle[1] - under / 2 + 3.5 }, numbers.length > 2 ? `${numbers[0]}…` : numbers.join())] : null);
}

/** Where a line from one state's middle to another's leaves its border. */
function border(x, y, toX, toY, more) {
  const [dx, dy] = [toX - x, toY - y];
  const factor = Math.min(dx ? (HALF_WIDTH + more) / Math.abs(dx) : Infinity, dy ? (HALF_HEIGHT + more) / Math.abs(dy) : Infinity);
  return [x + dx * factor, y + dy * factor];
}
