// Drives the helpers of Elastic's official client over a content index: helpers.mjs FOLDER URL.
// FOLDER is where the client is installed.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import path from 'node:path'

const [folder, node] = process.argv.slice(2)
const { Client } = createRequire(path.join(folder, 'package.json'))('@elastic/elasticsearch')

const index = 'search-helpers'
const count = 1200
const client = new Client({ node })

const numbers = Array.from({ length: count }, (_, at) => at)
const documents = numbers.map((number) => ({ number, parity: number % 2 === 0 ? 'even' : 'odd' }))

const loaded = await client.helpers.bulk({
  datasource: documents,
  flushBytes: 20_000,
  concurrency: 3,
  refreshOnCompletion: index,
  onDocument: (document) => ({ index: { _index: index, _id: `doc-${document.number}` } }),
})
assert.deepEqual([loaded.total, loaded.successful, loaded.failed], [count, count, 0])
assert.equal((await client.count({ index })).count, count)

const found = []
for await (const document of client.helpers.scrollDocuments({ index, size: 500, query: { match_all: {} } })) {
  found.push(document.number)
}
assert.deepEqual(found.sort((one, other) => one - other), numbers)

let pages = 0
for await (const page of client.helpers.scrollSearch({ index, size: 500, query: { term: { 'parity.keyword': 'odd' } } })) {
  pages += 1
  assert.ok(page.documents.every((document) => document.parity === 'odd'))
}
assert.equal(pages, 2)

const hits = await client.helpers.search({ index, size: 3, query: { term: { number: 7 } } })
assert.deepEqual(hits, [{ _id: 'doc-7', number: 7, parity: 'odd' }])

const dropped = []
const changed = await client.helpers.bulk({
  datasource: [{ number: 0 }, { number: 1 }, { number: count + 1 }],
  retries: 0,
  onDocument: (document) => [
    { update: { _index: index, _id: `doc-${document.number}` } },
    { doc: { parity: 'strange' } },
  ],
  onDrop: (drop) => dropped.push([drop.status, drop.error.type]),
})
assert.deepEqual([changed.successful, changed.failed], [2, 1])
assert.deepEqual(dropped, [[404, 'document_missing_exception']])

const searches = client.helpers.msearch()
const [even, strange] = await Promise.all([
  searches.search({ index }, { query: { term: { 'parity.keyword': 'even' } }, size: 0, track_total_hits: true }),
  searches.search({ index }, { query: { term: { 'parity.keyword': 'strange' } }, size: 5 }),
])
searches.stop()
assert.equal(even.body.hits.total.value, count / 2 - 1)
assert.equal(strange.documents.length, 2)

await client.indices.delete({ index })
await assert.rejects(client.count({ index }), (error) => error.statusCode === 404)
await client.close()
