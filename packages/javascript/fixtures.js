// Fixtures that are given to a server that runs: read as `elastimock serve --fixtures` reads them.
import { readdir, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { ElastimockError } from './errors.js';

/** Whether it is the path of a fixture: jsdom and happy-dom have a URL of their own. */
export const isPath = (fixture) => typeof fixture === 'string' || typeof fixture?.href === 'string';

/** The path of a fixture that has one. */
export const pathOf = (fixture) => (typeof fixture?.href === 'string' ? fileURLToPath(fixture.href) : fixture);

/** What is to be sent for fixtures that are read together, each with the name of its file if it is a file alone. */
export async function bodiesOf(fixtures) {
  const read = [];
  for (const fixture of fixtures) read.push(...(isPath(fixture) ? await ofPath(pathOf(fixture)) : [{ value: fixture }]));
  if (read.length === 1) return read.map(bodyOf);
  // A job may come before its connector, in another file.
  const first = {};
  const names = [];
  const others = [];
  for (const one of read) {
    const value = one.value ?? parsed(one.text);
    if (!isPlain(value) || !merge(first, value)) others.push(bodyOf(one));
    else if (one.name) names.push(one.name);
  }
  return [{ name: names.join(', '), text: JSON.stringify(first) }, ...others];
}

const bodyOf = ({ name, text, value }) => ({ name, text: text ?? JSON.stringify(value) });

function parsed(text) {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

/** Whether it has sections, and is not a saved answer of Elasticsearch or a mistake: the mock knows what to say to those. */
const isPlain = (value) =>
  typeof value === 'object' &&
  value &&
  !Array.isArray(value) &&
  !('docs' in value) &&
  Object.entries(value).every(([name, section]) => name === '$schema' || (typeof section === 'object' && section));

/** Adds the sections; not if something is there twice that has a name, which the mock is to say. */
function merge(all, fixture) {
  for (const [name, section] of Object.entries(fixture)) {
    const there = all[name];
    if (there === undefined || name === '$schema') continue;
    if (Array.isArray(there) !== Array.isArray(section)) return false;
    if (!Array.isArray(there) && Object.keys(section).some((key) => key in there)) return false;
  }
  for (const [name, section] of Object.entries(fixture)) {
    const there = all[name];
    if (name === '$schema') continue;
    if (Array.isArray(section)) all[name] = [...(there ?? []), ...section];
    else all[name] = { ...there, ...section };
  }
  return true;
}

async function ofPath(path) {
  try {
    if (!(await stat(path)).isDirectory()) return [await ofFile(path)];
    const entries = await readdir(path, { withFileTypes: true });
    const files = [];
    for (const { name } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (!/^[^.].*\.(json|ya?ml)(\.gz)?$/i.test(name)) continue;
      const file = join(path, name);
      if ((await stat(file)).isFile()) files.push(await ofFile(file));
    }
    if (files.length) return files;
  } catch (error) {
    if (error instanceof ElastimockError) throw error;
    throw new ElastimockError(`cannot read ${resolve(path)}: ${error.message}`);
  }
  throw new ElastimockError(`${path}: no fixture in this folder; name them .json, .yaml or .yml`);
}

async function ofFile(path) {
  let bytes = await readFile(path);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
  const text = bytes.toString('utf8');
  return /\.ya?ml(\.gz)?$/i.test(path) ? { name: path, value: await ofYaml(path, text) } : { name: path, text };
}

async function ofYaml(path, text) {
  for (const [name, read] of [['yaml', 'parse'], ['js-yaml', 'load']]) {
    let found;
    try {
      found = createRequire(join(process.cwd(), 'package.json')).resolve(name);
    } catch {
      continue;
    }
    const yaml = await import(pathToFileURL(found).href);
    try {
      return (yaml[read] ?? yaml.default[read])(text);
    } catch (error) {
      throw new ElastimockError(`${path}: ${error.message}`);
    }
  }
  throw new ElastimockError(`${path}: a fixture of one test is JSON, or YAML where the package yaml or js-yaml is installed`);
}
