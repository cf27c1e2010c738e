// Instants, lengths of time, and JSON as it is read by people: indented without touching a digit of it.
import { h } from './dom.js';

/** Milliseconds of an instant, with what it says behind them. */
export function instant(text) {
  const found = /^(.*?T\d\d:\d\d:\d\d)(\.\d+)?(.*)$/.exec(text || '');
  if (!found) return Number.NaN;
  return Date.parse(found[1] + found[3]) + Number(`0${found[2] || '.0'}`) * 1000;
}

/** The time of day of an instant, to the millisecond. */
export function timeOfDay(text) {
  const found = /T(\d\d:\d\d:\d\d)(\.\d+)?/.exec(text || '');
  return found ? found[1] + (found[2] || '.000').padEnd(4, '0').slice(0, 4) : '';
}

/** A length of time in two units at most. */
export function span(ms) {
  const sign = ms < 0 ? '−' : '';
  const length = Math.abs(ms);
  if (length < 1) return `${sign}${length === 0 ? 0 : length.toFixed(2)} ms`;
  if (length < 1000) return `${sign}${length.toFixed(length < 10 ? 1 : 0)} ms`;
  if (length < 60000) return `${sign}${(length / 1000).toFixed(length < 10000 ? 2 : 1)} s`;
  const units = [[86400000, 'd'], [3600000, 'h'], [60000, 'min'], [1000, 's']];
  const at = units.findIndex(([unit]) => length >= unit);
  const [unit, name] = units[at];
  const rest = units[at + 1] ? Math.floor((length % unit) / units[at + 1][0]) : 0;
  return `${sign}${Math.floor(length / unit)} ${name}${rest ? ` ${rest} ${units[at + 1][1]}` : ''}`;
}

/**
 * JSON, or several JSON texts one after the other, as lines: depth, pieces with their kinds, JSON pointer.
 * @returns {{depth: number, pieces: [string, string][], pointer: string}[] | null} null if it is none
 */
export function linesOf(text) {
  const token = /\s+|"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s{}[\],:"]+/g;
  const lines = [];
  const open = []; // {pointer, at, key}
  let line = null;
  let roots = 0;
  const pointer = () => {
    const top = open[open.length - 1];
    if (!top) return '';
    return `${top.pointer}/${top.isList ? top.at : (top.key || '').replaceAll('~', '~0').replaceAll('/', '~1')}`;
  };
  const begin = (at) => lines.push((line = { depth: open.length, pieces: [], pointer: at }));
  let found;
  let previous = '';
  while ((found = token.exec(text))) {
    const word = found[0];
    if (/^\s/.test(word)) continue;
    const top = open[open.length - 1];
    if (word === '{' || word === '[') {
      if (!line) begin(pointer());
      line.pieces.push(['sign', word]);
      open.push({ pointer: pointer(), at: 0, key: '', isList: word === '[', isKey: true });
      line = null;
    } else if (word === '}' || word === ']') {
      if (!top || top.isList !== (word === ']')) return null;
      open.pop();
      if (previous === '{' || previous === '[') line = lines[lines.length - 1];
      else begin(pointer());
      line.pieces.push(['sign', word]);
      if (!open.length) line = null;
    } else if (word === ',') {
      if (!top) return null;
      lines[lines.length - 1].pieces.push(['sign', ',']);
      top.at += 1;
      top.isKey = true;
      line = null;
    } else if (word === ':') {
      if (!line) return null;
      line.pieces.push(['sign', ': ']);
    } else {
      const isText = word.startsWith('"');
      if (!isText && !/^(true|false|null|-?[\d.eE+-]+)$/.test(word)) return null;
      const isKey = top && !top.isList && top.isKey;
      if (isKey) {
        try {
          top.key = JSON.parse(word);
        } catch {
          return null;
        }
        top.isKey = false;
        begin(pointer());
      } else if (!line) begin(pointer());
      line.pieces.push([isKey ? 'key' : isText ? 'text' : 'number', word]);
      if (!top) line = null;
    }
    if (!open.length) roots += 1;
    previous = word;
  }
  return open.length || !roots ? null : lines;
}

/**
 * A body to look at. Lines at one of `places`, which are JSON pointers, are marked.
 * @param {string | undefined} text
 * @param {string[]} [places]
 */
export function bodyOf(text, places = []) {
  if (!text) return h('p', { class: 'nothing' }, 'no body');
  const lines = linesOf(text);
  if (!lines) return h('pre', { class: 'body', tabindex: 0 }, text);
  // A body of many lines has the number of a line in the pointer, as the judge says it.
  const isHit = (pointer) => places.some((place) => place && (place === pointer || place.replace(/^\/\d+(?=\/)/, '') === pointer));
  return h('pre', { class: 'body', tabindex: 0 }, lines.map(({ depth, pieces, pointer }) =>
    h('span', { class: isHit(pointer) ? 'line hit' : 'line' }, '  '.repeat(depth),
      pieces.map(([kind, word]) => (kind === 'sign' ? word : h('span', { class: kind }, word))), '\n')));
}

/** A value as one line that is not too long. */
export function brief(value, most = 80) {
  const text = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** Prose in which what stands between backticks is code. */
export function prose(text) {
  return (text || '').split('`').map((part, at) => (at % 2 ? h('code', {}, part) : part));
}
