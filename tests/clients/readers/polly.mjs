// A few calls of Elasticsearch, kept by Polly or not: polly.mjs MODULES record|passthrough FOLDER URL. What Polly has
// written it plays.
import { createRequire } from 'node:module';

const [modules, mode, folder, url] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { Polly } = require('@pollyjs/core');
Polly.register(require('@pollyjs/adapter-fetch'));
Polly.register(require('@pollyjs/persister-fs'));

const calls = [
  ['PUT', '/_connector/notes', { index_name: 'search-notes', service_type: 'dir' }],
  ['PUT', '/search-notes/_doc/1?refresh=true', { title: 'Zwölf Boxkämpfer' }],
  ['GET', '/search-notes/_search?q=title:boxkämpfer', undefined],
  ['GET', '/_connector/nobody', undefined],
];

async function tell(mode) {
  const polly = new Polly('calls', {
    mode,
    adapters: ['fetch'],
    persister: 'fs',
    persisterOptions: { fs: { recordingsDir: folder } },
    recordFailedRequests: true,
  });
  const said = [];
  for (const [method, target, body] of calls) {
    const headers = { 'content-type': 'application/json', authorization: 'ApiKey tr0ub4dor' };
    const answer = await fetch(url + target, { method, headers, body: body && JSON.stringify(body) });
    said.push([answer.status, await answer.text()]);
  }
  await polly.stop();
  return JSON.stringify(said);
}

const said = await tell(mode);
if (mode === 'record' && (await tell('replay')) !== said) throw new Error('Polly does not play what it has written');
console.log(said);
