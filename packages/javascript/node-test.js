// For node:test: each test has a mock in a scope of its own, whose findings fail it.
import { test as base } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { beginScope, caller, configure, configured, ContractError, placeOf } from './index.js';

export { configure };

/** Calls as if the call stood at that place: node:test says of a test where it was called from. */
function callAt({ file, line, column }, call, words) {
  const filename = file.startsWith('file:') ? fileURLToPath(file) : file;
  const code = 'return call(...words)';
  const columnOffset = column - 1 - code.indexOf('call');
  return compileFunction(code, ['call', 'words'], { filename, lineOffset: line - 1, columnOffset })(call, words);
}

async function run(name, options, source, common, body, t) {
  const { mock, verdict, end } = await beginScope(name, options, source, common);
  // Whether the test is skipped is said when its findings are known: they fail it.
  let skipped;
  const { skip } = t;
  t.skip = (...why) => void (skipped = why);
  let error;
  const finish = async () => {
    try {
      const wrong = error instanceof ContractError ? undefined : await verdict();
      if (wrong && !error) throw wrong;
      // The test failed by itself; why may stand there.
      if (wrong) t.diagnostic(wrong.message);
      else if (skipped) skip.apply(t, skipped);
    } catch (why) {
      if (!error) throw why;
      t.diagnostic(why.message);
    } finally {
      end();
    }
  };
  try {
    return await body(mock, t);
  } catch (thrown) {
    error = thrown ?? new Error('it threw nothing');
    throw thrown;
  } finally {
    // After whatever the test itself has left to be done. One that has run out of time has failed already.
    if (t.signal.aborted) end();
    else t.after(finish);
  }
}

const like = (call) =>
  function test(...words) {
    const name = typeof words[0] === 'string' ? words.shift() : undefined;
    const { elastimock, ...options } = typeof words[0] === 'object' ? (words.shift() ?? {}) : {};
    const [body] = words;
    const place = caller();
    const common = configured();
    const shown = name ?? (body?.name || '<anonymous>');
    const source = place && placeOf(place.file, place.line, shown);
    const given = body && ((t) => run(t.fullName ?? t.name, elastimock, source, common, body, t));
    const all = [shown, options, ...(given ? [given] : [])];
    return place ? callAt(place, call, all) : call(...all);
  };

/** `test(name, options, async (mock, t) => {})`, as node:test has it; `options.elastimock` says what the mock is. */
export const test = Object.assign(like(base), { skip: like(base.skip), todo: like(base.todo), only: like(base.only) });

export const it = test;
export default test;
